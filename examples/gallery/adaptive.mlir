// SPDX-License-Identifier: Apache-2.0
// Adaptive long-context heads: a query sees all of the past where a Gaussian estimate of the log-sum-exp of far
// scores, q mu + |L q|^2 / 2 with the mean mu of far keys and a root L of their covariance, is above a threshold,
// and else a window. The rows of L and mu are keys of their own.
// Rows: 73
// Run: mean=1x{kv-heads}x1x128 root=1x{kv-heads}x16x128 theta=700.0 w=12
!q = !attn.rows<vector<128xbf16>>              // one vector a query
!k = !attn.cols<vector<128xbf16>>              // one vector a key
!s = !attn.matrix<f32>                         // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                           // one number a query
!d = !attn.matrix<f32, q, dim>                 // one a query and row of L
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @adaptive(%q: !q, %k: !k, %v: !k, %mean: !attn.cols<vector<128xbf16>, one>,
                      %root: !attn.cols<vector<128xbf16>, dim>, %theta: f32, %w: index) -> !q {
  %mu = dot %q, %mean : !q, !attn.cols<vector<128xbf16>, one>
  %first = reduce sum %mu over keys : !attn.matrix<f32, q, one>
  %l = dot %q, %root : !q, !attn.cols<vector<128xbf16>, dim>
  %square = map (%x = %l) : (!d) -> !d {
    %half = arith.constant 0.5 : f32
    %y = arith.mulf %x, %x : f32
    %z = arith.mulf %y, %half : f32
    yield %z : f32
  }
  %second = reduce sum %square over keys : !d
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = where (%x = %c, %y = %first, %z = %second) at (%b, %h, %i, %j) : (!s, !r, !r) {
    %far = arith.addf %y, %z : f32
    %full = arith.cmpf oge, %far, %theta : f32
    %near = holds affine_set<(i, j)[w] : (i - j <= w)>(%i, %j)[%w]
    %u = arith.ori %full, %near : i1
    yield %u : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
