// SPDX-License-Identifier: Apache-2.0
// Loki: a few components of queries and keys, in a basis that is made once, rank the keys; each query then
// attends to its n best of them, exactly. Of equal ranks the earlier key wins.
// Rows: 67
// Run: n=9 qr={batch}x{heads}x{queries}x32:-2..2 kr={batch}x{kv-heads}x{keys}x32:-2..2
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!qr = !attn.rows<vector<32xbf16>>      // its components that rank
!kr = !attn.cols<vector<32xbf16>>
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!m = !attn.matrix<i1>
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @loki(%q: !q, %k: !k, %v: !k, %qr: !qr, %kr: !kr, %n: index) -> !q {
  %d = dot %qr, %kr : !qr, !kr
  %rank = where %d in #causal : !s
  %best = select %rank top %n : !s
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where (%x = %s, %y = %best) : (!s, !m) { yield %y : i1 }
  %p = softmax %c : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
