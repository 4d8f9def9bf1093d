// SPDX-License-Identifier: Apache-2.0
// The non-approximate form of Deconstructing Attention: the score is one number a key, and of a
// query only its place counts: p_ij = softmax over j <= place_i of score_j.
// Rows: 24
// Run: place={batch}x1x{queries}:0..{keys}
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!c = !attn.cols<f32>                   // one number a key
!ri = !attn.rows<i32>                  // the place of a query

attn.kernel @key_scores(%place: !ri, %score: !c, %v: !k) -> !attn.rows<vector<128xbf16>> {
  %s = map (%x = %score) : (!c) -> !s { yield %x : f32 }
  %m = where (%x = %s, %y = %place) at (%b, %h, %i, %j) : (!s, !ri) {
    %n = arith.index_cast %y : i32 to index
    %z = arith.cmpi sle, %j, %n : index
    yield %z : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !attn.rows<vector<128xbf16>>
  return %o : !attn.rows<vector<128xbf16>>
}
