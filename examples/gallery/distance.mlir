// SPDX-License-Identifier: Apache-2.0
// Weights of a Gaussian mixture: softmax of -|x_i - c_j|^2 / 2 sigma^2, the responsibility of
// centre j for x_i. |x|^2 is the same for the whole row and cancels, so the score is a product and
// a number a key.
// Rows: 108
// Run: precision=0.09
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!c = !attn.cols<f32>                   // one number a key

attn.kernel @distance(%x: !q, %centre: !k, %v: !k, %length: !c, %precision: f32) -> !q {
  %s = dot %x, %centre : !q, !k
  %m = map (%a = %s, %n = %length) : (!s, !c) -> !s {
    %half = arith.constant -0.5 : f32
    %t = math.fma %n, %half, %a : f32           // x.c - |c|^2 / 2
    %y = arith.mulf %t, %precision : f32
    yield %y : f32
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
