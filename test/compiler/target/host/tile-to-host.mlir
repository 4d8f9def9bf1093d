// RUN: attn-opt %s --tile-to-host | FileCheck %s --check-prefixes=CHECK,V4
// RUN: attn-opt %s --tile-to-host=level=x86-64-v3 | FileCheck %s --check-prefixes=CHECK,V3
// RUN: attn-opt %s --tile-to-host=level=x86-64 | FileCheck %s --check-prefixes=CHECK,BASE
// RUN: attn-opt %root/test/compiler/target/Inputs/causal-f32-d64.mlir --tile-to-host | FileCheck %s --check-prefix=CAUSAL

!tokens = memref<?x?x?x8xf32, strided<[?, ?, ?, 1]>>
!numbers = memref<?x?x?xf32, strided<[?, ?, ?]>>

// The entry, and a loop over tasks.
// CHECK-LABEL: llvm.func @scores(
// CHECK-SAME: %{{.*}}: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64, %{{.*}}: !llvm.ptr {llvm.align = 64 : i64, llvm.noalias})
// CHECK: scf.for %{{.*}} = %[[BEGIN]] to %[[END]]
// CHECK-NOT: tile.

// A product: a block of keys times vectors of queries, in registers.
// V4: scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// V4: llvm.intr.fmuladd({{.*}}) : (vector<16xf32>, vector<16xf32>, vector<16xf32>) -> vector<16xf32>
// V3: scf.for {{.*}} -> (vector<8xf32>, {{.*}}vector<8xf32>)
// V3: llvm.intr.fmuladd({{.*}}) : (vector<8xf32>, vector<8xf32>, vector<8xf32>) -> vector<8xf32>
// BASE: scf.for {{.*}} -> (vector<4xf32>, {{.*}}vector<4xf32>)
// BASE: llvm.intr.fmuladd({{.*}}) : (vector<4xf32>, vector<4xf32>, vector<4xf32>) -> vector<4xf32>

// What depends only on the key is a scalar; what depends on the query is a vector.
// CHECK: arith.sitofp %{{.*}} : i32 to f32
// V4: arith.sitofp %{{.*}} : vector<16xi32> to vector<16xf32>
// V3: arith.sitofp %{{.*}} : vector<8xi32> to vector<8xf32>
// BASE: arith.sitofp %{{.*}} : vector<4xi32> to vector<4xf32>

// The map and the reduction are one loop: no other loop over keys follows.
// CHECK: arith.cmpf ogt
// CHECK: arith.select
// CHECK: scf.yield
// CHECK-NOT: scf.for
// CHECK: llvm.intr.masked.scatter
// CHECK: llvm.return
tile.kernel @scores(%q: !tokens {tile.name = "q"}, %k: !tokens {tile.name = "k"}, %o: !numbers {tile.name = "o"})
    attributes {config = #tile.config<queries = 16, keys = 8, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %c0 = arith.constant 0 : index
  %low = arith.constant 0xFF800000 : f32
  %qt = tile.load %q[%b, %h, %i0] : !tokens -> !tile.rows<16, vector<8xf32>>
  %kt = tile.load %k[%b, %h, %c0] : !tokens -> !tile.cols<8, vector<8xf32>>
  %s = tile.dot %qt, %kt : !tile.rows<16, vector<8xf32>>, !tile.cols<8, vector<8xf32>> -> !tile.matrix<16, 8, f32>
  %m0 = tile.splat %low : f32 -> !tile.rows<16, f32>
  %x = tile.map (%e = %s) at (%i, %j) from (%i0, %c0) : (!tile.matrix<16, 8, f32>) -> !tile.matrix<16, 8, f32> {
    %jn = arith.index_cast %j : index to i32
    %jf = arith.sitofp %jn : i32 to f32
    %in = arith.index_cast %i : index to i32
    %if = arith.sitofp %in : i32 to f32
    %u = arith.addf %e, %jf : f32
    %v = arith.mulf %u, %if : f32
    tile.yield %v : f32
  }
  %m = tile.reduce max %x, %m0 {ignore_nan} : !tile.matrix<16, 8, f32>, !tile.rows<16, f32> -> !tile.rows<16, f32>
  tile.store %m, %o[%b, %h, %i0] : !tile.rows<16, f32>, !numbers
  tile.return
}

// The loop over tiles of keys carries rows only: the accumulator stays where it is, and no one copies it.
// CAUSAL-LABEL: llvm.func @causal
// CAUSAL: scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// The full tile is read where the user has it.
// CAUSAL: scf.if {{.*}} -> (!llvm.ptr, i64)
// The masked tile changes in place: the other branch does nothing.
// CAUSAL: arith.cmpi uge
// CAUSAL-NEXT: scf.if
// CAUSAL: } else {
// CAUSAL-NEXT: }

// Numbers one by one: what depends on the token alone comes before the loop over its components, whose
// lanes read and write neighbours. Of 8 components there is no rest, at no level.
// CHECK-LABEL: llvm.func @rotate(
// CHECK: scf.for
// CHECK: scf.for
// CHECK: arith.extf %{{.*}} : vector<4xf32> to vector<4xf64>
// CHECK: scf.for
// CHECK-NOT: masked.gather
// CHECK: scf.if
// V4: llvm.load %{{.*}} : !llvm.ptr -> vector<8xf32>
// V3: llvm.load %{{.*}} : !llvm.ptr -> vector<8xf32>
// BASE: llvm.load %{{.*}} : !llvm.ptr -> vector<4xf32>
// CHECK: else
// CHECK: llvm.intr.masked.load
// CHECK-NOT: vector<{{4|8}}xf64>
// CHECK: llvm.store %{{.*}} : vector<{{4|8}}xf32>
// CHECK-NOT: masked.store
// CHECK: llvm.return
tile.kernel @rotate(%q: !tokens {tile.name = "q"}, %o: !tokens {tile.name = "o"})
    attributes {config = #tile.config<queries = 64, keys = 64, threads = 128, stages = 1, warpgroups = 2>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  tile.elements %o[%b, %h, %i0] {
  ^bb0(%n: index, %c: index):
    %two = arith.constant 2 : index
    %next = arith.addi %c, %two : index
    %x = tile.read %q[%b, %h, %n, %next] : !tokens -> f32
    %time = arith.index_cast %n : index to i32
    %angle = arith.sitofp %time : i32 to f32
    %cos = math.cos %angle : f32
    %y = arith.mulf %x, %cos : f32
    tile.yield %y : f32
  } : !tokens
  tile.return
}
