// SPDX-License-Identifier: Apache-2.0
// LocoRE: the w tokens before the query weigh gamma times as much: s + log gamma where 0 < i - j <=
// w.
// Rows: 35
// Run: gamma=1.5 w=12
// Spills: sm_80 8 of one number, once a tile
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @locore(%q: !q, %k: !k, %v: !k, %gamma: f32, %w: index) -> !q {
  %l = math.log %gamma : f32
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = map (%x = %c) at (%b, %h, %i, %j) : (!s) -> !s {
    %near = holds affine_set<(i, j)[w] : (i - j >= 1, i - j <= w)>(%i, %j)[%w]
    %t = arith.addf %x, %l : f32
    %y = arith.select %near, %t, %x : f32
    yield %y : f32
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
