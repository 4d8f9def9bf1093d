// SPDX-License-Identifier: Apache-2.0
// Attention as it is usually written: every query sees every key. Nothing is said about batch,
// heads or lengths: they come with the tensors.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @dense(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %p = softmax %s : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
