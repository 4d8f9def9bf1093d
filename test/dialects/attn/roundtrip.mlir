// SPDX-License-Identifier: Apache-2.0
// Every op and type in the spelling of the language, and that both forms of it read back the same.
// RUN: attn-opt %s | attn-opt | FileCheck %s
// RUN: attn-opt --mlir-print-op-generic %s | attn-opt | FileCheck %s
// RUN: attn-opt --mlir-print-op-generic %s | FileCheck %s --check-prefix=GENERIC
// RUN: attn-opt --emit-bytecode %s | attn-opt | FileCheck %s

!q = !attn.rows<vector<128xbf16>>
!k = !attn.cols<vector<128xbf16>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>
#causal = affine_set<(b, h, i, j) : (j <= i)>
#window = affine_set<(b, h, i, j)[w] : (j <= i, i - j <= w)>
#near = affine_set<(i, j)[w] : (i - j <= w)>

// CHECK-DAG: #[[$CAUSAL:.*]] = affine_set<(d0, d1, d2, d3) : (d2 - d3 >= 0)>
// CHECK-DAG: #[[$WINDOW:.*]] = affine_set<(d0, d1, d2, d3)[s0] : (d2 - d3 >= 0, -(d2 - d3) + s0 >= 0)>
// CHECK-DAG: #[[$NEAR:.*]] = affine_set<(d0, d1)[s0] : (-(d0 - d1) + s0 >= 0)>

// CHECK-LABEL: attn.kernel @dense(
// CHECK-SAME: %q: !attn.rows<vector<128xbf16>>, %k: !attn.cols<vector<128xbf16>>, %v: !attn.cols<vector<128xbf16>>
// CHECK-SAME: ) -> !attn.rows<vector<128xbf16>> {
// GENERIC: "attn.kernel"() <{arg_attrs = [{attn.name = "q"}, {attn.name = "k"}, {attn.name = "v"}]
// GENERIC-SAME: sym_name = "dense"
attn.kernel @dense(%q: !q, %k: !k, %v: !k) -> !q {
  // CHECK: %[[S:.*]] = dot %q, %k scale 1.250000e-01 : !attn.rows<vector<128xbf16>>, !attn.cols<vector<128xbf16>>
  // GENERIC: "attn.dot"({{.*}}) <{scale = 1.250000e-01 : f64}>
  %s = dot %q, %k scale 0.125 : !q, !k
  // CHECK: %[[P:.*]] = softmax %[[S]] : !attn.matrix<f32>
  // GENERIC: "attn.softmax"
  %p = softmax %s : !s
  // CHECK: %[[O:.*]] = contract %[[P]], %v : !attn.matrix<f32>, !attn.cols<vector<128xbf16>> -> !attn.rows<vector<128xbf16>>
  // GENERIC: "attn.contract"
  %o = contract %p, %v : !s, !k -> !q
  // CHECK: return %[[O]] : !attn.rows<vector<128xbf16>>
  // GENERIC: "attn.return"
  return %o : !q
}

// CHECK-LABEL: attn.kernel @named_results(
// CHECK-SAME: -> (!attn.rows<vector<128xbf16>> {attn.name = "o"}, !attn.rows<f32> {attn.name = "lse"}, !attn.matrix<f32>) {
attn.kernel @named_results(%q: !q, %k: !k, %v: !k, %z: !r) -> (!q {attn.name = "o"}, !r {attn.name = "lse"}, !s) {
  // CHECK: %[[S:.*]] = dot %q, %k :
  %s = dot %q, %k : !q, !k
  // CHECK: %[[P:.*]] = softmax %[[S]] sink %z : !attn.matrix<f32>
  %p = softmax %s sink %z : !s
  // CHECK: logsumexp %[[S]] sink %z : !attn.matrix<f32>
  // GENERIC: "attn.logsumexp"
  %l = logsumexp %s sink %z : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o, %l, %p : !q, !r, !s
}

// CHECK-LABEL: attn.kernel private @facts(
// CHECK-SAME: %q: !attn.rows<vector<128xbf16>> {attn.batch = 2 : i64, attn.heads = 8 : i64}
// CHECK-SAME: %doc: tensor<?x?xi32> {attn.contiguous, attn.sorted}
// CHECK-SAME: %kind: !attn.cols<i32> {attn.range = [0, 2]}
// CHECK-SAME: attributes {attn.note = "kept"}
attn.kernel private @facts(%q: !q {attn.heads = 8, attn.batch = 2}, %doc: tensor<?x?xi32> {attn.sorted, attn.contiguous},
                           %kind: !attn.cols<i32> {attn.range = [0, 2]}, %n: index, %x: f32, %y: i1, %z: i64) -> !q
    attributes {attn.note = "kept"} {
  return %q : !q
}

// CHECK-LABEL: attn.kernel @axes(
attn.kernel @axes(%q: !attn.rows<f32, agent>, %k: !attn.cols<vector<8x4xi8>>, %n: index, %h: index, %w: index) -> !attn.rows<f32, agent> {
  // CHECK: axis m size %n
  axis m size %n
  // CHECK: axis k like m multiple 64 grid (%h, %w)
  // GENERIC: "attn.axis"({{.*}}) <{axis = "k", like = "m", multiple = 64 : i64, operandSegmentSizes = array<i32: 0, 2>}>
  axis k like m multiple 64 grid (%h, %w)
  // CHECK: assume
  // GENERIC: "attn.assume"
  %ok = arith.cmpi sge, %n, %h : index   assume %ok
  return %q : !attn.rows<f32, agent>
}

// CHECK-LABEL: attn.kernel @maps(
attn.kernel @maps(%q: !q, %k: !k, %bias: !attn.cols<f32>, %slope: tensor<?xf32>, %gain: f32) -> (!r, !attn.cols<f32>) {
  %s = dot %q, %k : !q, !k
  // CHECK: %[[A:.*]] = map (%[[X:.*]] = %{{.*}}) at (%{{.*}}, %[[H:.*]], %[[I:.*]], %[[J:.*]]) : (!attn.matrix<f32>) -> !attn.matrix<f32> {
  // CHECK-NEXT: %[[N:.*]] = load %slope[%[[H]]] : tensor<?xf32>
  // GENERIC: "attn.load"
  // CHECK: arith.subi %[[J]], %[[I]]
  // CHECK: yield %{{.*}} : f32
  // GENERIC: "attn.yield"
  %a = map (%x = %s) at (%b, %h, %i, %j) : (!s) -> !s {
    %n = load %slope[%h] : tensor<?xf32>
    %d = arith.subi %j, %i : index
    %w = arith.index_cast %d : index to i64   %f = arith.sitofp %w : i64 to f32
    %y = math.fma %n, %f, %x : f32
    yield %y : f32
  }
  // The indices are left out where none is used, also when they were written.
  // CHECK: map (%[[X:.*]] = %[[A]], %[[B:.*]] = %bias) : (!attn.matrix<f32>, !attn.cols<f32>) -> !attn.matrix<f32> {
  // CHECK-NEXT: arith.addf %[[X]], %[[B]]
  // GENERIC: "attn.map"
  %c = map (%x = %a, %y = %bias) at (%b, %h, %i, %j) : (!s, !attn.cols<f32>) -> !s { %z = arith.addf %x, %y : f32   yield %z : f32 }
  // CHECK: reduce max %{{.*}} over keys : !attn.matrix<f32>
  // GENERIC: "attn.reduce"
  %m = reduce max %c over keys : !s
  // CHECK: reduce mean %{{.*}} over queries : !attn.matrix<f32>
  %u = reduce mean %c over queries : !s
  // CHECK: reduce sum %{{.*}} over heads : !attn.rows<f32>
  %h = reduce sum %m over heads : !r
  // CHECK: reduce min %{{.*}} over heads : !attn.cols<f32>
  %g = reduce min %u over heads : !attn.cols<f32>
  // CHECK: map () at (%{{.*}}, %{{.*}}, %[[N:.*]]) : () -> !attn.rows<f32> {
  // CHECK-NEXT: arith.index_cast %[[N]]
  %e = map () at (%b, %h0, %n) : () -> !r {
    %w = arith.index_cast %n : index to i64   %f = arith.sitofp %w : i64 to f32   yield %f : f32 }
  // CHECK: map (%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}) : (!attn.rows<f32>, !attn.rows<f32>) -> !attn.rows<f32> attributes {attn.note = "kept"} {
  %o = map (%x = %h, %y = %e) : (!r, !r) -> !r attributes {attn.note = "kept"} { %z = arith.mulf %x, %gain : f32   %v = arith.addf %z, %y : f32   yield %v : f32 }
  return %o, %g : !r, !attn.cols<f32>
}

// CHECK-LABEL: attn.kernel @masks(
attn.kernel @masks(%q: !q, %k: !k, %doc: tensor<?x?xi32>, %last: tensor<?x4xi64>, %w: index) -> !r {
  %s = dot %q, %k : !q, !k
  // CHECK: %[[A:.*]] = where %{{.*}} in #[[$CAUSAL]] : !attn.matrix<f32>
  // GENERIC: "attn.where"
  // GENERIC: "attn.holds"
  %a = where %s in #causal : !s
  // CHECK: %[[B:.*]] = where %[[A]] in #[[$WINDOW]][%w] {attn.note = "kept"} : !attn.matrix<f32>
  %b = where %a in #window[%w] {attn.note = "kept"} : !s
  // A region of one holds of the four indices is printed as the set.
  // CHECK: %[[C:.*]] = where %[[B]] in #[[$WINDOW]][%w] : !attn.matrix<f32>
  %c = where (%x = %b) at (%n, %h, %i, %j) : (!s) { %y = holds #window(%n, %h, %i, %j)[%w]   yield %y : i1 }
  // Any other region is not.
  // CHECK: where (%{{.*}} = %[[C]]) at (%[[N:.*]], %[[H:.*]], %[[I:.*]], %[[J:.*]]) : (!attn.matrix<f32>) {
  // CHECK-NEXT: holds #[[$WINDOW]](%[[N]], %[[H]], %[[J]], %[[I]])[%w]
  %d = where (%x = %c) at (%n, %h, %i, %j) : (!s) { %y = holds #window(%n, %h, %j, %i)[%w]   yield %y : i1 }
  // CHECK: where (%{{.*}} = %{{.*}}) at (%[[N:.*]], %{{.*}}, %[[I:.*]], %[[J:.*]]) : (!attn.matrix<f32>) {
  %e = where (%x = %d) at (%n, %h, %i, %j) : (!s) {
    // CHECK: load %doc[%[[N]], %[[I]]] : tensor<?x?xi32>
    %u = load %doc[%n, %i] : tensor<?x?xi32>
    // CHECK: load %doc[%[[N]], %[[J]]] : tensor<?x?xi32> -> index
    %v = load %doc[%n, %j] : tensor<?x?xi32> -> index
    // CHECK: load %last[%[[N]]] : tensor<?x4xi64> -> vector<4xindex>
    %t = load %last[%n] : tensor<?x4xi64> -> vector<4xindex>
    // CHECK: load %last[%[[N]]] : tensor<?x4xi64>{{$}}
    %t0 = load %last[%n] : tensor<?x4xi64>
    // CHECK: size k of %[[N]]
    // GENERIC: "attn.size"({{.*}}) <{axis = "k"}>
    %m = size k of %n
    %c0 = arith.cmpi slt, %v, %m : index
    // CHECK: holds #[[$NEAR]](%[[I]], %[[J]])[%w]
    %near = holds #near(%i, %j)[%w]
    %y = arith.andi %c0, %near : i1
    yield %y : i1
  }
  %l = logsumexp %e : !s
  return %l : !r
}

// Helper functions spell the prefix; block and concatenated axes and the default axes of types.
// CHECK-LABEL: func.func private @helper
func.func private @helper(%i: index, %j: index, %gain: tensor<128xf32>) -> (i1, vector<128xf32>) {
  // CHECK: attn.holds
  %a = attn.holds affine_set<(i, j) : (i == j)>(%i, %j)
  // CHECK: attn.load %{{.*}}[] : tensor<128xf32>{{$}}
  %g = attn.load %gain[] : tensor<128xf32>
  return %a, %g : i1, vector<128xf32>
}
// CHECK-LABEL: func.func private @types
// CHECK-SAME: !attn.rows<f32>, !attn.rows<f32, q/64>, !attn.cols<f32>, !attn.cols<index, k+mem>,
// CHECK-SAME: !attn.matrix<f64>, !attn.matrix<i1, q, k/64+mem/64>, !attn.matrix<f8E4M3FN, a, k>
func.func private @types(!attn.rows<f32, q>, !attn.rows<f32, q/64>, !attn.cols<f32, k>, !attn.cols<index, k+mem>,
                         !attn.matrix<f64, q, k>, !attn.matrix<i1, q, k/64 + mem/64>, !attn.matrix<f8E4M3FN, a, k>)

// CHECK-LABEL: func.func private @segments
func.func private @segments(%a: !attn.matrix<f32, q, mem>, %b: !attn.matrix<f32>, %c: !attn.cols<f32>, %d: !attn.cols<f32, mem>) -> !attn.matrix<f32, q, mem+k> {
  // CHECK: %[[S:.*]] = attn.concat %{{.*}}, %{{.*}} : !attn.matrix<f32, q, mem>, !attn.matrix<f32>
  %s = attn.concat %a, %b : !attn.matrix<f32, q, mem>, !attn.matrix<f32>
  // CHECK: attn.concat %{{.*}}, %{{.*}} : !attn.cols<f32>, !attn.cols<f32, mem>
  %t = attn.concat %c, %d : !attn.cols<f32>, !attn.cols<f32, mem>
  // CHECK: return %[[S]] : !attn.matrix<f32, q, mem+k>
  return %s : !attn.matrix<f32, q, mem+k>
}

// CHECK-LABEL: attn.kernel @moves(
attn.kernel @moves(%q: !q, %k: !k, %rel: !attn.cols<f32, rel>, %group: !attn.cols<i32>, %gate: !attn.rows<f32, q/64>)
    -> (!attn.matrix<f32, q/64, k/64>, !attn.matrix<f32, q, rel>, !attn.rows<f32, rel>, !s, !attn.rows<f32, k>) {
  // CHECK: %[[B:.*]] = reduce mean %k over keys by 64 : !attn.cols<vector<128xbf16>>
  // GENERIC: "attn.reduce"({{.*}}) <{by = 64 : i64, kind = 2 : i32, over = 0 : i32}> ({
  %b = reduce mean %k over keys by 64 : !k
  // CHECK: reduce sum %{{.*}} over queries by 2 : !attn.rows<f32, q/64>
  %g = reduce sum %gate over queries by 2 : !attn.rows<f32, q/64>
  // Blocks of blocks are blocks of the axis; what stands on blocks is read at their tokens.
  // CHECK: dot %q, %[[B]] : !attn.rows<vector<128xbf16>>, !attn.cols<vector<128xbf16>, k/64>
  %t = dot %q, %b : !q, !attn.cols<vector<128xbf16>, k/64>
  %s0 = dot %q, %k : !q, !k
  // CHECK: %[[S:.*]] = map ({{.*}}) : (!attn.matrix<f32>, !attn.matrix<f32, q, k/64>, !attn.rows<f32, q/128>) -> !attn.matrix<f32> {
  %s = map (%x = %s0, %y = %t, %z = %g) : (!s, !attn.matrix<f32, q, k/64>, !attn.rows<f32, q/128>) -> !s {
    %u = arith.addf %x, %y : f32   %w = arith.mulf %u, %z : f32   yield %w : f32 }
  // CHECK: %[[P:.*]] = reduce max %[[S]] over keys by 64 : !attn.matrix<f32>
  %p = reduce max %s over keys by 64 : !s
  // CHECK: %[[PP:.*]] = reduce max %[[P]] over queries by 64 {attn.note = "kept"} : !attn.matrix<f32, q, k/64>
  %pp = reduce max %p over queries by 64 {attn.note = "kept"} : !attn.matrix<f32, q, k/64>
  // An operand whose element the region does not use need not be bound.
  // CHECK: %[[R:.*]] = reduce sum %[[S]] over keys into rel at (%{{.*}}, %{{.*}}, %[[I:.*]], %[[J:.*]]) : !attn.matrix<f32> {
  // CHECK-NEXT: arith.subi %[[I]], %[[J]]
  // GENERIC: "attn.reduce"({{.*}}) <{into = "rel", kind = 0 : i32, over = 0 : i32}> ({
  %r = reduce sum %s over keys into rel at (%n, %h, %i, %j) : !s { %d = arith.subi %i, %j : index   yield %d : index }
  // CHECK: %[[M:.*]] = reduce sum (%{{.*}} = %[[S]], %[[G:.*]] = %group) over keys into rel : (!attn.matrix<f32>, !attn.cols<i32>) {
  // CHECK-NEXT: arith.index_cast %[[G]] : i32 to index
  %m = reduce sum (%x = %s, %y = %group) over keys into rel : (!s, !attn.cols<i32>) { %d = arith.index_cast %y : i32 to index   yield %d : index }
  // CHECK: %[[C:.*]] = reduce max %[[M]] over queries : !attn.matrix<f32, q, rel>
  %c = reduce max %m over queries : !attn.matrix<f32, q, rel>
  // CHECK: %[[CT:.*]] = transpose %[[C]] : !attn.cols<f32, rel>
  // GENERIC: "attn.transpose"
  %ct = transpose %c : !attn.cols<f32, rel>
  // CHECK: %[[T:.*]] = take %[[R]] at (%{{.*}}, %{{.*}}, %[[I:.*]], %[[J:.*]]) : !attn.matrix<f32, q, rel> -> !attn.matrix<f32> {
  // GENERIC: "attn.take"
  %a = take %r at (%n, %h, %i, %j) : !attn.matrix<f32, q, rel> -> !s { %d = arith.subi %i, %j : index   yield %d : index }
  // CHECK: %[[U:.*]] = take %rel (%[[X:.*]] = %[[T]]) : !attn.cols<f32, rel>, (!attn.matrix<f32>) -> !attn.matrix<f32> attributes {attn.note = "kept"} {
  // CHECK-NEXT: arith.fptosi %[[X]]
  %v = take %rel (%x = %a) : !attn.cols<f32, rel>, (!s) -> !s attributes {attn.note = "kept"} {
    %d = arith.fptosi %x : f32 to i64   %e = arith.index_cast %d : i64 to index   yield %e : index }
  // CHECK: reduce sum %[[U]] over heads by 4 : !attn.matrix<f32>
  %f = reduce sum %v over heads by 4 : !s
  // CHECK: %[[K:.*]] = reduce sum %{{.*}} over queries : !attn.matrix<f32>
  // CHECK: transpose %[[K]] : !attn.cols<f32>
  %k0 = reduce sum %f over queries : !s   %k1 = transpose %k0 : !attn.cols<f32>
  return %pp, %r, %ct, %f, %k1 : !attn.matrix<f32, q/64, k/64>, !attn.matrix<f32, q, rel>, !attn.rows<f32, rel>, !s, !attn.rows<f32, k>
}

// CHECK-LABEL: func.func private @vectors
func.func private @vectors(%x: vector<8xbf16>, %y: vector<8xf64>, %a: vector<4xf32>, %b: vector<4xf64>, %list: vector<3xi32>, %n: index) -> i1 {
  // CHECK: attn.rotate %{{.*}} by %{{.*}} halves : vector<8xbf16>
  // GENERIC: "attn.rotate"
  %u = attn.rotate %x by %a halves : vector<8xbf16>
  // CHECK: attn.rotate %{{.*}} by %{{.*}} pairs {attn.note = "kept"} : vector<8xf64>
  %v = attn.rotate %y by %b pairs {attn.note = "kept"} : vector<8xf64>
  // CHECK: attn.contains %{{.*}}, %{{.*}} : vector<3xi32>
  // GENERIC: "attn.contains"
  %w = attn.contains %list, %n : vector<3xi32>
  return %w : i1
}
