// SPDX-License-Identifier: Apache-2.0
// Flux Attention: a router has chosen for each sequence (here captured) between all of the past and
// a sink and a window.
// Rows: 72
// Run: full={batch} sinks=4 w=20
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @flux(%q: !q, %k: !k, %v: !k, %full: tensor<?xi1>, %sinks: index, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = where (%x = %c) at (%b, %h, %i, %j) : (!s) {
    %all = load %full[%b] : tensor<?xi1>
    %sink = arith.cmpi slt, %j, %sinks : index
    %near = holds affine_set<(i, j)[w] : (i - j <= w)>(%i, %j)[%w]
    %few = arith.ori %sink, %near : i1
    %y = arith.ori %all, %few : i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
