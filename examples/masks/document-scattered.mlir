// SPDX-License-Identifier: Apache-2.0
// Tokens of one group see one another, and the groups lie anywhere in the sequence: clusters of a
// Routing Transformer, objects of a scene, turns of several speakers. Nothing is declared of the
// ids.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!ids = tensor<?x?xi32>                 // the group of each token of each sequence

attn.kernel @document_scattered(%q: !q, %k: !k, %v: !k, %group: !ids) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %mine = load %group[%b, %i] : !ids
    %its = load %group[%b, %j] : !ids
    %y = arith.cmpi eq, %mine, %its : i32
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
