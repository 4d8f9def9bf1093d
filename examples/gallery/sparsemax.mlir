// SPDX-License-Identifier: Apache-2.0
// Sparsemax: p = max(s - t, 0), with the threshold t of each row at which the weights sum to 1. `solve` is the
// row's equation; it is searched in rounds of three probes, each a kernel, down to 2^-24.
// Rows: 16
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @sparsemax(%q: !q, %k: !k, %v: !k) -> !q {
  %one = arith.constant 1.0 : f32
  %zero = arith.constant 0.0 : f32
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %hi = reduce max %c over keys : !s
  %lo = map (%x = %hi) : (!r) -> !r { %y = arith.subf %x, %one : f32   yield %y : f32 }
  %t = solve %t from %lo to %hi total %one with (%x = %c) : (!s) {
    %d = arith.subf %x, %t : f32
    %y = arith.maximumf %d, %zero : f32
    yield %y : f32
  }
  %p = map (%x = %c, %y = %t) : (!s, !r) -> !s {
    %d = arith.subf %x, %y : f32
    %z = arith.maximumf %d, %zero : f32
    yield %z : f32
  }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
