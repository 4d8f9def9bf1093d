// SPDX-License-Identifier: Apache-2.0
// NTK-Attention: an infinitely long prefix as a linear state: (sum e^s v + n_i) / (sum e^s + d_i),
// n_i = phi(q_i) Z and d_i = phi(q_i) kappa given a query. A sink of log d_i is the denominator,
// e^-l brings n_i to its scale.
// Rows: 30
// Run: d={batch}x{heads}x{queries}:0.5..3.0
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
!o = !attn.rows<vector<128xf32>>       // a result before it is rounded
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @infinite_prefix(%q: !q, %k: !k, %v: !k, %n: !q, %d: !r) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %z = map (%x = %d) : (!r) -> !r { %y = math.log %x : f32   yield %y : f32 }
  %p = softmax %m sink %z : !s
  %l = logsumexp %m sink %z : !s
  %a = contract %p, %v : !s, !k -> !o
  %o = map (%x = %a, %y = %n, %e = %l) : (!o, !q, !r) -> !q {
    %minus = arith.negf %e : f32
    %f = math.exp %minus : f32
    %fs = vector.broadcast %f : f32 to vector<128xf32>
    %g = arith.extf %y : vector<128xbf16> to vector<128xf32>
    %t = math.fma %g, %fs, %x : vector<128xf32>
    %w = arith.truncf %t : vector<128xf32> to vector<128xbf16>
    yield %w : vector<128xbf16>
  }
  return %o : !q
}
