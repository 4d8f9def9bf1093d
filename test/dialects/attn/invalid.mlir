// SPDX-License-Identifier: Apache-2.0
// What each op refuses, and in which words: at least one case a constraint of AttnOps.td.
// RUN: attn-opt %s --split-input-file --verify-diagnostics

// kernel C1: an operand that is neither rows, cols, a table nor a scalar
// expected-error @+1 {{expected operand '%s' to be rows, cols, a tensor of scalars or a scalar, but got '!attn.matrix<f32>'}}
attn.kernel @f(%q: !attn.rows<f32>, %s: !attn.matrix<f32>) -> !attn.rows<f32> {
  return %q : !attn.rows<f32>
}

// -----

// kernel C1: a vector is no scalar
// expected-error @+1 {{expected operand '%x' to be rows, cols, a tensor of scalars or a scalar, but got 'vector<4xf32>'}}
attn.kernel @f(%q: !attn.rows<f32>, %x: vector<4xf32>) -> !attn.rows<f32> {
  return %q : !attn.rows<f32>
}

// -----

// kernel C2: a scalar result
// expected-error @+1 {{expected result #0 to be rows, cols or a matrix, but got 'f32'}}
attn.kernel @f(%x: f32) -> f32 {
  return %x : f32
}

// -----

// kernel C3: an axis that nothing binds
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.cols<f32> {
  // expected-error @+1 {{expected axis 'k' of '!attn.cols<f32>' to have a length, but no operand and no axis op gives it one}}
  %c = map () : () -> !attn.cols<f32> { %y = arith.constant 1.0 : f32   yield %y : f32 }
  return %c : !attn.cols<f32>
}

// -----

// kernel C3: an axis like one that nothing binds
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.rows<f32> {
  // expected-error @+1 {{expected axis 'm' to have a length, but no operand and no axis op gives it one}}
  axis k like m
  return %q : !attn.rows<f32>
}

// -----

// kernel C3: axes that are like one another, without a length
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.rows<f32> {
  // expected-error @+1 {{expected axis 'm' to have a length, but no operand and no axis op gives it one}}
  axis k like m
  axis m like k
  return %q : !attn.rows<f32>
}

// -----

// kernel C3: blocks of an axis that nothing binds
// expected-error @+1 {{expected axis 'k' of '!attn.cols<f32, k/64>' to have a length, but no operand and no axis op gives it one}}
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32, k/64>) -> !attn.rows<f32> {
  return %q : !attn.rows<f32>
}

// -----

// kernel C3: concatenated axes in an operand
// expected-error @+1 {{expected operand '%k' to lie on one axis, but got '!attn.cols<f32, k+m>'; give its segments and join them by concat}}
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32, k+m>) -> !attn.rows<f32> {
  return %q : !attn.rows<f32>
}

// -----

// kernel C4: order of a table of floats
// expected-error @+1 {{expected fact 'attn.sorted' of operand '%t' to stand on a table, rows or cols of integers, but the operand is 'tensor<?xf32>'}}
attn.kernel @f(%q: !attn.rows<f32>, %t: tensor<?xf32> {attn.sorted}) -> !attn.rows<f32> {
  return %q : !attn.rows<f32>
}

// -----

// kernel C4: an order with a value
// expected-error @+1 {{expected fact 'attn.contiguous' of operand '%t' to have no value, but got 3}}
attn.kernel @f(%q: !attn.rows<f32>, %t: tensor<?xi32> {attn.contiguous = 3}) -> !attn.rows<f32> {
  return %q : !attn.rows<f32>
}

// -----

// kernel C4: a range with its ends exchanged
// expected-error @+1 {{expected fact 'attn.range' of operand '%t' to be [lowest, greatest], two integers in this order, but got [4, 2]}}
attn.kernel @f(%q: !attn.rows<f32>, %t: tensor<?xi32> {attn.range = [4, 2]}) -> !attn.rows<f32> {
  return %q : !attn.rows<f32>
}

// -----

// kernel C4: heads of a table
// expected-error @+1 {{expected fact 'attn.heads' of operand '%t' to stand on rows or cols, but the operand is 'tensor<?xi32>'}}
attn.kernel @f(%q: !attn.rows<f32>, %t: tensor<?xi32> {attn.heads = 8}) -> !attn.rows<f32> {
  return %q : !attn.rows<f32>
}

// -----

// kernel C4: no heads
// expected-error @+1 {{expected fact 'attn.heads' of operand '%q' to be a positive integer, but got 0}}
attn.kernel @f(%q: !attn.rows<f32> {attn.heads = 0}) -> !attn.rows<f32> {
  return %q : !attn.rows<f32>
}

// -----

// kernel C4: an unknown fact
// expected-error @+1 {{expected fact 'attn.srted' of operand '%t' to be one of attn.sorted, attn.contiguous, attn.range, attn.heads and attn.batch}}
attn.kernel @f(%q: !attn.rows<f32>, %t: tensor<?xi32> {attn.srted}) -> !attn.rows<f32> {
  return %q : !attn.rows<f32>
}

// -----

// kernel C4: a fact about a result
// expected-error @+1 {{expected result #0 to have no fact but attn.name, and got 'attn.heads'}}
attn.kernel @f(%q: !attn.rows<f32>) -> (!attn.rows<f32> {attn.heads = 8}) {
  return %q : !attn.rows<f32>
}

// -----

// kernel C5: an op of another dialect
attn.kernel @f(%q: !attn.rows<f32>, %n: index) -> !attn.rows<f32> {
  // expected-error @+1 {{expected the body of a kernel to hold attn ops and scalar computations without effects; this op gives 'tensor<?xf32>' where a region computes scalars and vectors of static shape}}
  %t = tensor.empty(%n) : tensor<?xf32>
  return %q : !attn.rows<f32>
}

// -----

// kernel C5: control flow
attn.kernel @f(%q: !attn.rows<f32>, %n: index, %c: i1) -> !attn.rows<f32> {
  // expected-error @+1 {{this op is control flow, which a region may not contain; use arith.select}}
  scf.if %c { }
  return %q : !attn.rows<f32>
}

// -----

// kernel C5: a table read outside a region
attn.kernel @f(%q: !attn.rows<f32>, %t: tensor<?xf32>, %n: index) -> !attn.rows<f32> {
  // expected-error @+1 {{expected to stand in a region or a helper function, where its place is known, but it stands in the body of a kernel}}
  %x = load %t[%n] : tensor<?xf32>
  return %q : !attn.rows<f32>
}

// -----

// kernel C6: no name
// expected-error @+1 {{expected operand #0 to have a name in the attribute 'attn.name'}}
"attn.kernel"() <{sym_name = "f", function_type = (!attn.rows<f32>) -> !attn.rows<f32>}> ({
^bb0(%q: !attn.rows<f32>):
  "attn.return"(%q) : (!attn.rows<f32>) -> ()
}) : () -> ()

// -----

// kernel C6: two operands of one name
// expected-error @+1 {{expected operands to have different names, but two are 'q'}}
attn.kernel @f(%q: !attn.rows<f32>, %p: !attn.rows<f32> {attn.name = "q"}) -> !attn.rows<f32> {
  return %q : !attn.rows<f32>
}

// -----

// kernel C6: a result named as an operand
// expected-error @+1 {{expected result #0 to have a name of its own, but an operand or another result is 'out' too; name it by {attn.name = "..."}}}
attn.kernel @f(%out: !attn.rows<f32>) -> !attn.rows<f32> {
  return %out : !attn.rows<f32>
}

// -----

// kernel C6: an operand named by a number
// expected-error @+1 {{expected the operand of a kernel to be named by a word, but got '%0'}}
attn.kernel @f(%0: !attn.rows<f32>) -> !attn.rows<f32> {
  return %0 : !attn.rows<f32>
}

// -----

// kernel C7: heads that do not divide
// expected-error @+1 {{expected the 5 heads of operand '%k' to divide the largest count, 32}}
attn.kernel @f(%q: !attn.rows<f32> {attn.heads = 32}, %k: !attn.cols<f32> {attn.heads = 5}) -> !attn.rows<f32> {
  return %q : !attn.rows<f32>
}

// -----

// kernel C7: two batches
// expected-error @+1 {{expected operand '%k' to have a batch of 1 or 4, but got 2}}
attn.kernel @f(%q: !attn.rows<f32> {attn.batch = 4}, %k: !attn.cols<f32> {attn.batch = 2}) -> !attn.rows<f32> {
  return %q : !attn.rows<f32>
}

// -----

// return C1: not what the kernel gives
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.rows<f16> {
  // expected-error @+1 {{expected the types of the kernel's results, ('!attn.rows<f16>'), but got ('!attn.rows<f32>')}}
  return %q : !attn.rows<f32>
}

// -----

// axis C1: blocks of an axis
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.rows<f32> {
  // expected-error @+1 {{expected the axis to be a plain name, but got 'q/4'}}
  axis q/4 multiple 64
  return %q : !attn.rows<f32>
}

// -----

// axis C2: declared twice
attn.kernel @f(%q: !attn.rows<f32>, %n: index) -> !attn.rows<f32> {
  // expected-note @+1 {{the other stands here}}
  axis q multiple 64
  // expected-error @+1 {{expected one declaration of axis 'q', but it has two; join their clauses}}
  axis q size %n
  return %q : !attn.rows<f32>
}

// -----

// axis C3: nothing said
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.rows<f32> {
  // expected-error @+1 {{expected one of the clauses size, like, multiple and grid for axis 'q'}}
  axis q
  return %q : !attn.rows<f32>
}

// -----

// axis C4: a multiple of nothing
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.rows<f32> {
  // expected-error @+1 {{expected the multiple of axis 'q' to be positive, but got 0}}
  axis q multiple 0
  return %q : !attn.rows<f32>
}

// -----

// assume C1: a condition on a table
func.func private @first(tensor<?xi1>) -> i1
attn.kernel @f(%q: !attn.rows<f32>, %t: tensor<?xi1>) -> !attn.rows<f32> {
  %c = func.call @first(%t) : (tensor<?xi1>) -> i1
  // expected-error @+1 {{expected a condition computed from scalar operands alone, but it depends on a value of type 'tensor<?xi1>'}}
  assume %c
  return %q : !attn.rows<f32>
}

// -----

// dot C1: two sizes of head
attn.kernel @f(%q: !attn.rows<vector<64xf16>>, %k: !attn.cols<vector<128xf16>>) -> !attn.matrix<f32> {
  // expected-error @+1 {{expected the elements of rows and cols to be vectors of one type, but got 'vector<64xf16>' and 'vector<128xf16>'}}
  %s = dot %q, %k : !attn.rows<vector<64xf16>>, !attn.cols<vector<128xf16>>
  return %s : !attn.matrix<f32>
}

// -----

// dot C1: scalars
attn.kernel @f(%q: !attn.rows<f16>, %k: !attn.cols<f16>) -> !attn.matrix<f32> {
  // expected-error @+1 {{expected the elements of rows and cols to be vectors of one type, but got 'f16' and 'f16'}}
  %s = dot %q, %k : !attn.rows<f16>, !attn.cols<f16>
  return %s : !attn.matrix<f32>
}

// -----

// dot: operands exchanged
attn.kernel @f(%q: !attn.rows<vector<64xf16>>, %k: !attn.cols<vector<64xf16>>) -> !attn.matrix<f32> {
  // expected-error @+1 {{expected rows and cols, but got '!attn.cols<vector<64xf16>>' and '!attn.rows<vector<64xf16>>'}}
  %s = dot %k, %q : !attn.cols<vector<64xf16>>, !attn.rows<vector<64xf16>>
  return %s : !attn.matrix<f32>
}

// -----

// dot C2: products of wide integers
attn.kernel @f(%q: !attn.rows<vector<64xi32>>, %k: !attn.cols<vector<64xi32>>) -> !attn.matrix<i32> {
  // expected-error @+1 {{expected vectors of floats or of i8, but got 'vector<64xi32>'}}
  %s = dot %q, %k : !attn.rows<vector<64xi32>>, !attn.cols<vector<64xi32>>
  return %s : !attn.matrix<i32>
}

// -----

// dot C3: a scaled product of integers
attn.kernel @f(%q: !attn.rows<vector<64xi8>>, %k: !attn.cols<vector<64xi8>>) -> !attn.matrix<i32> {
  // expected-error @+1 {{expected no scale on a product of integers, but got 5.000000e-01}}
  %s = dot %q, %k scale 0.5 : !attn.rows<vector<64xi8>>, !attn.cols<vector<64xi8>>
  return %s : !attn.matrix<i32>
}

// -----

// map C1: another axis
attn.kernel @f(%q: !attn.rows<f32>, %m: !attn.cols<f32, mem>, %k: !attn.cols<f32>) -> !attn.matrix<f32> {
  // expected-error @+1 {{expected operand #1 to be readable on axis 'k', but it stands on axis 'mem'}}
  %s = map (%x = %q, %y = %m) : (!attn.rows<f32>, !attn.cols<f32, mem>) -> !attn.matrix<f32> { %z = arith.addf %x, %y : f32   yield %z : f32 }
  return %s : !attn.matrix<f32>
}

// -----

// map C1: keys read at a query
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  // expected-error @+1 {{expected operand #0 to be readable at a token of '!attn.rows<f32>', but got '!attn.cols<f32>'}}
  %s = map (%x = %k) : (!attn.cols<f32>) -> !attn.rows<f32> { yield %x : f32 }
  return %s : !attn.rows<f32>
}

// -----

// map C2: a yield of another type
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.rows<f16> {
  // expected-error @+1 {{expected the region to yield 'f16', but it yields ('f32')}}
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.rows<f16> { yield %x : f32 }
  return %s : !attn.rows<f16>
}

// -----

// map C2: arguments that are not the elements and indices
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.rows<f32> {
  // expected-error @+1 {{expected the region to take one element an operand and then the indices, ('f32', 'index', 'index', 'index'), but it takes ('f32', 'index')}}
  %s = "attn.map"(%q) ({
  ^bb0(%x: f32, %n: index):
    "attn.yield"(%x) : (f32) -> ()
  }) : (!attn.rows<f32>) -> !attn.rows<f32>
  return %s : !attn.rows<f32>
}

// -----

// map C2: the indices of a pair for a token
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.rows<f32> {
  // expected-error @+1 {{expected 3 indices (b, h, n) for a place of '!attn.rows<f32>', but got 4}}
  %s = map (%x = %q) at (%b, %h, %i, %j) : (!attn.rows<f32>) -> !attn.rows<f32> { yield %x : f32 }
  return %s : !attn.rows<f32>
}

// -----

// map C2: more operands than types
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.rows<f32> {
  // expected-error @+1 {{expected one type for each of the 2 bound operands, but got 1}}
  %s = map (%x = %q, %y = %q) : (!attn.rows<f32>) -> !attn.rows<f32> { yield %x : f32 }
  return %s : !attn.rows<f32>
}

// -----

// map C2: a table as a bound operand
attn.kernel @f(%q: !attn.rows<f32>, %t: tensor<?xf32>) -> !attn.rows<f32> {
  // expected-error @+1 {{expected a bound operand to be rows, cols or a matrix, but '%y' is bound to a value of type 'tensor<?xf32>'; scalars and tables are used in the region by name}}
  %s = map (%x = %q, %y = %t) : (!attn.rows<f32>, tensor<?xf32>) -> !attn.rows<f32> { yield %x : f32 }
  return %s : !attn.rows<f32>
}

// -----

// map C3: rows used by name
attn.kernel @f(%q: !attn.rows<f32>, %c: i1) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.rows<f32> {
    // expected-error @+1 {{expected a region to use rows, cols and matrices as bound operands alone (%x = %value), but it captures a value of type '!attn.rows<f32>'}}
    %y = arith.select %c, %q, %q : !attn.rows<f32>
    yield %x : f32
  }
  return %s : !attn.rows<f32>
}

// -----

// map: an op outside the list
attn.kernel @f(%q: !attn.rows<vector<4xf32>>) -> !attn.rows<vector<4xf32>> {
  %s = map (%x = %q) : (!attn.rows<vector<4xf32>>) -> !attn.rows<vector<4xf32>> {
    // expected-error @+1 {{is not one of the ops a region may contain: arith, math, func.call of a helper, affine.{apply,min,max,delinearize_index,linearize_index}, vector.{broadcast,step,extract,extract_strided_slice,insert_strided_slice,shuffle,interleave,deinterleave,shape_cast,reduction}, attn.{load,size,holds,contains,rotate}}}
    %y = vector.fma %x, %x, %x : vector<4xf32>
    yield %y : vector<4xf32>
  }
  return %s : !attn.rows<vector<4xf32>>
}

// -----

// map: an attn op of whole values
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.rows<f32> {
    // expected-error @+1 {{stands in the body of a kernel; a region computes the value of one place}}
    %y = map () : () -> !attn.rows<f32> { %c = arith.constant 0.0 : f32   yield %c : f32 }
    yield %x : f32
  }
  return %s : !attn.rows<f32>
}

// -----

// map: truncating division
attn.kernel @f(%q: !attn.rows<index>, %n: index) -> !attn.rows<index> {
  %s = map (%x = %q) : (!attn.rows<index>) -> !attn.rows<index> {
    // expected-error @+1 {{truncates towards zero; use arith.floordivsi or arith.ceildivsi}}
    %y = arith.divsi %x, %n : index
    yield %y : index
  }
  return %s : !attn.rows<index>
}

// -----

// map: truncating remainder
attn.kernel @f(%q: !attn.rows<index>, %n: index) -> !attn.rows<index> {
  %s = map (%x = %q) : (!attn.rows<index>) -> !attn.rows<index> {
    // expected-error @+1 {{truncates towards zero; use affine.apply with mod, or subtract the multiple of arith.floordivsi}}
    %y = arith.remsi %x, %n : index
    yield %y : index
  }
  return %s : !attn.rows<index>
}

// -----

// map: a scalar result
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.rows<f32> {
  // expected-error @+1 {{expected the result to be rows, cols or a matrix, but got 'f32'}}
  %s = map (%x = %q) : (!attn.rows<f32>) -> f32 { yield %x : f32 }
  return %q : !attn.rows<f32>
}

// -----

// where C1: pairs of rows
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.rows<f32> {
  // expected-error @+1 {{expected the first operand to be a matrix, but got '!attn.rows<f32>'}}
  %s = where (%x = %q) : (!attn.rows<f32>) { %y = arith.constant true   yield %y : i1 }
  return %q : !attn.rows<f32>
}

// -----

// where C1: no operand
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.rows<f32> {
  // expected-error @+1 {{expected at least one operand, the matrix to hide pairs of}}
  %s = where () : () { %y = arith.constant true   yield %y : i1 }
  return %q : !attn.rows<f32>
}

// -----

// where C1: the generic form of a first operand that is no matrix
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.matrix<f32> {
  // expected-error @+1 {{expected the first operand to be a matrix, but got '!attn.rows<f32>'}}
  %s = "attn.where"(%q) ({
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    %y = "arith.constant"() <{value = true}> : () -> i1
    "attn.yield"(%y) : (i1) -> ()
  }) : (!attn.rows<f32>) -> !attn.matrix<f32>
  return %s : !attn.matrix<f32>
}

// -----

// where C2: a result of another type
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.matrix<f16> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected the result to have the type of the first operand, '!attn.matrix<f32>', but got '!attn.matrix<f16>'}}
  %w = "attn.where"(%s) ({
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    %y = "arith.constant"() <{value = true}> : () -> i1
    "attn.yield"(%y) : (i1) -> ()
  }) : (!attn.matrix<f32>) -> !attn.matrix<f16>
  return %w : !attn.matrix<f16>
}

// -----

// where C2: an operand on another axis
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>, %m: !attn.cols<i1, mem>) -> !attn.matrix<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected operand #1 to be readable on axis 'k', but it stands on axis 'mem'}}
  %w = where (%x = %s, %y = %m) : (!attn.matrix<f32>, !attn.cols<i1, mem>) { yield %y : i1 }
  return %w : !attn.matrix<f32>
}

// -----

// where C2: a number for an answer
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.matrix<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected the region to yield 'i1', but it yields ('f32')}}
  %w = where (%x = %s) : (!attn.matrix<f32>) { yield %x : f32 }
  return %w : !attn.matrix<f32>
}

// -----

// where C3: a set of other dims
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.matrix<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected the set to have the dims (b, h, i, j), but it has 2 dims}}
  %w = where %s in affine_set<(i, j) : (j <= i)> : !attn.matrix<f32>
  return %w : !attn.matrix<f32>
}

// -----

// where C3: a symbol without a value
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.matrix<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected a value for each of the 1 symbols of the set, but got 0}}
  %w = where %s in affine_set<(b, h, i, j)[w] : (i - j <= w)> : !attn.matrix<f32>
  return %w : !attn.matrix<f32>
}

// -----

// reduce C1: a mean of integers
attn.kernel @f(%q: !attn.rows<i32>) -> !attn.rows<i32> {
  // expected-error @+1 {{expected a mean of floats, but the element is 'i32'; use sum and divide}}
  %m = reduce mean %q over heads : !attn.rows<i32>
  return %m : !attn.rows<i32>
}

// -----

// reduce C2: keys of rows
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.rows<f32> {
  // expected-error @+1 {{expected a matrix to reduce over keys, but got '!attn.rows<f32>'}}
  %m = reduce max %q over keys : !attn.rows<f32>
  return %m : !attn.rows<f32>
}

// -----

// contract C1: weights and values of other keys
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>, %v: !attn.cols<vector<8xf32>, mem>) -> !attn.rows<vector<8xf32>> {
  %p = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected weights and values to meet on one axis, but got 'k' and 'mem'}}
  %o = contract %p, %v : !attn.matrix<f32>, !attn.cols<vector<8xf32>, mem> -> !attn.rows<vector<8xf32>>
  return %o : !attn.rows<vector<8xf32>>
}

// -----

// contract C2: integer values
attn.kernel @f(%q: !attn.rows<f32>, %v: !attn.cols<vector<8xi32>>) -> !attn.rows<vector<8xf32>> {
  %p = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected values and result to have float elements, but got 'vector<8xi32>' and 'vector<8xf32>'}}
  %o = contract %p, %v : !attn.matrix<f32>, !attn.cols<vector<8xi32>> -> !attn.rows<vector<8xf32>>
  return %o : !attn.rows<vector<8xf32>>
}

// -----

// contract C2: a result of another shape
attn.kernel @f(%q: !attn.rows<f32>, %v: !attn.cols<vector<8xf32>>) -> !attn.rows<vector<4xf32>> {
  %p = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected values and result to have elements of one shape, but got 'vector<8xf32>' and 'vector<4xf32>'}}
  %o = contract %p, %v : !attn.matrix<f32>, !attn.cols<vector<8xf32>> -> !attn.rows<vector<4xf32>>
  return %o : !attn.rows<vector<4xf32>>
}

// -----

// contract C2: narrow weights
attn.kernel @f(%q: !attn.rows<f16>, %v: !attn.cols<vector<8xf32>>) -> !attn.rows<vector<8xf32>> {
  %p = map (%x = %q) : (!attn.rows<f16>) -> !attn.matrix<f16> { yield %x : f16 }
  // expected-error @+1 {{expected weights of 'f32' for values of 'vector<8xf32>', but got 'f16'}}
  %o = contract %p, %v : !attn.matrix<f16>, !attn.cols<vector<8xf32>> -> !attn.rows<vector<8xf32>>
  return %o : !attn.rows<vector<8xf32>>
}

// -----

// contract C3: a result on another axis
attn.kernel @f(%q: !attn.rows<f32>, %r: !attn.rows<f32, r>, %v: !attn.cols<vector<8xf32>>) -> !attn.rows<vector<8xf32>, r> {
  %p = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected the result to stand on the row axis of the weights, 'q', but got 'r'}}
  %o = contract %p, %v : !attn.matrix<f32>, !attn.cols<vector<8xf32>> -> !attn.rows<vector<8xf32>, r>
  return %o : !attn.rows<vector<8xf32>, r>
}

// -----

// load C1: too many indices
func.func private @f(%t: tensor<?xf32>, %n: index) {
  // expected-error @+1 {{expected at most 1 indices of 'tensor<?xf32>', but got 2}}
  %x = attn.load %t[%n, %n] : tensor<?xf32>
  return
}

// -----

// load C2: a vector of unknown size
func.func private @f(%t: tensor<?x?xf32>, %n: index) {
  // expected-error @+1 {{expected the dims of the table after the 1 given indices to be static and positive, but got 'tensor<?x?xf32>'}}
  %x = attn.load %t[%n] : tensor<?x?xf32>
  return
}

// -----

// load C2: the same with its type written
func.func private @f(%t: tensor<?x?xf32>, %n: index) {
  // expected-error @+1 {{expected the dims of the table after the 1 given indices to be static and positive, but got 'tensor<?x?xf32>'}}
  %x = attn.load %t[%n] : tensor<?x?xf32> -> vector<4xf32>
  return
}

// -----

// load C3: another type
func.func private @f(%t: tensor<?xi32>, %n: index) {
  // expected-error @+1 {{expected the result to be 'i32' or of index, but got 'i64'}}
  %x = attn.load %t[%n] : tensor<?xi32> -> i64
  return
}

// -----

// load C3: a float as an index
func.func private @f(%t: tensor<?xf32>, %n: index) {
  // expected-error @+1 {{expected the result to be 'f32', but got 'index'}}
  %x = attn.load %t[%n] : tensor<?xf32> -> index
  return
}

// -----

// load: rows are no table
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.rows<f32> {
  %s = map (%x = %q) at (%b, %h, %n) : (!attn.rows<f32>) -> !attn.rows<f32> {
    // expected-error @+1 {{expected the table to be a ranked tensor, but got '!attn.rows<f32>'; rows, cols and matrices enter a region as bound operands}}
    %y = load %q[%n] : !attn.rows<f32>
    yield %y : f32
  }
  return %s : !attn.rows<f32>
}

// -----

// size C1: an axis without a length
attn.kernel @f(%q: !attn.rows<index>) -> !attn.rows<index> {
  %s = map (%x = %q) at (%b, %h, %n) : (!attn.rows<index>) -> !attn.rows<index> {
    // expected-error @+1 {{expected axis 'k' to have a length, but no operand and no axis op gives it one}}
    %y = size k of %b
    yield %y : index
  }
  return %s : !attn.rows<index>
}

// -----

// size C1: blocks of an axis
func.func private @f(%b: index) {
  // expected-error @+1 {{axis 'k/64': block and concatenated axes are not supported yet}}
  %y = attn.size k/64 of %b
  return
}

// -----

// softmax C1: scores of integers
attn.kernel @f(%q: !attn.rows<i32>, %k: !attn.cols<i32>) -> !attn.matrix<i32> {
  %s = map (%x = %q) : (!attn.rows<i32>) -> !attn.matrix<i32> { yield %x : i32 }
  // expected-error @+1 {{expected scores of floats, but got 'i32'}}
  %p = softmax %s : !attn.matrix<i32>
  return %p : !attn.matrix<i32>
}

// -----

// softmax C2: a sink of another type
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>, %z: !attn.rows<f16>) -> !attn.matrix<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected the sink to be '!attn.rows<f32>', but got '!attn.rows<f16>'}}
  %p = "attn.softmax"(%s, %z) : (!attn.matrix<f32>, !attn.rows<f16>) -> !attn.matrix<f32>
  return %p : !attn.matrix<f32>
}

// -----

// logsumexp C1: scores of integers
attn.kernel @f(%q: !attn.rows<i32>, %k: !attn.cols<i32>) -> !attn.rows<i32> {
  %s = map (%x = %q) : (!attn.rows<i32>) -> !attn.matrix<i32> { yield %x : i32 }
  // expected-error @+1 {{expected scores of floats, but got 'i32'}}
  %l = logsumexp %s : !attn.matrix<i32>
  return %l : !attn.rows<i32>
}

// -----

// logsumexp C2: a sink on another axis
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>, %z: !attn.rows<f32, r>) -> !attn.rows<f32> {
  %s = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected the sink to be '!attn.rows<f32>', but got '!attn.rows<f32, r>'}}
  %l = "attn.logsumexp"(%s, %z) : (!attn.matrix<f32>, !attn.rows<f32, r>) -> !attn.rows<f32>
  return %l : !attn.rows<f32>
}

// -----

// logsumexp: scores that are no matrix
attn.kernel @f(%q: !attn.rows<f32>) -> !attn.rows<f32> {
  // expected-error @+1 {{expected the scores to be a matrix, but got '!attn.rows<f32>'}}
  %l = logsumexp %q : !attn.rows<f32>
  return %l : !attn.rows<f32>
}

// -----

// holds C1: a dim without a value
func.func private @f(%i: index) {
  // expected-error @+1 {{expected a value for each of the 2 dims and 0 symbols of the set, but got 1 and 0}}
  %x = attn.holds affine_set<(i, j) : (i >= j)>(%i)
  return
}

// -----

// types: an element without a place
// expected-error @+1 {{expected the element to be a float, a signless integer, index or a vector of these, but got 'tensor<4xf32>'}}
func.func private @f(!attn.rows<tensor<4xf32>>)

// -----

// types: blocks of nothing
// expected-error @+1 {{expected an axis of the form name, name/N or axis+axis with N > 0, but got 'k/0'}}
func.func private @f(!attn.cols<f32, k/0>)

// -----

// kernel C3: a segment without a length
attn.kernel @f(%q: !attn.rows<f32>, %k: !attn.cols<f32>) -> !attn.rows<f32> {
  %a = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32> { yield %x : f32 }
  // expected-error @+1 {{expected axis 'mem' of '!attn.matrix<f32, q, mem>' to have a length, but no operand and no axis op gives it one}}
  %b = map (%x = %q) : (!attn.rows<f32>) -> !attn.matrix<f32, q, mem> { yield %x : f32 }
  %c = concat %a, %b : !attn.matrix<f32>, !attn.matrix<f32, q, mem>
  %m = reduce max %c over keys : !attn.matrix<f32, q, k+mem>
  return %m : !attn.rows<f32>
}

// -----

// concat C1: elements that differ
func.func private @f(%a: !attn.cols<f32>, %b: !attn.cols<f16, mem>) {
  // expected-error @+1 {{expected matrices of one element and row axis, or cols of one element, but segment #1 is '!attn.cols<f16, mem>' and the first is '!attn.cols<f32>'}}
  %c = attn.concat %a, %b : !attn.cols<f32>, !attn.cols<f16, mem>
  return
}

// -----

// concat C1: row axes that differ
func.func private @f(%a: !attn.matrix<f32>, %b: !attn.matrix<f32, p, mem>) {
  // expected-error @+1 {{but segment #1 is '!attn.matrix<f32, p, mem>' and the first is '!attn.matrix<f32>'}}
  %c = attn.concat %a, %b : !attn.matrix<f32>, !attn.matrix<f32, p, mem>
  return
}

// -----

// concat C1: rows
func.func private @f(%a: !attn.rows<f32>, %b: !attn.rows<f32>) {
  // expected-error @+1 {{but segment #0 is '!attn.rows<f32>'}}
  %c = "attn.concat"(%a, %b) : (!attn.rows<f32>, !attn.rows<f32>) -> !attn.cols<f32, k+q>
  return
}

// -----

// concat C2: one segment
func.func private @f(%a: !attn.cols<f32>) {
  // expected-error @+1 {{expected two segments or more, but got 1}}
  %c = attn.concat %a : !attn.cols<f32>
  return
}

// -----

// concat C2: an axis twice
func.func private @f(%a: !attn.cols<f32>, %b: !attn.cols<f32, mem+k>) {
  // expected-error @+1 {{expected segments on axes that differ, but axis 'k' occurs twice}}
  %c = attn.concat %a, %b : !attn.cols<f32>, !attn.cols<f32, mem+k>
  return
}
