// SPDX-License-Identifier: Apache-2.0
// Softmax as an RNN, the gated form: o = g_i / N times the sum of e^min(s, 5) v, without a
// denominator. What nobody divides needs no maximum: the row carries one vector.
// Rows: 23
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>

func.func private @real(%n: index) -> f32 {
  %w = arith.index_cast %n : index to i64
  %y = arith.sitofp %w : i64 to f32
  return %y : f32
}

attn.kernel @rnn_gated(%q: !q, %k: !k, %v: !k, %gate: !r) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %p = map (%x = %c, %g = %gate) at (%b, %h, %i, %j) : (!s, !r) -> !s {
    %five = arith.constant 5.0 : f32
    %clamped = arith.minimumf %x, %five : f32
    %e = math.exp %clamped : f32
    %n = size k of %b
    %r = func.call @real(%n) : (index) -> f32
    %f = arith.divf %g, %r : f32
    %y = arith.mulf %e, %f : f32
    yield %y : f32
  }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
