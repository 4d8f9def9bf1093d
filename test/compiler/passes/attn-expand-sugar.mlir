// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --attn-expand-sugar | FileCheck %s

!q = !attn.rows<vector<128xbf16>>
!k = !attn.cols<vector<128xbf16>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>

// CHECK-DAG: #[[$ROOM:.*]] = affine_map<(d0, d1)[s0] -> (-(d0 - d1) + s0)>
// CHECK-DAG: #[[$BLOCK:.*]] = affine_map<(d0, d1)[s0] -> (d1 mod 64)>

// CHECK-LABEL: attn.kernel @softmax
attn.kernel @softmax(%q: !q, %k: !k) -> !s {
  // CHECK: %[[S:.*]] = dot
  %s = dot %q, %k : !q, !k
  // CHECK-NEXT: %[[M:.*]] = reduce max %[[S]] over keys : !attn.matrix<f32>
  // CHECK-NEXT: %[[E:.*]] = map (%[[X:.*]] = %[[S]], %[[Y:.*]] = %[[M]]) : (!attn.matrix<f32>, !attn.rows<f32>) -> !attn.matrix<f32> {
  // CHECK-NEXT:   %[[D:.*]] = arith.subf %[[X]], %[[Y]] : f32
  // CHECK-NEXT:   %[[P:.*]] = math.exp %[[D]] : f32
  // CHECK-NEXT:   yield %[[P]] : f32
  // CHECK-NEXT: }
  // CHECK-NEXT: %[[L:.*]] = reduce sum %[[E]] over keys : !attn.matrix<f32>
  // CHECK-NEXT: %[[W:.*]] = map (%[[X:.*]] = %[[E]], %[[Y:.*]] = %[[L]]) : (!attn.matrix<f32>, !attn.rows<f32>) -> !attn.matrix<f32> {
  // CHECK-NEXT:   %[[P:.*]] = arith.divf %[[X]], %[[Y]] : f32
  // CHECK-NEXT:   yield %[[P]] : f32
  // CHECK-NEXT: }
  // CHECK-NEXT: return %[[W]]
  %p = softmax %s : !s
  return %p : !s
}

// CHECK-LABEL: attn.kernel @softmax_with_sink
attn.kernel @softmax_with_sink(%q: !q, %k: !k, %z: !r) -> !s {
  // CHECK: %[[S:.*]] = dot
  %s = dot %q, %k : !q, !k
  // CHECK-NEXT: %[[N:.*]] = reduce max %[[S]] over keys
  // CHECK-NEXT: %[[M:.*]] = map (%[[X:.*]] = %[[N]], %[[Y:.*]] = %z) : (!attn.rows<f32>, !attn.rows<f32>) -> !attn.rows<f32> {
  // CHECK-NEXT:   arith.maximumf %[[X]], %[[Y]] : f32
  // CHECK: %[[E:.*]] = map (%{{.*}} = %[[S]], %{{.*}} = %[[M]])
  // CHECK: %[[K:.*]] = reduce sum %[[E]] over keys
  // CHECK-NEXT: %[[L:.*]] = map (%[[X:.*]] = %[[K]], %[[Y:.*]] = %[[M]], %[[Z:.*]] = %z) : (!attn.rows<f32>, !attn.rows<f32>, !attn.rows<f32>) -> !attn.rows<f32> {
  // CHECK-NEXT:   %[[D:.*]] = arith.subf %[[Z]], %[[Y]] : f32
  // CHECK-NEXT:   %[[P:.*]] = math.exp %[[D]] : f32
  // CHECK-NEXT:   arith.addf %[[X]], %[[P]] : f32
  // CHECK: map (%{{.*}} = %[[E]], %{{.*}} = %[[L]])
  // CHECK-NEXT: arith.divf
  %p = softmax %s sink %z : !s
  return %p : !s
}

// CHECK-LABEL: attn.kernel @logsumexp
// CHECK: %[[M:.*]] = reduce max %{{.*}} over keys : !attn.matrix<f64, a, c>
// CHECK: %[[L:.*]] = reduce sum %{{.*}} over keys : !attn.matrix<f64, a, c>
// CHECK-NEXT: map (%[[X:.*]] = %[[L]], %[[Y:.*]] = %[[M]]) : (!attn.rows<f64, a>, !attn.rows<f64, a>) -> !attn.rows<f64, a> {
// CHECK-NEXT:   %[[G:.*]] = math.log %[[X]] : f64
// CHECK-NEXT:   %[[P:.*]] = arith.addf %[[G]], %[[Y]] : f64
// CHECK-NEXT:   yield %[[P]] : f64
attn.kernel @logsumexp(%q: !attn.rows<vector<8xf64>, a>, %k: !attn.cols<vector<8xf64>, c>) -> !attn.rows<f64, a> {
  %s = dot %q, %k : !attn.rows<vector<8xf64>, a>, !attn.cols<vector<8xf64>, c>
  %l = logsumexp %s : !attn.matrix<f64, a, c>
  return %l : !attn.rows<f64, a>
}

// CHECK-LABEL: attn.kernel @holds
attn.kernel @holds(%q: !q, %k: !k, %w: index) -> !s {
  %s = dot %q, %k : !q, !k
  // CHECK: where (%{{.*}} = %{{.*}}) at (%{{.*}}, %{{.*}}, %[[I:.*]], %[[J:.*]]) : (!attn.matrix<f32>) {
  // CHECK-NEXT:   %[[A:.*]] = affine.apply #[[$ROOM]](%[[I]], %[[J]])[%w]
  // CHECK-NEXT:   %[[ZERO:.*]] = arith.constant 0 : index
  // CHECK-NEXT:   %[[C:.*]] = arith.cmpi sge, %[[A]], %[[ZERO]] : index
  // CHECK-NEXT:   %[[B:.*]] = affine.apply #[[$BLOCK]](%[[I]], %[[J]])[%w]
  // CHECK-NEXT:   %[[ZERO:.*]] = arith.constant 0 : index
  // CHECK-NEXT:   %[[D:.*]] = arith.cmpi eq, %[[B]], %[[ZERO]] : index
  // CHECK-NEXT:   %[[Y:.*]] = arith.andi %[[C]], %[[D]] : i1
  // CHECK-NEXT:   yield %[[Y]] : i1
  %a = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %y = holds affine_set<(i, j)[w] : (i - j <= w, j mod 64 == 0)>(%i, %j)[%w]   yield %y : i1 }
  return %a : !s
}

// CHECK-LABEL: attn.kernel @where_in_set
// CHECK: where
// CHECK-COUNT-2: affine.apply
// CHECK-NOT: holds
attn.kernel @where_in_set(%q: !q, %k: !k, %w: index) -> !s {
  %s = dot %q, %k : !q, !k
  %a = where %s in affine_set<(b, h, i, j)[w] : (j <= i, i - j <= w)>[%w] : !s
  return %a : !s
}

// CHECK-LABEL: attn.kernel @entmax
attn.kernel @entmax(%q: !q, %k: !k, %a: !r) -> !s {
  // CHECK: %[[S:.*]] = dot
  %s = dot %q, %k : !q, !k
  // CHECK-NEXT: %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
  // CHECK-NEXT: %[[F:.*]] = map (%[[X:.*]] = %a) : (!attn.rows<f32>) -> !attn.rows<f32> {
  // CHECK-NEXT:   arith.subf %[[X]], %[[ONE]] : f32
  // CHECK: %[[P:.*]] = map (%[[X:.*]] = %[[F]]) : (!attn.rows<f32>) -> !attn.rows<f32> {
  // CHECK-NEXT:   arith.divf %[[ONE]], %[[X]] : f32
  // CHECK: %[[Z:.*]] = map (%[[X:.*]] = %[[S]], %[[Y:.*]] = %[[F]])
  // CHECK-NEXT:   arith.mulf %[[X]], %[[Y]] : f32
  // CHECK: %[[HI:.*]] = reduce max %[[Z]] over keys : !attn.matrix<f32>
  // CHECK-NEXT: %[[LO:.*]] = map (%[[X:.*]] = %[[HI]])
  // CHECK-NEXT:   arith.subf %[[X]], %[[ONE]] : f32
  // CHECK: %[[TAU:.*]] = solve %[[T:.*]] from %[[LO]] to %[[HI]] total %[[ONE]] with (%[[X:.*]] = %[[Z]], %[[Y:.*]] = %[[P]]) : (!attn.matrix<f32>, !attn.rows<f32>) {
  // CHECK-NEXT:   %[[D:.*]] = arith.subf %[[X]], %[[T]] : f32
  // CHECK-NEXT:   %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
  // CHECK-NEXT:   %[[B:.*]] = arith.maximumf %[[D]], %[[ZERO]] : f32
  // CHECK-NEXT:   %[[W:.*]] = math.powf %[[B]], %[[Y]] : f32
  // CHECK-NEXT:   yield %[[W]] : f32
  // CHECK: %[[R:.*]] = map (%[[X:.*]] = %[[Z]], %[[T:.*]] = %[[TAU]], %[[Y:.*]] = %[[P]])
  // CHECK: math.powf %{{.*}}, %[[Y]] : f32
  // CHECK: return %[[R]]
  %p = entmax %s alpha %a : !s
  return %p : !s
}

// CHECK-LABEL: attn.kernel @contains
attn.kernel @contains(%q: !q, %k: !k, %list: !attn.rows<vector<3xi32>>) -> !s {
  %s = dot %q, %k : !q, !k
  // CHECK: where (%{{.*}} = %{{.*}}, %[[L:.*]] = %list) at (%{{.*}}, %{{.*}}, %{{.*}}, %[[J:.*]]) :
  // CHECK-NEXT:   %[[N:.*]] = arith.index_cast %[[L]] : vector<3xi32> to vector<3xindex>
  // CHECK-NEXT:   %[[B:.*]] = vector.broadcast %[[J]] : index to vector<3xindex>
  // CHECK-NEXT:   %[[E:.*]] = arith.cmpi eq, %[[N]], %[[B]] : vector<3xindex>
  // CHECK-NEXT:   %[[Y:.*]] = vector.reduction <or>, %[[E]] : vector<3xi1> into i1
  // CHECK-NEXT:   yield %[[Y]] : i1
  %a = where (%x = %s, %y = %list) at (%b, %h, %i, %j) : (!s, !attn.rows<vector<3xi32>>) {
    %z = contains %y, %j : vector<3xi32>   yield %z : i1 }
  return %a : !s
}

// CHECK-LABEL: attn.kernel @rotate_halves
attn.kernel @rotate_halves(%q: !attn.rows<vector<4xbf16>>, %a: tensor<?x2xf32>) -> !attn.rows<vector<4xbf16>> {
  // CHECK: map (%[[X:.*]] = %q)
  // CHECK-NEXT:   %[[A:.*]] = load %a
  // CHECK-NEXT:   %[[F:.*]] = arith.extf %[[X]] : vector<4xbf16> to vector<4xf32>
  // CHECK-NEXT:   %[[U:.*]] = vector.extract_strided_slice %[[F]] {offsets = [0], sizes = [2], strides = [1]}
  // CHECK-NEXT:   %[[W:.*]] = vector.extract_strided_slice %[[F]] {offsets = [2], sizes = [2], strides = [1]}
  // CHECK-NEXT:   %[[C:.*]] = math.cos %[[A]] : vector<2xf32>
  // CHECK-NEXT:   %[[S:.*]] = math.sin %[[A]] : vector<2xf32>
  // CHECK-NEXT:   %[[UC:.*]] = arith.mulf %[[U]], %[[C]]
  // CHECK-NEXT:   %[[WS:.*]] = arith.mulf %[[W]], %[[S]]
  // CHECK-NEXT:   %[[US:.*]] = arith.mulf %[[U]], %[[S]]
  // CHECK-NEXT:   %[[WC:.*]] = arith.mulf %[[W]], %[[C]]
  // CHECK-NEXT:   %[[Y:.*]] = arith.subf %[[UC]], %[[WS]]
  // CHECK-NEXT:   %[[Z:.*]] = arith.addf %[[US]], %[[WC]]
  // CHECK-NEXT:   %[[V:.*]] = vector.insert_strided_slice %[[Y]], %[[F]] {offsets = [0], strides = [1]}
  // CHECK-NEXT:   %[[R:.*]] = vector.insert_strided_slice %[[Z]], %[[V]] {offsets = [2], strides = [1]}
  // CHECK-NEXT:   arith.truncf %[[R]] : vector<4xf32> to vector<4xbf16>
  %r = map (%x = %q) at (%b, %h, %n) : (!attn.rows<vector<4xbf16>>) -> !attn.rows<vector<4xbf16>> {
    %t = load %a[%n] : tensor<?x2xf32>   %y = rotate %x by %t halves : vector<4xbf16>   yield %y : vector<4xbf16> }
  return %r : !attn.rows<vector<4xbf16>>
}

// Numbers of the angle's type are not converted.
// CHECK-LABEL: attn.kernel @rotate_pairs
attn.kernel @rotate_pairs(%k: !attn.cols<vector<4xf64>>, %a: tensor<?x2xf64>) -> !attn.cols<vector<4xf64>> {
  // CHECK: map (%[[X:.*]] = %k)
  // CHECK-NEXT: %[[A:.*]] = load %a
  // CHECK-NEXT: %[[U:.*]], %[[W:.*]] = vector.deinterleave %[[X]] : vector<4xf64> -> vector<2xf64>
  // CHECK: %[[Y:.*]] = arith.subf %{{.*}}, %{{.*}} : vector<2xf64>
  // CHECK: %[[Z:.*]] = arith.addf %{{.*}}, %{{.*}} : vector<2xf64>
  // CHECK-NEXT: %[[R:.*]] = vector.interleave %[[Y]], %[[Z]] : vector<2xf64> -> vector<4xf64>
  // CHECK-NEXT: yield %[[R]]
  %c = map (%x = %k) at (%b, %h, %n) : (!attn.cols<vector<4xf64>>) -> !attn.cols<vector<4xf64>> {
    %t = load %a[%n] : tensor<?x2xf64>   %y = rotate %x by %t pairs : vector<4xf64>   yield %y : vector<4xf64> }
  return %c : !attn.cols<vector<4xf64>>
}
