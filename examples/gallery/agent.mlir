// SPDX-License-Identifier: Apache-2.0
// Agent attention: softmax(Q A') (softmax(A K') V): a few agents attend to all keys, queries attend to the agents. What the agents
// bring is stored and is the second kernel's values. The agents are passed twice, once as queries and once as keys.
// Rows: 89
// Run: ask={batch}x{heads}x20x128 agent={batch}x{heads}x20x128
!q = !attn.rows<vector<128xbf16>>          // one vector a query
!k = !attn.cols<vector<128xbf16>>          // one vector a key
!ar = !attn.rows<vector<128xbf16>, a>      // one vector an agent, as query
!ac = !attn.cols<vector<128xbf16>, a>      // the same, as key

attn.kernel @agent(%q: !q, %ask: !ar, %agent: !ac, %k: !k, %v: !k) -> !q {
  %s1 = dot %ask, %k scale 0.0883883 : !ar, !k
  %p1 = softmax %s1 : !attn.matrix<f32, a, k>
  %u = contract %p1, %v : !attn.matrix<f32, a, k>, !k -> !ar
  %brought = transpose %u : !ar
  %s2 = dot %q, %agent scale 0.0883883 : !q, !ac
  %p2 = softmax %s2 : !attn.matrix<f32, q, a>
  %o = contract %p2, %brought : !attn.matrix<f32, q, a>, !ac -> !q
  return %o : !q
}
