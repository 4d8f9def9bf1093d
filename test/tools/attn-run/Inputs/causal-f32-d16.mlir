// SPDX-License-Identifier: Apache-2.0
!q = !attn.rows<vector<16xf32>>
!k = !attn.cols<vector<16xf32>>
!s = !attn.matrix<f32>
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @causal(%q: !q, %k: !k, %v: !k) -> (!q, !attn.rows<f32> {attn.name = "lse"}) {
  %s = dot %q, %k scale 0.25 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  %l = logsumexp %m : !s
  return %o, %l : !q, !attn.rows<f32>
}
