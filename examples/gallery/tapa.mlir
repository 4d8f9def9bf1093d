// SPDX-License-Identifier: Apache-2.0
// TAPA, token-aware phase attention: s = (qa.ka) cos(2 pi |i - j|^0.1 (qp.kp)), each product over
// its own half of the head. Two products a pair, multiplied in registers.
// Rows: 12
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>
!qh = !attn.rows<vector<64xbf16>>      // half a head
!kh = !attn.cols<vector<64xbf16>>

func.func private @real(%n: index) -> f32 {
  %w = arith.index_cast %n : index to i64
  %y = arith.sitofp %w : i64 to f32
  return %y : f32
}

attn.kernel @tapa(%qa: !qh, %ka: !kh, %qp: !qh, %kp: !kh, %v: !k) -> !attn.rows<vector<128xbf16>> {
  %amplitude = dot %qa, %ka scale 0.125 : !qh, !kh
  %phase = dot %qp, %kp scale 0.125 : !qh, !kh
  %c = where %amplitude in #causal : !s
  %m = map (%x = %c, %y = %phase) at (%b, %h, %i, %j) : (!s, !s) -> !s {
    %d = arith.subi %i, %j : index
    %r = func.call @real(%d) : (index) -> f32
    %alpha = arith.constant 0.1 : f32
    %w = math.powf %r, %alpha : f32
    %tau = arith.constant 6.2831853 : f32
    %e = arith.mulf %w, %y : f32
    %angle = arith.mulf %e, %tau : f32
    %cos = math.cos %angle : f32
    %z = arith.mulf %x, %cos : f32
    yield %z : f32
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !attn.rows<vector<128xbf16>>
  return %o : !attn.rows<vector<128xbf16>>
}
