// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --tile-join-bounds --canonicalize --cse | FileCheck %s
// Bounds on a key's place become one; what does not bound it, or is used elsewhere, stays.

!n = memref<?x?x?xf32, strided<[?, ?, ?]>>

// CHECK-LABEL: tile.kernel @causal_window
// CHECK: tile.map (%[[X:.*]] = %{{.*}}) at (%[[I:.*]], %[[J:.*]]) from
// CHECK-DAG: %[[LOW:.*]] = arith.subi %[[I]], %[[W:.*]] : index
// CHECK-DAG: %[[LAST:.*]] = arith.subi %{{.*}}, %c1 : index
// CHECK-DAG: %[[MOST:.*]] = arith.minsi %[[LAST]], %[[I]] : index
// CHECK-DAG: %[[A:.*]] = arith.cmpi sle, %[[J]], %[[MOST]] : index
// CHECK-DAG: %[[B:.*]] = arith.cmpi sge, %[[J]], %[[LOW]] : index
// CHECK-DAG: %[[ODD:.*]] = arith.cmpi eq, %[[J]], %[[W]] : index
// CHECK: %[[AB:.*]] = arith.andi %[[A]], %[[B]] : i1
// CHECK: %[[ABC:.*]] = arith.andi %[[AB]], %[[ODD]] : i1
// CHECK: arith.select %[[ABC]]
tile.kernel @causal_window(%o: !n {tile.name = "o"}, %length: index {tile.name = "n"}, %w: index {tile.name = "w"}, %r: !n {tile.name = "r"})
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 32, stages = 1>, result_count = 1 : i64} {
  %c0 = arith.constant 0 : index
  %low = arith.constant 0xFF800000 : f32
  %b, %h, %i0 = tile.coordinates
  %s = tile.splat %low : f32 -> !tile.matrix<16, 16, f32>
  %none = tile.splat %low : f32 -> !tile.rows<16, f32>
  %m = tile.map (%x = %s) at (%i, %j) from (%i0, %c0) : (!tile.matrix<16, 16, f32>) -> !tile.matrix<16, 16, f32> {
    %a = arith.cmpi slt, %j, %length : index
    %c = arith.cmpi sle, %j, %i : index
    %ac = arith.andi %a, %c : i1
    %first = arith.subi %i, %w : index
    %d = arith.cmpi sle, %first, %j : index
    %acd = arith.andi %ac, %d : i1
    %odd = arith.cmpi eq, %j, %w : index
    %all = arith.andi %acd, %odd : i1
    %y = arith.select %all, %x, %low : f32
    tile.yield %y : f32
  }
  %top = tile.reduce max %m, %none {ignore_nan} : !tile.matrix<16, 16, f32>, !tile.rows<16, f32> -> !tile.rows<16, f32>
  tile.store %top, %r[%b, %h, %i0] : !tile.rows<16, f32>, !n
  tile.return
}

// Of a conjunction and a disjunction nothing is joined, nor are bounds of different values.
// CHECK-LABEL: tile.kernel @others
// CHECK-NOT: arith.minsi
// CHECK: arith.cmpi slt
// CHECK: arith.cmpi sle
// CHECK: arith.ori
// CHECK: tile.return
tile.kernel @others(%o: !n {tile.name = "o"}, %length: index {tile.name = "n"}, %r: !n {tile.name = "r"})
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 32, stages = 1>, result_count = 1 : i64} {
  %c0 = arith.constant 0 : index
  %low = arith.constant 0xFF800000 : f32
  %b, %h, %i0 = tile.coordinates
  %s = tile.splat %low : f32 -> !tile.matrix<16, 16, f32>
  %none = tile.splat %low : f32 -> !tile.rows<16, f32>
  %m = tile.map (%x = %s) at (%i, %j) from (%i0, %c0) : (!tile.matrix<16, 16, f32>) -> !tile.matrix<16, 16, f32> {
    %a = arith.cmpi slt, %j, %length : index
    %twice = arith.addi %j, %j : index
    %c = arith.cmpi sle, %twice, %i : index
    %d = arith.cmpi sle, %j, %i : index
    %ac = arith.andi %a, %c : i1
    %all = arith.ori %ac, %d : i1
    %y = arith.select %all, %x, %low : f32
    tile.yield %y : f32
  }
  %top = tile.reduce max %m, %none {ignore_nan} : !tile.matrix<16, 16, f32>, !tile.rows<16, f32> -> !tile.rows<16, f32>
  tile.store %top, %r[%b, %h, %i0] : !tile.rows<16, f32>, !n
  tile.return
}

// A prefix that all see, and causal: the greater limit. The conjunction takes the bound that came of it.
// CHECK-LABEL: tile.kernel @prefix
// CHECK-DAG: %[[PREFIX:.*]] = arith.subi %{{.*}}, %c1 : index
// CHECK-DAG: %[[MOST:.*]] = arith.maxsi %[[PREFIX]], %[[I:.*]] : index
// CHECK-DAG: %[[LAST:.*]] = arith.subi %{{.*}}, %c1 : index
// CHECK-DAG: arith.minsi %{{.*}}, %[[MOST]] : index
// CHECK: arith.cmpi sle
// CHECK-NOT: arith.cmpi
// CHECK: tile.return
tile.kernel @prefix(%o: !n {tile.name = "o"}, %length: index {tile.name = "n"}, %p: index {tile.name = "p"}, %r: !n {tile.name = "r"})
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 32, stages = 1>, result_count = 1 : i64} {
  %c0 = arith.constant 0 : index
  %low = arith.constant 0xFF800000 : f32
  %b, %h, %i0 = tile.coordinates
  %s = tile.splat %low : f32 -> !tile.matrix<16, 16, f32>
  %none = tile.splat %low : f32 -> !tile.rows<16, f32>
  %m = tile.map (%x = %s) at (%i, %j) from (%i0, %c0) : (!tile.matrix<16, 16, f32>) -> !tile.matrix<16, 16, f32> {
    %a = arith.cmpi slt, %j, %length : index
    %c = arith.cmpi slt, %j, %p : index
    %d = arith.cmpi sle, %j, %i : index
    %any = arith.ori %c, %d : i1
    %all = arith.andi %a, %any : i1
    %y = arith.select %all, %x, %low : f32
    tile.yield %y : f32
  }
  %top = tile.reduce max %m, %none {ignore_nan} : !tile.matrix<16, 16, f32>, !tile.rows<16, f32> -> !tile.rows<16, f32>
  tile.store %top, %r[%b, %h, %i0] : !tile.rows<16, f32>, !n
  tile.return
}
