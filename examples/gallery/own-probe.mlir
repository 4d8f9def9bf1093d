// SPDX-License-Identifier: Apache-2.0
// A probe of your own: how wide a row looks, the variance of the distance i - j under its weights.
// Two expectations and what they give together, beside the result; no map is stored.
// Rows: own
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

attn.kernel @own_probe(%q: !q, %k: !k, %v: !k) -> (!q, !r {attn.name = "variance"}) {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  %t1 = map (%w = %p) at (%b, %h, %i, %j) : (!s) -> !s {
    %n = arith.subi %i, %j : index
    %d = func.call @real(%n) : (index) -> f32
    %y = arith.mulf %w, %d : f32
    yield %y : f32
  }
  %mean = reduce sum %t1 over keys : !s
  %t2 = map (%w = %p) at (%b, %h, %i, %j) : (!s) -> !s {
    %n = arith.subi %i, %j : index
    %d = func.call @real(%n) : (index) -> f32
    %square = arith.mulf %d, %d : f32
    %y = arith.mulf %w, %square : f32
    yield %y : f32
  }
  %squares = reduce sum %t2 over keys : !s
  %variance = map (%x = %squares, %y = %mean) : (!r, !r) -> !r {
    %z = arith.mulf %y, %y : f32
    %d = arith.subf %x, %z : f32
    yield %d : f32
  }
  return %o, %variance : !q, !r
}
