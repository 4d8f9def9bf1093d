// Long vectors of f16.
!q = !attn.rows<vector<256xf16>>
!k = !attn.cols<vector<256xf16>>
!r = !attn.rows<f32>
!c = !attn.cols<f32>
!s = !attn.matrix<f32>
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @vectors_of_256(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0625 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
