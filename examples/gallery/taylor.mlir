// SPDX-License-Identifier: Apache-2.0
// Taylor's polynomial in place of e^s: weights 1 + s + s^2 / 2 over their sum. It is positive for
// every s and does not overflow, so no maximum is carried. FAST sums the same polynomial by its
// factors.
// Rows: 23 24 111
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @taylor(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %w = map (%x = %c) : (!s) -> !s {
    %one = arith.constant 1.0 : f32
    %half = arith.constant 0.5 : f32
    %t = math.fma %x, %half, %one : f32
    %y = math.fma %t, %x, %one : f32            // 1 + x (1 + x / 2)
    yield %y : f32
  }
  %l = reduce sum %w over keys : !s
  %p = map (%x = %w, %y = %l) : (!s, !r) -> !s { %z = arith.divf %x, %y : f32   yield %z : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
