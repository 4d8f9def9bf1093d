// SPDX-License-Identifier: Apache-2.0
// Moments of the raw scores of a row, and the share of a band of dimensions in them: sums of s, of
// s^2, and of the part of s that comes from the first 64 numbers of a head (the band is an operand
// of its own).
// Rows: P15
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>
!qh = !attn.rows<vector<64xbf16>>
!kh = !attn.cols<vector<64xbf16>>

attn.kernel @score_moments(%q: !q, %k: !k, %q_band: !qh, %k_band: !kh)
    -> (!r {attn.name = "sum"}, !r {attn.name = "squares"}, !r {attn.name = "band"}) {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %t = dot %q_band, %k_band scale 0.0883883 : !qh, !kh
  %n = where %t in #causal : !s
  %sum = reduce sum %m over keys : !s
  %square = map (%x = %m) : (!s) -> !s { %y = arith.mulf %x, %x : f32   yield %y : f32 }
  %squares = reduce sum %square over keys : !s
  %band = reduce sum %n over keys : !s
  return %sum, %squares, %band : !r, !r, !r
}
