// SPDX-License-Identifier: Apache-2.0
// ALiBi: a penalty that grows with the distance of a key, by a slope of its own for each head. The
// slopes are a captured table, read by the head.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

func.func private @distance(%i: index, %j: index) -> f32 {      // j - i, as a float
  %d = arith.subi %j, %i : index
  %n = arith.index_cast %d : index to i64
  %f = arith.sitofp %n : i64 to f32
  return %f : f32
}

attn.kernel @alibi(%q: !q, %k: !k, %v: !k, %slope: tensor<?xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %a = map (%x = %s) at (%b, %h, %i, %j) : (!s) -> !s {
    %n = load %slope[%h] : tensor<?xf32>
    %d = func.call @distance(%i, %j) : (index, index) -> f32
    %y = math.fma %n, %d, %x : f32
    yield %y : f32
  }
  %m = where %a in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
