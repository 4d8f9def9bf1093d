// SPDX-License-Identifier: Apache-2.0
// MALA: weights beta_i x_ij - gamma_i, x = phi(q).phi(k), beta = 1 + 1 / sum of x, gamma = (sum of
// x) / N: a row of weights has sum one, as of a softmax. Sums of x, x v and v, in one sweep.
// Rows: 112
// Run: --convert q={batch}x{heads}x{queries}x128:0.1..1.0 k={batch}x{kv-heads}x{keys}x128:0.1..1.0
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query

func.func private @real(%n: index) -> f32 {
  %w = arith.index_cast %n : index to i64
  %y = arith.sitofp %w : i64 to f32
  return %y : f32
}

attn.kernel @mala(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0078125 : !q, !k
  %l = reduce sum %s over keys : !s
  %p = map (%x = %s, %y = %l) at (%b, %h, %i, %j) : (!s, !r) -> !s {
    %one = arith.constant 1.0 : f32
    %inverse = arith.divf %one, %y : f32
    %beta = arith.addf %one, %inverse : f32
    %n = size k of %b
    %r = func.call @real(%n) : (index) -> f32
    %gamma = arith.divf %y, %r : f32
    %t = arith.mulf %beta, %x : f32
    %z = arith.subf %t, %gamma : f32
    yield %z : f32
  }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
