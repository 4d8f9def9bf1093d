// SPDX-License-Identifier: Apache-2.0
// PAROAttention: tokens are permuted so that a head's map is made of blocks, and a bit a block of
// 16 x 16 says whether it is computed. (Its 8-bit operands are another matter.)
// Rows: 70
// Run: keep={heads}x5x6
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @block_list(%q: !q, %k: !k, %v: !k, %keep: tensor<?x?x?xi1>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %row = affine.apply affine_map<(i) -> (i floordiv 16)>(%i)
    %column = affine.apply affine_map<(j) -> (j floordiv 16)>(%j)
    %y = load %keep[%h, %row, %column] : tensor<?x?x?xi1>
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
