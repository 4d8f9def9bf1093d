// SPDX-License-Identifier: Apache-2.0
// How far a row looks back: the expectation of min(i - j, w) under its weights (WAAD, before its
// mean over heads).
// Rows: P5
// Run: w=40
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>

func.func private @real(%n: index) -> f32 {
  %w = arith.index_cast %n : index to i64
  %y = arith.sitofp %w : i64 to f32
  return %y : f32
}

attn.kernel @expected_distance(%q: !q, %k: !k, %w: index) -> !r {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %t = map (%x = %p) at (%b, %h, %i, %j) : (!s) -> !s {
    %n = arith.subi %i, %j : index
    %clipped = arith.minsi %n, %w : index
    %f = func.call @real(%clipped) : (index) -> f32
    %y = arith.mulf %x, %f : f32
    yield %y : f32
  }
  %d = reduce sum %t over keys : !s
  return %d : !r
}
