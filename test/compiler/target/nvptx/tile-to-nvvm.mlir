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
