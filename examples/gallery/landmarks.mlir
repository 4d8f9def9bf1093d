// SPDX-License-Identifier: Apache-2.0
// Landmark attention: a softmax over the tokens of each block of 32, times a softmax over the blocks, each of which is known by its
// mean key. Causal by blocks; in its own block a query sees what is before it.
// Rows: 80
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!kb = !attn.cols<vector<128xbf16>, k/32>
!s = !attn.matrix<f32>                 // one number a (query, key) pair
!b = !attn.matrix<f32, q, k/32>        // one number a query and block of keys
#causal = affine_set<(b, h, i, j) : (j <= i)>
#begun = affine_set<(b, h, i, j) : (32 * j <= i)>

attn.kernel @landmarks(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %top = reduce max %m over keys by 32 : !s
  %e = map (%x = %m, %y = %top) : (!s, !b) -> !s {
    %d = arith.subf %x, %y : f32
    %z = math.exp %d : f32
    yield %z : f32
  }
  %sum = reduce sum %e over keys by 32 : !s
  %mark = reduce mean %k over keys by 32 : !k
  %t = dot %q, %mark scale 0.0883883 : !q, !kb
  %n = where %t in #begun : !b
  %gate = softmax %n : !b
  %p = map (%x = %e, %l = %sum, %g = %gate) : (!s, !b, !b) -> !s {
    %y = arith.divf %x, %l : f32
    %z = arith.mulf %y, %g : f32
    yield %z : f32
  }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
