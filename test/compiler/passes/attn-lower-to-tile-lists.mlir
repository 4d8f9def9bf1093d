// SPDX-License-Identifier: Apache-2.0
// A list of keys: a kernel of its own, whose sweep appends and whose workspace has no more entries than a row has keys;
// what reads it has vectors of it.
// RUN: attn-opt %s --attn-to-stages | FileCheck %s --check-prefix=STAGES
// RUN: attn-opt %s --pass-pipeline='builtin.module(attn-to-tile{target=sm_80})' | FileCheck %s
// RUN: attn-compile %s --target=sm_80 --explain | FileCheck %s --check-prefix=EXPLAIN
// RUN: attn-compile %s --target=host -o %t.attn
// RUN: attn-run %t.attn --list | FileCheck %s --check-prefix=SIZES
!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>
!n = !attn.rows<i32>
!l = !attn.rows<vector<8xi32>>

// STAGES-LABEL: attn.kernel @listed_stage0(
// STAGES-SAME: -> (!attn.rows<i32> {attn.name = "listed.0"}, !attn.rows<i32> {attn.name = "count"}, !attn.matrix<i32, q, near> {attn.name = "listed.1"}, !attn.matrix<f32, q, near> {attn.name = "listed.2"})
// STAGES: %[[KEYS:.*]], %[[AT:.*]], %[[COUNT:.*]] = visible_keys %{{.*}} most %n on near
// STAGES-NOT: visible_keys
// STAGES: return %[[COUNT]], %[[COUNT]], %[[KEYS]], %[[AT]]
// STAGES-LABEL: attn.kernel @listed_stage1(%listed.1: !attn.matrix<i32, q, near>, %listed.0: !attn.rows<i32>)
// STAGES: entries %listed.1 first 8

// CHECK-LABEL: tile.kernel @listed_stage0(
// CHECK-SAME: %[[LIST:[a-z0-9]+]]: memref<?x?x?x?xi32, strided<[?, ?, ?, ?]>> {tile.name = "listed.1"}, %[[TO:[a-z0-9]+]]: memref<?x?x?x?xf32, strided<[?, ?, ?, ?]>> {tile.name = "listed.2"})
// CHECK: %[[NONE:.*]] = tile.splat %{{.*}} : i32 -> !tile.rows<[[Q:.*]], i32>
// CHECK: %[[COUNTS:.*]] = tile.sweep {{.*}} carry (%[[NONE]])
// CHECK: ^bb0(%{{.*}}: index, %[[PARTIAL:.*]]: i1, %[[BEFORE:[a-z0-9]+]]: !tile.rows<[[Q]], i32>):
// CHECK: %[[ONES:.*]] = tile.splat %{{.*}} : f32 -> !tile.matrix
// CHECK: %[[MARKS:.*]] = scf.if %[[PARTIAL]]
// CHECK: tile.append %[[MARKS]], %[[BEFORE]], %[[LIST]][%{{.*}}] from %{{.*}} values %{{.*}}, %[[TO]]
// CHECK: memref.dim %[[LIST]], %c3
// CHECK: %[[MOST:.*]] = tile.map (%{{.*}} = %[[COUNTS]])
// CHECK-NEXT: arith.minsi
// CHECK: tile.store %[[MOST]]
// CHECK-LABEL: tile.kernel @listed_stage1(
// CHECK: tile.elements
// CHECK: tile.read %{{.*}} : memref<?x?x?x?xi32

// EXPLAIN: @listed_stage0: 1 sweep over the keys
// EXPLAIN-NEXT: sweep 0: carries 1 list
// EXPLAIN-NEXT: a0 = list of j, 0.125 q.k where i - j >= 0
// EXPLAIN-NEXT: result listed.0 = list a0

// SIZES: workspace listed.1: max(size(q, 0), size(k, 0)) x max(size(q, 1), size(k, 1)) x size(q, 2) x max(0, min(n, size(k, 2))) i32

attn.kernel @listed(%q: !q, %k: !k, %n: index) -> (!n {attn.name = "count"}, !l {attn.name = "keys"}, !attn.rows<vector<8xf32>> {attn.name = "at"}) {
  %s0 = dot %q, %k scale 0.125 : !q, !k
  %s = where %s0 in affine_set<(b, h, i, j) : (j <= i)> : !s
  %l, %v, %c = visible_keys %s most %n on near : !s
  %e = entries %l first 8 : !attn.matrix<i32, q, near>
  %f = entries %v first 8 : !attn.matrix<f32, q, near>
  %keys = map (%x = %e, %y = %c) : (!l, !n) -> !l {
    %b = vector.broadcast %y : i32 to vector<8xi32>
    %z = arith.minsi %x, %b : vector<8xi32>
    yield %z : vector<8xi32>
  }
  %at = map (%x = %f, %y = %c) : (!attn.rows<vector<8xf32>>, !n) -> !attn.rows<vector<8xf32>> {
    %z = arith.negf %x : vector<8xf32>
    yield %z : vector<8xf32>
  }
  return %c, %keys, %at : !n, !l, !attn.rows<vector<8xf32>>
}
