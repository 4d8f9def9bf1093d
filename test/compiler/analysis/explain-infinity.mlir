// SPDX-License-Identifier: Apache-2.0
// An infinite number among the summands of a score is one of its atoms: dividing by it says nothing of the frame's rate.
// RUN: attn-opt %s -pass-pipeline="builtin.module(attn-inline-helpers,attn.kernel(attn-expand-sugar),attn-explain-sweeps)" -o /dev/null | FileCheck %s
// RUN: attn-run %s --device=host --random --heads=2 --tokens=20 --check | FileCheck %s --check-prefix=RESULT
!q = !attn.rows<vector<32xf32>>
!k = !attn.cols<vector<32xf32>>
!s = !attn.matrix<f32>

// CHECK: @hidden_by_infinity: 1 sweep over the keys
// CHECK:     a0 = sum of exp(cos(q.k) + -inf - m0)
// CHECK:     a1 = sum of exp(cos(q.k) + -inf - m0) * v[j]
// CHECK-NOT: nan
// RESULT: passes
attn.kernel @hidden_by_infinity(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k : !q, !k
  %a = map (%x = %s) : (!s) -> !s {
    %below = arith.constant 0xFF800000 : f32
    %c = math.cos %x : f32
    %y = arith.addf %c, %below : f32
    yield %y : f32
  }
  %p = softmax %a : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
