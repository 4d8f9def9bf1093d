// SPDX-License-Identifier: Apache-2.0
// What the planner does not support yet, it refuses at the op.
// RUN: attn-opt %s -split-input-file -verify-diagnostics -attn-explain-sweeps
!s = !attn.matrix<f32>
!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
attn.kernel @over_queries(%q: !q, %k: !k) -> !attn.cols<f32> {
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{over queries is not supported yet; expected a reduction over keys}}
  %r = reduce sum %s over queries : !s
  return %r : !attn.cols<f32>
}

// -----

!s = !attn.matrix<f32>
!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
attn.kernel @computed_keys(%q: !q, %k: !k) -> !attn.rows<f32> {
  %n = map (%x = %k) : (!k) -> !k { %y = arith.negf %x : vector<4xf32>   yield %y : vector<4xf32> }
  // expected-error @+1 {{expected its cols to be an operand of the kernel: products of computed tokens are not supported yet}}
  %s = dot %q, %n : !q, !k
  %r = reduce sum %s over keys : !s
  return %r : !attn.rows<f32>
}

// -----

!s = !attn.matrix<f32>
!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
attn.kernel @computed_queries(%q: !q, %k: !k) -> !attn.rows<f32> {
  // expected-error @+1 {{of tokens is not supported yet; expected vectors of a contraction}}
  %n = map (%x = %q) : (!q) -> !q { %y = arith.negf %x : vector<4xf32>   yield %y : vector<4xf32> }
  %s = dot %n, %k : !q, !k
  %r = reduce sum %s over keys : !s
  return %r : !attn.rows<f32>
}

// -----

!s = !attn.matrix<f32>
!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
attn.kernel @rows_as_queries(%q: !q, %k: !k) -> !q {
  %s = dot %q, %k : !q, !k
  %o = contract %s, %k : !s, !k -> !q
  // expected-error @+1 {{expected its rows to be an operand of the kernel: products of computed tokens are not supported yet}}
  %t = dot %o, %k : !q, !k
  %w = contract %t, %k : !s, !k -> !q
  return %w : !q
}

// -----

!s = !attn.matrix<f32>
!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
attn.kernel @matrix_result(%q: !q, %k: !k) -> !s {
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{result 0 of type '!attn.matrix<f32>' is not supported yet; expected rows}}
  return %s : !s
}

// -----

!s = !attn.matrix<f32>
!r = !attn.rows<f32>
!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
attn.kernel @head_of_a_row_operand(%q: !q, %k: !k, %z: !r, %t: tensor<?xf32>) -> !r {
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{uses its head index, but its operands may have fewer heads and batches than the scores}}
  %n = map (%x = %z) at (%b, %h, %i) : (!r) -> !r {
    %l = load %t[%h] : tensor<?xf32>   %y = arith.addf %x, %l : f32   yield %y : f32 }
  %f = map (%x = %s, %y = %n) : (!s, !r) -> !s { %w = arith.addf %x, %y : f32   yield %w : f32 }
  %o = reduce sum %f over keys : !s
  return %o : !r
}

// -----

!s = !attn.matrix<f32>
!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
attn.kernel @sugar(%q: !q, %k: !k) -> !q {
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{expected a primitive; run attn-inline-helpers and attn-expand-sugar first}}
  %p = softmax %s : !s
  %o = contract %p, %k : !s, !k -> !q
  return %o : !q
}

// -----

!s = !attn.matrix<f32>
!sm = !attn.matrix<f32, q, mem>
!r = !attn.rows<f32>
!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
!km = !attn.cols<vector<4xf32>, mem>
attn.kernel @segment_of_a_reduction(%q: !q, %km: !km, %k: !k) -> !r {
  %s0 = dot %q, %km : !q, !km
  %l = reduce sum %s0 over keys : !sm
  %n = map (%x = %s0, %y = %l) : (!sm, !r) -> !sm { %z = arith.divf %x, %y : f32   yield %z : f32 }
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{segment 0 depends on a reduction, which is not supported yet; map what is reduced after the concat}}
  %c = concat %n, %s : !sm, !s
  %o = reduce max %c over keys : !attn.matrix<f32, q, mem+k>
  return %o : !r
}

// -----

!k = !attn.cols<vector<4xf32>>
!km = !attn.cols<vector<4xf32>, mem>
attn.kernel @segment_that_is_computed(%k: !k, %km: !km, %q: !attn.rows<vector<4xf32>>) -> !attn.rows<vector<4xf32>> {
  %n = map (%x = %km) : (!km) -> !km { %y = arith.negf %x : vector<4xf32>   yield %y : vector<4xf32> }
  // expected-error @+1 {{expected segments of vectors to be an operand of the kernel: products of computed tokens are not supported yet}}
  %c = concat %n, %k : !km, !k
  %s = dot %q, %c : !attn.rows<vector<4xf32>>, !attn.cols<vector<4xf32>, mem+k>
  %o = contract %s, %c : !attn.matrix<f32, q, mem+k>, !attn.cols<vector<4xf32>, mem+k> -> !attn.rows<vector<4xf32>>
  return %o : !attn.rows<vector<4xf32>>
}

// -----

!s = !attn.matrix<f32>
!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
!r = !attn.rows<f32>
attn.kernel @threshold(%q: !q, %k: !k, %r: !r, %n: f32) -> !r {
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{can be evaluated by the reference, but not be compiled yet}}
  %t = solve %t from %r to %r total %n with (%x = %s) : (!s) { yield %x : f32 }
  return %t : !r
}

// -----

!s = !attn.matrix<f32>
!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
attn.kernel @selection(%q: !q, %k: !k, %n: index) -> !attn.rows<f32> {
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{can be evaluated by the reference, but not be compiled yet}}
  %t = select %s top %n : !s
  %m = where (%x = %s, %y = %t) : (!s, !attn.matrix<i1>) { yield %y : i1 }
  %r = reduce sum %m over keys : !s
  return %r : !attn.rows<f32>
}

// -----

!s = !attn.matrix<f32>
!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
attn.kernel @listed(%q: !q, %k: !k) -> !attn.rows<vector<2xi32>> {
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{can be evaluated by the reference, but not be compiled yet}}
  %w, %n = list %s first 2 : !s
  return %n : !attn.rows<vector<2xi32>>
}

// -----

!s = !attn.matrix<f32>
!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
attn.kernel @running(%q: !q, %k: !k) -> !attn.rows<f32> {
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{runs along the rows of the kernel that reads it, which is not supported yet}}
  %a = scan sum %s over queries : !s
  %r = reduce max %a over keys : !s
  return %r : !attn.rows<f32>
}

// -----

!s = !attn.matrix<f16>
!k = !attn.cols<f16>
attn.kernel @narrow(%x: !attn.rows<f16>, %k: !k) -> !attn.rows<f16> {
  %s = map (%a = %x, %c = %k) : (!attn.rows<f16>, !k) -> !s {
    %y = arith.addf %a, %c : f16   yield %y : f16 }
  // expected-error @+1 {{of elements 'f16' is not supported yet; expected f32 or i32}}
  %a = scan max %s over keys : !s
  %r = reduce max %a over keys : !s
  return %r : !attn.rows<f16>
}

// -----

!s = !attn.matrix<f32>
!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
// expected-error @+1 {{it reads scans from the first key on and from the last, which no sweep can make}}
attn.kernel @both_ways(%q: !q, %k: !k) -> !attn.rows<f32> {
  %s = dot %q, %k : !q, !k
  %a = scan max %s over keys : !s
  %c = scan max %s over keys reverse : !s
  %d = map (%x = %a, %y = %c) : (!s, !s) -> !s { %z = arith.mulf %x, %y : f32   yield %z : f32 }
  %r = reduce sum %d over keys : !s
  return %r : !attn.rows<f32>
}

// -----

!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
attn.kernel @neighbours(%q: !q, %k: !k) -> !attn.matrix<vector<2xf32>> {
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{can be evaluated by the reference, but not be compiled yet}}
  %a = stencil %s heads 2 : !attn.matrix<f32>
  return %a : !attn.matrix<vector<2xf32>>
}

// -----

!s = !attn.matrix<f32>
!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
attn.kernel @buckets(%q: !q, %k: !k, %v: !attn.cols<vector<4xf32>, rel>) -> !q {
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{into an axis can be evaluated by the reference, but not be compiled yet}}
  %w = reduce sum %s over keys into rel at (%b, %h, %i, %j) : !s { yield %j : index }
  %o = contract %w, %v : !attn.matrix<f32, q, rel>, !attn.cols<vector<4xf32>, rel> -> !q
  return %o : !q
}

// -----

!s = !attn.matrix<f32>
!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
attn.kernel @blocks(%q: !q, %k: !k) -> !attn.rows<f32> {
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{by blocks can be evaluated by the reference, but not be compiled yet}}
  %w = reduce sum %s over keys by 4 : !s
  %r = reduce max %w over keys : !attn.matrix<f32, q, k/4>
  return %r : !attn.rows<f32>
}

// -----

!q = !attn.rows<vector<4xf32>>
!k = !attn.cols<vector<4xf32>>
attn.kernel @other_side(%q: !q, %k: !k) -> !attn.rows<f32, k> {
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{can be evaluated by the reference, but not be compiled yet}}
  %t = transpose %s : !attn.matrix<f32>
  %r = reduce max %t over keys : !attn.matrix<f32, k, q>
  return %r : !attn.rows<f32, k>
}
