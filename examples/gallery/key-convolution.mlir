// SPDX-License-Identifier: Apache-2.0
// Keys and values after a short causal convolution along their tokens, a weight a component, as several linear and hybrid models have it.
// Rows: own
// Run: weight=3x128:-1.0..1.0
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

func.func private @mix(%x: vector<3x128xbf16>, %weight: tensor<3x128xf32>) -> vector<128xbf16> {
  %f = arith.extf %x : vector<3x128xbf16> to vector<3x128xf32>
  %w = attn.load %weight[] : tensor<3x128xf32> -> vector<3x128xf32>
  %y = arith.mulf %f, %w : vector<3x128xf32>
  %a = vector.extract %y[0] : vector<128xf32> from vector<3x128xf32>
  %b = vector.extract %y[1] : vector<128xf32> from vector<3x128xf32>
  %c = vector.extract %y[2] : vector<128xf32> from vector<3x128xf32>
  %d = arith.addf %a, %b : vector<128xf32>
  %e = arith.addf %d, %c : vector<128xf32>
  %t = arith.truncf %e : vector<128xf32> to vector<128xbf16>
  return %t : vector<128xbf16>
}

attn.kernel @key_convolution(%q: !q, %k: !k, %v: !k, %weight: tensor<3x128xf32>) -> !q {
  %near = stencil %k keys [-2, 0] : !k
  %kc = map (%x = %near) : (!attn.cols<vector<3x128xbf16>>) -> !k {
    %y = func.call @mix(%x, %weight) : (vector<3x128xbf16>, tensor<3x128xf32>) -> vector<128xbf16>
    yield %y : vector<128xbf16>
  }
  %s = dot %q, %kc scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
