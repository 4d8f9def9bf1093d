// SPDX-License-Identifier: Apache-2.0
// How much of a row's weight lies on two kinds of keys, say on the system prompt and on the image:
// a number a query for each, beside the result.
// Rows: P4
// Run: kind={batch}x1x{keys}:0..2
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>
!ci = !attn.cols<i32>                  // the kind of a key

attn.kernel @group_mass(%q: !q, %k: !k, %v: !k, %kind: !ci)
    -> (!q, !r {attn.name = "prompt"}, !r {attn.name = "image"}) {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  %first = where (%w = %p, %t = %kind) : (!s, !ci) {
    %c1 = arith.constant 1 : i32
    %y = arith.cmpi eq, %t, %c1 : i32
    yield %y : i1
  }
  %prompt = reduce sum %first over keys : !s
  %second = where (%w = %p, %t = %kind) : (!s, !ci) {
    %c2 = arith.constant 2 : i32
    %y = arith.cmpi eq, %t, %c2 : i32
    yield %y : i1
  }
  %image = reduce sum %second over keys : !s
  return %o, %prompt, %image : !q, !r, !r
}
