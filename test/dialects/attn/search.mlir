// SPDX-License-Identifier: Apache-2.0
// Ops that search a row: their spelling, that both forms read back the same, and that nothing of
// them is lost by upstream's simplifications.
// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt --mlir-print-op-generic %s | attn-opt | FileCheck %s
// RUN: attn-opt --emit-bytecode %s | attn-opt | FileCheck %s
// RUN: attn-opt --canonicalize --cse %s | FileCheck %s --check-prefix=KEPT

!q = !attn.rows<vector<128xbf16>>
!k = !attn.cols<vector<128xbf16>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>
!c = !attn.cols<f32>

// CHECK-LABEL: attn.kernel @thresholds(
// KEPT-LABEL: attn.kernel @thresholds(
attn.kernel @thresholds(%q: !q, %k: !k, %bias: !c, %lo: !r, %hi: !r, %n: f32) -> (!r, !r) {
  %s = dot %q, %k : !q, !k
  // CHECK: %[[A:.*]] = solve %[[T:.*]] from %lo to %hi total %n with (%[[X:.*]] = %{{.*}}) : (!attn.matrix<f32>) {
  // CHECK-NEXT: arith.subf %[[X]], %[[T]] : f32
  // CHECK-NEXT: yield %{{.*}} : f32
  // KEPT: solve
  %a = solve %t from %lo to %hi total %n with (%x = %s) at (%b, %h, %i, %j) : (!s) { %d = arith.subf %x, %t : f32   yield %d : f32 }
  // CHECK: solve %[[T:.*]] from %[[A]] to %hi total %{{.*}} with (%[[X:.*]] = %{{.*}}, %[[Y:.*]] = %bias) at (%{{.*}}, %{{.*}}, %[[I:.*]], %[[J:.*]]) : (!attn.matrix<f32>, !attn.cols<f32>) attributes {attn.note = "kept"} {
  // CHECK-NEXT: arith.cmpi sle, %[[I]], %[[J]]
  // KEPT: solve {{.*}} attributes {attn.note = "kept"}
  %m = arith.mulf %n, %n : f32
  %u = solve %t from %a to %hi total %m with (%x = %s, %y = %bias) at (%b, %h, %i, %j) : (!s, !c) attributes {attn.note = "kept"} {
    %c = arith.cmpi sle, %i, %j : index
    %d = arith.subf %x, %t : f32   %e = arith.subf %y, %t : f32   %z = arith.select %c, %d, %e : f32   yield %z : f32 }
  return %a, %u : !r, !r
}

// CHECK-LABEL: attn.kernel @best(
// KEPT-LABEL: attn.kernel @best(
attn.kernel @best(%q: !q, %k: !k, %n: index) -> (!attn.matrix<i1>, !attn.rows<vector<3xf32>>, !attn.rows<vector<3xi32>>) {
  %s = dot %q, %k : !q, !k
  %c1 = arith.constant 1 : index   %m = arith.addi %n, %c1 : index
  // CHECK: %[[T:.*]] = select %[[S:.*]] top %{{.*}} {attn.note = "kept"} : !attn.matrix<f32>
  // KEPT: select {{.*}} {attn.note = "kept"}
  %t = select %s top %m {attn.note = "kept"} : !s
  // CHECK: %[[W:.*]], %[[K:.*]] = list %[[S]] first 3 : !attn.matrix<f32>
  // KEPT: list {{.*}} first 3
  %w, %g = list %s first 3 : !s
  // CHECK: return %[[T]], %[[W]], %[[K]] : !attn.matrix<i1>, !attn.rows<vector<3xf32>>, !attn.rows<vector<3xi32>>
  return %t, %w, %g : !attn.matrix<i1>, !attn.rows<vector<3xf32>>, !attn.rows<vector<3xi32>>
}

// Lists in memory, which passes write; the axis of entries is theirs.
// CHECK-LABEL: attn.kernel @listed(
// KEPT-LABEL: attn.kernel @listed(
attn.kernel @listed(%q: !q, %k: !k, %n: index) -> (!attn.rows<i32>, !attn.rows<vector<4xi32>>, !attn.rows<vector<2xf32>>) {
  %s = dot %q, %k : !q, !k
  // CHECK: %[[L:.*]], %[[X:.*]], %[[C:.*]] = visible_keys %{{.*}} most %{{.*}} on near {attn.note = "kept"} : !attn.matrix<f32>
  // KEPT: visible_keys {{.*}} on near {attn.note = "kept"}
  %l, %x, %c = visible_keys %s most %n on near {attn.note = "kept"} : !s
  // CHECK: entries %[[L]] first 4 : !attn.matrix<i32, q, near>
  // KEPT: entries {{.*}} first 4
  %e = entries %l first 4 : !attn.matrix<i32, q, near>
  // CHECK: entries %[[X]] first 2 : !attn.matrix<f32, q, near>
  %v = entries %x first 2 : !attn.matrix<f32, q, near>
  return %c, %e, %v : !attn.rows<i32>, !attn.rows<vector<4xi32>>, !attn.rows<vector<2xf32>>
}

// The types of results follow from the operand.
// CHECK-LABEL: func.func private @types
func.func private @types(%a: !attn.matrix<i32, p, mem>, %n: index, %s: !attn.matrix<f32, p, mem>, %r: !attn.rows<f32, p>)
    -> (!attn.matrix<i1, p, mem>, !attn.rows<vector<2xi32>, p>, !attn.rows<vector<2xi32>, p>, !attn.matrix<f32, p, mem>) {
  // CHECK: attn.select %{{.*}} top %{{.*}} : !attn.matrix<i32, p, mem>
  %t = attn.select %a top %n : !attn.matrix<i32, p, mem>
  %v, %k = attn.list %a first 2 : !attn.matrix<i32, p, mem>
  // CHECK: attn.entmax %{{.*}} alpha %{{.*}} : !attn.matrix<f32, p, mem>
  %e = attn.entmax %s alpha %r : !attn.matrix<f32, p, mem>
  return %t, %v, %k, %e : !attn.matrix<i1, p, mem>, !attn.rows<vector<2xi32>, p>, !attn.rows<vector<2xi32>, p>, !attn.matrix<f32, p, mem>
}

// Two searches for the same are one; a search of another total is not.
// KEPT-LABEL: attn.kernel @searched_twice(
// KEPT-COUNT-2: solve
// KEPT-NOT: solve
attn.kernel @searched_twice(%s: !r, %k: !c, %lo: !r, %hi: !r, %n: f32, %m: f32) -> (!r, !r, !r) {
  %x0 = map (%x = %s) : (!r) -> !s { yield %x : f32 }
  %a = solve %t from %lo to %hi total %n with (%x = %x0) : (!s) { %d = arith.subf %x, %t : f32   yield %d : f32 }
  %b = solve %t from %lo to %hi total %n with (%x = %x0) : (!s) { %d = arith.subf %x, %t : f32   yield %d : f32 }
  %c = solve %t from %lo to %hi total %m with (%x = %x0) : (!s) { %d = arith.subf %x, %t : f32   yield %d : f32 }
  return %a, %b, %c : !r, !r, !r
}
