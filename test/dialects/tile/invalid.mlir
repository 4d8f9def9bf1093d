// SPDX-License-Identifier: Apache-2.0
// What each op refuses, and in which words: at least one case a constraint of TileOps.td.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

// kernel C1: an argument that is neither a memref nor a scalar
#c = #tile.config<queries = 64, keys = 64, threads = 128, stages = 2>
// expected-error @+1 {{'tile.kernel' op expected argument 0 to be a memref or a scalar, but got 'tensor<4xf32>'}}
tile.kernel @f(%x: tensor<4xf32>, %o: memref<4xf32>) attributes {config = #c, result_count = 1 : i64} {
  tile.return
}

// -----

// kernel C1: results
#c = #tile.config<queries = 64, keys = 64, threads = 128, stages = 2>
// expected-error @+1 {{'tile.kernel' op expected no results, but got 1}}
tile.kernel @f(%o: memref<4xf32>) -> f32 attributes {config = #c, result_count = 1 : i64} {
  tile.return
}

// -----

// kernel C2: no result among the arguments
#c = #tile.config<queries = 64, keys = 64, threads = 128, stages = 2>
// expected-error @+1 {{'tile.kernel' op expected result_count between 1 and 1, but got 0}}
tile.kernel @f(%o: memref<4xf32>) attributes {config = #c, result_count = 0 : i64} {
  tile.return
}

// -----

// kernel C2: more results than arguments
#c = #tile.config<queries = 64, keys = 64, threads = 128, stages = 2>
// expected-error @+1 {{'tile.kernel' op expected result_count between 1 and 1, but got 2}}
tile.kernel @f(%o: memref<4xf32>) attributes {config = #c, result_count = 2 : i64} {
  tile.return
}

// -----

// kernel C2: a result that is a scalar
#c = #tile.config<queries = 64, keys = 64, threads = 128, stages = 2>
// expected-error @+1 {{'tile.kernel' op expected the last 1 arguments to be memrefs, but got 'f32'}}
tile.kernel @f(%q: memref<4xf32>, %o: f32) attributes {config = #c, result_count = 1 : i64} {
  tile.return
}

// -----

// load C1: a source without heads
func.func private @f(%k: memref<?x?x64xbf16>, %b: index, %h: index, %n: index) {
  // expected-error @+1 {{'tile.load' op expected memory of rank 4 (batch, heads, tokens, element), but got 'memref<?x?x64xbf16>'}}
  %t = tile.load %k[%b, %h, %n] : memref<?x?x64xbf16> -> !tile.cols<64, vector<64xbf16>>
  return
}

// -----

// load C2: another element type
func.func private @f(%k: memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>, %b: index, %h: index, %n: index) {
  // expected-error @+1 {{'tile.load' op expected memory of elements 'vector<64xf32>', but got 'memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>'}}
  %t = tile.load %k[%b, %h, %n] : memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>> -> !tile.cols<64, vector<64xf32>>
  return
}

// -----

// load C2: another number of components
func.func private @f(%k: memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>, %b: index, %h: index, %n: index) {
  // expected-error @+1 {{'tile.load' op expected memory of elements 'vector<128xbf16>', but got 'memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>'}}
  %t = tile.load %k[%b, %h, %n] : memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>> -> !tile.cols<64, vector<128xbf16>>
  return
}

// -----

// load C4: a list for rows
func.func private @f(%k: memref<?x?x?xf32>, %list: memref<?x?x?x?xi32>, %n: index) {
  // expected-error @+1 {{'tile.load' op expected cols from an index on with a list, but got '!tile.rows<64, f32>' from 'index'}}
  %t = tile.load %k[%n, %n, %n] through %list[%n, %n, %n] below %n : memref<?x?x?xf32>, memref<?x?x?x?xi32> -> !tile.rows<64, f32>
  return
}

// -----

// load C4: as many indices as the list has dims
func.func private @f(%k: memref<?x?x?xf32>, %list: memref<?x?x?x?xi32>, %n: index) {
  // expected-error @+1 {{'tile.load' op expected a list of i32 and rank 5, one more than the indices of its row, but got 'memref<?x?x?x?xi32>'}}
  %t = tile.load %k[%n, %n, %n] through %list[%n, %n, %n, %n] below %n : memref<?x?x?xf32>, memref<?x?x?x?xi32> -> !tile.cols<64, f32>
  return
}

// -----

// load C4: a list of other numbers
func.func private @f(%k: memref<?x?x?xf32>, %list: memref<?x?x?x?xi64>, %n: index) {
  // expected-error @+1 {{'tile.load' op expected a list of i32 and rank 4, one more than the indices of its row, but got 'memref<?x?x?x?xi64>'}}
  %t = tile.load %k[%n, %n, %n] through %list[%n, %n, %n] below %n : memref<?x?x?xf32>, memref<?x?x?x?xi64> -> !tile.cols<64, f32>
  return
}

// -----

// store C1: a target of vectors for rows of numbers
func.func private @f(%t: !tile.rows<64, f32>, %o: memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>, %b: index, %h: index, %n: index) {
  // expected-error @+1 {{'tile.store' op expected memory of rank 3 (batch, heads, tokens, element), but got 'memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>'}}
  tile.store %t, %o[%b, %h, %n] : !tile.rows<64, f32>, memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
  return
}

// -----

// store C2: another element type
func.func private @f(%t: !tile.rows<64, f32>, %o: memref<?x?x?xbf16>, %b: index, %h: index, %n: index) {
  // expected-error @+1 {{'tile.store' op expected memory of elements 'f32', but got 'memref<?x?x?xbf16>'}}
  tile.store %t, %o[%b, %h, %n] : !tile.rows<64, f32>, memref<?x?x?xbf16>
  return
}

// -----

// read C1: too few indices
func.func private @f(%t: memref<?x?xf32>, %h: index) {
  // expected-error @+1 {{'tile.read' op expected 2 indices, but got 1}}
  %m = tile.read %t[%h] : memref<?x?xf32> -> f32
  return
}

// -----

// read C2: another type than the table's
func.func private @f(%t: memref<?xf32>, %h: index) {
  // expected-error @+1 {{'tile.read' op expected result type 'f32', but got 'bf16'}}
  %m = tile.read %t[%h] : memref<?xf32> -> bf16
  return
}

// -----

// splat C1: a scalar of another type
func.func private @f(%x: bf16) {
  // expected-error @+1 {{'tile.splat' op expected a scalar of type 'f32', but got 'bf16'}}
  %m = tile.splat %x : bf16 -> !tile.rows<64, vector<32xf32>>
  return
}

// -----

// dot C1: head sizes that differ
func.func private @f(%q: !tile.rows<64, vector<64xbf16>>, %k: !tile.cols<32, vector<128xbf16>>) {
  // expected-error @+1 {{'tile.dot' op expected rows and cols of one vector type, but got 'vector<64xbf16>' and 'vector<128xbf16>'}}
  %s = tile.dot %q, %k : !tile.rows<64, vector<64xbf16>>, !tile.cols<32, vector<128xbf16>> -> !tile.matrix<64, 32, f32>
  return
}

// -----

// dot C1: numbers, not vectors
func.func private @f(%q: !tile.rows<64, f32>, %k: !tile.cols<32, f32>) {
  // expected-error @+1 {{'tile.dot' op expected rows and cols of one vector type, but got 'f32' and 'f32'}}
  %s = tile.dot %q, %k : !tile.rows<64, f32>, !tile.cols<32, f32> -> !tile.matrix<64, 32, f32>
  return
}

// -----

// dot C2: a result of another shape
func.func private @f(%q: !tile.rows<64, vector<64xbf16>>, %k: !tile.cols<32, vector<64xbf16>>) {
  // expected-error @+1 {{'tile.dot' op expected result '!tile.matrix<64, 32, f32>', but got '!tile.matrix<32, 64, f32>'}}
  %s = tile.dot %q, %k : !tile.rows<64, vector<64xbf16>>, !tile.cols<32, vector<64xbf16>> -> !tile.matrix<32, 64, f32>
  return
}

// -----

// contract C1: as many keys on both sides
func.func private @f(%p: !tile.matrix<64, 32, f32>, %v: !tile.cols<64, vector<64xbf16>>, %a: !tile.rows<64, vector<64xf32>>) {
  // expected-error @+1 {{'tile.contract' op expected weights and values of one number of keys, but got 32 and 64}}
  %o = tile.contract %p, %v, %a : !tile.matrix<64, 32, f32>, !tile.cols<64, vector<64xbf16>>, !tile.rows<64, vector<64xf32>>
  return
}

// -----

// contract C2: an accumulator that is not f32
func.func private @f(%p: !tile.matrix<64, 32, f32>, %v: !tile.cols<32, vector<64xbf16>>, %a: !tile.rows<64, vector<64xbf16>>) {
  // expected-error @+1 {{'tile.contract' op expected an accumulator of 64 f32 vectors as long as the values', but got '!tile.rows<64, vector<64xbf16>>'}}
  %o = tile.contract %p, %v, %a : !tile.matrix<64, 32, f32>, !tile.cols<32, vector<64xbf16>>, !tile.rows<64, vector<64xbf16>>
  return
}

// -----

// contract C2: an accumulator of another length
func.func private @f(%p: !tile.matrix<64, 32, f32>, %v: !tile.cols<32, vector<64xbf16>>, %a: !tile.rows<64, vector<32xf32>>) {
  // expected-error @+1 {{'tile.contract' op expected an accumulator of 64 f32 vectors as long as the values', but got '!tile.rows<64, vector<32xf32>>'}}
  %o = tile.contract %p, %v, %a : !tile.matrix<64, 32, f32>, !tile.cols<32, vector<64xbf16>>, !tile.rows<64, vector<32xf32>>
  return
}

// -----

// contract C2: an accumulator of other rows
func.func private @f(%p: !tile.matrix<64, 32, f32>, %v: !tile.cols<32, vector<64xbf16>>, %a: !tile.rows<32, vector<64xf32>>) {
  // expected-error @+1 {{'tile.contract' op expected an accumulator of 64 f32 vectors as long as the values', but got '!tile.rows<32, vector<64xf32>>'}}
  %o = tile.contract %p, %v, %a : !tile.matrix<64, 32, f32>, !tile.cols<32, vector<64xbf16>>, !tile.rows<32, vector<64xf32>>
  return
}

// -----

// contract C3: a scale of other rows (the short form cannot say it)
func.func private @f(%p: !tile.matrix<64, 32, f32>, %v: !tile.cols<32, vector<64xbf16>>, %a: !tile.rows<64, vector<64xf32>>, %c: !tile.rows<32, f32>) {
  // expected-error @+1 {{'tile.contract' op expected a scale of type '!tile.rows<64, f32>', but got '!tile.rows<32, f32>'}}
  %o = "tile.contract"(%p, %v, %a, %c) : (!tile.matrix<64, 32, f32>, !tile.cols<32, vector<64xbf16>>, !tile.rows<64, vector<64xf32>>, !tile.rows<32, f32>) -> !tile.rows<64, vector<64xf32>>
  return
}

// -----

// map C1: other rows
func.func private @f(%x: !tile.rows<32, f32>) {
  // expected-error @+1 {{'tile.map' op expected operand 0 to fit the result's places '!tile.matrix<64, 32, f32>', but got '!tile.rows<32, f32>'}}
  %y = tile.map (%a = %x) : (!tile.rows<32, f32>) -> !tile.matrix<64, 32, f32> {
    tile.yield %a : f32
  }
  return
}

// -----

// map C1: a matrix into rows
func.func private @f(%x: !tile.matrix<64, 32, f32>) {
  // expected-error @+1 {{'tile.map' op expected operand 0 to fit the result's places '!tile.rows<64, f32>', but got '!tile.matrix<64, 32, f32>'}}
  %y = tile.map (%a = %x) : (!tile.matrix<64, 32, f32>) -> !tile.rows<64, f32> {
    tile.yield %a : f32
  }
  return
}

// -----

// map C1: a vector into a number
func.func private @f(%x: !tile.rows<64, vector<8xf32>>) {
  // expected-error @+1 {{'tile.map' op expected operand 0 to fit the result's places '!tile.rows<64, f32>', but got '!tile.rows<64, vector<8xf32>>'}}
  %y = tile.map (%a = %x) : (!tile.rows<64, vector<8xf32>>) -> !tile.rows<64, f32> {
    tile.yield %a : f32
  }
  return
}

// -----

// map C2: a region argument too many
func.func private @f(%x: !tile.rows<64, f32>) {
  // expected-error @+1 {{'tile.map' op expected 1 region arguments, but got 2}}
  %y = "tile.map"(%x) <{operandSegmentSizes = array<i32: 1, 0>}> ({
  ^bb0(%a: f32, %b: f32):
    tile.yield %a : f32
  }) : (!tile.rows<64, f32>) -> !tile.rows<64, f32>
  return
}

// -----

// map C2: a region argument of another type
func.func private @f(%x: !tile.rows<64, f32>) {
  // expected-error @+1 {{'tile.map' op expected region argument of type 'f32', but got 'f64'}}
  %y = "tile.map"(%x) <{operandSegmentSizes = array<i32: 1, 0>}> ({
  ^bb0(%a: f64):
    tile.yield %a : f64
  }) : (!tile.rows<64, f32>) -> !tile.rows<64, f32>
  return
}

// -----

// map C3: the region yields another type
func.func private @f(%x: !tile.rows<64, f32>) {
  // expected-error @+1 {{'tile.map' op expected the region to yield one 'bf16'}}
  %y = tile.map (%a = %x) : (!tile.rows<64, f32>) -> !tile.rows<64, bf16> {
    tile.yield %a : f32
  }
  return
}

// -----

// map C4: one origin for a matrix
func.func private @f(%x: !tile.matrix<64, 32, f32>, %i0: index) {
  // expected-error @+1 {{'tile.map' op expected 2 origins or none, but got 1}}
  %y = tile.map (%a = %x) at (%i) from (%i0) : (!tile.matrix<64, 32, f32>) -> !tile.matrix<64, 32, f32> {
    tile.yield %a : f32
  }
  return
}

// -----

// reduce C1: other rows
func.func private @f(%s: !tile.matrix<64, 32, f32>, %m: !tile.rows<32, f32>) {
  // expected-error @+1 {{'tile.reduce' op expected an initial value of 64 'f32' rows, but got '!tile.rows<32, f32>'}}
  %y = tile.reduce max %s, %m : !tile.matrix<64, 32, f32>, !tile.rows<32, f32> -> !tile.rows<32, f32>
  return
}

// -----

// reduce C1: another element
func.func private @f(%s: !tile.matrix<64, 32, f32>, %m: !tile.rows<64, f64>) {
  // expected-error @+1 {{'tile.reduce' op expected an initial value of 64 'f32' rows, but got '!tile.rows<64, f64>'}}
  %y = tile.reduce max %s, %m : !tile.matrix<64, 32, f32>, !tile.rows<64, f64> -> !tile.rows<64, f64>
  return
}

// -----

// reduce C2: a partial start and a joined result
func.func private @f(%s: !tile.matrix<64, 32, f32>, %m: !tile.partial<64, f32>) {
  // expected-error @+1 {{'tile.reduce' op expected result '!tile.partial<64, f32>', but got '!tile.rows<64, f32>'}}
  %y = tile.reduce sum %s, %m : !tile.matrix<64, 32, f32>, !tile.partial<64, f32> -> !tile.rows<64, f32>
  return
}

// -----

// combine C1: other rows
func.func private @f(%l: !tile.partial<64, f32>) {
  // expected-error @+1 {{'tile.combine' op expected result '!tile.rows<64, f32>', but got '!tile.rows<32, f32>'}}
  %y = tile.combine sum %l : !tile.partial<64, f32> -> !tile.rows<32, f32>
  return
}

// -----

// append C1: marks of i1
func.func private @f(%m: !tile.matrix<64, 32, i1>, %n: !tile.rows<64, i32>, %l: memref<?x?x?x?xi32>, %i: index) {
  // expected-error @+1 {{'tile.append' op expected marks of f32, but got '!tile.matrix<64, 32, i1>'}}
  %y = tile.append %m, %n, %l[%i, %i, %i] from %i : !tile.matrix<64, 32, i1>, !tile.rows<64, i32>, memref<?x?x?x?xi32>
  return
}

// -----

// append C1: counts of f32
func.func private @f(%m: !tile.matrix<64, 32, f32>, %n: !tile.rows<64, f32>, %l: memref<?x?x?x?xi32>, %i: index) {
  // expected-error @+1 {{'tile.append' op expected counts of 64 i32 rows, but got '!tile.rows<64, f32>'}}
  %y = tile.append %m, %n, %l[%i, %i, %i] from %i : !tile.matrix<64, 32, f32>, !tile.rows<64, f32>, memref<?x?x?x?xi32>
  return
}

// -----

// append C2: a list of rank 3
func.func private @f(%m: !tile.matrix<64, 32, f32>, %n: !tile.rows<64, i32>, %l: memref<?x?x?xi32>, %i: index) {
  // expected-error @+1 {{'tile.append' op expected a list of i32 of rank 4, but got 'memref<?x?x?xi32>'}}
  %y = tile.append %m, %n, %l[%i, %i, %i] from %i : !tile.matrix<64, 32, f32>, !tile.rows<64, i32>, memref<?x?x?xi32>
  return
}

// -----

// append C3: elements of another type than the memory
func.func private @f(%m: !tile.matrix<64, 32, f32>, %n: !tile.rows<64, i32>, %l: memref<?x?x?x?xi32>, %i: index) {
  // expected-error @+1 {{'tile.append' op expected elements at the places of '!tile.matrix<64, 32, f32>' and a memory of rank 4 of their type, but got '!tile.matrix<64, 32, f32>' and 'memref<?x?x?x?xi32>'}}
  %y = tile.append %m, %n, %l[%i, %i, %i] from %i values %m, %l : !tile.matrix<64, 32, f32>, !tile.rows<64, i32>, memref<?x?x?x?xi32>, !tile.matrix<64, 32, f32>, memref<?x?x?x?xi32>
  return
}

// -----

// box: no size
// expected-error @+1 {{expected sizes of a box above 0, but got <8, 0>}}
func.func private @f(!tile.box<8, 0>)

// -----

// box C1: one origin too few
func.func private @f(%n: index) {
  // expected-error @+1 {{'tile.box' op expected 2 origins and grid sizes, but got 1 and 2}}
  %p = tile.box (%n) of (%n, %n) : !tile.box<8, 8>
  return
}

// -----

// load C3: another number of tokens
func.func private @f(%m: memref<?x?x?xf32>, %n: index, %p: !tile.box<8, 8>) {
  // expected-error @+1 {{'tile.load' op expected a box of 32 tokens, but got '!tile.box<8, 8>'}}
  %x = tile.load %m[%n, %n, %p : !tile.box<8, 8>] : memref<?x?x?xf32> -> !tile.rows<32, f32>
  return
}

// -----

// store C3: another number of tokens
func.func private @f(%t: !tile.rows<32, f32>, %m: memref<?x?x?xf32>, %n: index, %p: !tile.box<8, 8>) {
  // expected-error @+1 {{'tile.store' op expected a box of 32 tokens, but got '!tile.box<8, 8>'}}
  tile.store %t, %m[%n, %n, %p : !tile.box<8, 8>] : !tile.rows<32, f32>, memref<?x?x?xf32>
  return
}

// -----

// map C4: a box of another number of tokens
func.func private @f(%x: !tile.rows<32, f32>, %p: !tile.box<8, 8>) {
  // expected-error @+1 {{'tile.map' op expected a box of 32 tokens, but got '!tile.box<8, 8>'}}
  %y = tile.map (%e = %x) at (%a, %b) from (%p : !tile.box<8, 8>) : (!tile.rows<32, f32>) -> !tile.rows<32, f32> {
    tile.yield %e : f32
  }
  return
}

// -----

// write C1: too few indices
func.func private @f(%m: memref<?x?xi64>, %n: index) {
  // expected-error @+1 {{'tile.write' op expected 2 indices, but got 1}}
  tile.write %n, %m[%n] : memref<?x?xi64>
  return
}

// -----

// write C2: other numbers
func.func private @f(%m: memref<?xi32>, %n: index) {
  // expected-error @+1 {{'tile.write' op expected memory of i64, but got 'memref<?xi32>'}}
  tile.write %n, %m[%n] : memref<?xi32>
  return
}

// -----

// fold C1: a kind that there is not
func.func private @f(%n: index) {
  // expected-error @+1 {{expected least, greatest or union, but got 'sum'}}
  %y = tile.fold %n to %n [sum] {
  ^bb0(%i: index):
    tile.yield %i : index
  }
  return
}

// -----

// fold C2: another number of results
func.func private @f(%n: index) {
  // expected-error @+1 {{'tile.fold' op expected the region 'body' to yield ('index'), but it yields ('index', 'index')}}
  %y = tile.fold %n to %n [least] {
  ^bb0(%i: index):
    tile.yield %i, %i : index, index
  }
  return
}

// -----

// elements C1: a table
func.func private @f(%n: index, %m: memref<?x?xf32>) {
  // expected-error @+1 {{'tile.elements' op expected a target of rank 3 or 4 (batch, heads, tokens, components), but got 'memref<?x?xf32>'}}
  tile.elements %m[%n, %n, %n] {
  ^bb0(%i: index, %c: index):
    %x = arith.constant 0.0 : f32
    tile.yield %x : f32
  } : memref<?x?xf32>
  return
}

// -----

// elements C2: one index
func.func private @f(%n: index, %m: memref<?x?x?xf32>) {
  // expected-error @+1 {{'tile.elements' op expected the region 'body' to take ('index', 'index'), but it takes ('index')}}
  tile.elements %m[%n, %n, %n] {
  ^bb0(%i: index):
    %x = arith.constant 0.0 : f32
    tile.yield %x : f32
  } : memref<?x?x?xf32>
  return
}

// -----

// elements C2: a number of another type
func.func private @f(%n: index, %m: memref<?x?x?x4xbf16>) {
  // expected-error @+1 {{'tile.elements' op expected the region 'body' to yield ('bf16'), but it yields ('f32')}}
  tile.elements %m[%n, %n, %n] {
  ^bb0(%i: index, %c: index):
    %x = arith.constant 0.0 : f32
    tile.yield %x : f32
  } : memref<?x?x?x4xbf16>
  return
}

// -----

// elements C3: what it writes
func.func private @f(%n: index, %m: memref<?x?x?xf32>) {
  // expected-error @+1 {{'tile.elements' op expected a region that does not read the target}}
  tile.elements %m[%n, %n, %n] {
  ^bb0(%i: index, %c: index):
    %x = tile.read %m[%n, %n, %i] : memref<?x?x?xf32> -> f32
    tile.yield %x : f32
  } : memref<?x?x?xf32>
  return
}

// -----

// sweep C1: one class
func.func private @f(%n: index, %x: i1) {
  // expected-error @+1 {{'tile.sweep' op expected the region 'classify' to yield ('i1', 'i1'), but it yields ('i1')}}
  tile.sweep %n to %n classify {
  ^bb0(%t: index):
    tile.yield %x : i1
  } do {
  ^bb0(%t: index, %p: i1):
    tile.yield
  }
  return
}

// -----

// sweep C2: the body forgets the state
func.func private @f(%n: index, %x: i1) {
  // expected-error @+1 {{'tile.sweep' op expected the region 'body' to yield ('index'), but it yields ()}}
  %y = tile.sweep %n to %n carry (%n) classify {
  ^bb0(%t: index):
    tile.yield %x, %x : i1, i1
  } do {
  ^bb0(%t: index, %p: i1, %s: index):
    tile.yield
  } : index
  return
}

// -----

// coordinates C1: no grid
tile.kernel @box_without_grid(%o: memref<?x?x?xf32>)
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 1, stages = 1, query_box = [4, 4]>, result_count = 1 : i64} {
  // expected-error@+1 {{expected 2 grid sizes, one a size of the kernel's query_box, but got 0}}
  %b, %h, %i0 = tile.coordinates
  tile.return
}

// -----

// coordinates C1: a grid of no boxes
tile.kernel @grid_without_box(%n: index, %o: memref<?x?x?xf32>)
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 1, stages = 1>, result_count = 1 : i64} {
  // expected-error@+1 {{expected 0 grid sizes, one a size of the kernel's query_box, but got 1}}
  %b, %h, %i0 = tile.coordinates of(%n)
  tile.return
}

// -----

// coordinates C1: a grid of one size
tile.kernel @packed_grid(%n: index, %o: memref<?x?x?xf32>)
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 1, stages = 1, packed_heads = 4>, result_count = 1 : i64} {
  // expected-error@+1 {{expected 2 grid sizes, heads of a group and queries, but got 1}}
  %b, %h, %i0 = tile.coordinates of(%n) heads %n
  tile.return
}

// -----

// coordinates C2: no groups
tile.kernel @packed_groups(%n: index, %o: memref<?x?x?xf32>)
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 1, stages = 1, packed_heads = 4>, result_count = 1 : i64} {
  // expected-error@+1 {{expected the number of groups of heads, as the kernel's packed_heads is 4}}
  %b, %h, %i0 = tile.coordinates of(%n, %n)
  tile.return
}

// -----

// coordinates C2: groups of heads that are not packed
tile.kernel @groups(%n: index, %o: memref<?x?x?xf32>)
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 1, stages = 1>, result_count = 1 : i64} {
  // expected-error@+1 {{expected no heads, as the kernel's packed_heads is 0}}
  %b, %h, %i0 = tile.coordinates heads %n
  tile.return
}

// -----

// box C1: heads and two more
func.func private @f(%n: index) {
  // expected-error @+1 {{'tile.box' op expected 2 sizes, heads and tokens, but got 3}}
  %p = tile.box heads (%n, %n, %n) of (%n, %n, %n) : !tile.box<2, 8, 8>
  return
}

// -----

// scan C1: carried rows of another element
func.func private @f(%x: !tile.matrix<16, 16, f32>, %c: !tile.rows<16, i32>) {
  // expected-error @+1 {{'tile.scan' op expected carried rows 0 of type '!tile.rows<16, f32>', but got '!tile.rows<16, i32>'}}
  %y, %n = tile.scan %x carry(%c) {
  ^bb0(%a: f32, %d: f32):
    tile.yield %a : f32
  } : !tile.matrix<16, 16, f32> carry !tile.rows<16, i32>
  return
}

// -----

// scan C1: matrices of two sizes
func.func private @f(%x: !tile.matrix<16, 16, f32>, %y: !tile.matrix<16, 32, f32>, %c: !tile.rows<16, f32>) {
  // expected-error @+1 {{'tile.scan' op expected matrix 1 to have the places of '!tile.matrix<16, 16, f32>', but got '!tile.matrix<16, 32, f32>'}}
  %z:4 = tile.scan %x, %y carry(%c, %c) {
  ^bb0(%a: f32, %d: f32, %e: f32, %f: f32):
    tile.yield %a, %d : f32, f32
  } : !tile.matrix<16, 16, f32>, !tile.matrix<16, 32, f32> carry !tile.rows<16, f32>, !tile.rows<16, f32>
  return
}

// -----

// scan C2: a region of one state
func.func private @f(%x: !tile.matrix<16, 16, f32>, %c: !tile.rows<16, f32>) {
  // expected-error @+1 {{'tile.scan' op expected the region 'body' to take ('f32', 'f32'), but it takes ('f32')}}
  %y, %n = tile.scan %x carry(%c) {
  ^bb0(%a: f32):
    tile.yield %a : f32
  } : !tile.matrix<16, 16, f32> carry !tile.rows<16, f32>
  return
}
