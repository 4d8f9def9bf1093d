// SPDX-License-Identifier: Apache-2.0
// Several documents packed in one sequence: a token sees its own document. The ids are captured,
// and declared sorted, so that a document is an interval and the compiler can search for its ends.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!ids = tensor<?x?xi32>                 // the document of each token of each sequence

attn.kernel @document(%q: !q, %k: !k, %v: !k, %doc: !ids {attn.sorted}) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %mine = load %doc[%b, %i] : !ids
    %its = load %doc[%b, %j] : !ids
    %y = arith.cmpi eq, %mine, %its : i32
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
