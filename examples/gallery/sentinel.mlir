// SPDX-License-Identifier: Apache-2.0
// The visual sentinel: one more entry in the softmax, with a score z_i = w.tanh(g_i + h_i) of the query's own and a value of its
// own; the result is sum of p v + e^(z_i - l) sentinel_i. g and h are W_s s and W_g h, made outside. The sentinel's score is
// a sink. Scores of keys are additive, w.tanh(k_j + q_i): a tanh of each pair's vectors, which is stored.
// Rows: 27
// Run: w=128
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair
!r = !attn.rows<f32>                   // one number a query
!o = !attn.rows<vector<128xf32>>       // a result before it is rounded

attn.kernel @sentinel(%q: !q, %k: !k, %v: !k, %g: !q, %h: !q, %w: tensor<128xf32>, %sentinel: !q) -> !q {
  %s = map (%x = %q, %y = %k) : (!q, !k) -> !s {
    %wv = load %w[] : tensor<128xf32>
    %gf = arith.extf %x : vector<128xbf16> to vector<128xf32>
    %hf = arith.extf %y : vector<128xbf16> to vector<128xf32>
    %a = arith.addf %gf, %hf : vector<128xf32>
    %t = math.tanh %a : vector<128xf32>
    %m = arith.mulf %t, %wv : vector<128xf32>
    %n = vector.reduction <add>, %m : vector<128xf32> into f32
    yield %n : f32
  }
  %z = map (%x = %g, %y = %h) : (!q, !q) -> !r {
    %wv = load %w[] : tensor<128xf32>
    %gf = arith.extf %x : vector<128xbf16> to vector<128xf32>
    %hf = arith.extf %y : vector<128xbf16> to vector<128xf32>
    %a = arith.addf %gf, %hf : vector<128xf32>
    %t = math.tanh %a : vector<128xf32>
    %m = arith.mulf %t, %wv : vector<128xf32>
    %n = vector.reduction <add>, %m : vector<128xf32> into f32
    yield %n : f32
  }
  %p = softmax %s sink %z : !s
  %l = logsumexp %s sink %z : !s
  %a = contract %p, %v : !s, !k -> !o
  %o = map (%x = %a, %y = %sentinel, %d = %z, %e = %l) : (!o, !q, !r, !r) -> !q {
    %n = arith.subf %d, %e : f32
    %f = math.exp %n : f32
    %fs = vector.broadcast %f : f32 to vector<128xf32>
    %g0 = arith.extf %y : vector<128xbf16> to vector<128xf32>
    %t = math.fma %g0, %fs, %x : vector<128xf32>
    %u = arith.truncf %t : vector<128xf32> to vector<128xbf16>
    yield %u : vector<128xbf16>
  }
  return %o : !q
}
