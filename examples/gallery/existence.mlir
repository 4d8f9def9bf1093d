// SPDX-License-Identifier: Apache-2.0
// Zonkey's probabilistic attention: a key exists with probability p_j, and its weight is p_j e^s
// over the sum of these: s + log p_j.
// Rows: 40
// Run: probability={batch}x1x{keys}:0.01..1.0
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!c = !attn.cols<f32>                   // one number a key
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @existence(%q: !q, %k: !k, %v: !k, %probability: !c) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = map (%x = %c, %y = %probability) : (!s, !c) -> !s {
    %l = math.log %y : f32
    %z = arith.addf %x, %l : f32
    yield %z : f32
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
