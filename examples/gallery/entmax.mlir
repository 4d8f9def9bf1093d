// SPDX-License-Identifier: Apache-2.0
// Adaptively sparse transformers: alpha-entmax, with an alpha that each head has learned. Alpha near 1 is
// softmax, 2 is sparsemax.
// Rows: 17
// Run: alpha={heads}:1.3..2.0
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @entmax(%q: !q, %k: !k, %v: !k, %alpha: tensor<?xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %a = map (%x = %q) at (%b, %h, %i) : (!q) -> !r {
    %y = load %alpha[%h] : tensor<?xf32>
    yield %y : f32
  }
  %p = entmax %c alpha %a : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
