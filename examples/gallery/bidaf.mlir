// SPDX-License-Identifier: Apache-2.0
// BiDAF, context to query: the trilinear score w.[h; u; h u] is one product of (h w) and u, a
// number a row and one a column. The row maxima, which query to context needs, come out beside it.
// Rows: 59
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
!c = !attn.cols<f32>                   // one number a key

attn.kernel @bidaf(%hw: !q, %u: !k, %row: !r, %column: !c) -> (!q, !r {attn.name = "top"}) {
  %d = dot %hw, %u : !q, !k
  %s = map (%x = %d, %y = %row, %z = %column) : (!s, !r, !c) -> !s {
    %a = arith.addf %x, %y : f32
    %t = arith.addf %a, %z : f32
    yield %t : f32
  }
  %p = softmax %s : !s
  %o = contract %p, %u : !s, !k -> !q
  %top = reduce max %s over keys : !s
  return %o, %top : !q, !r
}
