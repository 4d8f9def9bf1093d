// SPDX-License-Identifier: Apache-2.0
// The best key of each row and its weight, beside the result: the lowest of the keys whose score is the row's maximum, which is known
// after a first sweep. -1 for a row without keys.
// Rows: P6
// Spills: sm_80 48 of the second sweep: the maximum of each row beside two products a warp, once a tile
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
!n = !attn.rows<i32>                   // the number of a key
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @best_key(%q: !q, %k: !k, %v: !k) -> (!q, !r {attn.name = "weight"}, !n {attn.name = "key"}) {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  %weight = reduce max %p over keys : !s
  %top = reduce max %m over keys : !s
  %best = where (%x = %m, %y = %top) : (!s, !r) {
    %z = arith.cmpf oge, %x, %y : f32
    yield %z : i1
  }
  %number = map (%x = %best) at (%b, %h, %i, %j) : (!s) -> !s {
    %w = arith.index_cast %j : index to i64
    %y = arith.sitofp %w : i64 to f32
    yield %y : f32
  }
  %first = reduce min %number over keys : !s
  %key = map (%x = %first) : (!r) -> !n {
    %most = arith.constant 1.0e+9 : f32
    %none = arith.constant -1 : i32
    %is_key = arith.cmpf ole, %x, %most : f32
    %y = arith.fptosi %x : f32 to i32
    %z = arith.select %is_key, %y, %none : i32
    yield %z : i32
  }
  return %o, %weight, %key : !q, !r, !n
}
