// SPDX-License-Identifier: Apache-2.0
// ReLA: ReLU weights, which nothing divides, and a norm of the result row in place of the denominator: RMS with a gain.
// The row is stored, its sum of squares is taken by a second kernel, the quotient by a third.
// Rows: 18
// Run: gain=128
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!o = !attn.rows<vector<128xf32>>       // a result before it is rounded
!f = vector<128xf32>
#causal = affine_set<(b, h, i, j) : (j <= i)>

func.func private @rms(%x: !f, %gain: tensor<128xf32>) -> vector<128xbf16> {
  %g = attn.load %gain[] : tensor<128xf32>
  %square = arith.mulf %x, %x : !f
  %sum = vector.reduction <add>, %square : !f into f32
  %c = arith.constant 0.0078125 : f32
  %epsilon = arith.constant 1.0e-6 : f32
  %mean = math.fma %sum, %c, %epsilon : f32
  %r = math.rsqrt %mean : f32
  %all = vector.broadcast %r : f32 to !f
  %normed = arith.mulf %x, %all : !f
  %z = arith.mulf %normed, %g : !f
  %y = arith.truncf %z : !f to vector<128xbf16>
  return %y : vector<128xbf16>
}

attn.kernel @rela(%q: !q, %k: !k, %v: !k, %gain: tensor<128xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = map (%x = %m) : (!s) -> !s {
    %zero = arith.constant 0.0 : f32
    %y = arith.maximumf %x, %zero : f32
    yield %y : f32
  }
  %a = contract %p, %v : !s, !k -> !o
  %o = map (%x = %a) : (!o) -> !q {
    %y = func.call @rms(%x, %gain) : (!f, tensor<128xf32>) -> vector<128xbf16>
    yield %y : vector<128xbf16>
  }
  return %o : !q
}
