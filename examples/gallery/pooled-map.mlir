// SPDX-License-Identifier: Apache-2.0
// The map pooled by blocks: the mean weight of 32 keys, and of 32 queries. Blocks without a visible pair are hidden, and
// 0 in memory. The last blocks are short.
// Rows: P9
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair
!b = !attn.matrix<f32, q, k/32>        // one number a query and block of keys
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @pooled_map(%q: !q, %k: !k) -> !attn.matrix<f32, q/32, k/32> {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %c = reduce mean %p over keys by 32 : !s
  %g = reduce mean %c over queries by 32 : !b
  return %g : !attn.matrix<f32, q/32, k/32>
}
