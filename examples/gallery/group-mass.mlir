// SPDX-License-Identifier: Apache-2.0
// How much of a row's weight lies on two kinds of keys, say on the system prompt (1) and on the image (2): a number a query for each,
// beside the result. And the other way round: how much weight a key gets from all queries of the image.
// Rows: P4
// Run: kind={batch}x1x{keys}:0..2 asking={batch}x1x{queries}:0..2
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
!c = !attn.cols<f32>                   // one number a key
#causal = affine_set<(b, h, i, j) : (j <= i)>
!ri = !attn.rows<i32>                  // the kind of a query
!ci = !attn.cols<i32>                  // the kind of a key

attn.kernel @group_mass(%q: !q, %k: !k, %v: !k, %kind: !ci, %asking: !ri)
    -> (!q, !r {attn.name = "prompt"}, !r {attn.name = "image"}, !c {attn.name = "from_image"}) {
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
  %asked = where (%w = %p, %t = %asking) : (!s, !ri) {
    %c2 = arith.constant 2 : i32
    %y = arith.cmpi eq, %t, %c2 : i32
    yield %y : i1
  }
  %from_image = reduce sum %asked over queries : !s
  return %o, %prompt, %image, %from_image : !q, !r, !r, !c
}
