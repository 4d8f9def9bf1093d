// SPDX-License-Identifier: Apache-2.0
// Every op and type of a block's program, and that both forms of it read back the same.
// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt --mlir-print-op-generic %s | attn-opt | FileCheck %s
// RUN: attn-opt --emit-bytecode %s | attn-opt | FileCheck %s

!tokens = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!numbers = memref<?x?x?xf32, strided<[?, ?, ?]>>

// CHECK-LABEL: tile.kernel @every_op(
// CHECK-SAME: %[[Q:[^:]*]]: memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>> {tile.name = "q"},
// CHECK-SAME: %[[K:[^:]*]]: memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>> {tile.name = "k"},
// CHECK-SAME: %[[TABLE:[^:]*]]: memref<?xf32, strided<[?]>> {tile.name = "slope"},
// CHECK-SAME: %[[W:[^:]*]]: index {tile.name = "w"},
// CHECK-SAME: %[[O:[^:]*]]: memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>> {tile.name = "out"},
// CHECK-SAME: %[[L:[^:]*]]: memref<?x?x?xf32, strided<[?, ?, ?]>> {tile.name = "sums"})
// CHECK-SAME: config = #tile.config<queries = 64, keys = 32, threads = 128, stages = 2>
// CHECK-SAME: result_count = 2 : i64
tile.kernel @every_op(%q: !tokens {tile.name = "q"}, %k: !tokens {tile.name = "k"},
                      %slope: memref<?xf32, strided<[?]>> {tile.name = "slope"},
                      %w: index {tile.name = "w"}, %o: !tokens {tile.name = "out"},
                      %l: !numbers {tile.name = "sums"})
    attributes {config = #tile.config<queries = 64, keys = 32, threads = 128, stages = 2>,
                result_count = 2 : i64} {
  %zero = arith.constant 0.0 : f32
  %low = arith.constant 0xFF800000 : f32
  %j0 = arith.constant 0 : index
  // CHECK: %[[B:.*]], %[[H:.*]], %[[I0:.*]] = tile.coordinates
  %b, %h, %i0 = tile.coordinates
  // CHECK: %[[M:.*]] = tile.read %[[TABLE]][%[[H]]] : memref<?xf32, strided<[?]>> -> f32
  %m = tile.read %slope[%h] : memref<?xf32, strided<[?]>> -> f32
  // CHECK: tile.load %[[Q]][%[[B]], %[[H]], %[[I0]]] : memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>> -> !tile.rows<64, vector<64xbf16>>
  %x = tile.load %q[%b, %h, %i0] : !tokens -> !tile.rows<64, vector<64xbf16>>
  // CHECK: tile.load %[[K]]{{.*}} -> !tile.cols<32, vector<64xbf16>>
  %y = tile.load %k[%b, %h, %j0] : !tokens -> !tile.cols<32, vector<64xbf16>>
  // CHECK: tile.dot %{{.*}}, %{{.*}} : !tile.rows<64, vector<64xbf16>>, !tile.cols<32, vector<64xbf16>> -> !tile.matrix<64, 32, f32>
  %s = tile.dot %x, %y : !tile.rows<64, vector<64xbf16>>, !tile.cols<32, vector<64xbf16>> -> !tile.matrix<64, 32, f32>
  // CHECK: tile.map (%[[X:.*]] = %{{.*}}) at (%[[I:.*]], %[[J:.*]]) from (%[[I0]], %{{.*}}) : (!tile.matrix<64, 32, f32>) -> !tile.matrix<64, 32, f32> {
  // CHECK: arith.cmpi sle, %[[J]], %[[I]] : index
  // CHECK: tile.yield %{{.*}} : f32
  %c = tile.map (%e = %s) at (%i, %j) from (%i0, %j0) : (!tile.matrix<64, 32, f32>) -> !tile.matrix<64, 32, f32> {
    %keep = arith.cmpi sle, %j, %i : index
    %n = arith.mulf %e, %m : f32
    %z = arith.select %keep, %n, %low : f32
    tile.yield %z : f32
  }
  // CHECK: tile.splat %{{.*}} : f32 -> !tile.rows<64, f32>
  %m0 = tile.splat %low : f32 -> !tile.rows<64, f32>
  // CHECK: tile.splat %{{.*}} : f32 -> !tile.partial<64, f32>
  %l0 = tile.splat %zero : f32 -> !tile.partial<64, f32>
  // CHECK: tile.splat %{{.*}} : f32 -> !tile.rows<64, vector<64xf32>>
  %o0 = tile.splat %zero : f32 -> !tile.rows<64, vector<64xf32>>
  // CHECK: tile.reduce max %{{.*}}, %{{.*}} {ignore_nan} : !tile.matrix<64, 32, f32>, !tile.rows<64, f32> -> !tile.rows<64, f32>
  %m1 = tile.reduce max %c, %m0 {ignore_nan} : !tile.matrix<64, 32, f32>, !tile.rows<64, f32> -> !tile.rows<64, f32>
  // CHECK: tile.reduce min
  %m2 = tile.reduce min %c, %m1 : !tile.matrix<64, 32, f32>, !tile.rows<64, f32> -> !tile.rows<64, f32>
  // CHECK: tile.reduce sum %{{.*}}, %{{.*}} : !tile.matrix<64, 32, f32>, !tile.partial<64, f32> -> !tile.partial<64, f32>
  %l1 = tile.reduce sum %c, %l0 : !tile.matrix<64, 32, f32>, !tile.partial<64, f32> -> !tile.partial<64, f32>
  // CHECK: tile.combine sum %{{.*}} : !tile.partial<64, f32> -> !tile.rows<64, f32>
  %l2 = tile.combine sum %l1 : !tile.partial<64, f32> -> !tile.rows<64, f32>
  // CHECK: tile.contract %{{.*}}, %{{.*}}, %{{.*}} scaled %{{.*}} : !tile.matrix<64, 32, f32>, !tile.cols<32, vector<64xbf16>>, !tile.rows<64, vector<64xf32>>
  %o1 = tile.contract %c, %y, %o0 scaled %m2 : !tile.matrix<64, 32, f32>, !tile.cols<32, vector<64xbf16>>, !tile.rows<64, vector<64xf32>>
  // CHECK: tile.contract %{{.*}}, %{{.*}}, %{{[^ ]*}} :
  %o2 = tile.contract %c, %y, %o1 : !tile.matrix<64, 32, f32>, !tile.cols<32, vector<64xbf16>>, !tile.rows<64, vector<64xf32>>
  // CHECK: tile.map (%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}) : (!tile.rows<64, vector<64xf32>>, !tile.rows<64, f32>) -> !tile.rows<64, vector<64xbf16>>
  %o3 = tile.map (%u = %o2, %d = %l2) : (!tile.rows<64, vector<64xf32>>, !tile.rows<64, f32>) -> !tile.rows<64, vector<64xbf16>> {
    %f = arith.divf %u, %d : f32
    %t = arith.truncf %f : f32 to bf16
    tile.yield %t : bf16
  }
  // CHECK: tile.store %{{.*}}, %[[O]][%[[B]], %[[H]], %[[I0]]] : !tile.rows<64, vector<64xbf16>>, memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
  tile.store %o3, %o[%b, %h, %i0] : !tile.rows<64, vector<64xbf16>>, !tokens
  // CHECK: tile.store %{{.*}}, %[[L]]{{.*}} : !tile.rows<64, f32>, memref<?x?x?xf32, strided<[?, ?, ?]>>
  tile.store %l2, %l[%b, %h, %i0] : !tile.rows<64, f32>, !numbers
  // CHECK: tile.return
  tile.return
}

// CHECK-LABEL: tile.kernel @boxes
// CHECK-SAME: config = #tile.config<queries = 128, keys = 64, threads = 128, stages = 2, query_box = [8, 16], key_box = [8, 8]>
tile.kernel @boxes(%q: !numbers {tile.name = "q"}, %H: index {tile.name = "H"}, %W: index {tile.name = "W"},
                   %l: !numbers {tile.name = "l"})
    attributes {config = #tile.config<queries = 128, keys = 64, threads = 128, stages = 2, query_box = [8, 16], key_box = [8, 8]>,
                result_count = 1 : i64} {
  // CHECK: tile.coordinates of(%{{.*}}, %{{.*}})
  %b, %h, %i0 = tile.coordinates of(%H, %W)
  %c0 = arith.constant 0 : index
  // CHECK: %[[P:.*]] = tile.box(%{{.*}}, %{{.*}}) of(%{{.*}}, %{{.*}}) : !tile.box<8, 16>
  %p = tile.box (%c0, %c0) of (%H, %W) : !tile.box<8, 16>
  // CHECK: tile.load %{{.*}}[%{{.*}}, %{{.*}}, %[[P]] : !tile.box<8, 16>]
  %x = tile.load %q[%b, %h, %p : !tile.box<8, 16>] : !numbers -> !tile.rows<128, f32>
  // CHECK: tile.map (%{{.*}} = %{{.*}}) at (%{{.*}}, %{{.*}}) from (%[[P]] : !tile.box<8, 16>)
  %y = tile.map (%e = %x) at (%r, %c) from (%p : !tile.box<8, 16>) : (!tile.rows<128, f32>) -> !tile.rows<128, f32> {
    %same = arith.cmpi eq, %r, %c : index
    %z = arith.select %same, %e, %e : f32
    tile.yield %z : f32
  }
  // CHECK: tile.store %{{.*}}, %{{.*}}[%{{.*}}, %{{.*}}, %[[P]] : !tile.box<8, 16>]
  tile.store %y, %l[%b, %h, %p : !tile.box<8, 16>] : !tile.rows<128, f32>, !numbers
  tile.return
}

// CHECK-LABEL: tile.kernel @packed_heads
// CHECK-SAME: config = #tile.config<queries = 64, keys = 64, threads = 128, stages = 2, packed_heads = 8>
tile.kernel @packed_heads(%q: !numbers {tile.name = "q"}, %l: !numbers {tile.name = "l"})
    attributes {config = #tile.config<queries = 64, keys = 64, threads = 128, stages = 2, packed_heads = 8>,
                result_count = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  // CHECK: tile.coordinates of(%{{.*}}, %{{.*}}) heads %{{.*}}
  %b, %group, %t = tile.coordinates of(%c8, %c8) heads %c8
  // CHECK: %[[P:.*]] = tile.box heads(%{{.*}}, %{{.*}}) of(%{{.*}}, %{{.*}}) : !tile.box<8, 8>
  %p = tile.box heads (%group, %c0) of (%c8, %c8) : !tile.box<8, 8>
  %x = tile.load %q[%b, %c0, %p : !tile.box<8, 8>] : !numbers -> !tile.rows<64, f32>
  tile.store %x, %l[%b, %c0, %p : !tile.box<8, 8>] : !tile.rows<64, f32>, !numbers
  tile.return
}

// CHECK-LABEL: tile.kernel @walk
tile.kernel @walk(%doc: memref<?x?xi32, strided<[?, ?]>> {tile.name = "doc"}, %s: memref<?x?x?x3xi64> {tile.name = "s"})
    attributes {config = #tile.config<queries = 64, keys = 64, threads = 128, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %c1 = arith.constant 1 : index
  %last = arith.addi %i0, %c1 : index
  // CHECK: %[[F:.*]]:2 = tile.fold %{{.*}} to %{{.*}} [least, union] {
  %low, %set = tile.fold %i0 to %last [least, union] {
  ^bb0(%n: index):
    %d = tile.read %doc[%b, %n] : memref<?x?xi32, strided<[?, ?]>> -> i32
    %e = arith.index_cast %d : i32 to index
    // CHECK: tile.yield %{{.*}}, %{{.*}} : index, index
    tile.yield %e, %e : index, index
  }
  %true = arith.constant true
  // CHECK: %[[R:.*]]:2 = tile.sweep %{{.*}} to %{{.*}} carry (%[[F]]#0, %[[F]]#1) seek {
  %a:2 = tile.sweep %i0 to %last carry (%low, %set) seek {
  ^bb0(%t: index):
    tile.yield %t : index
  // CHECK: } classify {
  } classify {
  ^bb0(%t: index):
    tile.yield %true, %true : i1, i1
  // CHECK: } do {
  } do {
  ^bb0(%t: index, %partial: i1, %x: index, %y: index):
    tile.yield %y, %x : index, index
  // CHECK: } : index, index
  } : index, index
  // CHECK: tile.write %[[R]]#0, %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] : memref<?x?x?x3xi64>
  tile.write %a#0, %s[%b, %h, %i0, %c1] : memref<?x?x?x3xi64>
  // CHECK: tile.sweep %{{.*}} to %{{.*}} classify {
  tile.sweep %i0 to %last classify {
  ^bb0(%t: index):
    tile.yield %true, %true : i1, i1
  } do {
  ^bb0(%t: index, %partial: i1):
    tile.yield
  }
  tile.return
}

// CHECK-LABEL: tile.kernel @rotate
tile.kernel @rotate(%q: !tokens {tile.name = "q"}, %o: !tokens {tile.name = "o"}, %l: !numbers {tile.name = "l"})
    attributes {config = #tile.config<queries = 64, keys = 64, threads = 128, stages = 1>, result_count = 2 : i64} {
  %b, %h, %i0 = tile.coordinates
  // CHECK: tile.elements %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] {
  tile.elements %o[%b, %h, %i0] {
  // CHECK-NEXT: ^bb0(%[[N:.*]]: index, %[[C:.*]]: index):
  ^bb0(%n: index, %c: index):
    // CHECK: %[[X:.*]] = tile.read %{{.*}}[%{{.*}}, %{{.*}}, %[[N]], %[[C]]]
    %x = tile.read %q[%b, %h, %n, %c] : !tokens -> bf16
    // CHECK: tile.yield %[[X]] : bf16
    tile.yield %x : bf16
  // CHECK: } : memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
  } : !tokens
  // CHECK: tile.elements
  tile.elements %l[%b, %h, %i0] {
  ^bb0(%n: index, %c: index):
    %x = arith.constant 1.0 : f32
    tile.yield %x : f32
  // CHECK: } : memref<?x?x?xf32, strided<[?, ?, ?]>>
  } : !numbers
  tile.return
}

!list = memref<?x?x?x?xi32, strided<[?, ?, ?, ?]>>
!values = memref<?x?x?x?xf32, strided<[?, ?, ?, ?]>>
// CHECK-LABEL: func.func private @lists
func.func private @lists(%m: !tile.matrix<64, 32, f32>, %n: !tile.rows<64, i32>, %l: !list, %x: !tile.matrix<64, 32, f32>, %v: !values, %b: index, %h: index, %i: index, %j: index) {
  // CHECK: %[[N:.*]] = tile.append %{{.*}}, %{{.*}}, %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] from %{{.*}} : !tile.matrix<64, 32, f32>, !tile.rows<64, i32>, memref<?x?x?x?xi32, strided<[?, ?, ?, ?]>>
  %y = tile.append %m, %n, %l[%b, %h, %i] from %j : !tile.matrix<64, 32, f32>, !tile.rows<64, i32>, !list
  // CHECK: tile.append %{{.*}}, %[[N]], %{{.*}} from %{{.*}} values %{{.*}}, %{{.*}} : {{.*}}, !tile.matrix<64, 32, f32>, memref<?x?x?x?xf32, strided<[?, ?, ?, ?]>>
  %z = tile.append %m, %y, %l[%b, %h, %i] from %j values %x, %v : !tile.matrix<64, 32, f32>, !tile.rows<64, i32>, !list, !tile.matrix<64, 32, f32>, !values
  return
}

// CHECK-LABEL: tile.kernel @running
tile.kernel @running(%q: !numbers {tile.name = "q"}, %o: !numbers {tile.name = "o"})
    attributes {config = #tile.config<queries = 64, keys = 32, threads = 128, stages = 1>, result_count = 1 : i64} {
  %low = arith.constant 0.0 : f32
  %s = tile.splat %low : f32 -> !tile.matrix<64, 32, f32>
  %c = tile.splat %low : f32 -> !tile.rows<64, f32>
  // CHECK: %[[Y:.*]], %[[NEXT:.*]] = tile.scan reverse exclusive %{{.*}} carry(%{{.*}}) {
  %y, %next = tile.scan reverse exclusive %s carry(%c) {
  // CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[D:.*]]: f32):
  ^bb0(%a: f32, %d: f32):
    // CHECK-NEXT: arith.addf %[[A]], %[[D]] : f32
    %sum = arith.addf %a, %d : f32
    tile.yield %sum : f32
  // CHECK: } : !tile.matrix<64, 32, f32> carry !tile.rows<64, f32>
  } : !tile.matrix<64, 32, f32> carry !tile.rows<64, f32>
  // CHECK: %{{.*}}:2, %{{.*}}:2 = tile.scan %[[Y]], %{{.*}} carry(%{{.*}}, %[[NEXT]]) {
  %z:4 = tile.scan %y, %s carry(%c, %next) {
  ^bb0(%a: f32, %d: f32, %e: f32, %f: f32):
    tile.yield %a, %f : f32, f32
  } : !tile.matrix<64, 32, f32>, !tile.matrix<64, 32, f32> carry !tile.rows<64, f32>, !tile.rows<64, f32>
  %b, %h, %i0 = tile.coordinates
  tile.store %z#2, %o[%b, %h, %i0] : !tile.rows<64, f32>, !numbers
  tile.return
}
