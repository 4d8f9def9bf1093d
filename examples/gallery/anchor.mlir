// SPDX-License-Identifier: Apache-2.0
// AnchorAttention: a row's anchor is its best score among the first keys and the nearest ones; of
// the others it keeps those at most theta below. The first sweep finds the anchor, the second one
// attends.
// Rows: 65
// Run: theta=1.5 first=8 w=12
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>

func.func private @anchored(%i: index, %j: index, %first: index, %w: index) -> i1 {
  %a = arith.cmpi slt, %j, %first : index
  %d = attn.holds affine_set<(i, j)[w] : (i - j <= w)>(%i, %j)[%w]
  %y = arith.ori %a, %d : i1
  return %y : i1
}

attn.kernel @anchor(%q: !q, %k: !k, %v: !k, %theta: f32, %first: index, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %e = where (%x = %c) at (%b, %h, %i, %j) : (!s) {
    %y = func.call @anchored(%i, %j, %first, %w) : (index, index, index, index) -> i1
    yield %y : i1
  }
  %anchor = reduce max %e over keys : !s
  %m = where (%x = %c, %top = %anchor) at (%b, %h, %i, %j) : (!s, !r) {
    %d = arith.subf %top, %x : f32
    %stripe = arith.cmpf ole, %d, %theta : f32
    %near = func.call @anchored(%i, %j, %first, %w) : (index, index, index, index) -> i1
    %y = arith.ori %stripe, %near : i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
