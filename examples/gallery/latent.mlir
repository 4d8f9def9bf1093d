// SPDX-License-Identifier: Apache-2.0
// Multi-head latent attention, absorbed, with the latent of 512 numbers that DeepSeek's models have: key and
// value are one operand, one head of keys for all queries. A row's result of 512 is more than a GPU's registers
// carry: there each half is a kernel.
// Rows: 50
// Run: --kv-heads=1
!q = !attn.rows<vector<512xbf16>>      // one latent a query
!k = !attn.cols<vector<512xbf16>>      // one latent a key
!qh = !attn.rows<vector<64xbf16>>      // the part with positions
!kh = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @latent(%qc: !q, %qr: !qh, %c: !k, %kr: !kh) -> !q {
  %s0 = dot %qc, %c scale 0.0721688 : !q, !k
  %s1 = dot %qr, %kr scale 0.0721688 : !qh, !kh
  %s = map (%x = %s0, %y = %s1) : (!s, !s) -> !s { %z = arith.addf %x, %y : f32   yield %z : f32 }
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %c : !s, !k -> !q
  return %o : !q
}
