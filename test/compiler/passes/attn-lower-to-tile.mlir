// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --attn-expand-sugar --attn-lower-to-tile --canonicalize | FileCheck %s

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>
#plan = #tile.config<queries = 128, keys = 64, threads = 256, stages = 2>

// The loop ends behind the last row's key; the mask stands in the branch of partial tiles; weights
// are computed once for their sum and for the contraction.
// CHECK-LABEL: tile.kernel @causal(
// CHECK-SAME: memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>> {tile.name = "q"}
// CHECK-SAME: memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>> {tile.name = "out"}
// CHECK-SAME: config = #tile.config<queries = 128, keys = 64, threads = 256, stages = 2>, result_count = 1 : i64
// CHECK: %[[B:.*]], %[[H:.*]], %[[I0:.*]] = tile.coordinates
// CHECK: %[[NK:.*]] = memref.dim %{{.*}}, %{{.*}}
// CHECK: %[[LAST:.*]] = arith.addi %[[I0]], %c128
// CHECK: %[[END:.*]] = arith.minsi %[[LAST]], %{{.*}}
// CHECK: %[[HIGH:.*]] = arith.minsi %[[END]], %[[NK]]
// CHECK: scf.for %[[J0:.*]] = %c0 to %[[HIGH]] step %c64
// CHECK:   %[[S:.*]] = tile.dot
// CHECK:   %[[PARTIAL:.*]] = arith.cmpi sgt
// CHECK:   %[[X:.*]] = scf.if %[[PARTIAL]]
// CHECK:     tile.map (%[[E:.*]] = %[[S]]) at (%[[I:.*]], %[[J:.*]]) from (%[[I0]], %[[J0]])
// CHECK:       arith.cmpi slt, %[[J]], %[[NK]]
// CHECK:       arith.cmpi sle, %[[J]], %[[I]]
// CHECK:       arith.select
// CHECK:   } else {
// CHECK-NEXT: scf.yield %[[S]]
// CHECK:   %[[M:.*]] = tile.reduce max %[[X]], %{{.*}} {ignore_nan}
// CHECK:   %[[P:.*]] = tile.map (%{{.*}} = %[[X]],
// CHECK:     math.fma
// CHECK:     math.exp2
// CHECK:   tile.reduce sum %[[P]]
// CHECK:   tile.contract %[[P]], %{{.*}}, %{{.*}} scaled
// CHECK-NOT: tile.contract
// CHECK: tile.combine sum
// CHECK: tile.store
attn.kernel @causal(%q: !q, %k: !k, %v: !k) -> !q attributes {attn.plan = #plan} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %m = where %s in affine_set<(b, h, i, j) : (j <= i)> : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// Without a mask only the last tile is partial.
// CHECK-LABEL: tile.kernel @dense(
// CHECK: %[[NK:.*]] = memref.dim
// CHECK: scf.for %[[J0:.*]] = %c0 to %[[NK]] step %c64
// CHECK:   %[[TILE_END:.*]] = arith.addi %[[J0]], %c64
// CHECK:   arith.cmpi sgt, %[[TILE_END]], %[[NK]]
attn.kernel @dense(%q: !q, %k: !k, %v: !k) -> !q attributes {attn.plan = #plan} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// A window starts its loop at a tile boundary, and an empty one has no tile.
// CHECK-LABEL: tile.kernel @window(
// CHECK: %[[LOW:.*]] = arith.maxsi
// CHECK: %[[EMPTY:.*]] = arith.cmpi sle, %{{.*}}, %[[LOW]]
// CHECK: %[[HIGH:.*]] = arith.select %[[EMPTY]], %c0
// CHECK: %[[TILES:.*]] = arith.divui %[[LOW]], %c64
// CHECK: %[[START:.*]] = arith.muli %[[TILES]], %c64
// CHECK: scf.for %{{.*}} = %[[START]] to %[[HIGH]] step %c64
attn.kernel @window(%q: !q, %k: !k, %v: !k, %w: index) -> !q attributes {attn.plan = #plan} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %m = where %s in affine_set<(b, h, i, j)[w] : (j <= i, i - j <= w)>[%w] : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// Sums without an exponential carry no maximum.
// CHECK-LABEL: tile.kernel @unframed(
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}) -> (!tile.rows<128, vector<64xf32>>)
// CHECK-NOT: tile.reduce
// CHECK: tile.contract
// CHECK-NOT: scaled
// CHECK: tile.store
attn.kernel @unframed(%q: !q, %k: !k, %v: !k) -> !q attributes {attn.plan = #plan} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = map (%x = %s) : (!s) -> !s { %y = math.tanh %x : f32  yield %y : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
