// SPDX-License-Identifier: Apache-2.0
// Only the n greatest weights of a softmax are kept, as they are: what the others had is lost. The sums that weights are divided by are
// stored, so that the search and the comparison see the same weights.
// Rows: own
// Run: n=9
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!m = !attn.matrix<i1>
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @kept_weights(%q: !q, %k: !k, %v: !k, %n: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %r = where %s in #causal : !s
  %w = softmax %r : !s
  %best = select %w top %n : !s
  %c = where (%x = %w, %y = %best) : (!s, !m) { yield %y : i1 }
  %o = contract %c, %v : !s, !k -> !q
  return %o : !q
}
