// SPDX-License-Identifier: Apache-2.0
// Soft-capped scores, cap * tanh(s / cap), under a causal mask. Visibility is separate from value,
// so the cap cannot bring a hidden pair back. `afn` allows an approximate tanh, which GPUs have an
// instruction for: off by 2^-11 of the cap at most, less than scores of 16 bits are.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @softcap(%q: !q, %k: !k, %v: !k, %cap: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %c = map (%x = %m) : (!s) -> !s {
    %u = arith.divf %x, %cap : f32
    %t = math.tanh %u fastmath<afn> : f32
    %y = arith.mulf %t, %cap : f32
    yield %y : f32
  }
  %p = softmax %c : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
