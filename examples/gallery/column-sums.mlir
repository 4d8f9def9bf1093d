// SPDX-License-Identifier: Apache-2.0
// Statistics of columns: the weight that a key gets from all queries, the greatest single weight, and the sum over an observation
// window, the queries from `first` on. The rows find their maximum and sum first; a second kernel, whose rows are the keys,
// sweeps over the queries.
// Rows: P8
// Run: first=40
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!c = !attn.cols<f32>                   // one number a key
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @column_sums(%q: !q, %k: !k, %v: !k, %first: index)
    -> (!q, !c {attn.name = "total"}, !c {attn.name = "greatest"}, !c {attn.name = "observed"}) {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  %total = reduce sum %p over queries : !s
  %greatest = reduce max %p over queries : !s
  %late = where %p in affine_set<(b, h, i, j)[n] : (i >= n)>[%first] : !s
  %observed = reduce sum %late over queries : !s
  return %o, %total, %greatest, %observed : !q, !c, !c, !c
}
