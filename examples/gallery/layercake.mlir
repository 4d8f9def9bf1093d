// SPDX-License-Identifier: Apache-2.0
// LayerCake: tokens of some types (punctuation, concepts) are suppressed, by a number of the layer:
// s - penalty[type[b, j]]. A table is read at what another table says.
// Rows: 38
// Run: type={batch}x{keys}:0..2 penalty=3
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @layercake(%q: !q, %k: !k, %v: !k, %type: tensor<?x?xi32>,
                       %penalty: tensor<?xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = map (%x = %c) at (%b, %h, %i, %j) : (!s) -> !s {
    %t = load %type[%b, %j] : tensor<?x?xi32> -> index
    %g = load %penalty[%t] : tensor<?xf32>
    %y = arith.subf %x, %g : f32
    yield %y : f32
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
