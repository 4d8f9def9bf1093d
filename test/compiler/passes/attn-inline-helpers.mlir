// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --attn-inline-helpers | FileCheck %s

!q = !attn.rows<vector<128xbf16>>
!k = !attn.cols<vector<128xbf16>>
!s = !attn.matrix<f32>

// Helpers that only kernels used are gone, whichever stands first.
// CHECK-NOT: @distance
// CHECK-NOT: @real
func.func private @distance(%i: index, %j: index) -> f32 {
  %d = arith.subi %j, %i : index   %f = func.call @real(%d) : (index) -> f32   return %f : f32 }
func.func private @real(%n: index) -> f32 {
  %w = arith.index_cast %n : index to i64   %x = arith.sitofp %w : i64 to f32   return %x : f32 }

// A helper that a function outside of kernels uses too stays.
// CHECK: func.func private @half
func.func private @half(%x: f32) -> f32 { %c = arith.constant 0.5 : f32   %y = arith.mulf %x, %c : f32   return %y : f32 }
func.func @other(%x: f32) -> f32 { %y = func.call @half(%x) : (f32) -> f32   return %y : f32 }

// So does one that nothing calls.
// CHECK: func.func private @unused
func.func private @unused(%x: f32) -> f32 { return %x : f32 }

func.func private @near(%i: index, %j: index, %w: index, %doc: tensor<?xi32>) -> i1 {
  %u = attn.load %doc[%j] : tensor<?xi32> -> index
  %y = attn.holds affine_set<(i, j, u)[w] : (i - j <= w, u >= j)>(%i, %j, %u)[%w]   return %y : i1 }

// CHECK-LABEL: attn.kernel @in_regions
attn.kernel @in_regions(%q: !q, %k: !k, %doc: tensor<?xi32>, %w: index) -> !s {
  %s = dot %q, %k : !q, !k
  // CHECK: map (%[[X:.*]] = %{{.*}}) at (%{{.*}}, %{{.*}}, %[[I:.*]], %[[J:.*]]) :
  // CHECK-NEXT: %[[D:.*]] = arith.subi %[[J]], %[[I]] : index
  // CHECK-NEXT: %[[N:.*]] = arith.index_cast %[[D]] : index to i64
  // CHECK-NEXT: %[[F:.*]] = arith.sitofp %[[N]] : i64 to f32
  // CHECK-NEXT: %[[Y:.*]] = arith.addf %[[X]], %[[F]] : f32
  // CHECK-NEXT: %[[C:.*]] = arith.constant 5.000000e-01 : f32
  // CHECK-NEXT: %[[Z:.*]] = arith.mulf %[[Y]], %[[C]] : f32
  // CHECK-NEXT: yield %[[Z]] : f32
  %a = map (%x = %s) at (%b, %h, %i, %j) : (!s) -> !s {
    %f = func.call @distance(%i, %j) : (index, index) -> f32
    %y = arith.addf %x, %f : f32
    %z = func.call @half(%y) : (f32) -> f32
    yield %z : f32
  }
  // CHECK: where (%{{.*}} = %{{.*}}) at (%{{.*}}, %{{.*}}, %[[I:.*]], %[[J:.*]]) :
  // CHECK-NEXT: %[[U:.*]] = load %doc[%[[J]]] : tensor<?xi32> -> index
  // CHECK-NEXT: %[[K:.*]] = holds #{{.*}}(%[[I]], %[[J]], %[[U]])[%w]
  // CHECK-NEXT: yield %[[K]] : i1
  %m = where (%x = %a) at (%b, %h, %i, %j) : (!s) {
    %y = func.call @near(%i, %j, %w, %doc) : (index, index, index, tensor<?xi32>) -> i1
    yield %y : i1
  }
  return %m : !s
}

// CHECK-LABEL: attn.kernel @of_scalars
// CHECK-NOT: call
// CHECK: %[[F:.*]] = arith.sitofp
// CHECK: mulf %{{.*}}, %[[F]]
attn.kernel @of_scalars(%r: !attn.rows<f32>, %n: index) -> !attn.rows<f32> {
  %f = func.call @real(%n) : (index) -> f32
  %a = map (%x = %r) : (!attn.rows<f32>) -> !attn.rows<f32> { %y = arith.mulf %x, %f : f32   yield %y : f32 }
  return %a : !attn.rows<f32>
}
