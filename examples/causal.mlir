// SPDX-License-Identifier: Apache-2.0
// A query sees itself and what came before. The compiler reads the loop bound off the set: tiles
// right of the diagonal are never visited, tiles left of it are never masked. The second result is
// what a backward pass, or a merge with other keys, needs.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @causal(%q: !q, %k: !k, %v: !k) -> (!q, !attn.rows<f32> {attn.name = "lse"}) {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  %l = logsumexp %m : !s
  return %o, %l : !q, !attn.rows<f32>
}
