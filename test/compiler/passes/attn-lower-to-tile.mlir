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
// CHECK: %[[LAST:.*]] = arith.addi %[[I0]], %c127
// CHECK: %[[GREATEST:.*]] = arith.subi %{{.*}}, %c1
// CHECK: %[[ROW:.*]] = arith.minsi %[[LAST]], %[[GREATEST]]
// CHECK: %[[KEY:.*]] = arith.addi %[[NK]], %c-1
// CHECK: %[[HIGH:.*]] = arith.minsi %[[ROW]], %[[KEY]]
// CHECK: %[[TILE:.*]] = arith.shrsi %[[HIGH]], %c6
// CHECK: %[[BEHIND:.*]] = arith.addi %[[TILE]], %c1
// CHECK: tile.sweep %c0 to %[[BEHIND]] carry
// CHECK-SAME: classify {
// CHECK-COUNT-2: arith.cmpi
// CHECK-NOT: arith.cmpi
// CHECK:   tile.yield %true, %{{.*}} : i1, i1
// CHECK: do {
// CHECK-NEXT: ^bb0(%[[T:.*]]: index, %[[PARTIAL:.*]]: i1,
// CHECK:   %[[J0:.*]] = arith.muli %[[T]], %c64
// CHECK:   %[[S:.*]] = tile.dot
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
// CHECK: tile.sweep %c0 to %{{.*}} carry
// CHECK:   %[[J0:.*]] = arith.muli %{{.*}}, %c64
// CHECK:   %[[TILE_LAST:.*]] = arith.addi %[[J0]], %c63
// CHECK:   %[[PARTIAL:.*]] = arith.cmpi sge, %[[TILE_LAST]], %[[NK]]
// CHECK:   tile.yield %true, %[[PARTIAL]]
attn.kernel @dense(%q: !q, %k: !k, %v: !k) -> !q attributes {attn.plan = #plan} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// A window starts its sweep at the tile of its first key.
// CHECK-LABEL: tile.kernel @window(
// CHECK: %[[LOW:.*]] = arith.maxsi
// CHECK: %[[START:.*]] = arith.shrsi %[[LOW]], %c6
// CHECK: tile.sweep %[[START]] to %{{.*}} carry
// CHECK-NOT: seek
// CHECK: tile.yield %true,
attn.kernel @window(%q: !q, %k: !k, %v: !k, %w: index) -> !q attributes {attn.plan = #plan} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %m = where %s in affine_set<(b, h, i, j)[w] : (j <= i, i - j <= w)>[%w] : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// Sums without an exponential carry no maximum.
// CHECK-LABEL: tile.kernel @unframed(
// CHECK: tile.sweep {{.*}} carry (%{{[0-9]*}}) classify
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

// A sink and a window are two ranges: the sweep jumps from one to the other.
// CHECK-LABEL: tile.kernel @sink_window(
// CHECK: tile.sweep {{.*}} seek {
// CHECK: } classify {
attn.kernel @sink_window(%q: !q, %k: !k, %v: !k, %w: index) -> !q attributes {attn.plan = #plan} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %four = arith.constant 4 : index
    %sink = arith.cmpi slt, %j, %four : index
    %near = holds affine_set<(i, j)[w] : (i - j <= w)>(%i, %j)[%w]
    %past = arith.cmpi sle, %j, %i : index
    %any = arith.ori %sink, %near : i1
    %y = arith.andi %any, %past : i1
    yield %y : i1 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// Ids of documents in no order: the kernel's own rows are folded by the block, those of keys by a
// kernel before it, which fills the workspace.
// CHECK-LABEL: tile.kernel @documents(
// CHECK-SAME: memref<?x?x?x3xi64> {tile.name = "mask.summaries", tile.workspace = {axis = "k", batch = true, head = false}}
// CHECK-SAME: tile.before = @documents_summaries, tile.masks = [{exact = false, level = "test", operations = array<i64: {{[0-9, ]+}}>, summaries = 3 : i64}]
// CHECK: tile.fold %{{.*}} to %{{.*}} [least, greatest, union]
// CHECK: tile.sweep
// CHECK: tile.read %{{.*}} : memref<?x?x?x3xi64> -> i64
// CHECK: do {
// CHECK-LABEL: tile.kernel @documents_summaries(
// CHECK-SAME: config = #tile.config<queries = 1, keys = 64, threads = 128, stages = 1>, result_count = 1 : i64
// CHECK: %[[F:.*]]:3 = tile.fold %{{.*}} to %{{.*}} [greatest, least, union]
// CHECK: tile.write %[[F]]#0,
// CHECK: tile.write %[[F]]#1,
// CHECK: tile.write %[[F]]#2,
attn.kernel @documents(%q: !q, %k: !k, %v: !k, %id: tensor<?x?xi32>) -> !q attributes {attn.plan = #plan} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %u = load %id[%b, %i] : tensor<?x?xi32>
    %w = load %id[%b, %j] : tensor<?x?xi32>
    %y = arith.cmpi eq, %u, %w : i32
    yield %y : i1 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// A map of a contraction's f32 vectors that is no sum of them times factors takes them before they are rounded.
// CHECK-LABEL: tile.kernel @saved(
// CHECK: tile.map (%[[O:.*]] = %{{.*}}, %[[OLD:.*]] = %{{.*}}) : (!tile.rows<128, vector<64xf32>>, !tile.rows<128, vector<64xbf16>>) -> !tile.rows<128, vector<64xbf16>> {
// CHECK: %[[E:.*]] = arith.extf %[[OLD]] : bf16 to f32
// CHECK: math.fma %[[O]], %{{.*}}, %[[E]] : f32
attn.kernel @saved(%q: !q, %k: !k, %v: !k, %old: !q, %gate: f32) -> !q attributes {attn.plan = #plan} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !s
  %a = contract %p, %v : !s, !k -> !attn.rows<vector<64xf32>>
  %o = map (%x = %a, %y = %old) : (!attn.rows<vector<64xf32>>, !q) -> !q {
    %g = vector.broadcast %gate : f32 to vector<64xf32>
    %e = arith.extf %y : vector<64xbf16> to vector<64xf32>
    %t = math.fma %x, %g, %e : vector<64xf32>
    %z = arith.truncf %t : vector<64xf32> to vector<64xbf16>
    yield %z : vector<64xbf16> }
  return %o : !q
}
