// SPDX-License-Identifier: Apache-2.0
// A soft mask: one number a key is added to its scores (a padding penalty, a relevance, a log
// weight). It is an operand on the key axis, with batch and heads of its own.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!c = !attn.cols<f32>                   // one number a key

attn.kernel @key_bias(%q: !q, %k: !k, %v: !k, %bias: !c) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %a = map (%x = %s, %y = %bias) : (!s, !c) -> !s {
    %z = arith.addf %x, %y : f32
    yield %z : f32
  }
  %p = softmax %a : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
