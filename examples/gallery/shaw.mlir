// SPDX-License-Identifier: Apache-2.0
// Shaw's relative positions: s = q_i . (k_j + a_c) and o = sum of p (v_j + b_c), with c = clip(j - i, -8, 8) + 8. Products of
// queries with the 17 relative keys are stored, and each pair takes its own; the weights of the pairs of each offset are summed, and
// weigh the relative values.
// Rows: 8
// Run: a=1x{heads}x17x128 b=1x{heads}x17x128
!q = !attn.rows<vector<128xbf16>>            // one vector a query
!k = !attn.cols<vector<128xbf16>>            // one vector a key
!r = !attn.cols<vector<128xbf16>, rel>       // one vector an offset
!s = !attn.matrix<f32>                       // one number a (query, key) pair, never stored
!z = !attn.matrix<f32, q, rel>               // one number a (query, offset) pair
!o = !attn.rows<vector<128xf32>>             // a result before it is rounded

func.func private @clip(%i: index, %j: index) -> index {
  %least = arith.constant 0 : index
  %most = arith.constant 16 : index
  %eight = arith.constant 8 : index
  %d = arith.subi %j, %i : index
  %e = arith.addi %d, %eight : index
  %c = arith.maxsi %e, %least : index
  %y = arith.minsi %c, %most : index
  return %y : index
}

attn.kernel @shaw(%q: !q, %k: !k, %v: !k, %a: !r, %b: !r) -> !q {
  %offsets = arith.constant 17 : index
  axis rel size %offsets
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %z = dot %q, %a scale 0.0883883 : !q, !r
  %g = take %z at (%b0, %h, %i, %j) : !z -> !s {
    %y = func.call @clip(%i, %j) : (index, index) -> index
    yield %y : index
  }
  %m = map (%x = %s, %y = %g) : (!s, !s) -> !s {
    %t = arith.addf %x, %y : f32
    yield %t : f32
  }
  %p = softmax %m : !s
  %w = reduce sum %p over keys into rel at (%b0, %h, %i, %j) : !s {
    %y = func.call @clip(%i, %j) : (index, index) -> index
    yield %y : index
  }
  %o1 = contract %p, %v : !s, !k -> !o
  %o2 = contract %w, %b : !z, !r -> !o
  %o = map (%x = %o1, %y = %o2) : (!o, !o) -> !q {
    %t = arith.addf %x, %y : vector<128xf32>
    %u = arith.truncf %t : vector<128xf32> to vector<128xbf16>
    yield %u : vector<128xbf16>
  }
  return %o : !q
}
