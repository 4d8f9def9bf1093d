// SPDX-License-Identifier: Apache-2.0
// Local attention on both sides, as encoders have it (Longformer): a query sees `left` keys before
// it, itself, and `right` keys after it.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#window = affine_set<(b, h, i, j)[left, right] : (i - j <= left, j - i <= right)>

attn.kernel @two_sided_window(%q: !q, %k: !k, %v: !k, %left: index, %right: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #window[%left, %right] : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
