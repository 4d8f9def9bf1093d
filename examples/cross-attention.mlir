// SPDX-License-Identifier: Apache-2.0
// Queries of one sequence, keys and values of another. The query axis and the key axis are two
// axes, so their lengths have nothing to do with one another; k and v share theirs, which is
// checked at launch.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @cross_attention(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %p = softmax %s : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
