// RUN: attn-opt %s --tile-to-host --split-input-file --verify-diagnostics
// RUN: not attn-opt %root/test/compiler/target/Inputs/causal-f32-d64.mlir --tile-to-host=level=x86-64-v9 2>&1 | FileCheck %s
// CHECK: error: expected option level to be x86-64, x86-64-v3 or x86-64-v4, but got 'x86-64-v9'

// A remainder of floats is a call of the C library.
!numbers = memref<?x?x?xf32, strided<[?, ?, ?]>>
tile.kernel @remainder(%x: !numbers {tile.name = "x"}, %o: !numbers {tile.name = "o"})
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %t = tile.load %x[%b, %h, %i0] : !numbers -> !tile.rows<16, f32>
  %r = tile.map (%e = %t) : (!tile.rows<16, f32>) -> !tile.rows<16, f32> {
    // expected-error@+1 {{'arith.remf' has no code on the host; expected arith, math, tile.read or memref.dim without a library call}}
    %v = arith.remf %e, %e : f32
    tile.yield %v : f32
  }
  tile.store %r, %o[%b, %h, %i0] : !tile.rows<16, f32>, !numbers
  tile.return
}

// -----

!numbers = memref<?x?x?xf64, strided<[?, ?, ?]>>
tile.kernel @wide(%x: !numbers {tile.name = "x"}, %o: !numbers {tile.name = "o"})
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %t = tile.load %x[%b, %h, %i0] : !numbers -> !tile.rows<16, f64>
  %r = tile.map (%e = %t) : (!tile.rows<16, f64>) -> !tile.rows<16, f64> {
    // expected-error@+1 {{'math.exp' on f64 has no code on the host; expected f32 or narrower}}
    %v = math.exp %e : f64
    tile.yield %v : f64
  }
  tile.store %r, %o[%b, %h, %i0] : !tile.rows<16, f64>, !numbers
  tile.return
}

// -----

!pairs = memref<?x?x?x2x4xf32, strided<[?, ?, ?, 4, 1]>>
tile.kernel @pairs(%x: !pairs {tile.name = "x"}, %o: !pairs {tile.name = "o"})
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  // expected-error@+1 {{expected elements of rank at most 1 on the host, but got 'vector<2x4xf32>'}}
  %t = tile.load %x[%b, %h, %i0] : !pairs -> !tile.rows<16, vector<2x4xf32>>
  tile.store %t, %o[%b, %h, %i0] : !tile.rows<16, vector<2x4xf32>>, !pairs
  tile.return
}

// -----

!tokens = memref<?x?x?x8xf32, strided<[?, ?, ?, 1]>>
tile.kernel @carried(%k: !tokens {tile.name = "k"}, %o: !tokens {tile.name = "o"})
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %first = tile.load %k[%b, %h, %c0] : !tokens -> !tile.cols<16, vector<8xf32>>
  // expected-error@+1 {{expected no cols to be carried or yielded on the host, but got '!tile.cols<16, vector<8xf32>>'}}
  %last = scf.for %j = %c0 to %c16 step %c16 iter_args(%c = %first) -> (!tile.cols<16, vector<8xf32>>) {
    scf.yield %first : !tile.cols<16, vector<8xf32>>
  }
  tile.return
}
