// SPDX-License-Identifier: Apache-2.0
// Neighborhood attention with a bias of the offset: the w nearest keys, moved inside the sequence
// at its ends, and s + bias[h, j - i]. What is added and what is visible are separate ops, in any
// order.
// Rows: 3
// Run: --kv-tokens={queries} w=9 bias={heads}x17
// Spills: sm_90a 52 of biases that have been asked for
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @neighborhood_bias(%q: !q, %k: !k, %v: !k, %bias: tensor<?x?xf32>, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %n = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %zero = arith.constant 0 : index
    %two = arith.constant 2 : index
    %size = size k of %b
    %half = arith.floordivsi %w, %two : index
    %left = arith.subi %i, %half : index
    %room = arith.subi %size, %w : index
    %inside = arith.minsi %left, %room : index
    %from = arith.maxsi %inside, %zero : index
    %y = holds affine_set<(j, from)[w] : (j >= from, j - from <= w - 1)>(%j, %from)[%w]
    yield %y : i1
  }
  %m = map (%x = %n) at (%b, %h, %i, %j) : (!s) -> !s {
    %place = affine.apply affine_map<(i, j)[w] -> (j - i + w - 1)>(%i, %j)[%w]
    %g = load %bias[%h, %place] : tensor<?x?xf32>
    %y = arith.addf %x, %g : f32
    yield %y : f32
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
