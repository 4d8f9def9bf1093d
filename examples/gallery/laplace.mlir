// SPDX-License-Identifier: Apache-2.0
// Mega's attention: Laplace weights (1 + erf((s - mu) / (sigma sqrt 2))) / 2, mu = sqrt(1/2), sigma
// = sqrt(1 / 4 pi), of scores with a bias of the offset. No row sum at all.
// Rows: 116
// Run: bias={queries}
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @laplace(%q: !q, %k: !k, %v: !k, %bias: tensor<?xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %p = map (%x = %c) at (%b, %h, %i, %j) : (!s) -> !s {
    %d = arith.subi %i, %j : index
    %t = load %bias[%d] : tensor<?xf32>
    %y = arith.addf %x, %t : f32
    %mu = arith.constant 0.70710678 : f32
    %f = arith.constant 2.5066283 : f32         // 1 / (sigma sqrt 2)
    %half = arith.constant 0.5 : f32
    %e = arith.subf %y, %mu : f32
    %g = arith.mulf %e, %f : f32
    %u = math.erf %g : f32
    %z = math.fma %u, %half, %half : f32
    yield %z : f32
  }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
