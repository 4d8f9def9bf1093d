// SPDX-License-Identifier: Apache-2.0
// The tree of drafts of tree-bits in linear memory: a depth-first walk enters and leaves each node,
// and node n is an ancestor of i (or i itself) if i is entered while the walk is inside n.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!times = tensor<?x?xi32>               // a time for each node of each sequence's tree

attn.kernel @tree_walk(%q: !q, %k: !k, %v: !k,
                       %enter: !times, %leave: !times, %cached: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %past = arith.cmpi slt, %j, %cached : index
    %d = arith.subi %j, %cached : index
    %zero = arith.constant 0 : index
    %n = arith.maxsi %d, %zero : index              // no table is read out of its range
    %mine = load %enter[%b, %i] : !times -> index
    %first = load %enter[%b, %n] : !times -> index
    %end = load %leave[%b, %n] : !times -> index
    %inside = holds affine_set<(t, first, end) : (t >= first, end - 1 >= t)>(%mine, %first, %end)
    %y = arith.ori %past, %inside : i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
