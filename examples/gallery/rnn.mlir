// SPDX-License-Identifier: Apache-2.0
// Softmax as an RNN, the normed form: the numerator sum of e^s v alone, and an L2 norm of the row in place of the
// denominator. The norm is the same whatever the row is multiplied by, so e^(s - m) is as good and does not overflow.
// Rows: 23
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
!o = !attn.rows<vector<128xf32>>       // a result before it is rounded
!f = vector<128xf32>
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @rnn(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = reduce max %c over keys : !s
  %p = map (%x = %c, %y = %m) : (!s, !r) -> !s {
    %d = arith.subf %x, %y : f32
    %e = math.exp %d : f32
    yield %e : f32
  }
  %a = contract %p, %v : !s, !k -> !o
  %o = map (%x = %a) : (!o) -> !q {
    %square = arith.mulf %x, %x : !f
    %sum = vector.reduction <add>, %square : !f into f32
    %tiny = arith.constant 1.0e-24 : f32       // a row without keys
    %some = arith.maximumf %sum, %tiny : f32
    %r = math.rsqrt %some : f32
    %all = vector.broadcast %r : f32 to !f
    %z = arith.mulf %x, %all : !f
    %y = arith.truncf %z : !f to vector<128xbf16>
    yield %y : vector<128xbf16>
  }
  return %o : !q
}
