// SPDX-License-Identifier: Apache-2.0
// MoBA: a query attends to its own block of 16 keys and to the n past blocks whose mean key fits it best. The
// means are pooled from the keys; a block's tokens read what is known of their block.
// Rows: 61
// Run: n=2 q={batch}x{heads}x{queries}x128:-2..2 k={batch}x{kv-heads}x{keys}x128:-2..2
!q = !attn.rows<vector<128xbf16>>              // one vector a query
!k = !attn.cols<vector<128xbf16>>              // one vector a key
!kb = !attn.cols<vector<128xbf16>, k/16>       // one vector a block of keys
!s = !attn.matrix<f32>                         // one number a (query, key) pair, never stored
!sb = !attn.matrix<f32, q, k/16>
!mb = !attn.matrix<i1, q, k/16>
#past = affine_set<(b, h, i, j) : (j + 1 <= i floordiv 16)>

attn.kernel @moba(%q: !q, %k: !k, %v: !k, %n: index) -> !q {
  %kb = reduce mean %k over keys by 16 : !k
  %g0 = dot %q, %kb : !q, !kb
  %g = where %g0 in #past : !sb
  %best = select %g top %n : !sb
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s, %t = %best) at (%b, %h, %i, %j) : (!s, !mb) {
    %own = holds affine_set<(i, j) : (j <= i, i floordiv 16 == j floordiv 16)>(%i, %j)
    %y = arith.ori %own, %t : i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
