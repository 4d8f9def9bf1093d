// SPDX-License-Identifier: Apache-2.0
// Products with the transposed map, r'A, one step of a rollout or of a power iteration: how much a key contributes to what the queries
// are worth, r_i given a query. The map is not stored: a kernel whose rows are the keys makes it again, column by column.
// Rows: P10
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!t = !attn.matrix<f32, k, q>           // the same, transposed
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @rollout(%q: !q, %k: !k, %r: !attn.cols<f32, q>) -> !attn.rows<f32, k> {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %turned = transpose %p : !s
  %o = contract %turned, %r : !t, !attn.cols<f32, q> -> !attn.rows<f32, k>
  return %o : !attn.rows<f32, k>
}
