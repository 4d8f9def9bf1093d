// SPDX-License-Identifier: Apache-2.0
// Softmax with a learned sink a head, written in primitives: e^s / (sum of e^s + e^sink). No
// running maximum is written; the compiler finds that these sums need one and carries it.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @sink(%q: !q, %k: !k, %v: !k, %sink: tensor<?xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %e = map (%x = %m) : (!s) -> !s { %y = math.exp %x : f32   yield %y : f32 }
  %l = reduce sum %e over keys : !s
  %n = map (%x = %l) at (%b, %h, %i) : (!r) -> !r {
    %z = load %sink[%h] : tensor<?xf32>
    %w = math.exp %z : f32
    %y = arith.addf %x, %w : f32
    yield %y : f32
  }
  %p = map (%x = %e, %y = %n) : (!s, !r) -> !s { %w = arith.divf %x, %y : f32   yield %w : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
