// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --tile-narrow-indices | FileCheck %s

!tokens = memref<?x?x?xf32, strided<[?, ?, ?]>>
!s = !tile.matrix<32, 64, f32>

// A difference of two tokens fits; so does its conversion to a float.
// CHECK-LABEL: tile.kernel @distance
// CHECK: tile.map
// CHECK: %[[I:.*]] = arith.index_cast %{{.*}} : index to i32
// CHECK: %[[J:.*]] = arith.index_cast %{{.*}} : index to i32
// CHECK: %[[D:.*]] = arith.subi %[[J]], %[[I]] : i32
// CHECK: arith.sitofp %[[D]] : i32 to f32
tile.kernel @distance(%k: !tokens {tile.name = "k"}, %o: !tokens {tile.name = "o"})
    attributes {config = #tile.config<queries = 32, keys = 64, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %zero = arith.constant 0.0 : f32
  %s = tile.splat %zero : f32 -> !s
  %m0 = tile.splat %zero : f32 -> !tile.rows<32, f32>
  %x = tile.map (%e = %s) at (%i, %j) from (%i0, %i0) : (!s) -> !s {
    %d = arith.subi %j, %i : index
    %w = arith.index_cast %d : index to i64
    %f = arith.sitofp %w : i64 to f32
    %y = arith.addf %e, %f : f32
    tile.yield %y : f32
  }
  %m = tile.reduce max %x, %m0 : !s, !tile.rows<32, f32> -> !tile.rows<32, f32>
  tile.store %m, %o[%b, %h, %i0] : !tile.rows<32, f32>, !tokens
  tile.return
}

// A length and an index operand are below 2^31 by the launch's checks; what they are compared with
// is cast once, outside of the map.
// CHECK-LABEL: tile.kernel @window
// CHECK-SAME: %[[W:[a-z0-9]*]]: index
// CHECK: %[[W32:.*]] = arith.index_cast %[[W]] : index to i32
// CHECK: %[[N32:.*]] = arith.index_cast %{{.*}} : index to i32
// CHECK: tile.map
// CHECK: arith.cmpi slt, %{{.*}}, %[[N32]] : i32
// CHECK: arith.subi {{.*}} : i32
// CHECK: arith.cmpi sle, %{{.*}}, %[[W32]] : i32
tile.kernel @window(%k: !tokens {tile.name = "k"}, %w: index {tile.name = "w"}, %o: !tokens {tile.name = "o"})
    attributes {config = #tile.config<queries = 32, keys = 64, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %zero = arith.constant 0.0 : f32
  %c2 = arith.constant 2 : index
  %n = memref.dim %k, %c2 : !tokens
  %s = tile.splat %zero : f32 -> !s
  %m0 = tile.splat %zero : f32 -> !tile.rows<32, f32>
  %x = tile.map (%e = %s) at (%i, %j) from (%i0, %i0) : (!s) -> !s {
    %in = arith.cmpi slt, %j, %n : index
    %d = arith.subi %i, %j : index
    %near = arith.cmpi sle, %d, %w : index
    %keep = arith.andi %in, %near : i1
    %y = arith.select %keep, %e, %zero : f32
    tile.yield %y : f32
  }
  %m = tile.reduce max %x, %m0 : !s, !tile.rows<32, f32> -> !tile.rows<32, f32>
  tile.store %m, %o[%b, %h, %i0] : !tile.rows<32, f32>, !tokens
  tile.return
}

// A sum of tokens, a product and a difference with an operand may all leave 32 bits. So may an i64
// operand; but the map does not change it, and cut to 32 bits it compares like itself.
// CHECK-LABEL: tile.kernel @overflow
// CHECK-DAG: %[[U_ABOVE:.*]] = arith.maxsi %{{.*}}, %c-2147483648{{.*}} : i64
// CHECK-DAG: %[[U_CUT:.*]] = arith.minsi %[[U_ABOVE]], %c2147483647{{.*}} : i64
// CHECK-DAG: %[[U32:.*]] = arith.trunci %[[U_CUT]] : i64 to i32
// CHECK: tile.map
// CHECK: arith.addi {{.*}} : index
// CHECK: arith.muli {{.*}} : index
// CHECK: arith.subi {{.*}} : index
// CHECK: arith.cmpi sle, {{.*}} : index
// CHECK: arith.cmpi sle, %{{.*}}, %[[U32]] : i32
tile.kernel @overflow(%w: index {tile.name = "w"}, %u: i64 {tile.name = "u"}, %o: !tokens {tile.name = "o"})
    attributes {config = #tile.config<queries = 32, keys = 64, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %zero = arith.constant 0.0 : f32
  %s = tile.splat %zero : f32 -> !s
  %m0 = tile.splat %zero : f32 -> !tile.rows<32, f32>
  %x = tile.map (%e = %s) at (%i, %j) from (%i0, %i0) : (!s) -> !s {
    %sum = arith.addi %i, %j : index
    %product = arith.muli %sum, %j : index
    %difference = arith.subi %i, %w : index
    %near = arith.cmpi sle, %product, %difference : index
    %wide = arith.index_cast %j : index to i64
    %low = arith.cmpi sle, %wide, %u : i64
    %keep = arith.andi %low, %near : i1
    %y = arith.select %keep, %e, %zero : f32
    tile.yield %y : f32
  }
  %m = tile.reduce max %x, %m0 : !s, !tile.rows<32, f32> -> !tile.rows<32, f32>
  tile.store %m, %o[%b, %h, %i0] : !tile.rows<32, f32>, !tokens
  tile.return
}

// An index that addresses memory stays an index, but for a division, which costs more than a cast.
// CHECK-LABEL: tile.kernel @address
// CHECK: %[[R:.*]] = arith.remui %{{.*}}, %{{.*}} : i32
// CHECK: %[[K:.*]] = arith.index_cast %[[R]] : i32 to index
// CHECK: tile.read %{{.*}}[%[[K]]]
tile.kernel @address(%t: memref<?xf32, strided<[?]>> {tile.name = "t"}, %o: !tokens {tile.name = "o"})
    attributes {config = #tile.config<queries = 32, keys = 64, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %zero = arith.constant 0.0 : f32
  %c7 = arith.constant 7 : index
  %s = tile.splat %zero : f32 -> !s
  %m0 = tile.splat %zero : f32 -> !tile.rows<32, f32>
  %x = tile.map (%e = %s) at (%i, %j) from (%i0, %i0) : (!s) -> !s {
    %r = arith.remui %j, %c7 : index
    %y = tile.read %t[%r] : memref<?xf32, strided<[?]>> -> f32
    tile.yield %y : f32
  }
  %m = tile.reduce max %x, %m0 : !s, !tile.rows<32, f32> -> !tile.rows<32, f32>
  tile.store %m, %o[%b, %h, %i0] : !tile.rows<32, f32>, !tokens
  tile.return
}

// In a sweep as elsewhere: tokens, lengths and numbers of tiles fit; a fold and what is carried may not.
// CHECK-LABEL: tile.kernel @sweep
// CHECK: tile.sweep
// CHECK: tile.map
// CHECK: arith.cmpi slt, {{.*}} : i32
// CHECK: arith.subi {{.*}} : i32
// CHECK: arith.cmpi sle, {{.*}} : i32
// CHECK: arith.cmpi sle, {{.*}} : index
// CHECK: arith.cmpi sle, {{.*}} : index
// CHECK: arith.cmpi sle, {{.*}} : i32
tile.kernel @sweep(%k: !tokens {tile.name = "k"}, %d: memref<?xi32, strided<[?]>> {tile.name = "d"}, %w: index {tile.name = "w"}, %o: !tokens {tile.name = "o"})
    attributes {config = #tile.config<queries = 32, keys = 64, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %zero = arith.constant 0.0 : f32
  %true = arith.constant true
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %n = memref.dim %d, %c0 : memref<?xi32, strided<[?]>>
  %end = arith.ceildivsi %n, %c64 : index
  %m0 = tile.splat %zero : f32 -> !tile.rows<32, f32>
  %low = tile.fold %c0 to %n [least] {
  ^bb0(%i: index):
    tile.yield %i : index
  }
  %m, %c = tile.sweep %c0 to %end carry (%m0, %c0) seek {
  ^bb0(%t: index):
    tile.yield %t : index
  } classify {
  ^bb0(%t: index):
    %p = arith.cmpi eq, %t, %c0 : index
    tile.yield %p, %p : i1, i1
  } do {
  ^bb0(%t: index, %partial: i1, %m1: !tile.rows<32, f32>, %c2: index):
    %j0 = arith.muli %t, %c64 : index
    %c3 = arith.addi %c2, %c1 : index
    %s = tile.map (%e = %m1) at (%i, %j) from (%i0, %j0) : (!tile.rows<32, f32>) -> !s {
      %in = arith.cmpi slt, %j, %n : index
      %dist = arith.subi %i, %j : index
      %near = arith.cmpi sle, %dist, %w : index
      %keep = arith.andi %in, %near : i1
      %part = arith.andi %keep, %partial : i1
      %f = arith.cmpi sle, %low, %j : index
      %g = arith.cmpi sle, %c2, %j : index
      %q = arith.cmpi sle, %t, %j : index
      %k1 = arith.andi %part, %f : i1
      %k2 = arith.andi %k1, %g : i1
      %k3 = arith.andi %k2, %q : i1
      %y = arith.select %k3, %e, %zero : f32
      tile.yield %y : f32
    }
    %m2 = tile.reduce max %s, %m1 : !s, !tile.rows<32, f32> -> !tile.rows<32, f32>
    tile.yield %m2, %c3 : !tile.rows<32, f32>, index
  } : !tile.rows<32, f32>, index
  tile.store %m, %o[%b, %h, %i0] : !tile.rows<32, f32>, !tokens
  tile.return
}

// An operand that divides is above 0 by the launch's checks, so that quotients fit; who needs one
// wide gets it extended. Coordinates are divided by one size after the other: their products need
// not fit.
// CHECK-LABEL: tile.kernel @coordinates
// CHECK-SAME: %[[H:[a-z0-9]*]]: index {{.*}} %[[W:[a-z0-9]*]]: index
// CHECK: tile.map
// CHECK-NOT: {{(remsi|floordivsi) .* : index}}
// CHECK: %[[R:.*]] = arith.remsi %[[I:.*]], %[[X:.*]] : i32
// CHECK: arith.index_cast %[[R]] : i32 to index
// CHECK: %[[Q:.*]] = arith.floordivsi %[[I]], %[[X]] : i32
// CHECK: arith.remsi %[[Q]], %{{.*}} : i32
// CHECK-NOT: {{(remsi|floordivsi|muli) .* : index}}
// CHECK: tile.yield
tile.kernel @coordinates(%k: !tokens {tile.name = "k"}, %H: index {tile.name = "H"}, %W: index {tile.name = "W"}, %o: !tokens {tile.name = "o"})
    attributes {config = #tile.config<queries = 32, keys = 64, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %zero = arith.constant 0.0 : f32
  %c5 = arith.constant 5 : index
  %s = tile.splat %zero : f32 -> !s
  %m0 = tile.splat %zero : f32 -> !tile.rows<32, f32>
  %x = tile.map (%e = %s) at (%i, %j) from (%i0, %i0) : (!s) -> !s {
    %t:3 = affine.delinearize_index %i into (%c5, %H, %W) : index, index, index
    %u:3 = affine.delinearize_index %j into (%c5, %H, %W) : index, index, index
    %d = arith.andi %t#1, %u#1 : index
    %near = arith.cmpi eq, %d, %t#2 : index
    %f = arith.cmpi eq, %t#0, %u#2 : index
    %keep = arith.andi %f, %near : i1
    %y = arith.select %keep, %e, %zero : f32
    tile.yield %y : f32
  }
  %m = tile.reduce max %x, %m0 : !s, !tile.rows<32, f32> -> !tile.rows<32, f32>
  tile.store %m, %o[%b, %h, %i0] : !tile.rows<32, f32>, !tokens
  tile.return
}

// Tokens and components of elements fit, too.
// CHECK-LABEL: tile.kernel @elements
// CHECK: tile.elements
// CHECK: ^bb0(%[[N:.*]]: index, %[[C:.*]]: index):
// CHECK-DAG: %[[C32:.*]] = arith.index_cast %[[C]] : index to i32
// CHECK-DAG: %[[N32:.*]] = arith.index_cast %[[N]] : index to i32
// CHECK: %[[R:.*]] = arith.remui %[[C32]], %{{.*}} : i32
// CHECK: arith.cmpi slt, %[[N32]], %[[R]] : i32
tile.kernel @elements(%o: !tokens {tile.name = "o"})
    attributes {config = #tile.config<queries = 32, keys = 64, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %c5 = arith.constant 5 : index
  tile.elements %o[%b, %h, %i0] {
  ^bb0(%n: index, %c: index):
    %r = arith.remui %c, %c5 : index
    %isBelow = arith.cmpi slt, %n, %r : index
    %y = arith.select %isBelow, %one, %zero : f32
    tile.yield %y : f32
  } : !tokens
  tile.return
}
