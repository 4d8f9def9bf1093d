// SPDX-License-Identifier: Apache-2.0
// The visual sentinel: one more entry in the softmax, with a score z_i and a value of the query's
// own, and the result is sum of p v + e^(z_i - l) sentinel_i. The sentinel's score is a sink;
// scores of keys are products here (the paper's are additive).
// Rows: 27
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
!o = !attn.rows<vector<128xf32>>       // a result before it is rounded

attn.kernel @sentinel(%q: !q, %k: !k, %v: !k, %z: !r, %sentinel: !q) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %p = softmax %s sink %z : !s
  %l = logsumexp %s sink %z : !s
  %a = contract %p, %v : !s, !k -> !o
  %o = map (%x = %a, %y = %sentinel, %d = %z, %e = %l) : (!o, !q, !r, !r) -> !q {
    %n = arith.subf %d, %e : f32
    %f = math.exp %n : f32
    %fs = vector.broadcast %f : f32 to vector<128xf32>
    %g = arith.extf %y : vector<128xbf16> to vector<128xf32>
    %t = math.fma %g, %fs, %x : vector<128xf32>
    %w = arith.truncf %t : vector<128xf32> to vector<128xbf16>
    yield %w : vector<128xbf16>
  }
  return %o : !q
}
