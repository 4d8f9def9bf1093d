// SPDX-License-Identifier: Apache-2.0
// Weights that nobody normalises have no frame: they are summed as they are written.
// RUN: attn-opt %s -pass-pipeline="builtin.module(attn-inline-helpers,attn.kernel(attn-expand-sugar),attn-explain-sweeps)" -o /dev/null | FileCheck %s
!q = !attn.rows<vector<128xbf16>>
!k = !attn.cols<vector<128xbf16>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>

// CHECK: @sigmoid: 1 sweep over the keys
// CHECK-NEXT: sweep 0: carries 1 vector sum
// CHECK-NEXT:     a0 = sum of 1 / (1 + exp(-(0.125 q.k + bias))) * v[j]
// CHECK-NEXT: result out = a0
attn.kernel @sigmoid(%q: !q, %k: !k, %v: !k, %bias: f32) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = map (%x = %s) : (!s) -> !s {
    %one = arith.constant 1.0 : f32   %y = arith.addf %x, %bias : f32   %n = arith.negf %y : f32
    %e = math.exp %n : f32   %d = arith.addf %one, %e : f32   %w = arith.divf %one, %d : f32
    yield %w : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
