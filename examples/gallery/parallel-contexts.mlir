// SPDX-License-Identifier: Apache-2.0
// Parallel context encoding: contexts do not see one another, all see the shared sink, and the
// tokens from `start` on (the question) see the contexts that were selected.
// Rows: 78
// Run: context={batch}x{keys} selected={batch}x4 sinks=4 start=60
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>
!ids = tensor<?x?xi32>                 // the context of each token of each sequence

attn.kernel @parallel_contexts(%q: !q, %k: !k, %v: !k, %context: !ids {attn.sorted},
                               %selected: tensor<?x?xi1>, %sinks: index, %start: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = where (%x = %c) at (%b, %h, %i, %j) : (!s) {
    %mine = load %context[%b, %i] : !ids -> index
    %its = load %context[%b, %j] : !ids -> index
    %same = arith.cmpi eq, %mine, %its : index
    %sink = arith.cmpi slt, %j, %sinks : index
    %asks = arith.cmpi sge, %i, %start : index
    %chosen = load %selected[%b, %its] : tensor<?x?xi1>
    %answer = arith.andi %asks, %chosen : i1
    %t = arith.ori %same, %sink : i1
    %y = arith.ori %t, %answer : i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
