// SPDX-License-Identifier: Apache-2.0
// What scan, fold and stencil refuse: at least one case a constraint of AttnRunningOps.td.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

// scan C1: keys of rows
func.func private @f(%r: !attn.rows<f32>) {
  // expected-error @+1 {{expected a matrix or cols to scan over keys, but got '!attn.rows<f32>'}}
  %a = attn.scan sum %r over keys : !attn.rows<f32>
  return
}

// -----

// scan C1: queries of cols
func.func private @f(%r: !attn.cols<f32>) {
  // expected-error @+1 {{expected a matrix or rows to scan over queries, but got '!attn.cols<f32>'}}
  %a = attn.scan max %r over queries : !attn.cols<f32>
  return
}

// -----

// scan C1: heads have no order
func.func private @f(%r: !attn.cols<f32>) {
  // expected-error @+1 {{expected to scan over keys or queries, but got '!attn.cols<f32>'}}
  %a = attn.scan max %r over heads : !attn.cols<f32>
  return
}

// -----

// scan C1: no axis
func.func private @f(%r: !attn.cols<f32>) {
  // expected-error @+1 {{expected a scan over keys or queries, but got tokens}}
  %a = attn.scan max %r over tokens : !attn.cols<f32>
  return
}

// -----

// scan C2: operands of two axes
func.func private @f(%s: !attn.matrix<f32>, %t: !attn.matrix<f32, q, mem>, %z: f32) {
  // expected-error @+1 {{expected operands of one type but for the element, but operand #1 is '!attn.matrix<f32, q, mem>' and the first is '!attn.matrix<f32>'}}
  %a, %b = attn.scan (%s, %t) from (%z, %z) with (%u, %v), (%w, %x) over keys : (!attn.matrix<f32>, !attn.matrix<f32, q, mem>) { attn.yield %u, %v : f32, f32 }
  return
}

// -----

// scan C3: a state of one number is yielded for two
func.func private @f(%s: !attn.matrix<f32>, %z: f32) {
  // expected-error @+1 {{expected the region to yield one state, ('f32', 'f32'), but it ends with 'attn.yield' of ('f32')}}
  %a, %b = attn.scan (%s, %s) from (%z, %z) with (%u, %v), (%w, %x) over keys : (!attn.matrix<f32>, !attn.matrix<f32>) { attn.yield %u : f32 }
  return
}

// -----

// scan C3: one state
func.func private @f(%s: !attn.matrix<f32>, %z: f32) {
  // expected-error @+1 {{expected the region to take two states of one element an operand, ('f32', 'f32'), but it takes ('f32')}}
  %a = "attn.scan"(%s, %z) <{operandSegmentSizes = array<i32: 1, 1>, over = 0 : i32}> ({
  ^bb0(%u: f32):
    "attn.yield"(%u) : (f32) -> ()
  }) : (!attn.matrix<f32>, f32) -> !attn.matrix<f32>
  return
}

// -----

// scan C3: an identity of another type
func.func private @f(%s: !attn.matrix<f32>, %z: i32) {
  // expected-error @+1 {{expected one identity an operand, of its element's type, ('f32'), but got ('i32')}}
  %a = "attn.scan"(%s, %z) <{operandSegmentSizes = array<i32: 1, 1>, over = 0 : i32}> ({
  ^bb0(%u: f32, %v: f32):
    "attn.yield"(%u) : (f32) -> ()
  }) : (!attn.matrix<f32>, i32) -> !attn.matrix<f32>
  return
}

// -----

// scan C3: without an identity
func.func private @f(%s: !attn.matrix<f32>) {
  // expected-error @+1 {{expected one identity for each of the 1 types, but got 0}}
  %a = attn.scan (%s) from () with (%u), (%v) over keys : (!attn.matrix<f32>) { attn.yield %u : f32 }
  return
}

// -----

// scan C3: a captured value
func.func private @f(%s: !attn.matrix<f32>, %z: f32) {
  %a = attn.scan (%s) from (%z) with (%u), (%v) over keys : (!attn.matrix<f32>) {
    // expected-error @+1 {{expected a region to use rows, cols and matrices as bound operands alone}}
    %m = attn.reduce max %s over keys : !attn.matrix<f32>
    attn.yield %u : f32
  }
  return
}

// -----

// scan C4: a mean is not the combine of two
func.func private @f(%s: !attn.matrix<f32>) {
  // expected-error @+1 {{expected a kind, sum, max or min, or a region that combines two states, but not both}}
  %a = attn.scan mean %s over keys : !attn.matrix<f32>
  return
}

// -----

// scan C4: neither
func.func private @f(%s: !attn.matrix<f32>) {
  // expected-error @+1 {{expected a kind, sum, max or min, or a region that combines two states, but not both}}
  %a = "attn.scan"(%s) <{operandSegmentSizes = array<i32: 1, 0>, over = 0 : i32}> ({}) : (!attn.matrix<f32>) -> !attn.matrix<f32>
  return
}

// -----

// scan C4: no such kind
func.func private @f(%s: !attn.matrix<f32>) {
  // expected-error @+1 {{expected sum, max, min or operands in parentheses, but got product}}
  %a = attn.scan product %s over keys : !attn.matrix<f32>
  return
}

// -----

// scan C4: two operands of one kind
func.func private @f(%s: !attn.matrix<f32>) {
  // expected-error @+1 {{expected one operand without a region, but got 2}}
  %a:2 = "attn.scan"(%s, %s) <{operandSegmentSizes = array<i32: 2, 0>, kind = 0 : i32, over = 0 : i32}> ({}) : (!attn.matrix<f32>, !attn.matrix<f32>) -> (!attn.matrix<f32>, !attn.matrix<f32>)
  return
}

// -----

// fold C1: matrices of two axes
func.func private @f(%s: !attn.matrix<f32>, %t: !attn.matrix<f32, q, mem>, %z: f32) {
  // expected-error @+1 {{expected matrices of one axis pair, but operand #1 is '!attn.matrix<f32, q, mem>' and the first is '!attn.matrix<f32>'}}
  %a, %b = attn.fold (%s, %t) from (%z, %z) with (%u, %v), (%w, %x) : (!attn.matrix<f32>, !attn.matrix<f32, q, mem>) { attn.yield %u, %v : f32, f32 }
  return
}

// -----

// fold C1: rows
func.func private @f(%r: !attn.rows<f32>, %z: f32) {
  // expected-error @+1 {{expected matrices, whose rows are folded, but got '!attn.rows<f32>'}}
  %a = attn.fold (%r) from (%z) with (%u), (%v) : (!attn.rows<f32>) { attn.yield %u : f32 }
  return
}

// -----

// fold C2: a state of integers is yielded for one of floats
func.func private @f(%s: !attn.matrix<f32>, %z: f32, %n: i32) {
  // expected-error @+1 {{expected the region to yield one state, ('f32'), but it ends with 'attn.yield' of ('i32')}}
  %a = attn.fold (%s) from (%z) with (%u), (%v) : (!attn.matrix<f32>) { attn.yield %n : i32 }
  return
}

// -----

// fold: nothing
func.func private @f() {
  // expected-error @+1 {{expected one operand or more}}
  attn.fold () from () with (), () : () { attn.yield }
  return
}

// -----

// stencil C1: an empty range
func.func private @f(%s: !attn.matrix<f32>) {
  // expected-error @+1 {{expected a range [a, b] with a <= b, both below 65536 in magnitude, but got array<i64: 1, 0>}}
  %a = attn.stencil %s keys [1, 0] : !attn.matrix<f32>
  return
}

// -----

// stencil C1: a range that is too long
func.func private @f(%s: !attn.matrix<f32>) {
  // expected-error @+1 {{expected a range [a, b] with a <= b, both below 65536 in magnitude, but got array<i64: -9223372036854775808, 0>}}
  %a = attn.stencil %s queries [-9223372036854775808, 0] : !attn.matrix<f32>
  return
}

// -----

// stencil C1: no head
func.func private @f(%s: !attn.matrix<f32>) {
  // expected-error @+1 {{expected from 1 to 65535 heads, but got 0}}
  %a = attn.stencil %s heads 0 : !attn.matrix<f32>
  return
}

// -----

// stencil C2: no clause
func.func private @f(%s: !attn.matrix<f32>) {
  // expected-error @+1 {{expected one of the clauses heads, queries and keys}}
  %a = attn.stencil %s : !attn.matrix<f32>
  return
}

// -----

// stencil C2: keys of rows
func.func private @f(%s: !attn.rows<f32>) {
  // expected-error @+1 {{expected no clause 'keys' of '!attn.rows<f32>', which has none}}
  %a = attn.stencil %s keys [-1, 1] : !attn.rows<f32>
  return
}

// -----

// stencil: a scalar
func.func private @f(%s: f32) {
  // expected-error @+1 {{expected rows, cols or a matrix, but got 'f32'}}
  %a = attn.stencil %s keys [-1, 1] : f32
  return
}
