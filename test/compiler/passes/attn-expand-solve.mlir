// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --pass-pipeline='builtin.module(attn.kernel(attn-expand-solve{probes=2 rounds=1}))' | FileCheck %s
// RUN: attn-opt %s --attn-expand-solve --canonicalize --cse | FileCheck %s --check-prefix=ROUNDS
// RUN: not attn-opt %s --pass-pipeline='builtin.module(attn.kernel(attn-expand-solve{probes=0}))' 2>&1 | FileCheck %s --check-prefix=REFUSED

!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>
!c = !attn.cols<f32>

// REFUSED: expected from 1 to 64 probes and rounds, but got 0 and 12

// CHECK-LABEL: attn.kernel @threshold
// ROUNDS-LABEL: attn.kernel @threshold
// ROUNDS-COUNT-36: reduce sum
// ROUNDS-NOT: {{reduce sum|solve}}
attn.kernel @threshold(%q: !q, %k: !k, %bias: !c, %lo: !r, %hi: !r, %n: f32, %gain: f32) -> !r {
  // CHECK: %[[S:.*]] = dot
  %s = dot %q, %k : !q, !k
  // CHECK-NEXT: %[[T1:.*]] = map (%[[A:.*]] = %lo, %[[Z:.*]] = %hi) : (!attn.rows<f32>, !attn.rows<f32>) -> !attn.rows<f32> {
  // CHECK-NEXT:   %[[D:.*]] = arith.subf %[[Z]], %[[A]] : f32
  // CHECK:        arith.mulf %[[D]], %{{.*}} : f32
  // CHECK:        arith.select %{{.*}}, %{{.*}}, %[[Z]] : f32
  // CHECK: %[[F1:.*]] = map (%[[X:.*]] = %[[S]], %[[Y:.*]] = %bias, %[[T:.*]] = %[[T1]]) at (%[[B:.*]], %[[H:.*]], %[[I:.*]], %[[J:.*]]) : (!attn.matrix<f32>, !attn.cols<f32>, !attn.rows<f32>) -> !attn.matrix<f32> {
  // CHECK-NEXT:   %[[W:.*]] = arith.cmpi sle, %[[J]], %[[I]] : index
  // CHECK-NEXT:   %[[U:.*]] = arith.select %[[W]], %[[X]], %[[Y]] : f32
  // CHECK-NEXT:   %[[V:.*]] = arith.mulf %[[U]], %gain : f32
  // CHECK-NEXT:   arith.subf %[[V]], %[[T]] : f32
  // CHECK: %[[S1:.*]] = reduce sum %[[F1]] over keys : !attn.matrix<f32>
  // CHECK: %[[T2:.*]] = map (%{{.*}} = %lo, %{{.*}} = %hi)
  // CHECK: %[[F2:.*]] = map (%{{.*}} = %[[S]], %{{.*}} = %bias, %{{.*}} = %[[T2]])
  // CHECK: %[[S2:.*]] = reduce sum %[[F2]] over keys : !attn.matrix<f32>
  // The lower end of what is left, then the upper one.
  // CHECK: map (%[[LO:.*]] = %lo, %[[HI:.*]] = %hi, %[[P1:.*]] = %[[T1]], %[[P2:.*]] = %[[T2]], %[[U1:.*]] = %[[S1]], %[[U2:.*]] = %[[S2]])
  // CHECK-NEXT:   %[[C2:.*]] = arith.cmpf ole, %[[U2]], %n : f32
  // CHECK-NEXT:   %[[E2:.*]] = arith.select %[[C2]], %[[P1]], %[[P2]] : f32
  // CHECK-NEXT:   %[[C1:.*]] = arith.cmpf ole, %[[U1]], %n : f32
  // CHECK-NEXT:   %[[E1:.*]] = arith.select %[[C1]], %[[LO]], %[[E2]] : f32
  // CHECK-NEXT:   yield %[[E1]]
  // CHECK: %[[R:.*]] = map (%[[LO:.*]] = %lo, %[[HI:.*]] = %hi, %[[P1:.*]] = %[[T1]], %[[P2:.*]] = %[[T2]], %[[U1:.*]] = %[[S1]], %[[U2:.*]] = %[[S2]])
  // CHECK-NEXT:   %[[C2:.*]] = arith.cmpf ole, %[[U2]], %n : f32
  // CHECK-NEXT:   %[[E2:.*]] = arith.select %[[C2]], %[[P2]], %[[HI]] : f32
  // CHECK-NEXT:   %[[C1:.*]] = arith.cmpf ole, %[[U1]], %n : f32
  // CHECK-NEXT:   %[[E1:.*]] = arith.select %[[C1]], %[[P1]], %[[E2]] : f32
  // CHECK-NEXT:   yield %[[E1]]
  // CHECK: return %[[R]]
  %tau = solve %t from %lo to %hi total %n with (%x = %s, %y = %bias) at (%b, %h, %i, %j) : (!s, !c) {
    %c = arith.cmpi sle, %j, %i : index
    %u = arith.select %c, %x, %y : f32
    %v = arith.mulf %u, %gain : f32
    %d = arith.subf %v, %t : f32
    yield %d : f32
  }
  return %tau : !r
}
