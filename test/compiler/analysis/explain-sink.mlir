// SPDX-License-Identifier: Apache-2.0
// A sink is one more summand of another scale: both are brought to the larger one, whether the
// program is written with a maximum (softmax) or without (exponentials over a sum).
// RUN: attn-opt %s -pass-pipeline="builtin.module(attn-inline-helpers,attn.kernel(attn-expand-sugar),attn-explain-sweeps)" -o /dev/null | FileCheck %s
!q = !attn.rows<vector<128xbf16>>
!k = !attn.cols<vector<128xbf16>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>

// CHECK: @sugar: 1 sweep over the keys
// CHECK-NEXT: sweep 0: carries 1 frame, 1 scalar sum, 1 vector sum
// CHECK-NEXT:     m0 = max of q.k
// CHECK-NEXT:     a0 = sum of exp(0.125 (q.k - m0))
// CHECK-NEXT:     a1 = sum of exp(0.125 (q.k - m0)) * v[j]
// CHECK-NEXT: result out = select(m0 != -inf, exp(0.125 m0 - max(z[i], 0.125 m0)) / (exp(z[i] - max(z[i], 0.125 m0)) + a0 * exp(0.125 m0 - max(z[i], 0.125 m0))), 0) * a1
attn.kernel @sugar(%q: !q, %k: !k, %v: !k, %z: !r) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s sink %z : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// CHECK: @primitives: 1 sweep over the keys
// CHECK-NEXT: sweep 0: carries 1 frame, 1 scalar sum, 1 vector sum
// CHECK-NEXT:     m0 = max of q.k
// CHECK-NEXT:     a0 = sum of exp(0.125 (q.k - m0))
// CHECK-NEXT:     a1 = sum of exp(0.125 (q.k - m0)) * v[j]
// CHECK-NEXT: result out = select(m0 != -inf, exp(0.125 m0 - max(z[i], 0.125 m0)) / (exp(z[i] - max(z[i], 0.125 m0)) + a0 * exp(0.125 m0 - max(z[i], 0.125 m0))), 0) * a1
attn.kernel @primitives(%q: !q, %k: !k, %v: !k, %z: !r) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k
  %e = map (%x = %s) : (!s) -> !s { %y = math.exp %x : f32   yield %y : f32 }
  %l = reduce sum %e over keys : !s
  %n = map (%x = %l, %y = %z) : (!r, !r) -> !r {
    %w = math.exp %y : f32   %t = arith.addf %x, %w : f32   yield %t : f32 }
  %p = map (%x = %e, %y = %n) : (!s, !r) -> !s { %w = arith.divf %x, %y : f32   yield %w : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
