// SPDX-License-Identifier: Apache-2.0
// Hepos, head-wise positional strides for long documents: of the source, head h reads the tokens j
// with j mod stride = h mod stride. Queries are those of a decoder.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @hepos(%q: !q, %k: !k, %v: !k, %stride: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %d = arith.subi %j, %h : index
    %steps, %rest = affine.delinearize_index %d into (%stride) : index, index
    %y = holds affine_set<(rest) : (rest == 0)>(%rest)
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
