// Numbers a row, without a second product.
!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!r = !attn.rows<f32>
!c = !attn.cols<f32>
!s = !attn.matrix<f32>
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @row_statistics(%q: !q, %k: !k) -> (!r, !r, !r, !r) {
  %s = dot %q, %k scale 0.125 : !q, !k
  %m = where %s in #causal : !s
  %a = reduce max %m over keys : !s
  %b = reduce min %m over keys : !s
  %d = reduce sum %m over keys : !s
  %l = logsumexp %m : !s
  return %a, %b, %d, %l : !r, !r, !r, !r
}
