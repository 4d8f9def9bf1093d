// SPDX-License-Identifier: Apache-2.0
// MHE attention: all heads share one projection each of q, k and v, and head h adds a learned vector to q and one to k.
// Shared projections are passed as they lie in memory, with a stride of 0 from head to head; the sums are made once a
// token, by kernels that run before the sweep.
// Rows: 52
// Run: --kv-heads=4 v={batch}x1x{keys}x128 eq={heads}x128 ek={heads}x128
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @mhe(%q: !q, %k: !k, %v: !k, %eq: tensor<?x128xbf16>, %ek: tensor<?x128xbf16>) -> !q {
  %qe = map (%x = %q) at (%b, %h, %i) : (!q) -> !q {
    %e = load %eq[%h] : tensor<?x128xbf16>
    %y = arith.addf %x, %e : vector<128xbf16>
    yield %y : vector<128xbf16>
  }
  %ke = map (%x = %k) at (%b, %h, %j) : (!k) -> !k {
    %e = load %ek[%h] : tensor<?x128xbf16>
    %y = arith.addf %x, %e : vector<128xbf16>
    yield %y : vector<128xbf16>
  }
  %s = dot %qe, %ke scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
