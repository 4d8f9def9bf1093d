// SPDX-License-Identifier: Apache-2.0
// A normaliser of your own: weights of length one in place of sum one, e^s / sqrt(sum of e^2s). No
// maximum is written; the compiler finds that these sums need one, carries it and rescales them as
// it grows.
// Rows: own
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @own_normaliser(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %e = map (%x = %m) : (!s) -> !s { %y = math.exp %x : f32   yield %y : f32 }
  %square = map (%x = %e) : (!s) -> !s { %y = arith.mulf %x, %x : f32   yield %y : f32 }
  %l = reduce sum %square over keys : !s
  %p = map (%x = %e, %y = %l) : (!s, !r) -> !s {
    %length = math.sqrt %y : f32
    %z = arith.divf %x, %length : f32
    yield %z : f32
  }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
