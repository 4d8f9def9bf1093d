// Vectors of 64 + 16 components, values of 48.
!q = !attn.rows<vector<80xbf16>>
!k = !attn.cols<vector<80xbf16>>
!r = !attn.rows<f32>
!c = !attn.cols<f32>
!s = !attn.matrix<f32>
#causal = affine_set<(b, h, i, j) : (j <= i)>

!v = !attn.cols<vector<48xbf16>>
!o = !attn.rows<vector<48xbf16>>
attn.kernel @vectors_of_80(%q: !q, %k: !k, %v: !v) -> !o {
  %s = dot %q, %k scale 0.1118 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !v -> !o
  return %o : !o
}
