// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --tile-to-nvvm | FileCheck %s
// Two kernels share the symbol of dynamic shared memory; the launch parameters come one by one.

// CHECK-COUNT-1: llvm.mlir.global external @attune_shared() {addr_space = 3 : i32, alignment = 1024 : i64}
// CHECK-NOT: llvm.mlir.global
// CHECK: llvm.func @copy(%{{.*}}: !llvm.ptr<1> {llvm.noalias, llvm.readonly}, %{{.*}}: i64,
// CHECK-SAME: nvvm.kernel, nvvm.minctasm = 1 : i32, nvvm.reqntid = array<i32: 32>, tile.shared_bytes = 2048 : i64
// CHECK: nvvm.cp.async.shared.global
// CHECK: nvvm.cp.async.wait.group 0
// CHECK: nvvm.barrier
// CHECK: llvm.store {{.*}} : vector<4xi32>, !llvm.ptr<1>
// CHECK-NOT: tile.load
// CHECK: llvm.func @scalars(
// CHECK-SAME: tile.shared_bytes = 0 : i64
// CHECK-NOT: llvm.mlir.global
// Numbers one by one, without shared memory; no division in the loop. There are no warpgroups without
// tiles.
// CHECK: llvm.func @rotate(%{{.*}}: !llvm.ptr<1> {llvm.noalias, llvm.readonly}, {{.*}}%{{.*}}: !llvm.ptr<1> {llvm.noalias},
// CHECK-SAME: nvvm.reqntid = array<i32: 128>, tile.shared_bytes = 0 : i64
// CHECK: llvm.udiv
// CHECK: llvm.cond_br
// CHECK-NOT: llvm.{{u|s}}{{div|rem}}
// CHECK: llvm.load %{{.*}} invariant : !llvm.ptr<1> -> bf16
// CHECK-NOT: llvm.{{u|s}}{{div|rem}}
// CHECK: llvm.store %{{.*}} : bf16, !llvm.ptr<1>
// CHECK-NOT: nvvm.barrier
// What only one half of a token costs is computed for that half; a choice between what is there stays.
// CHECK: llvm.func @halves(
// CHECK-NOT: llvm.intr.roundeven
// CHECK: llvm.load %{{.*}} invariant
// CHECK: %[[FIRST:.*]] = llvm.icmp "slt"
// CHECK-NOT: llvm.intr.roundeven
// CHECK: llvm.cond_br %[[FIRST]]
// CHECK: llvm.intr.roundeven
// CHECK: llvm.br
// CHECK-NOT: llvm.intr.roundeven
// CHECK: llvm.select %[[FIRST]]
// CHECK: llvm.store
// Two exchanges in the quad for eight columns of a row, in the order of the scan: from the last column on.
// CHECK: llvm.func @running(
// CHECK-COUNT-8: nvvm.shfl.sync bfly
// CHECK-NOT: nvvm.shfl
!t = memref<?x?x?x16xbf16, strided<[?, ?, ?, 1]>>
!n = memref<?x?x?xf32, strided<[?, ?, ?]>>
tile.kernel @copy(%q: !t {tile.name = "q"}, %o: !t {tile.name = "out"})
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 32, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i = tile.coordinates
  %x = tile.load %q[%b, %h, %i] : !t -> !tile.rows<16, vector<16xbf16>>
  tile.store %x, %o[%b, %h, %i] : !tile.rows<16, vector<16xbf16>>, !t
  tile.return
}
tile.kernel @scalars(%q: !n {tile.name = "q"}, %o: !n {tile.name = "out"})
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 32, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i = tile.coordinates
  %x = tile.load %q[%b, %h, %i] : !n -> !tile.rows<16, f32>
  tile.store %x, %o[%b, %h, %i] : !tile.rows<16, f32>, !n
  tile.return
}
tile.kernel @rotate(%q: !t {tile.name = "q"}, %o: !t {tile.name = "o"})
    attributes {config = #tile.config<queries = 64, keys = 64, threads = 128, stages = 1, warpgroups = 2>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  tile.elements %o[%b, %h, %i0] {
  ^bb0(%n: index, %c: index):
    %two = arith.constant 2 : index
    %next = arith.addi %c, %two : index
    %x = tile.read %q[%b, %h, %n, %next] : !t -> bf16
    %time = arith.index_cast %n : index to i32
    %angle = arith.sitofp %time : i32 to f32
    %cos = math.cos %angle : f32
    %f = arith.extf %x : bf16 to f32
    %y = arith.mulf %f, %cos : f32
    %z = arith.truncf %y : f32 to bf16
    tile.yield %z : bf16
  } : !t
  tile.return
}
tile.kernel @halves(%q: !t {tile.name = "q"}, %o: !t {tile.name = "o"})
    attributes {config = #tile.config<queries = 64, keys = 64, threads = 128, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %one = arith.constant 1.0 : f32
  %two = arith.constant 2.0 : f32
  tile.elements %o[%b, %h, %i0] {
  ^bb0(%n: index, %c: index):
    %eight = arith.constant 8 : index
    %x = tile.read %q[%b, %h, %n, %c] : !t -> bf16
    %f = arith.extf %x : bf16 to f32
    %sin = math.sin %f : f32
    %isFirst = arith.cmpi slt, %c, %eight : index
    %y = arith.select %isFirst, %sin, %f : f32
    %factor = arith.select %isFirst, %one, %two : f32
    %scaled = arith.mulf %y, %factor : f32
    %z = arith.truncf %scaled : f32 to bf16
    tile.yield %z : bf16
  } : !t
  tile.return
}
tile.kernel @running(%x: memref<?x?x?xf32> {tile.name = "x"}, %o: memref<?x?x?xf32> {tile.name = "o"})
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 32, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %zero = arith.constant 0.0 : f32
  %t = tile.load %x[%b, %h, %i0] : memref<?x?x?xf32> -> !tile.rows<16, f32>
  %s = tile.map (%e = %t) : (!tile.rows<16, f32>) -> !tile.matrix<16, 16, f32> {
    tile.yield %e : f32
  }
  %c = tile.splat %zero : f32 -> !tile.rows<16, f32>
  %y, %n = tile.scan reverse %s carry(%c) {
  ^bb0(%a: f32, %d: f32):
    %sum = arith.addf %a, %d : f32
    tile.yield %sum : f32
  } : !tile.matrix<16, 16, f32> carry !tile.rows<16, f32>
  tile.store %n, %o[%b, %h, %i0] : !tile.rows<16, f32>, memref<?x?x?xf32>
  tile.return
}
