// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --attn-to-primitives --attn-expand-scans | FileCheck %s

!q = !attn.rows<vector<32xbf16>>
!k = !attn.cols<vector<32xbf16>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>
!c = !attn.cols<f32>

// Sums of blocks; those of the token's own block up to it, and those of blocks before.
// CHECK-LABEL: attn.kernel @gates(
// CHECK: %[[BLOCKS:.*]] = reduce sum %gate over keys by 64
// CHECK: map (%x = %[[BLOCKS]]) {{.*}} -> !attn.matrix<f32, k/64, k/64>
// CHECK:   arith.cmpi slt, %j, %i
// CHECK: %[[BEFORE:.*]] = reduce sum %{{.*}} over keys
// CHECK: where {{.*}} at (%b, %h, %i, %j) : (!attn.matrix<f32, k, k>) {
// CHECK:   arith.cmpi sle, %j, %i
// CHECK:   arith.cmpi eq
// CHECK: %[[OWN:.*]] = reduce sum %{{.*}} over keys
// CHECK: %[[SUM:.*]] = map (%x = %[[BEFORE]], %{{.*}} = %[[OWN]])
// CHECK: transpose %[[SUM]]
attn.kernel @gates(%q: !q, %k: !k, %v: !k, %gate: !c) -> !q {
  %s = dot %q, %k : !q, !k
  %g = scan sum %gate over keys : !c
  %m = map (%x = %s, %y = %g) : (!s, !c) -> !s { %z = arith.subf %x, %y : f32   yield %z : f32 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// From the last token on, without the token: both orders are strict and turned.
// CHECK-LABEL: attn.kernel @after(
// CHECK: transpose %row
// CHECK: reduce max %{{.*}} over keys by 64
// CHECK: arith.cmpi slt, %i, %j
// CHECK: arith.cmpi slt, %i, %j
// CHECK: arith.maximumf
// CHECK-NOT: transpose
attn.kernel @after(%q: !q, %k: !k, %row: !r) -> !r {
  %s = dot %q, %k : !q, !k
  %g = scan max %row over queries reverse exclusive : !r
  %m = map (%x = %s, %y = %g) : (!s, !r) -> !s { %z = arith.mulf %x, %y : f32   yield %z : f32 }
  %o = reduce sum %m over keys : !s
  return %o : !r
}

// With a region, folds; in reverse the token's own block is the earlier one.
// CHECK-LABEL: attn.kernel @chain(
// CHECK: where {{.*}} : (!attn.matrix<f32, k/64, k>) {
// CHECK:   arith.cmpi eq
// CHECK: %[[BLOCKS:.*]]:2 = fold
// CHECK: transpose %[[BLOCKS]]#0
// CHECK: transpose %[[BLOCKS]]#1
// CHECK: %[[AFTER:.*]]:2 = fold
// CHECK: %[[OWN:.*]]:2 = fold
// CHECK: map (%x = %[[OWN]]#0, %{{.*}} = %[[OWN]]#1, %{{.*}} = %[[AFTER]]#0, %{{.*}} = %[[AFTER]]#1)
attn.kernel @chain(%q: !q, %k: !k, %v: !k, %slope: !c, %step: !c) -> !q {
  %one = arith.constant 1.0 : f32   %zero = arith.constant 0.0 : f32
  %s = dot %q, %k : !q, !k
  %a, %y = scan (%slope, %step) from (%one, %zero) with (%a1, %b1), (%a2, %b2) over keys reverse : (!c, !c) {
    %a3 = arith.mulf %a1, %a2 : f32   %t = arith.mulf %a1, %b2 : f32   %b3 = arith.addf %t, %b1 : f32
    yield %a3, %b3 : f32, f32 }
  %m = map (%x = %s, %z = %y) : (!s, !c) -> !s { %w = arith.subf %x, %z : f32   yield %w : f32 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
