// SPDX-License-Identifier: Apache-2.0
// BiDAF: the trilinear score w.[h; u; h u] is one product of (h w) and u, a number a row and one a column. Context to query is
// softmax over the keys. Query to context takes the maxima of the rows as scores of one row, whose keys are the queries:
// a second kernel, which sweeps over the context h.
// Rows: 59
// Run: --length=one=1 h={batch}x{heads}x{queries}x128
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
!c = !attn.cols<f32>                   // one number a key
!h = !attn.cols<vector<128xbf16>, q>   // the context on the other side
!one = !attn.rows<vector<128xbf16>, one>
!w = !attn.matrix<f32, one, q>

attn.kernel @bidaf(%hw: !q, %u: !k, %row: !r, %column: !c, %h: !h) -> (!q, !one {attn.name = "context"}) {
  %1 = arith.constant 1 : index
  axis one size %1
  %d = dot %hw, %u : !q, !k
  %s = map (%x = %d, %y = %row, %z = %column) : (!s, !r, !c) -> !s {
    %a = arith.addf %x, %y : f32
    %t = arith.addf %a, %z : f32
    yield %t : f32
  }
  %p = softmax %s : !s
  %o = contract %p, %u : !s, !k -> !q
  %top = reduce max %s over keys : !s
  %scores = transpose %top : !r
  %t = map (%x = %scores) : (!attn.cols<f32, q>) -> !w { yield %x : f32 }
  %g = softmax %t : !w
  %context = contract %g, %h : !w, !h -> !one
  return %o, %context : !q, !one
}
