// SPDX-License-Identifier: Apache-2.0
// A query sees itself and the w keys before it. The width is an operand: one kernel serves every
// width, and its time grows with w, not with the length.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#window = affine_set<(b, h, i, j)[w] : (j <= i, i - j <= w)>

attn.kernel @sliding_window(%q: !q, %k: !k, %v: !k, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #window[%w] : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
