// SPDX-License-Identifier: Apache-2.0
// Label attention: a head is a label, and its one query is learned, the same for every sequence. A
// batch of one is read by all sequences.
// Rows: 15
// Run: --tokens=1 label=1x{heads}x1x128
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @label_attention(%label: !q, %k: !k, %v: !k) -> !q {
  %s = dot %label, %k scale 0.0883883 : !q, !k
  %p = softmax %s : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
