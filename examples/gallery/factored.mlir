// SPDX-License-Identifier: Apache-2.0
// Factored attention of wave functions: the weight is a parameter of head and offset, o_i = sum of
// weight[h, j - place_i + n] v_j. No vectors of queries, no keys, no normaliser.
// Rows: 57
// Run: place={batch}x1x{queries}:0..{keys} weight={kv-heads}x{keys+keys}
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!ri = !attn.rows<i32>                  // the place of a query

attn.kernel @factored(%place: !ri, %v: !k, %weight: tensor<?x?xf32>)
    -> !attn.rows<vector<128xbf16>> {
  %p = map (%x = %place, %t = %v) at (%b, %h, %i, %j) : (!ri, !k) -> !s {
    %n = size k of %b
    %at = arith.index_cast %x : i32 to index
    %entry = affine.apply affine_map<(at, j)[n] -> (j - at + n)>(%at, %j)[%n]
    %y = load %weight[%h, %entry] : tensor<?x?xf32>
    yield %y : f32
  }
  %o = contract %p, %v : !s, !k -> !attn.rows<vector<128xbf16>>
  return %o : !attn.rows<vector<128xbf16>>
}
