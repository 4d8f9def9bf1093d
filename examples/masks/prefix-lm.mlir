// SPDX-License-Identifier: Apache-2.0
// Prefix language model (T5): the first tokens of a sequence see one another in both directions,
// the others what came before. Each sequence has a prefix of its own, from a captured table.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @prefix_lm(%q: !q, %k: !k, %v: !k, %prefix: tensor<?xi32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %n = load %prefix[%b] : tensor<?xi32> -> index
    %past = arith.cmpi sle, %j, %i : index
    %shared = arith.cmpi slt, %j, %n : index
    %y = arith.ori %past, %shared : i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
