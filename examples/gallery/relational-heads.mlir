// SPDX-License-Identifier: Apache-2.0
// Dual attention: what a head takes from the keys, and what its query and the key are to each other: the scores of all four heads of the pair,
// weighed by a table, go into each of its relations, 4 to a query.
// Rows: 103
// Run: relation=4x4:-1.0..1.0
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair
!h = !attn.matrix<vector<4xf32>>       // the numbers of four heads
!r = !attn.rows<f32>                   // one number a query

attn.kernel @relational_heads(%q: !q, %k: !k, %v: !k, %relation: tensor<4x4xf32>) -> (!q, !r, !r) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %p = softmax %s : !s
  %o = contract %p, %v : !s, !k -> !q
  %four = stencil %s heads 4 : !s
  %first = map (%x = %four) : (!h) -> !s {
    %w = load %relation[%zero] : tensor<4x4xf32> -> vector<4xf32>
    %y = arith.mulf %x, %w : vector<4xf32>
    %z = vector.reduction <add>, %y : vector<4xf32> into f32
    yield %z : f32
  }
  %second = map (%x = %four) : (!h) -> !s {
    %w = load %relation[%one] : tensor<4x4xf32> -> vector<4xf32>
    %y = arith.mulf %x, %w : vector<4xf32>
    %z = vector.reduction <add>, %y : vector<4xf32> into f32
    yield %z : f32
  }
  %pq = map (%x = %p, %y = %first) : (!s, !s) -> !s { %z = arith.mulf %x, %y : f32   yield %z : f32 }
  %r0 = reduce sum %pq over keys : !s
  %pr = map (%x = %p, %y = %second) : (!s, !s) -> !s { %z = arith.mulf %x, %y : f32   yield %z : f32 }
  %r1 = reduce sum %pr over keys : !s
  return %o, %r0, %r1 : !q, !r, !r
}
