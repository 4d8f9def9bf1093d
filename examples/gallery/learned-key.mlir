// SPDX-License-Identifier: Apache-2.0
// Massive activations, made explicit: softmax([q k, q k'])[v; v'] with one learned key and value a head, which
// every query sees, so that no token has to become a sink.
// Rows: 25
// Run: km=1x{heads}x1x128 vm=1x{heads}x1x128
!q = !attn.rows<vector<128xbf16>>              // one vector a query
!k = !attn.cols<vector<128xbf16>>              // one vector a key
!m = !attn.cols<vector<128xbf16>, mem>         // one vector a key of the other segment
!s = !attn.matrix<f32>                         // one number a (query, key) pair, never stored
!n = !attn.matrix<f32, q, mem>                 // the same with the other segment
!a = !attn.matrix<f32, q, mem+k>               // over both
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @learned_key(%q: !q, %km: !m, %vm: !m, %k: !k, %v: !k) -> !q {
  %s0 = dot %q, %km scale 0.0883883 : !q, !m
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %x = concat %s0, %c : !n, !s
  %p = softmax %x : !a
  %w = concat %vm, %v : !m, !k
  %o = contract %p, %w : !a, !attn.cols<vector<128xbf16>, mem+k> -> !q
  return %o : !q
}
