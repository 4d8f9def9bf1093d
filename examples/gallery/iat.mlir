// SPDX-License-Identifier: Apache-2.0
// Attention iAT: scores moved along their gradient, softmax(s + epsilon g / |g|), |g| the length of
// the row's gradient. The gradient is captured, its length is a sum over the keys.
// Rows: 39
// Run: gradient={batch}x{heads}x{queries}x{keys} epsilon=2
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query

attn.kernel @iat(%q: !q, %k: !k, %v: !k, %gradient: tensor<?x?x?x?xf32>, %epsilon: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %g = map (%x = %s) at (%b, %h, %i, %j) : (!s) -> !s {
    %y = load %gradient[%b, %h, %i, %j] : tensor<?x?x?x?xf32>
    yield %y : f32
  }
  %square = map (%x = %g) : (!s) -> !s { %y = arith.mulf %x, %x : f32   yield %y : f32 }
  %length = reduce sum %square over keys : !s
  %m = map (%x = %s, %y = %g, %l = %length) : (!s, !s, !r) -> !s {
    %inverse = math.rsqrt %l : f32
    %step = arith.mulf %inverse, %epsilon : f32
    %z = math.fma %y, %step, %x : f32
    yield %z : f32
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
