// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --attn-to-primitives --attn-expand-selections --attn-split-stages --attn-gather-keys --split-input-file | FileCheck %s

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!c = !attn.cols<f32>
!s = !attn.matrix<f32>
!m = !attn.matrix<i1>
#causal = affine_set<(b, h, i, j) : (j <= i)>

// The list is made of the mask alone, which has the heads of the numbers that are ranked; the kernel that
// attends has no mask left.
// CHECK-LABEL: attn.kernel @ranked_keys(
// CHECK-SAME: %d: !attn.cols<f32>, %{{.*}}: !attn.rows<i32>, %{{.*}}: !attn.rows<i32>, %n: index)
// CHECK-SAME: -> (!attn.matrix<i32, q, k_near> {attn.name = "ranked.keys"}, !attn.rows<i32> {attn.name = "ranked.count"})
// CHECK-NOT: dot
// CHECK: map {{.*}} attributes {attn.most = "n"}
// CHECK: where
// CHECK: %[[KEYS:.*]], %{{.*}}, %[[COUNT:.*]] = visible_keys %{{.*}} most %n on k_near
// CHECK: return %[[KEYS]], %[[COUNT]]
// CHECK-LABEL: attn.kernel @ranked(
// CHECK-SAME: %q: !attn.rows<vector<64xbf16>>, %k: !attn.cols<vector<64xbf16>>, %v: !attn.cols<vector<64xbf16>>, %ranked.keys: !attn.matrix<i32, q, k_near>, %ranked.count: !attn.rows<i32>)
// CHECK-SAME: attn.gathered = {axis = "k", count = "ranked.count", list = "ranked.keys"}
// CHECK-NOT: where
// CHECK: contract
attn.kernel @ranked(%q: !q, %k: !k, %v: !k, %d: !c, %n: index) -> !q {
  %g = map (%x = %d) : (!c) -> !s { yield %x : f32 }
  %c = where %g in #causal : !s
  %best = select %c top %n : !s
  %s = dot %q, %k : !q, !k
  %w = where (%x = %s, %y = %best) : (!s, !m) { yield %y : i1 }
  %p = softmax %w : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>
!m = !attn.matrix<i1>

// A number that is written; what else hides pairs, by their scores too, is in the list.
// CHECK-LABEL: attn.kernel @constant_keys(
// CHECK: where (%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}) :
// CHECK: visible_keys %{{.*}} most %c32 on k_near
// CHECK-LABEL: attn.kernel @constant(
// CHECK-SAME: attn.gathered
// CHECK-NOT: where
// CHECK: contract
attn.kernel @constant(%q: !q, %k: !k, %v: !k) -> !q {
  %n = arith.constant 32 : index
  %s = dot %q, %k : !q, !k
  %best = select %s top %n : !s
  %w = where (%x = %s, %y = %best) : (!s, !m) {
    %zero = arith.constant 0.0 : f32
    %above = arith.cmpf ogt, %x, %zero : f32
    %both = arith.andi %above, %y : i1
    yield %both : i1
  }
  %p = softmax %w : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>
!m = !attn.matrix<i1>

// A union may leave any number of keys.
// CHECK-LABEL: attn.kernel @union(
// CHECK-NOT: attn.gathered
attn.kernel @union(%q: !q, %k: !k, %v: !k, %n: index) -> !q {
  %s = dot %q, %k : !q, !k
  %best = select %s top %n : !s
  %w = where (%x = %s, %y = %best) at (%b, %h, %i, %j) : (!s, !m) {
    %own = arith.cmpi eq, %i, %j : index
    %any = arith.ori %own, %y : i1
    yield %any : i1
  }
  %p = softmax %w : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>
!m = !attn.matrix<i1>

// A kernel that also reduces what the selection does not hide visits all keys anyway.
// CHECK-LABEL: attn.kernel @two_masks(
// CHECK-NOT: attn.gathered
attn.kernel @two_masks(%q: !q, %k: !k, %v: !k, %n: index) -> (!q, !q) {
  %s = dot %q, %k : !q, !k
  %best = select %s top %n : !s
  %w = where (%x = %s, %y = %best) : (!s, !m) { yield %y : i1 }
  %p = softmax %w : !s
  %o = contract %p, %v : !s, !k -> !q
  %z = where (%x = %s, %y = %best) at (%b, %h, %i, %j) : (!s, !m) {
    %own = arith.cmpi eq, %i, %j : index
    %any = arith.ori %own, %y : i1
    yield %any : i1
  }
  %u = softmax %z : !s
  %t = contract %u, %v : !s, !k -> !q
  return %o, %t : !q, !q
}
