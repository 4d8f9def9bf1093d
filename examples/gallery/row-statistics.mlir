// SPDX-License-Identifier: Apache-2.0
// Statistics of a row beside its result: logarithm of the sum, greatest score, entropy sum p (l -
// s), second moment sum p^2. Each is a number carried by the sweep that attends anyway.
// Rows: P1 P2 P3
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @row_statistics(%q: !q, %k: !k, %v: !k)
    -> (!q, !r {attn.name = "lse"}, !r {attn.name = "top"}, !r {attn.name = "entropy"},
        !r {attn.name = "moment"}) {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  %lse = logsumexp %m : !s
  %top = reduce max %m over keys : !s
  %e = map (%w = %p, %x = %m, %l = %lse) : (!s, !s, !r) -> !s {
    %d = arith.subf %l, %x : f32
    %y = arith.mulf %w, %d : f32
    yield %y : f32
  }
  %entropy = reduce sum %e over keys : !s
  %square = map (%w = %p) : (!s) -> !s { %y = arith.mulf %w, %w : f32   yield %y : f32 }
  %moment = reduce sum %square over keys : !s
  return %o, %lse, %top, %entropy, %moment : !q, !r, !r, !r, !r
}
