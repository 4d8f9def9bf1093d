// SPDX-License-Identifier: Apache-2.0
// Mask-Align's self-attention: a token sees every other one and not itself, so that it is predicted
// from its context. (Its cross attention: leak.mlir.)
// Rows: 26
// Spills: sm_80 8 of one number, once a tile
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @mask_align(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %y = arith.cmpi ne, %i, %j : index
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
