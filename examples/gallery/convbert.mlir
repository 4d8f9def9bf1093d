// SPDX-License-Identifier: Apache-2.0
// ConvBERT's span-based dynamic convolution: 9 weights a query, made outside from it and its span,
// are the scores of the 9 keys around its place: softmax over |j - place_i| <= 4 of span[b, h, i, j
// - place_i + 4], which is read where visible alone.
// Rows: 58
// Run: place={batch}x1x{queries}:0..{keys} span={batch}x{kv-heads}x{queries}x9
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!ri = !attn.rows<i32>                  // the place of a query

attn.kernel @convbert(%place: !ri, %v: !k, %span: tensor<?x?x?x9xf32>)
    -> !attn.rows<vector<128xbf16>> {
  %all = map (%x = %place, %t = %v) : (!ri, !k) -> !s {
    %zero = arith.constant 0.0 : f32
    yield %zero : f32
  }
  %s = where (%x = %all, %y = %place) at (%b, %h, %i, %j) : (!s, !ri) {
    %at = arith.index_cast %y : i32 to index
    %near = holds affine_set<(at, j) : (at - j <= 4, j - at <= 4)>(%at, %j)
    yield %near : i1
  }
  %m = map (%x = %s, %y = %place) at (%b, %h, %i, %j) : (!s, !ri) -> !s {
    %at = arith.index_cast %y : i32 to index
    %entry = affine.apply affine_map<(at, j) -> (j - at + 4)>(%at, %j)
    %z = load %span[%b, %h, %i, %entry] : tensor<?x?x?x9xf32>
    yield %z : f32
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !attn.rows<vector<128xbf16>>
  return %o : !attn.rows<vector<128xbf16>>
}
