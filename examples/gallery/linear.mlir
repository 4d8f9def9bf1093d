// SPDX-License-Identifier: Apache-2.0
// Linear attention's weights, on all pairs: phi(q).phi(k) over their sum, the features made outside
// (Log-Normal Attention: e^(a q), e^(b k)). The matrix form has a mask, a window or a gate for the
// asking; its state form has not.
// Rows: 110
// Run: --convert q={batch}x{heads}x{queries}x128:0.1..1.0 k={batch}x{kv-heads}x{keys}x128:0.1..1.0
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @linear(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k : !q, !k
  %m = where %s in #causal : !s
  %l = reduce sum %m over keys : !s
  %p = map (%x = %m, %y = %l) : (!s, !r) -> !s { %z = arith.divf %x, %y : f32   yield %z : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
