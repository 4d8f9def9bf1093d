// SPDX-License-Identifier: Apache-2.0
// Skim-Attention's other use: the attention of the layout, cut at a threshold, is the mask of
// another one. The weights of one softmax hide pairs of a second; none of the two maps is stored.
// Rows: 13
// Run: threshold=0.01
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!ql = !attn.rows<vector<64xbf16>>      // embeddings of the layout
!kl = !attn.cols<vector<64xbf16>>

attn.kernel @skim(%layout_q: !ql, %layout_k: !kl, %q: !q, %k: !k, %v: !k, %threshold: f32) -> !q {
  %l = dot %layout_q, %layout_k scale 0.125 : !ql, !kl
  %a = softmax %l : !s
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s, %w = %a) : (!s, !s) {
    %y = arith.cmpf oge, %w, %threshold : f32
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
