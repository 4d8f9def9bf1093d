// SPDX-License-Identifier: Apache-2.0
// SPARSEK: a number u of each key; a query's soft choice of n keys is clip(u - t, 0, 1), with the threshold t at
// which the choices sum to n. Softmax over the keys that are chosen at all, weights times their choice.
// Rows: 63
// Run: n=6.0 u={batch}x{kv-heads}x{keys}:-1.5..1.5
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!c = !attn.cols<f32>                   // one number a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>

func.func private @choice(%u: f32, %t: f32) -> f32 {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %d = arith.subf %u, %t : f32
  %e = arith.maximumf %d, %zero : f32
  %y = arith.minimumf %e, %one : f32
  return %y : f32
}

attn.kernel @sparsek(%q: !q, %k: !k, %v: !k, %u: !c, %n: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %u0 = map (%x = %u) : (!c) -> !s { yield %x : f32 }
  %um = where %u0 in #causal : !s
  %least = reduce min %um over keys : !s
  %hi = reduce max %um over keys : !s
  %lo = map (%x = %least) : (!r) -> !r {
    %one = arith.constant 1.0 : f32
    %y = arith.subf %x, %one : f32
    yield %y : f32
  }
  %t = solve %t from %lo to %hi total %n with (%x = %um) : (!s) {
    %y = func.call @choice(%x, %t) : (f32, f32) -> f32
    yield %y : f32
  }
  %g = map (%x = %um, %y = %t) : (!s, !r) -> !s {
    %z = func.call @choice(%x, %y) : (f32, f32) -> f32
    yield %z : f32
  }
  %a = where (%x = %s, %y = %g) : (!s, !s) {
    %zero = arith.constant 0.0 : f32
    %z = arith.cmpf ogt, %y, %zero : f32
    yield %z : i1
  }
  %p0 = softmax %a : !s
  %p = map (%x = %p0, %y = %g) : (!s, !s) -> !s { %z = arith.mulf %x, %y : f32   yield %z : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
