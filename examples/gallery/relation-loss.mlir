// SPDX-License-Identifier: Apache-2.0
// MiniLMv2's loss: the divergence of a student's map from a teacher's, sum of p log(p / p'), one
// number a row. Two maps of different head sizes in one sweep, none stored.
// Rows: 120 P11
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
!qh = !attn.rows<vector<64xbf16>>
!kh = !attn.cols<vector<64xbf16>>

attn.kernel @relation_loss(%qt: !q, %kt: !k, %qs: !qh, %ks: !kh) -> !r {
  %teacher = dot %qt, %kt scale 0.0883883 : !q, !k
  %student = dot %qs, %ks scale 0.125 : !qh, !kh
  %lt = logsumexp %teacher : !s
  %ls = logsumexp %student : !s
  %t = map (%x = %teacher, %u = %lt, %y = %student, %w = %ls) : (!s, !r, !s, !r) -> !s {
    %m = arith.subf %x, %u : f32
    %n = arith.subf %y, %w : f32
    %d = arith.subf %m, %n : f32
    %p = math.exp %m : f32
    %z = arith.mulf %p, %d : f32
    yield %z : f32
  }
  %loss = reduce sum %t over keys : !s
  return %loss : !r
}
