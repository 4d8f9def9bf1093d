// SPDX-License-Identifier: Apache-2.0
// Grouped differential attention: the difference of two softmaxes, with more signal heads than
// noise heads. Both are one sweep, which reads a value once.
// Rows: 88
// Run: q2={batch}x2x{queries}x128 k2={batch}x1x{keys}x128
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @differential(%q1: !q, %k1: !k, %q2: !q, %k2: !k, %v: !k,
                          %lambda: tensor<?xf32>) -> !q {
  %s1 = dot %q1, %k1 scale 0.0883883 : !q, !k
  %m1 = where %s1 in #causal : !s
  %p1 = softmax %m1 : !s
  %s2 = dot %q2, %k2 scale 0.0883883 : !q, !k
  %m2 = where %s2 in #causal : !s
  %p2 = softmax %m2 : !s
  %p = map (%x = %p1, %y = %p2) at (%b, %h, %i, %j) : (!s, !s) -> !s {
    %l = load %lambda[%h] : tensor<?xf32>
    %t = arith.mulf %l, %y : f32
    %z = arith.subf %x, %t : f32
    yield %z : f32
  }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
