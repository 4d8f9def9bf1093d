// SPDX-License-Identifier: Apache-2.0
// Results that are numbers a row: no vector is carried, and a maximum that is a result is the origin.
// RUN: attn-opt %s -pass-pipeline="builtin.module(attn-inline-helpers,attn.kernel(attn-expand-sugar),attn-explain-sweeps)" -o /dev/null | FileCheck %s
!q = !attn.rows<vector<128xbf16>>
!k = !attn.cols<vector<128xbf16>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>

// CHECK: @rows: 1 sweep over the keys
// CHECK-NEXT: sweep 0: carries 1 frame, 1 scalar sum
// CHECK-NEXT:     m0 = max of q.k, exact
// CHECK-NEXT:     a0 = sum of exp(0.125 (q.k - m0))
// CHECK-NEXT: result lse = select(m0 != -inf, log(a0) + 0.125 m0, -inf)
// CHECK-NEXT: result top = 0.125 m0
attn.kernel @rows(%q: !q, %k: !k) -> (!r {attn.name = "lse"}, !r {attn.name = "top"}) {
  %s = dot %q, %k scale 0.125 : !q, !k
  %l = logsumexp %s : !s
  %t = reduce max %s over keys : !s
  return %l, %t : !r, !r
}
