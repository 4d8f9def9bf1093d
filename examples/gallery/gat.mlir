// SPDX-License-Identifier: Apache-2.0
// Graph attention (GAT) on a dense adjacency: s_ij = LeakyReLU(u_i + w_j), one number a row and one
// a column, and a captured bit for an edge. There is no product of vectors in the score.
// Rows: 14
// Run: edge={queries}x{keys}
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
!c = !attn.cols<f32>                   // one number a key

attn.kernel @gat(%u: !r, %w: !c, %v: !k, %edge: tensor<?x?xi1>) -> !attn.rows<vector<128xbf16>> {
  %s = map (%x = %u, %y = %w) : (!r, !c) -> !s {
    %a = arith.addf %x, %y : f32
    %slope = arith.constant 0.2 : f32
    %l = arith.mulf %a, %slope : f32
    %z = arith.maximumf %a, %l : f32
    yield %z : f32
  }
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %y = load %edge[%i, %j] : tensor<?x?xi1>
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !attn.rows<vector<128xbf16>>
  return %o : !attn.rows<vector<128xbf16>>
}
