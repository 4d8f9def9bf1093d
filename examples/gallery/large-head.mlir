// SPDX-License-Identifier: Apache-2.0
// Heads of 256 numbers, whatever the number of heads: the fixed head size of the low-rank
// bottleneck, and the one large head of SHA-RNN.
// Rows: 51 56
// Run: --heads=2 --kv-heads=1
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>
!q = !attn.rows<vector<256xbf16>>
!k = !attn.cols<vector<256xbf16>>

attn.kernel @large_head(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0625 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
