// SPDX-License-Identifier: Apache-2.0
// Monotonic location attention: weights e^(-(j - mu_i)^2 / 2 sigma_i^2) over their sum, mu and
// sigma numbers a query that the decoder has moved.
// Rows: 60
// Run: mu={batch}x{heads}x{queries}:0.0..90.0 sigma={batch}x{heads}x{queries}:2.0..20.0
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query

func.func private @real(%n: index) -> f32 {
  %w = arith.index_cast %n : index to i64
  %y = arith.sitofp %w : i64 to f32
  return %y : f32
}

attn.kernel @location(%mu: !r, %sigma: !r, %v: !k) -> !attn.rows<vector<128xbf16>> {
  %m = map (%x = %mu, %y = %sigma, %t = %v) at (%b, %h, %i, %j) : (!r, !r, !k) -> !s {
    %f = func.call @real(%j) : (index) -> f32
    %d = arith.subf %f, %x : f32
    %e = arith.divf %d, %y : f32
    %square = arith.mulf %e, %e : f32
    %half = arith.constant -0.5 : f32
    %z = arith.mulf %square, %half : f32
    yield %z : f32
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !attn.rows<vector<128xbf16>>
  return %o : !attn.rows<vector<128xbf16>>
}
