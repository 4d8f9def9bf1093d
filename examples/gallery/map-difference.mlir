// SPDX-License-Identifier: Apache-2.0
// Two maps compared: how far the weights of two score scales are apart, sum of |p - p'| over the keys, then over the heads of a pair of
// heads, and over all.
// Rows: P11
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @map_difference(%q: !q, %k: !k) -> (!r, !r) {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %half = map (%x = %m) : (!s) -> !s { %c = arith.constant 0.5 : f32   %y = arith.mulf %x, %c : f32   yield %y : f32 }
  %t = softmax %half : !s
  %d = map (%x = %p, %y = %t) : (!s, !s) -> !s { %z = arith.subf %x, %y : f32   %a = math.absf %z : f32   yield %a : f32 }
  %own = reduce sum %d over keys : !s
  %pairs = reduce sum %own over heads by 2 : !r
  %all = reduce max %own over heads : !r
  return %pairs, %all : !r, !r
}
