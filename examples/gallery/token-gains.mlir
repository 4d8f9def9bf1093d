// SPDX-License-Identifier: Apache-2.0
// Gains of chosen tokens, by head: weights times e^gain[h, j], normalised after. Which tokens
// (visual ones, cues) and how much is captured.
// Rows: 34
// Run: gain={heads}x{keys}
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @token_gains(%q: !q, %k: !k, %v: !k, %gain: tensor<?x?xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = map (%x = %c) at (%b, %h, %i, %j) : (!s) -> !s {
    %g = load %gain[%h, %j] : tensor<?x?xf32>
    %y = arith.addf %x, %g : f32
    yield %y : f32
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
