// SPDX-License-Identifier: Apache-2.0
// Which programs are made one, and which only look the same.
// RUN: attn-opt %s --canonicalize | FileCheck %s

!q = !attn.rows<vector<128xbf16>>
!k = !attn.cols<vector<128xbf16>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>

// CHECK-DAG: #[[$HALF:.*]] = affine_set<(d0, d1) : (d0 - d1 >= 0)>

// CHECK-LABEL: attn.kernel @identity_map
// CHECK: %[[S:.*]] = dot
// CHECK-NEXT: return %[[S]]
attn.kernel @identity_map(%q: !q, %k: !k) -> !s {
  %s = dot %q, %k : !q, !k
  %a = map (%x = %s) : (!s) -> !s { yield %x : f32 }
  return %a : !s
}

// A map of rows to pairs is no identity; one of two values takes the heads and the pairs of both.
// CHECK-LABEL: attn.kernel @identity_of_one_of_two
// CHECK: map (%{{.*}} = %r) : (!attn.rows<f32>) -> !attn.matrix<f32>
// CHECK: map (%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}) : (!attn.matrix<f32>, !attn.matrix<f32>) -> !attn.matrix<f32>
attn.kernel @identity_of_one_of_two(%q: !q, %k: !k, %r: !r) -> !s {
  %s = dot %q, %k : !q, !k
  %a = map (%x = %r) : (!r) -> !s { yield %x : f32 }
  %c = map (%x = %s, %y = %a) : (!s, !s) -> !s { yield %x : f32 }
  return %c : !s
}

// CHECK-LABEL: attn.kernel @bound_twice
// CHECK: map (%[[X:.*]] = %r) : (!attn.rows<f32>) -> !attn.rows<f32> {
// CHECK-NEXT: arith.mulf %[[X]], %[[X]]
attn.kernel @bound_twice(%r: !r) -> !r {
  %a = map (%x = %r, %y = %r) at (%b, %h, %n) : (!r, !r) -> !r { %z = arith.mulf %x, %y : f32   yield %z : f32 }
  return %a : !r
}

// CHECK-LABEL: attn.kernel @where_true
// CHECK: %[[S:.*]] = dot
// CHECK-NEXT: return %[[S]]
attn.kernel @where_true(%q: !q, %k: !k) -> !s {
  %s = dot %q, %k : !q, !k
  %a = where (%x = %s) : (!s) { %y = arith.constant true   yield %y : i1 }
  %c = where %a in affine_set<(b, h, i, j) : (0 == 0)> : !s
  return %c : !s
}

// Where the second matrix is hidden, so is the result.
// CHECK-LABEL: attn.kernel @where_true_of_two
// CHECK: where (%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}) : (!attn.matrix<f32>, !attn.matrix<f32>)
attn.kernel @where_true_of_two(%q: !q, %k: !k) -> !s {
  %s = dot %q, %k : !q, !k
  %a = where %s in affine_set<(b, h, i, j) : (j <= i)> : !s
  %c = where (%x = %s, %z = %a) : (!s, !s) { %y = arith.constant true   yield %y : i1 }
  return %c : !s
}

// CHECK-LABEL: attn.kernel @scale_of_one
// CHECK: dot %q, %k : !attn.rows
// CHECK: dot %q, %k scale 2.000000e+00
attn.kernel @scale_of_one(%q: !q, %k: !k) -> (!s, !s) {
  %s = dot %q, %k scale 1.0 : !q, !k
  %t = dot %q, %k scale 2.0 : !q, !k
  return %s, %t : !s, !s
}

// CHECK-LABEL: attn.kernel @assume_true
// CHECK-NEXT: return
attn.kernel @assume_true(%r: !r, %n: index) -> !r {
  %ok = arith.cmpi sge, %n, %n : index
  assume %ok
  return %r : !r
}

// CHECK-LABEL: attn.kernel @size_of_like
// CHECK: size q of
// CHECK-NOT: size {{[km]}} of
attn.kernel @size_of_like(%q: !attn.rows<index>, %k: !attn.cols<f32>) -> !attn.rows<index> {
  axis k like m
  axis m like q
  %a = map (%x = %q) at (%b, %h, %n) : (!attn.rows<index>) -> !attn.rows<index> {
    %u = size k of %b   %y = arith.subi %u, %x : index   yield %y : index }
  return %a : !attn.rows<index>
}

// Axes that are like one another have no first: both names stay.
// CHECK-LABEL: attn.kernel @size_of_like_cycle
// CHECK: size k of
attn.kernel @size_of_like_cycle(%q: !attn.rows<index>, %k: !attn.cols<f32>) -> !attn.rows<index> {
  axis k like q
  axis q like k
  %a = map (%x = %q) at (%b, %h, %n) : (!attn.rows<index>) -> !attn.rows<index> {
    %u = size k of %b   %y = arith.subi %u, %x : index   yield %y : index }
  return %a : !attn.rows<index>
}

// CHECK-LABEL: func.func @holds_of_constants
// CHECK-DAG: %[[FALSE:.*]] = arith.constant false
// CHECK-DAG: %[[TRUE:.*]] = arith.constant true
// CHECK: return %[[TRUE]], %[[FALSE]], %[[FALSE]]
func.func @holds_of_constants(%i: index) -> (i1, i1, i1) {
  %c3 = arith.constant 3 : index   %c4 = arith.constant 4 : index
  %a = attn.holds affine_set<(i, j)[w] : (j - i >= 0, j mod 4 == 0, j floordiv 2 == 2, w >= 0)>(%c3, %c4)[%c4]
  %b = attn.holds affine_set<(i, j) : (i - j >= 0)>(%c3, %c4)
  // One constraint that fails decides.
  %c = attn.holds affine_set<(i, j) : (i - j >= 0, j == 3)>(%i, %c4)
  return %a, %b, %c : i1, i1, i1
}

// CHECK-LABEL: func.func @holds_without_what_is_known
// CHECK: attn.holds #[[$HALF]](%{{.*}}, %{{.*}})
func.func @holds_without_what_is_known(%i: index, %j: index) -> i1 {
  %a = attn.holds affine_set<(i, j) : (i - j >= 0, 5 >= 0, i - i == 0)>(%i, %j)
  return %a : i1
}

// A product of segments is the segments' products; segments of segments are segments.
// CHECK-LABEL: func.func @segments
// CHECK-SAME: %[[Q:.*]]: !attn.rows<vector<4xf32>>, %[[A:.*]]: !attn.cols<vector<4xf32>, a>, %[[B:.*]]: !attn.cols<vector<4xf32>, b>, %[[K:.*]]: !attn.cols<vector<4xf32>>
// CHECK-DAG: %[[SA:.*]] = attn.dot %[[Q]], %[[A]] scale 5.000000e-01
// CHECK-DAG: %[[SB:.*]] = attn.dot %[[Q]], %[[B]] scale 5.000000e-01
// CHECK-DAG: %[[SK:.*]] = attn.dot %[[Q]], %[[K]] scale 5.000000e-01
// CHECK: %[[S:.*]] = attn.concat %[[SA]], %[[SB]], %[[SK]]
// CHECK: return %[[S]]
func.func @segments(%q: !attn.rows<vector<4xf32>>, %a: !attn.cols<vector<4xf32>, a>, %b: !attn.cols<vector<4xf32>, b>, %k: !attn.cols<vector<4xf32>>) -> !attn.matrix<f32, q, a+b+k> {
  %m = attn.concat %a, %b : !attn.cols<vector<4xf32>, a>, !attn.cols<vector<4xf32>, b>
  %n = attn.concat %m, %k : !attn.cols<vector<4xf32>, a+b>, !attn.cols<vector<4xf32>>
  %s = attn.dot %q, %n scale 0.5 : !attn.rows<vector<4xf32>>, !attn.cols<vector<4xf32>, a+b+k>
  return %s : !attn.matrix<f32, q, a+b+k>
}

// CHECK-LABEL: attn.kernel @twice_transposed
// CHECK: %[[S:.*]] = dot
// CHECK-NEXT: return %[[S]]
attn.kernel @twice_transposed(%q: !q, %k: !k) -> !s {
  %s = dot %q, %k : !q, !k
  %t = transpose %s : !s
  %a = transpose %t : !attn.matrix<f32, k, q>
  return %a : !s
}

// Blocks of one token are tokens; of two they are not.
// CHECK-LABEL: attn.kernel @blocks_of_one
// CHECK: %[[S:.*]] = dot
// CHECK-NEXT: %[[B:.*]] = reduce sum %[[S]] over keys by 2
// CHECK-NEXT: return %[[S]], %[[B]]
attn.kernel @blocks_of_one(%q: !q, %k: !k) -> (!s, !attn.matrix<f32, q, k/2>) {
  %s = dot %q, %k : !q, !k
  %a = reduce mean %s over queries by 1 : !s
  %b = reduce sum %a over keys by 2 : !s
  return %a, %b : !s, !attn.matrix<f32, q, k/2>
}

// A value that is bound twice is bound once; the source of a take is not bound.
// CHECK-LABEL: attn.kernel @bound_twice_to_move
// CHECK: reduce sum (%[[X:.*]] = %[[S:.*]], %[[G:.*]] = %g) over keys into rel : (!attn.matrix<f32>, !attn.cols<index>) {
// CHECK-NEXT: %[[D:.*]] = arith.addi %[[G]], %[[G]]
// CHECK: take %g (%[[X:.*]] = %g) : !attn.cols<index>, (!attn.cols<index>) -> !attn.matrix<index> {
// CHECK-NEXT: %[[D:.*]] = arith.muli %[[X]], %[[X]]
attn.kernel @bound_twice_to_move(%q: !q, %k: !k, %g: !attn.cols<index>, %n: index) -> (!attn.matrix<f32, q, rel>, !attn.matrix<index>) {
  axis rel size %n
  %s = dot %q, %k : !q, !k
  %a = reduce sum (%x = %s, %y = %g, %z = %g) over keys into rel : (!s, !attn.cols<index>, !attn.cols<index>) {
    %d = arith.addi %y, %z : index   %e = arith.fptosi %x : f32 to i64   %f = arith.index_cast %e : i64 to index   %h = arith.addi %d, %f : index   yield %h : index }
  %b = take %g (%y = %g, %z = %g) : !attn.cols<index>, (!attn.cols<index>, !attn.cols<index>) -> !attn.matrix<index> {
    %d = arith.muli %y, %z : index   yield %d : index }
  return %a, %b : !attn.matrix<f32, q, rel>, !attn.matrix<index>
}
