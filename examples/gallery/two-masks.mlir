// SPDX-License-Identifier: Apache-2.0
// What a head gives with all keys and without those of a kind (an image, a context): two results of
// one sweep, for measures of how much the head depends on them.
// Rows: P13
// Run: kind={batch}x1x{keys}:0..2
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>
!ci = !attn.cols<i32>                  // the kind of a key

attn.kernel @two_masks(%q: !q, %k: !k, %v: !k, %kind: !ci)
    -> (!q {attn.name = "with"}, !q {attn.name = "without"}) {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %all = where %s in #causal : !s
  %p1 = softmax %all : !s
  %with = contract %p1, %v : !s, !k -> !q
  %some = where (%x = %all, %t = %kind) : (!s, !ci) {
    %c1 = arith.constant 1 : i32
    %y = arith.cmpi ne, %t, %c1 : i32
    yield %y : i1
  }
  %p2 = softmax %some : !s
  %without = contract %p2, %v : !s, !k -> !q
  return %with, %without : !q, !q
}
