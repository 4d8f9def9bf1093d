// SPDX-License-Identifier: Apache-2.0
// Shaw's relative keys: s = q_i.(k_j + a_c), c = clip(j - i, -16, 16) + 16. Products of queries with the 33 relative keys are stored, and
// each pair takes its own. Relative values are not here: their weights are sums over the pairs of an offset.
// Rows: 8
// Run: a=1x{heads}x33x128
!q = !attn.rows<vector<128xbf16>>            // one vector a query
!k = !attn.cols<vector<128xbf16>>            // one vector a key
!r = !attn.cols<vector<128xbf16>, rel>       // one vector an offset
!s = !attn.matrix<f32>                       // one number a (query, key) pair, never stored
!z = !attn.matrix<f32, q, rel>               // one number a (query, offset) pair

attn.kernel @shaw(%q: !q, %k: !k, %v: !k, %a: !r) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %z = dot %q, %a scale 0.0883883 : !q, !r
  %g = take %z at (%b, %h, %i, %j) : !z -> !s {
    %least = arith.constant 0 : index
    %most = arith.constant 32 : index
    %d = affine.apply affine_map<(i, j) -> (j - i + 16)>(%i, %j)
    %c = arith.maxsi %d, %least : index
    %y = arith.minsi %c, %most : index
    yield %y : index
  }
  %m = map (%x = %s, %y = %g) : (!s, !s) -> !s {
    %t = arith.addf %x, %y : f32
    yield %t : f32
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
