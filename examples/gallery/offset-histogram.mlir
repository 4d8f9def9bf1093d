// SPDX-License-Identifier: Apache-2.0
// How far a query looks: the weight at each distance up to any number of them, of all heads of a pair together, and the greatest.
// Rows: P7
// Run: reach=40
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!d = !attn.matrix<f32, q, distance>    // one number a query and distance
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @offset_histogram(%q: !q, %k: !k, %reach: index) -> (!d, !attn.rows<f32>) {
  axis distance size %reach
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %w = reduce sum %p over keys into distance at (%b, %h, %i, %j) : !s {
    %d = arith.subi %i, %j : index
    yield %d : index
  }
  %pairs = reduce mean %w over heads by 2 : !d
  %far = map (%x = %w) at (%b, %h, %i, %c) : (!d) -> !d {
    %n = arith.index_cast %c : index to i64
    %f = arith.sitofp %n : i64 to f32
    %y = arith.mulf %x, %f : f32
    yield %y : f32
  }
  %mean = reduce sum %far over keys : !d
  return %pairs, %mean : !d, !attn.rows<f32>
}
