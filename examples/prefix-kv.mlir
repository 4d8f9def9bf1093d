// SPDX-License-Identifier: Apache-2.0
// Keys and values before those of the context, in the same softmax: a learned prefix, sinks, prototypes or a
// memory. They have an axis, heads, a batch (one, shared by all) and a mask of their own; here all see them.
!q = !attn.rows<vector<128xbf16>>              // one vector a query
!k = !attn.cols<vector<128xbf16>>              // one vector a key
!m = !attn.cols<vector<128xbf16>, mem>         // one vector a key of the prefix
!s = !attn.matrix<f32>                         // one number a (query, key) pair, never stored
!a = !attn.matrix<f32, q, mem+k>               // the same over both
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @prefix_kv(%q: !q, %km: !m, %vm: !m, %k: !k, %v: !k) -> (!q, !attn.rows<f32> {attn.name = "lse"}) {
  %s0 = dot %q, %km scale 0.0883883 : !q, !m
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %x = concat %s0, %c : !attn.matrix<f32, q, mem>, !s
  %p = softmax %x : !a
  %w = concat %vm, %v : !m, !k
  %o = contract %p, %w : !a, !attn.cols<vector<128xbf16>, mem+k> -> !q
  %l = logsumexp %x : !a
  return %o, %l : !q, !attn.rows<f32>
}
