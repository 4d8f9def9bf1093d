// SPDX-License-Identifier: Apache-2.0
// Values of another size than queries and keys: scores are products of 128 numbers, results have
// 64.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!v = !attn.cols<vector<64xbf16>>       // one shorter vector a key
!o = !attn.rows<vector<64xbf16>>
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @value_size(%q: !q, %k: !k, %v: !v) -> !o {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %p = softmax %s : !s
  %o = contract %p, %v : !s, !v -> !o
  return %o : !o
}
