// SPDX-License-Identifier: Apache-2.0
// The running maximum that a user writes cancels: what is carried is one origin, one sum, one vector,
// and the logarithm of the sum reads the same registers.
// RUN: attn-opt %s -pass-pipeline="builtin.module(attn-inline-helpers,attn.kernel(attn-expand-sugar),attn-explain-sweeps)" -o /dev/null | FileCheck %s
!q = !attn.rows<vector<128xbf16>>
!k = !attn.cols<vector<128xbf16>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>
#causal = affine_set<(b, h, i, j) : (j <= i)>

// CHECK: @causal: 1 sweep over the keys
// CHECK-NEXT: sweep 0: carries 1 frame, 1 scalar sum, 1 vector sum
// CHECK-NEXT:     m0 = max of q.k where i - j >= 0
// CHECK-NEXT:     a0 = sum of exp(0.125 (q.k - m0))
// CHECK-NEXT:     a1 = sum of exp(0.125 (q.k - m0)) * v[j]
// CHECK-NEXT: result out0 = select(m0 != -inf, 1 / a0, 0) * a1
// CHECK-NEXT: result lse = select(m0 != -inf, log(a0) + 0.125 m0, -inf)
// CHECK-NOT: another sweep
attn.kernel @causal(%q: !q, %k: !k, %v: !k) -> (!q, !r {attn.name = "lse"}) {
  %s = dot %q, %k scale 0.125 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  %l = logsumexp %m : !s
  return %o, %l : !q, !r
}
