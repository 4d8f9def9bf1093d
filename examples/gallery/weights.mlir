// SPDX-License-Identifier: Apache-2.0
// The weights themselves: a matrix in memory, 0 at hidden pairs. Rows' maxima and sums come first; then each pair by itself.
// Rows: own
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @weights(%q: !q, %k: !k) -> !s {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  return %p : !s
}
