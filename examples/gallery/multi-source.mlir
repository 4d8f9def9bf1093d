// SPDX-License-Identifier: Apache-2.0
// Hierarchical attention over two sources whose tokens are mixed in one sequence: a softmax within
// each source, and a gate a query between the two contexts (its second softmax has two entries).
// Rows: 90
// Run: second={batch}x{keys} gate={batch}x{heads}x{queries}:0.0..1.0
// Spills: sm_90a 360 of what two masks say of each pair, beside the weights and the sums of two contractions
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
!o = !attn.rows<vector<128xf32>>       // a result before it is rounded

attn.kernel @multi_source(%q: !q, %k: !k, %v: !k, %second: tensor<?x?xi1>, %gate: !r) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %s1 = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %z = load %second[%b, %j] : tensor<?x?xi1>
    %yes = arith.constant true
    %y = arith.xori %z, %yes : i1
    yield %y : i1
  }
  %s2 = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %y = load %second[%b, %j] : tensor<?x?xi1>
    yield %y : i1
  }
  %p1 = softmax %s1 : !s
  %p2 = softmax %s2 : !s
  %o1 = contract %p1, %v : !s, !k -> !o
  %o2 = contract %p2, %v : !s, !k -> !o
  %o = map (%x = %o1, %y = %o2, %g = %gate) : (!o, !o, !r) -> !q {
    %one = arith.constant 1.0 : f32
    %f = arith.subf %one, %g : f32
    %fs = vector.broadcast %f : f32 to vector<128xf32>
    %gs = vector.broadcast %g : f32 to vector<128xf32>
    %a = arith.mulf %x, %fs : vector<128xf32>
    %c = arith.mulf %y, %gs : vector<128xf32>
    %t = arith.addf %a, %c : vector<128xf32>
    %z = arith.truncf %t : vector<128xf32> to vector<128xbf16>
    yield %z : vector<128xbf16>
  }
  return %o : !q
}
