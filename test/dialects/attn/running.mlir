// SPDX-License-Identifier: Apache-2.0
// Running values and neighbours: their spelling, that both forms read back the same, and that upstream's
// simplifications keep them.
// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt --mlir-print-op-generic %s | attn-opt | FileCheck %s
// RUN: attn-opt --emit-bytecode %s | attn-opt | FileCheck %s
// RUN: attn-opt --canonicalize --cse %s | FileCheck %s

!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>
!c = !attn.cols<f32>

// CHECK-LABEL: attn.kernel @scans(
attn.kernel @scans(%q: !q, %k: !k, %r: !r, %c: !attn.cols<i32>, %low: f32, %zero: f32) -> (!s, !s, !r, !attn.cols<i32>, !s, !s) {
  %s = dot %q, %k : !q, !k
  // CHECK: %[[A:.*]] = scan sum %{{.*}} over keys : !attn.matrix<f32>
  %a = scan sum %s over keys : !s
  // CHECK: scan max %[[A]] over queries reverse exclusive {attn.note = "kept"} : !attn.matrix<f32>
  %b = scan max %a over queries reverse exclusive {attn.note = "kept"} : !s
  // CHECK: scan min %r over queries exclusive : !attn.rows<f32>
  %d = scan min %r over queries exclusive : !r
  // CHECK: scan sum %c over keys reverse : !attn.cols<i32>
  %e = scan sum %c over keys reverse : !attn.cols<i32>
  // CHECK: %[[M:.*]]:2 = scan (%[[S:.*]], %[[A]]) from (%low, %zero) with (%[[W:.*]], %[[X:.*]]), (%[[Y:.*]], %[[Z:.*]]) over queries reverse exclusive : (!attn.matrix<f32>, !attn.matrix<f32>) attributes {attn.note = "kept"} {
  // CHECK-NEXT: arith.maximumf %[[W]], %[[Y]]
  // CHECK-NEXT: arith.addf %[[X]], %[[Z]]
  // CHECK-NEXT: yield
  %m, %n = scan (%s, %a) from (%low, %zero) with (%u, %v), (%w, %x) over queries reverse exclusive : (!s, !s) attributes {attn.note = "kept"} {
    %g = arith.maximumf %u, %w : f32   %l = arith.addf %v, %x : f32   yield %g, %l : f32, f32 }
  // CHECK: return %[[A]], %{{.*}}, %{{.*}}, %{{.*}}, %[[M]]#0, %[[M]]#1
  return %a, %b, %d, %e, %m, %n : !s, !s, !r, !attn.cols<i32>, !s, !s
}

// CHECK-LABEL: attn.kernel @folds(
attn.kernel @folds(%q: !q, %k: !k, %low: f32, %zero: f32) -> (!r, !r) {
  %s = dot %q, %k : !q, !k
  // CHECK: %[[M:.*]]:2 = fold (%[[S:.*]], %[[S]]) from (%low, %zero) with (%[[W:.*]], %[[X:.*]]), (%[[Y:.*]], %[[Z:.*]]) : (!attn.matrix<f32>, !attn.matrix<f32>) {
  // CHECK-NEXT: arith.maximumf %[[W]], %[[Y]]
  %m, %n = fold (%s, %s) from (%low, %zero) with (%a, %c), (%d, %e) : (!s, !s) {
    %g = arith.maximumf %a, %d : f32   %l = arith.addf %c, %e : f32   yield %g, %l : f32, f32 }
  // CHECK: return %[[M]]#0, %[[M]]#1
  return %m, %n : !r, !r
}

// CHECK-LABEL: attn.kernel @stencils(
// CHECK-SAME: !attn.matrix<vector<6x11xf32>>, !attn.matrix<vector<2xf32>>, !attn.matrix<vector<2x3x1xf32>>, !attn.rows<vector<3x4xf32>>, !attn.cols<vector<2x2x4xf32>>
attn.kernel @stencils(%q: !q, %k: !k) -> (!attn.matrix<vector<6x11xf32>>, !attn.matrix<vector<2xf32>>, !attn.matrix<vector<2x3x1xf32>>, !attn.rows<vector<3x4xf32>>, !attn.cols<vector<2x2x4xf32>>) {
  %s = dot %q, %k : !q, !k
  // CHECK: stencil %{{.*}} queries [-5, 0] keys [-5, 5] : !attn.matrix<f32>
  %a = stencil %s queries [-5, 0] keys [-5, 5] : !s
  // CHECK: stencil %{{.*}} heads 2 : !attn.matrix<f32>
  %b = stencil %s heads 2 : !s
  // CHECK: stencil %{{.*}} heads 2 queries [1, 3] keys [7, 7] {attn.note = "kept"} : !attn.matrix<f32>
  %c = stencil %s heads 2 queries [1, 3] keys [7, 7] {attn.note = "kept"} : !s
  // CHECK: stencil %q queries [-2, 0] : !attn.rows<vector<4xf32>>
  %d = stencil %q queries [-2, 0] : !q
  // CHECK: stencil %k heads 2 keys [-1, 0] : !attn.cols<vector<4xf32>>
  %e = stencil %k heads 2 keys [-1, 0] : !k
  return %a, %b, %c, %d, %e : !attn.matrix<vector<6x11xf32>>, !attn.matrix<vector<2xf32>>, !attn.matrix<vector<2x3x1xf32>>, !attn.rows<vector<3x4xf32>>, !attn.cols<vector<2x2x4xf32>>
}
