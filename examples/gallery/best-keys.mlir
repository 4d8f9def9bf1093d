// SPDX-License-Identifier: Apache-2.0
// The eight best keys of each row with their weights, the best first, beside the result; -1 and a weight of -inf behind the last of
// a row with fewer keys. A selection finds them, one sweep writes them down, and eight entries are put in order.
// Rows: P6
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!w = !attn.rows<vector<8xf32>>         // eight weights a query
!n = !attn.rows<vector<8xi32>>         // and their keys
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @best_keys(%q: !q, %k: !k, %v: !k) -> (!q, !w {attn.name = "weights"}, !n {attn.name = "keys"}) {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  %weights, %keys = list %p first 8 : !s
  return %o, %weights, %keys : !q, !w, !n
}
