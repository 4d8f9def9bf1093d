// SPDX-License-Identifier: Apache-2.0
// One tensor as key and value: Efficient Attention (without W_V, without W_K), and the Minimal
// Transformer's x_i W x_j with values x, where q = x W. It is read once a tile.
// Rows: 53 54
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @shared_kv(%q: !q, %x: !k) -> !q {
  %s = dot %q, %x scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %x : !s, !k -> !q
  return %o : !q
}
