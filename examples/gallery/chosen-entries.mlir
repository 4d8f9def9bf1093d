// SPDX-License-Identifier: Apache-2.0
// Chosen entries of the map, without the map: the weight of a token on itself, on the one before it
// (a previous-token head) and on the first token.
// Rows: P7
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @chosen_entries(%q: !q, %k: !k)
    -> (!r {attn.name = "itself"}, !r {attn.name = "previous"}, !r {attn.name = "first"}) {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %p0 = where %p in affine_set<(b, h, i, j) : (i - j == 0)> : !s
  %p1 = where %p in affine_set<(b, h, i, j) : (i - j == 1)> : !s
  %p2 = where %p in affine_set<(b, h, i, j) : (j == 0)> : !s
  %itself = reduce sum %p0 over keys : !s
  %previous = reduce sum %p1 over keys : !s
  %first = reduce sum %p2 over keys : !s
  return %itself, %previous, %first : !r, !r, !r
}
