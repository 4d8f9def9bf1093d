// SPDX-License-Identifier: Apache-2.0
// Speculative decoding with a tree of drafts, verified at once (SpecInfer, Medusa): the queries are
// the nodes of the tree; each sees all `cached` keys and, of the nodes behind them, its ancestors
// and itself. The tree is a captured matrix of bits.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!bits = tensor<?x?x?xi1>               // is node [b, _, n] on the path to node [b, i, _]?

attn.kernel @tree_bits(%q: !q, %k: !k, %v: !k, %ancestor: !bits, %cached: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %past = arith.cmpi slt, %j, %cached : index
    %d = arith.subi %j, %cached : index
    %zero = arith.constant 0 : index
    %node = arith.maxsi %d, %zero : index           // no table is read out of its range
    %bit = load %ancestor[%b, %i, %node] : !bits
    %y = arith.ori %past, %bit : i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
