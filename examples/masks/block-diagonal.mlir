// SPDX-License-Identifier: Apache-2.0
// The sequence in blocks of `size` tokens, each on its own (blocked local attention). The size is
// an operand; the last block may be short.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @block_diagonal(%q: !q, %k: !k, %v: !k, %size: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %mine = arith.floordivsi %i, %size : index
    %its = arith.floordivsi %j, %size : index
    %y = arith.cmpi eq, %mine, %its : index
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
