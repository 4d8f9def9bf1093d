// SPDX-License-Identifier: Apache-2.0
// What the ops that search a row refuse: at least one case a constraint of AttnOps.td.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

// solve C1: the first operand is no matrix
attn.kernel @f(%r: !attn.rows<f32>, %n: f32) -> !attn.rows<f32> {
  // expected-error @+1 {{expected the first bound operand to be a matrix, whose rows have the thresholds}}
  %a = solve %t from %r to %r total %n with (%x = %r) : (!attn.rows<f32>) { yield %x : f32 }
  return %a : !attn.rows<f32>
}

// -----

// solve C1: nothing is bound
attn.kernel @f(%r: !attn.rows<f32>, %n: f32) -> !attn.rows<f32> {
  // expected-error @+1 {{expected the first bound operand to be a matrix, whose rows have the thresholds}}
  %a = "attn.solve"(%r, %r, %n) ({
  ^bb0(%t: f32):
    "attn.yield"(%t) : (f32) -> ()
  }) : (!attn.rows<f32>, !attn.rows<f32>, f32) -> !attn.rows<f32>
  return %a : !attn.rows<f32>
}

// -----

// solve C1: an operand of another axis
func.func private @f(%s: !attn.matrix<f32>, %c: !attn.cols<f32, mem>, %r: !attn.rows<f32>, %n: f32) {
  // expected-error @+1 {{expected operand #1 to be readable on axis 'k', but it stands on axis 'mem'}}
  %a = attn.solve %t from %r to %r total %n with (%x = %s, %y = %c) : (!attn.matrix<f32>, !attn.cols<f32, mem>) { yield %x : f32 }
  return
}

// -----

// solve C2: an end of another axis
func.func private @f(%s: !attn.matrix<f32>, %lo: !attn.rows<f32>, %hi: !attn.rows<f32, p>, %n: f32) {
  // expected-error @+1 {{expected the upper end to be '!attn.rows<f32>', but got '!attn.rows<f32, p>'}}
  %a = "attn.solve"(%lo, %hi, %n, %s) ({
  ^bb0(%t: f32, %x: f32, %b: index, %h: index, %i: index, %j: index):
    "attn.yield"(%t) : (f32) -> ()
  }) : (!attn.rows<f32>, !attn.rows<f32, p>, f32, !attn.matrix<f32>) -> !attn.rows<f32>
  return
}

// -----

// solve C2: an end of another type
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>, %lo: !attn.rows<f16>, %n: f32) -> !attn.rows<f32> {
  // expected-note @-1 {{prior use here}}
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{use of value '%lo' expects different type than prior uses: '!attn.rows<f32>' vs '!attn.rows<f16>'}}
  %a = solve %t from %lo to %q total %n with (%x = %s) : (!attn.matrix<f32>) { yield %x : f32 }
  return %a : !attn.rows<f32>
}

// -----

// solve C3: an integer
func.func private @f(%s: !attn.matrix<i32>, %r: !attn.rows<f32>, %n: f32) {
  // expected-error @+1 {{expected the region to yield 'f32', but it yields ('i32')}}
  %a = attn.solve %t from %r to %r total %n with (%x = %s) : (!attn.matrix<i32>) { attn.yield %x : i32 }
  return
}

// -----

// solve C3: no threshold
func.func private @f(%s: !attn.matrix<f32>, %r: !attn.rows<f32>, %n: f32) {
  // expected-error @+1 {{expected the region to take the threshold, then one element an operand and then the indices, ('f32', 'f32', 'index', 'index', 'index', 'index'), but it takes ('f32', 'index', 'index', 'index', 'index')}}
  %a = "attn.solve"(%r, %r, %n, %s) ({
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    "attn.yield"(%x) : (f32) -> ()
  }) : (!attn.rows<f32>, !attn.rows<f32>, f32, !attn.matrix<f32>) -> !attn.rows<f32>
  return
}

// -----

// solve C3: a captured value
attn.kernel @f(%r: !attn.rows<f32>, %k: !attn.cols<f32>, %n: f32) -> !attn.rows<f32> {
  %s = map (%x = %r) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  %a = solve %t from %r to %r total %n with (%x = %s) : (!attn.matrix<f32>) {
    // expected-error @+1 {{expected a region to use rows, cols and matrices as bound operands alone}}
    %m = reduce max %s over keys : !attn.matrix<f32>
    yield %x : f32
  }
  return %a : !attn.rows<f32>
}

// -----

// solve: without a total
attn.kernel @f(%r: !attn.rows<f32>, %k: !attn.cols<f32>, %n: f32) -> !attn.rows<f32> {
  %s = map (%x = %r) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected 'total'}}
  %a = solve %t from %r to %r with (%x = %s) : (!attn.matrix<f32>) { yield %x : f32 }
  return %a : !attn.rows<f32>
}

// -----

// solve: a type too many
attn.kernel @f(%r: !attn.rows<f32>, %k: !attn.cols<f32>, %n: f32) -> !attn.rows<f32> {
  %s = map (%x = %r) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected one type for each of the 1 bound operands, but got 2}}
  %a = solve %t from %r to %r total %n with (%x = %s) : (!attn.matrix<f32>, !attn.rows<f32>) { yield %x : f32 }
  return %a : !attn.rows<f32>
}

// -----

// select C1: vectors have no order
func.func private @f(%s: !attn.matrix<vector<2xf32>>, %n: index) {
  // expected-error @+1 {{expected elements with an order, floats, index or integers of more than one bit, but got 'vector<2xf32>'}}
  %a = attn.select %s top %n : !attn.matrix<vector<2xf32>>
  return
}

// -----

// select: rows
func.func private @f(%s: !attn.rows<f32>, %n: index) {
  // expected-error @+1 {{operand #0 must be matrix, but got '!attn.rows<f32>'}}
  %a = "attn.select"(%s, %n) : (!attn.rows<f32>, index) -> !attn.matrix<i1>
  return
}

// -----

// select: a count that is not an index
func.func private @f(%s: !attn.matrix<f32>, %n: i32) {
  // expected-note @-1 {{prior use here}}
  // expected-error @+1 {{use of value '%n' expects different type than prior uses: 'index' vs 'i32'}}
  %a = attn.select %s top %n : !attn.matrix<f32>
  return
}

// -----

// list C1: truth has no order
func.func private @f(%s: !attn.matrix<i1>) {
  // expected-error @+1 {{expected elements with an order, floats, index or integers of more than one bit, but got 'i1'}}
  %a, %b = attn.list %s first 2 : !attn.matrix<i1>
  return
}

// -----

// list C2: no key
func.func private @f(%s: !attn.matrix<f32>) {
  // expected-error @+1 {{expected to list one key or more, but got 0}}
  %a, %b = attn.list %s first 0 : !attn.matrix<f32>
  return
}

// -----

// list: rows
func.func private @f(%s: !attn.rows<f32>) {
  // expected-error @+1 {{expected a matrix, whose rows are searched, but got '!attn.rows<f32>'}}
  %a, %b = attn.list %s first 2 : !attn.rows<f32>
  return
}

// -----

// visible_keys C1: vectors
func.func private @f(%s: !attn.matrix<vector<2xf32>>, %n: index) {
  // expected-error @+1 {{expected elements that are scalars, but got 'vector<2xf32>'}}
  %l, %x, %c = attn.visible_keys %s most %n on near : !attn.matrix<vector<2xf32>>
  return
}

// -----

// visible_keys C2: blocks
func.func private @f(%s: !attn.matrix<f32>, %n: index) {
  // expected-error @+1 {{expected the axis of the entries to be a plain name, but got 'k/64'}}
  %l, %x, %c = "attn.visible_keys"(%s, %n) {entries = "k/64"} : (!attn.matrix<f32>, index) -> (!attn.matrix<i32, q, k/64>, !attn.matrix<f32, q, k/64>, !attn.rows<i32>)
  return
}

// -----

// visible_keys C2: an axis that is known
attn.kernel @f(%q: !attn.rows<vector<8xf32>>, %k: !attn.cols<vector<8xf32>>, %n: index) -> !attn.rows<i32> {
  %s = dot %q, %k : !attn.rows<vector<8xf32>>, !attn.cols<vector<8xf32>>
  // expected-error @+1 {{expected an axis of its own for its entries, but 'k' has a length already}}
  %l, %x, %c = visible_keys %s most %n on k : !attn.matrix<f32>
  return %c : !attn.rows<i32>
}

// -----

// visible_keys C2: one axis of two lists
attn.kernel @f(%q: !attn.rows<vector<8xf32>>, %k: !attn.cols<vector<8xf32>>, %n: index) -> !attn.rows<i32> {
  %s = dot %q, %k : !attn.rows<vector<8xf32>>, !attn.cols<vector<8xf32>>
  %l, %x, %c = visible_keys %s most %n on near : !attn.matrix<f32>
  // expected-error @+1 {{expected an axis of its own for its entries, but 'near' has a length already}}
  %m, %y, %d = visible_keys %s most %n on near : !attn.matrix<f32>
  return %d : !attn.rows<i32>
}

// -----

// visible_keys: rows
func.func private @f(%s: !attn.rows<f32>, %n: index) {
  // expected-error @+1 {{expected a matrix, whose rows are listed, but got '!attn.rows<f32>'}}
  %l, %x, %c = attn.visible_keys %s most %n on near : !attn.rows<f32>
  return
}

// -----

// entries C1: vectors
func.func private @f(%s: !attn.matrix<vector<2xf32>>) {
  // expected-error @+1 {{expected elements that are scalars, but got 'vector<2xf32>'}}
  %e = attn.entries %s first 2 : !attn.matrix<vector<2xf32>>
  return
}

// -----

// entries C2: none
func.func private @f(%s: !attn.matrix<f32>) {
  // expected-error @+1 {{expected one entry or more, but got 0}}
  %e = attn.entries %s first 0 : !attn.matrix<f32>
  return
}

// -----

// entmax C1: scores of another type
func.func private @f(%s: !attn.matrix<f16>, %a: !attn.rows<f16>) {
  // expected-error @+1 {{expected scores of f32, but got 'f16'}}
  %p = attn.entmax %s alpha %a : !attn.matrix<f16>
  return
}

// -----

// entmax C2: one alpha on another axis
func.func private @f(%s: !attn.matrix<f32>, %a: !attn.rows<f32, p>) {
  // expected-error @+1 {{expected alpha to be '!attn.rows<f32>', but got '!attn.rows<f32, p>'}}
  %p = "attn.entmax"(%s, %a) : (!attn.matrix<f32>, !attn.rows<f32, p>) -> !attn.matrix<f32>
  return
}

// -----

// entmax: scores that are no matrix
func.func private @f(%a: !attn.rows<f32>) {
  // expected-error @+1 {{expected the scores to be a matrix, but got '!attn.rows<f32>'}}
  %p = attn.entmax %a alpha %a : !attn.rows<f32>
  return
}
