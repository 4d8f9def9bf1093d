// SPDX-License-Identifier: Apache-2.0
// Adaptive long-context heads: a query whose far keys matter (an estimate of their log-sum-exp, a
// number a query) sees all of the past, the others a window.
// Rows: 73
// Run: theta=0.5 w=12
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @row_window(%q: !q, %k: !k, %v: !k, %far: !r, %theta: f32, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = where (%x = %c, %y = %far) at (%b, %h, %i, %j) : (!s, !r) {
    %full = arith.cmpf oge, %y, %theta : f32
    %near = holds affine_set<(i, j)[w] : (i - j <= w)>(%i, %j)[%w]
    %z = arith.ori %full, %near : i1
    yield %z : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
