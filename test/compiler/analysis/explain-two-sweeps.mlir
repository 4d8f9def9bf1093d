// SPDX-License-Identifier: Apache-2.0
// What does not separate waits, and says for what. The second sweep reads row values of the first.
// RUN: attn-opt %s -pass-pipeline="builtin.module(attn-inline-helpers,attn.kernel(attn-expand-sugar),attn-explain-sweeps)" -o /dev/null | FileCheck %s
!q = !attn.rows<vector<128xbf16>>
!k = !attn.cols<vector<128xbf16>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>

// CHECK: @above_mean: 2 sweeps over the keys
// CHECK-NEXT: sweep 0: carries 1 frame, 2 scalar sums
// CHECK: sweep 1: carries 1 scalar sum, 1 vector sum
// CHECK: another sweep for r4, {{.*}}: `max(exp(0.125 q.k - r0) / r1 - r2 / r3, 0)` cannot be taken apart while r0, the max over keys of 0.125 q.k, is unfinished
attn.kernel @above_mean(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !s
  %c = reduce mean %p over keys : !s
  %f = map (%x = %p, %y = %c) : (!s, !r) -> !s {
    %zero = arith.constant 0.0 : f32   %d = arith.subf %x, %y : f32
    %w = arith.maximumf %d, %zero : f32   yield %w : f32 }
  %l = reduce sum %f over keys : !s
  %g = map (%x = %f, %y = %l) : (!s, !r) -> !s { %w = arith.divf %x, %y : f32   yield %w : f32 }
  %o = contract %g, %v : !s, !k -> !q
  return %o : !q
}

// CHECK: @below_maximum: 2 sweeps over the keys
// CHECK-NEXT: sweep 0: carries 1 extremum
// CHECK-NEXT:     a0 = max of 0.125 q.k
// CHECK-NEXT:     then row0 = a0
// CHECK-NEXT: sweep 1: carries 1 vector sum
// CHECK-NEXT:     a1 = sum of tanh(0.125 q.k - row0) * v[j]
// CHECK-NEXT: result out = a1
// CHECK-NEXT: another sweep for r1, {{.*}} `tanh(0.125 q.k - r0)` cannot be taken apart
attn.kernel @below_maximum(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k
  %m = reduce max %s over keys : !s
  %t = map (%x = %s, %y = %m) : (!s, !r) -> !s {
    %d = arith.subf %x, %y : f32   %w = math.tanh %d : f32   yield %w : f32 }
  %o = contract %t, %v : !s, !k -> !q
  return %o : !q
}
