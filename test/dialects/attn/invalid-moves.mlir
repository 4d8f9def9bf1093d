// SPDX-License-Identifier: Apache-2.0
// What the ops of AttnMoveOps.td refuse, and in which words: at least one case a constraint.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

// reduce: a kind that is none
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected one of sum, mean, max and min, but got 'product'}}
  %m = reduce product %s over keys : !attn.matrix<f32>
  return %q : !attn.rows<f32>
}

// -----

// reduce: no kind
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected one of sum, mean, max and min}}
  %m = reduce %s over keys : !attn.matrix<f32>
  return %q : !attn.rows<f32>
}

// -----

// reduce: a side that is none
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected one of keys, queries and heads, but got 'tokens'}}
  %m = reduce sum %s over tokens : !attn.matrix<f32>
  return %q : !attn.rows<f32>
}

// -----

// reduce: a scalar
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected the first operand to be rows, cols or a matrix}}
  %m = reduce sum %s over keys : f32
  return %q : !attn.rows<f32>
}

// -----

// reduce: a type too few
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected one type for each of the 2 bound operands, but got 1}}
  %m = reduce sum (%x = %s, %y = %k) over keys into k : (!attn.matrix<f32>) { %c = arith.constant 0 : index   yield %c : index }
  return %q : !attn.rows<f32>
}

// -----

// reduce: three indices of a pair
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected 4 indices (b, h, i, j) for a place of '!attn.matrix<f32>', but got 3}}
  %m = reduce sum %s over keys into k at (%b, %h, %n) : !attn.matrix<f32> { yield %n : index }
  return %q : !attn.rows<f32>
}

// -----

// reduce C2: all keys of cols
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected a matrix to reduce over keys, but got '!attn.cols<f32>'; its tokens can be reduced 'by' a number or 'into' an axis}}
  %m = reduce sum %k over keys : !attn.cols<f32>
  return %q : !attn.rows<f32>
}

// -----

// reduce C2: blocks of keys of rows
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected a matrix to reduce over keys, but got '!attn.rows<f32>'}}
  %m = reduce sum %q over keys by 2 : !attn.rows<f32>
  return %q : !attn.rows<f32>
}

// -----

// reduce C3: blocks of nothing
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected to reduce by a positive number, but got 0}}
  %m = reduce sum %s over keys by 0 : !attn.matrix<f32>
  return %q : !attn.rows<f32>
}

// -----

// reduce C3: negative heads
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected to reduce by a positive number, but got -2}}
  %m = reduce sum %s over heads by -2 : !attn.matrix<f32>
  return %q : !attn.rows<f32>
}

// -----

// reduce C3: blocks that are too large
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected blocks of less than 2^31 tokens of one axis, but got 2147483648 tokens of axis 'k'}}
  %m = reduce sum %s over keys by 2147483648 : !attn.matrix<f32>
  return %q : !attn.rows<f32>
}

// -----

// reduce C3: blocks of two axes
attn.kernel @f(%a: !attn.cols<f32, a>, %b: !attn.cols<f32, b>) -> !attn.cols<f32, a> {
  %s = concat %a, %b : !attn.cols<f32, a>, !attn.cols<f32, b>
  // expected-error @+1 {{expected blocks of less than 2^31 tokens of one axis, but got 4 tokens of axis 'a+b'}}
  %m = reduce sum %s over keys by 4 : !attn.cols<f32, a+b>
  return %a : !attn.cols<f32, a>
}

// -----

// reduce C4: blocks and buckets
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected 'by' or 'into', but got both}}
  %m = reduce sum %s over keys by 2 into k : !attn.matrix<f32> { %c = arith.constant 0 : index   yield %c : index }
  return %q : !attn.rows<f32>
}

// -----

// reduce C4: buckets of heads
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected to reduce heads to one or 'by' a number, but got 'into' axis 'k'}}
  %m = reduce sum %s over heads into k : !attn.matrix<f32> { %c = arith.constant 0 : index   yield %c : index }
  return %q : !attn.rows<f32>
}

// -----

// reduce C5: bound operands without a region
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected bound operands and indices only with 'into', whose region uses them}}
  %m = reduce sum (%x = %s) over keys : (!attn.matrix<f32>)
  return %q : !attn.rows<f32>
}

// -----

// reduce C5: several operands without a region
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected one operand without 'into', but got 2}}
  %m = "attn.reduce"(%s, %s) <{kind = 0 : i32, over = 0 : i32}> ({}) : (!attn.matrix<f32>, !attn.matrix<f32>) -> !attn.rows<f32>
  return %q : !attn.rows<f32>
}

// -----

// reduce C5: no operand
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected one operand, but got 0}}
  %m = "attn.reduce"() <{kind = 0 : i32, over = 0 : i32}> ({}) : () -> !attn.rows<f32>
  return %q : !attn.rows<f32>
}

// -----

// reduce C5: no region
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected a region with 'into' alone, which yields where on the axis a value belongs, but got none}}
  %m = "attn.reduce"(%s) <{into = "k", kind = 0 : i32, over = 0 : i32}> ({}) : (!attn.matrix<f32>) -> !attn.matrix<f32>
  return %q : !attn.rows<f32>
}

// -----

// reduce C5: a region without an axis
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{but got one without 'into'}}
  %m = "attn.reduce"(%s) <{kind = 0 : i32, over = 0 : i32}> ({
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    "attn.yield"(%i) : (index) -> ()
  }) : (!attn.matrix<f32>) -> !attn.rows<f32>
  return %q : !attn.rows<f32>
}

// -----

// reduce C5: a float for an index
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected the region to yield 'index', but it yields ('f32')}}
  %m = reduce sum (%x = %s) over keys into k : (!attn.matrix<f32>) { yield %x : f32 }
  return %q : !attn.rows<f32>
}

// -----

// reduce C5: an operand of another axis
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+2 {{expected operand #1 to be readable on axis 'k', but it stands on axis 'q'}}
  %t = transpose %q : !attn.rows<f32>
  %m = reduce sum (%x = %s, %y = %t) over keys into k : (!attn.matrix<f32>, !attn.cols<f32, q>) { %c = arith.constant 0 : index   yield %c : index }
  return %q : !attn.rows<f32>
}

// -----

// reduce C5: a region of other arguments
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected the region to take one element an operand and then the indices, ('f32', 'index', 'index', 'index', 'index'), but it takes ('index')}}
  %m = "attn.reduce"(%s) <{into = "k", kind = 0 : i32, over = 0 : i32}> ({
  ^bb0(%b: index):
    "attn.yield"(%b) : (index) -> ()
  }) : (!attn.matrix<f32>) -> !attn.matrix<f32>
  return %q : !attn.rows<f32>
}

// -----

// reduce C5: an op that no region may hold
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  %m = reduce sum %s over keys into k at (%b, %h, %i, %j) : !attn.matrix<f32> {
    // expected-error @+1 {{truncates towards zero; use arith.floordivsi or arith.ceildivsi}}
    %d = arith.divsi %i, %j : index
    yield %d : index
  }
  return %q : !attn.rows<f32>
}

// -----

// reduce: into an axis that nothing binds
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected axis 'rel' of '!attn.matrix<f32, q, rel>' to have a length, but no operand and no axis op gives it one}}
  %m = reduce sum %s over keys into rel at (%b, %h, %i, %j) : !attn.matrix<f32> { yield %i : index }
  return %q : !attn.rows<f32>
}

// -----

// take: rows
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected the result to be a matrix, but got '!attn.rows<f32>'}}
  %m = take %s at (%b, %h, %j) : !attn.matrix<f32> -> !attn.rows<f32> { yield %j : index }
  return %q : !attn.rows<f32>
}

// -----

// take C1: from rows
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected to take from a matrix or cols of 'f32', the element of the result, but got '!attn.rows<f32>'}}
  %m = take %q at (%b, %h, %i, %j) : !attn.rows<f32> -> !attn.matrix<f32> { yield %j : index }
  return %q : !attn.rows<f32>
}

// -----

// take C1: another element
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected to take from a matrix or cols of 'i32', the element of the result, but got '!attn.cols<f32>'}}
  %m = take %k at (%b, %h, %i, %j) : !attn.cols<f32> -> !attn.matrix<i32> { yield %j : index }
  return %q : !attn.rows<f32>
}

// -----

// take C2: another row axis
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected the row axis of '!attn.matrix<f32>' to be readable on axis 'k' of the result}}
  %m = take %s at (%b, %h, %i, %j) : !attn.matrix<f32> -> !attn.matrix<f32, k, k> { yield %j : index }
  return %q : !attn.rows<f32>
}

// -----

// take C3: a float for an index
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected the region to yield 'index', but it yields ('f32')}}
  %m = take %k (%x = %s) : !attn.cols<f32>, (!attn.matrix<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  return %q : !attn.rows<f32>
}

// -----

// take C3: an operand of another axis
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+2 {{expected operand #0 to be readable on axis 'k', but it stands on axis 'q'}}
  %t = transpose %q : !attn.rows<f32>
  %m = take %k (%x = %t) at (%b, %h, %i, %j) : !attn.cols<f32>, (!attn.cols<f32, q>) -> !attn.matrix<f32> { yield %j : index }
  return %q : !attn.rows<f32>
}

// -----

// take C3: a captured value
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>, %n: index) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected a bound operand to be rows, cols or a matrix, but '%x' is bound to a value of type 'index'}}
  %m = take %k (%x = %n) at (%b, %h, %i, %j) : !attn.cols<f32>, (index) -> !attn.matrix<f32> { yield %j : index }
  return %q : !attn.rows<f32>
}

// -----

// contains C1: a list of floats
func.func private @f(%l: vector<4xf32>, %n: index) {
  // expected-error @+1 {{expected the list to be a vector of i32 with one dim, but got 'vector<4xf32>'}}
  %y = attn.contains %l, %n : vector<4xf32>
  return
}

// -----

// contains C1: a list of two dims
func.func private @f(%l: vector<2x2xi32>, %n: index) {
  // expected-error @+1 {{expected the list to be a vector of i32 with one dim, but got 'vector<2x2xi32>'}}
  %y = attn.contains %l, %n : vector<2x2xi32>
  return
}

// -----

// rotate: a pairing that is none
func.func private @f(%x: vector<4xf32>, %a: vector<2xf32>) {
  // expected-error @+1 {{expected one of halves and pairs, but got 'thirds'}}
  %y = attn.rotate %x by %a thirds : vector<4xf32>
  return
}

// -----

// rotate: no pairing
func.func private @f(%x: vector<4xf32>, %a: vector<2xf32>) {
  // expected-error @+1 {{expected one of halves and pairs}}
  %y = attn.rotate %x by %a : vector<4xf32>
  return
}

// -----

// rotate C1: an odd size
func.func private @f(%x: vector<3xf32>, %a: vector<1xf32>) {
  // expected-error @+1 {{expected a vector of floats with one dim of even size, but got 'vector<3xf32>'}}
  %y = attn.rotate %x by %a halves : vector<3xf32>
  return
}

// -----

// rotate C1: integers
func.func private @f(%x: vector<4xi32>, %a: vector<2xf32>) {
  // expected-error @+1 {{expected a vector of floats with one dim of even size, but got 'vector<4xi32>'}}
  %y = "attn.rotate"(%x, %a) <{pairing = 0 : i32}> : (vector<4xi32>, vector<2xf32>) -> vector<4xi32>
  return
}

// -----

// rotate C2: an angle for each number
func.func private @f(%x: vector<4xf32>, %a: vector<4xf32>) {
  // expected-error @+1 {{expected an angle for each pair, 'vector<2xf32>', but got 'vector<4xf32>'}}
  %y = "attn.rotate"(%x, %a) <{pairing = 0 : i32}> : (vector<4xf32>, vector<4xf32>) -> vector<4xf32>
  return
}
