// SPDX-License-Identifier: Apache-2.0
// Luong's local attention: keys at most D from the position p_i that the model expects, and weights
// times e^(-(j - p_i)^2 / 2 sigma^2), sigma = D / 2, after the softmax. p_i is a number a query.
// Rows: 7
// Run: pos={batch}x{heads}x{queries}:0.0..90.0 D=12
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query

func.func private @distance(%j: index, %p: f32) -> f32 {
  %n = arith.index_cast %j : index to i64
  %f = arith.sitofp %n : i64 to f32
  %d = arith.subf %f, %p : f32
  return %d : f32
}

attn.kernel @luong(%q: !q, %k: !k, %v: !k, %pos: !r, %D: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s, %p = %pos) at (%b, %h, %i, %j) : (!s, !r) {
    %d = func.call @distance(%j, %p) : (index, f32) -> f32
    %a = math.absf %d : f32
    %y = arith.cmpf ole, %a, %D : f32
    yield %y : i1
  }
  %w = softmax %m : !s
  %p = map (%x = %w, %c = %pos) at (%b, %h, %i, %j) : (!s, !r) -> !s {
    %d = func.call @distance(%j, %c) : (index, f32) -> f32
    %e = arith.divf %d, %D : f32
    %square = arith.mulf %e, %e : f32
    %minus2 = arith.constant -2.0 : f32
    %t = arith.mulf %square, %minus2 : f32      // -(d / D)^2 * 2 = -d^2 / 2 sigma^2
    %g = math.exp %t : f32
    %y = arith.mulf %x, %g : f32
    yield %y : f32
  }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
