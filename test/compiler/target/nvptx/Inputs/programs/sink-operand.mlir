// A number a row that takes part in the sum.
!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!r = !attn.rows<f32>
!c = !attn.cols<f32>
!s = !attn.matrix<f32>
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @sink_operand(%q: !q, %k: !k, %v: !k, %z: !r) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m sink %z : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
