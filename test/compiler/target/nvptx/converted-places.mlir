// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --tile-to-nvvm | FileCheck %s
// A distance that is calculated with is converted once a row (two rows a lane, here), and a constant leads
// on; one that is compared, or might wrap, is converted at each of the lane's eight places.

!numbers = memref<?x?x?xf32, strided<[?, ?, ?]>>
!s = !tile.matrix<16, 16, f32>
!r = !tile.rows<16, f32>
#config = #tile.config<queries = 16, keys = 16, threads = 32, stages = 1>

// CHECK-LABEL: llvm.func @calculated
// CHECK-COUNT-2: llvm.sitofp
// CHECK-NOT: llvm.sitofp
tile.kernel @calculated(%o: !numbers {tile.name = "o"}) attributes {config = #config, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %zero = arith.constant 0.0 : f32
  %s = tile.splat %zero : f32 -> !s
  %m0 = tile.splat %zero : f32 -> !r
  %x = tile.map (%e = %s) at (%i, %j) from (%i0, %i0) : (!s) -> !s {
    %i32 = arith.index_cast %i : index to i32
    %j32 = arith.index_cast %j : index to i32
    %d = arith.subi %i32, %j32 : i32
    %f = arith.sitofp %d : i32 to f32
    %a = math.absf %f : f32
    %y = arith.subf %e, %a : f32
    tile.yield %y : f32
  }
  %m = tile.reduce max %x, %m0 : !s, !r -> !r
  tile.store %m, %o[%b, %h, %i0] : !r, !numbers
  tile.return
}

// CHECK-LABEL: llvm.func @compared
// CHECK-COUNT-8: llvm.sitofp
// CHECK-NOT: llvm.sitofp
tile.kernel @compared(%w: f32 {tile.name = "w"}, %o: !numbers {tile.name = "o"}) attributes {config = #config, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %zero = arith.constant 0.0 : f32
  %s = tile.splat %zero : f32 -> !s
  %m0 = tile.splat %zero : f32 -> !r
  %x = tile.map (%e = %s) at (%i, %j) from (%i0, %i0) : (!s) -> !s {
    %i32 = arith.index_cast %i : index to i32
    %j32 = arith.index_cast %j : index to i32
    %d = arith.subi %i32, %j32 : i32
    %f = arith.sitofp %d : i32 to f32
    %c = arith.cmpf olt, %f, %w : f32
    %y = arith.select %c, %e, %zero : f32
    tile.yield %y : f32
  }
  %m = tile.reduce max %x, %m0 : !s, !r -> !r
  tile.store %m, %o[%b, %h, %i0] : !r, !numbers
  tile.return
}

// CHECK-LABEL: llvm.func @mightWrap
// CHECK-COUNT-8: llvm.sitofp
// CHECK-NOT: llvm.sitofp
tile.kernel @mightWrap(%o: !numbers {tile.name = "o"}) attributes {config = #config, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %zero = arith.constant 0.0 : f32
  %c5 = arith.constant 5 : i32
  %s = tile.splat %zero : f32 -> !s
  %m0 = tile.splat %zero : f32 -> !r
  %x = tile.map (%e = %s) at (%i, %j) from (%i0, %i0) : (!s) -> !s {
    %i32 = arith.index_cast %i : index to i32
    %j32 = arith.index_cast %j : index to i32
    %d = arith.subi %i32, %j32 : i32
    %n = arith.addi %d, %c5 : i32
    %f = arith.sitofp %n : i32 to f32
    %y = arith.addf %e, %f : f32
    tile.yield %y : f32
  }
  %m = tile.reduce max %x, %m0 : !s, !r -> !r
  tile.store %m, %o[%b, %h, %i0] : !r, !numbers
  tile.return
}
