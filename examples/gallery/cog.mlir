// SPDX-License-Identifier: Apache-2.0
// Cog Attention: weights with the sign of their score, sign(s) e^(|s| - m) / sum of e^(|s| - m).
// The maximum is that of |s|. The sign is a factor, so that numerator and denominator are one
// sweep.
// Rows: 19
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @cog(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %a = map (%x = %m) : (!s) -> !s { %y = math.absf %x : f32   yield %y : f32 }
  %u = softmax %a : !s
  %p = map (%x = %m, %w = %u) : (!s, !s) -> !s {
    %one = arith.constant 1.0 : f32
    %sign = math.copysign %one, %x : f32
    %y = arith.mulf %w, %sign : f32
    yield %y : f32
  }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
