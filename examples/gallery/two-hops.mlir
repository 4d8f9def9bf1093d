// SPDX-License-Identifier: Apache-2.0
// Two hops: from a query to the agents, from an agent to the keys, as one map, the product of two. The second is hidden by the product's
// causal mask; what is left is normed again.
// Rows: own
// Run: ask={batch}x{heads}x20x128 agent={batch}x{heads}x20x128
!q = !attn.rows<vector<128xbf16>>          // one vector a query
!k = !attn.cols<vector<128xbf16>>          // one vector a key
!ar = !attn.rows<vector<128xbf16>, a>      // one vector an agent, as query
!ac = !attn.cols<vector<128xbf16>, a>      // the same, as key
!s = !attn.matrix<f32>                     // one number a (query, key) pair
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @two_hops(%q: !q, %ask: !ar, %agent: !ac, %k: !k, %v: !k) -> !q {
  %s1 = dot %q, %agent scale 0.0883883 : !q, !ac
  %p1 = softmax %s1 : !attn.matrix<f32, q, a>
  %s2 = dot %ask, %k scale 0.0883883 : !ar, !k
  %p2 = softmax %s2 : !attn.matrix<f32, a, k>
  %p = contract %p1, %p2 : !attn.matrix<f32, q, a>, !attn.matrix<f32, a, k> -> !s
  %m = where %p in #causal : !s
  %l = reduce sum %m over keys : !s
  %w = map (%x = %m, %y = %l) : (!s, !attn.rows<f32>) -> !s { %z = arith.divf %x, %y : f32   yield %z : f32 }
  %o = contract %w, %v : !s, !k -> !q
  return %o : !q
}
