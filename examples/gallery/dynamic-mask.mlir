// SPDX-License-Identifier: Apache-2.0
// Dynamic mask attention: a number of each key, made of its value outside, is added to its scores, and each
// query attends to the n of its visible keys whose numbers are greatest.
// Rows: 64
// Run: n=12 delta={batch}x{kv-heads}x{keys}:-3..3
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!c = !attn.cols<f32>                   // one number a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!m = !attn.matrix<i1>
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @dynamic_mask(%q: !q, %k: !k, %v: !k, %delta: !c, %n: index) -> !q {
  %g0 = map (%x = %delta) : (!c) -> !s { yield %x : f32 }
  %g = where %g0 in #causal : !s
  %best = select %g top %n : !s
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %a = map (%x = %s, %d = %delta) : (!s, !c) -> !s { %y = arith.addf %x, %d : f32   yield %y : f32 }
  %w = where (%x = %a, %y = %best) : (!s, !m) { yield %y : i1 }
  %p = softmax %w : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
