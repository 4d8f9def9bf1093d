// RUN: attn-opt %s --attn-to-primitives --attn-split-stages --split-input-file | FileCheck %s

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>

// A kernel that is one stage stays as it is.
// CHECK-LABEL: attn.kernel @plain(
// CHECK-NOT: attn.stage
// CHECK-NOT: attn.kernel
attn.kernel @plain(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k : !q, !k
  %p = softmax %s : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>
!f = !attn.rows<vector<64xf32>>

// Keys that are computed are stored by a kernel whose rows they are; what a norm is taken of is stored, its
// sum of squares, and then the quotient is made.
// CHECK-LABEL: attn.kernel @normed_stage0(
// CHECK-SAME: %k: !attn.rows<vector<64xbf16>, k>) -> (!attn.rows<vector<64xbf16>, k> {attn.name = "normed.0"}) attributes {attn.stage, attn.tokens}
// CHECK: arith.negf
// CHECK-LABEL: attn.kernel @normed_stage1(
// CHECK-SAME: %normed.0: !attn.cols<vector<64xbf16>>
// CHECK-SAME: -> (!attn.rows<vector<64xf32>> {attn.name = "normed.1"}) attributes {attn.stage}
// CHECK: dot %q, %normed.0
// CHECK-LABEL: attn.kernel @normed_stage2(%normed.1: !attn.rows<vector<64xf32>>) -> (!attn.rows<f32> {attn.name = "normed.2"}) attributes {attn.stage, attn.tokens}
// CHECK: vector.reduction <add>
// CHECK-NOT: rsqrt
// CHECK-LABEL: attn.kernel @normed(%normed.1: !attn.rows<vector<64xf32>>, %normed.2: !attn.rows<f32>)
// CHECK-NOT: vector.reduction
// CHECK: math.rsqrt
attn.kernel @normed(%q: !q, %k: !k, %v: !k) -> !q {
  %n = map (%x = %k) : (!k) -> !k { %y = arith.negf %x : vector<64xbf16>   yield %y : vector<64xbf16> }
  %s = dot %q, %n : !q, !k
  %p = softmax %s : !s
  %o = contract %p, %v : !s, !k -> !f
  %y = map (%x = %o) : (!f) -> !q {
    %square = arith.mulf %x, %x : vector<64xf32>
    %sum = vector.reduction <add>, %square : vector<64xf32> into f32
    %r = math.rsqrt %sum : f32
    %w = vector.broadcast %r : f32 to vector<64xf32>
    %z = arith.mulf %x, %w : vector<64xf32>
    %t = arith.truncf %z : vector<64xf32> to vector<64xbf16>
    yield %t : vector<64xbf16>
  }
  return %y : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>

// Sums of columns: the maximum and the sum of each row first, then a kernel whose rows are the keys. Its axis
// keeps what was said of it, and a row of scores that are all -inf counts as empty there too.
// CHECK-LABEL: attn.kernel @column_stage0(
// CHECK-SAME: -> (!attn.rows<f32> {attn.name = "column.0"}, !attn.rows<f32> {attn.name = "column.1"})
// CHECK-LABEL: attn.kernel @column(%k: !attn.rows<vector<64xbf16>, k>, %q: !attn.cols<vector<64xbf16>, q>, %column.0: !attn.cols<f32, q>, %column.1: !attn.cols<f32, q>) -> (!attn.rows<f32, k> {attn.name = "out"})
// CHECK: axis k like q
// CHECK: dot %k, %q
// CHECK: where (%x = %{{.*}}) at (%b, %h, %i, %j)
// CHECK-NEXT: arith.cmpi sge, %j, %i
// CHECK: cmpf oeq
// CHECK: select
// CHECK: reduce sum %{{.*}} over keys : !attn.matrix<f32, k, q>
attn.kernel @column(%q: !q, %k: !k) -> !attn.cols<f32> {
  axis k like q
  %s = dot %q, %k : !q, !k
  %c = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %y = arith.cmpi sge, %i, %j : index
    yield %y : i1
  }
  %p = softmax %c : !s
  %m = reduce sum %p over queries : !s
  return %m : !attn.cols<f32>
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>

// Vectors of an operand that are added to a contraction are read where it is made.
// CHECK-LABEL: attn.kernel @added(
// CHECK-NOT: attn.stage
// CHECK-NOT: attn.kernel
attn.kernel @added(%q: !q, %k: !k, %v: !k, %saved: !q) -> !q {
  %s = dot %q, %k : !q, !k
  %p = softmax %s : !s
  %o = contract %p, %v : !s, !k -> !q
  %y = map (%x = %o, %z = %saved) : (!q, !q) -> !q {
    %u = arith.addf %x, %z : vector<64xbf16>
    yield %u : vector<64xbf16>
  }
  return %y : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>

// Values that are single numbers are summed; weights are rounded to their type first.
// CHECK-LABEL: attn.kernel @numbers(
// CHECK: %[[P:.*]] = map (%[[W:.*]] = %{{.*}}, %[[V:.*]] = %r) : (!attn.matrix<f32>, !attn.cols<bf16>)
// CHECK: arith.truncf %[[W]] : f32 to bf16
// CHECK: arith.extf
// CHECK: arith.mulf
// CHECK: reduce sum %{{.*}} over keys
// CHECK-NOT: contract
// CHECK: map (%{{.*}}) -> !attn.rows<bf16>
attn.kernel @numbers(%q: !q, %k: !k, %r: !attn.cols<bf16>) -> !attn.rows<bf16> {
  %s = dot %q, %k : !q, !k
  %p = softmax %s : !s
  %o = contract %p, %r : !s, !attn.cols<bf16> -> !attn.rows<bf16>
  return %o : !attn.rows<bf16>
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>

// Heads stay heads where queries and keys change places.
// CHECK-LABEL: attn.kernel @heads(
// CHECK: reduce sum %{{.*}} over heads : !attn.matrix<f32, k, q>
// CHECK-NEXT: reduce max %{{.*}} over keys : !attn.matrix<f32, k, q>
attn.kernel @heads(%q: !q, %k: !k) -> !attn.cols<f32> {
  %s = dot %q, %k : !q, !k
  %a = reduce sum %s over heads : !s
  %m = reduce max %a over queries : !s
  return %m : !attn.cols<f32>
}
