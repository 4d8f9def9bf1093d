// SPDX-License-Identifier: Apache-2.0
// Neural Attention Search: each token has a type that says how long it is kept: for good, until the
// next such token, or for a window. All three are one number a key, the last query that sees it, an
// operand on the key axis with heads of its own.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!ends = !attn.cols<i32>                // the last query that sees a key
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @nats(%q: !q, %k: !k, %v: !k, %end: !ends) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = where (%x = %c, %e = %end) at (%b, %h, %i, %j) : (!s, !ends) {
    %last = arith.index_cast %e : i32 to index
    %y = arith.cmpi sle, %i, %last : index
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
