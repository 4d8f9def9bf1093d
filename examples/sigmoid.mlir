// SPDX-License-Identifier: Apache-2.0
// Sigmoid attention: each weight is a sigmoid of its score, rows are not normalised. Softmax has no
// privilege: what the compiler carries from tile to tile follows from the program, and here it is
// one sum.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @sigmoid(%q: !q, %k: !k, %v: !k, %bias: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %p = map (%x = %s) : (!s) -> !s {
    %one = arith.constant 1.0 : f32
    %y = arith.addf %x, %bias : f32
    %n = arith.negf %y : f32
    %e = math.exp %n : f32
    %d = arith.addf %one, %e : f32
    %w = arith.divf %one, %d : f32
    yield %w : f32
  }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
