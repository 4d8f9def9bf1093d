// RUN: attn-opt %s --attn-to-primitives --attn-expand-buckets --canonicalize | FileCheck %s

!q = !attn.rows<vector<32xbf16>>
!k = !attn.cols<vector<32xbf16>>
!g = !attn.cols<vector<32xbf16>, group>
!s = !attn.matrix<f32>
!w = !attn.matrix<f32, q, group>

// A sum a bucket, each stored; a matrix of all, stored; and what reads it takes from that.
// CHECK-LABEL: attn.kernel @three(
// CHECK: map {{.*}} at (%b, %h, %i, %j) : (!attn.matrix<f32>) -> !attn.matrix<f32> {
// CHECK: arith.cmpi eq, %{{.*}}, %c0
// CHECK: %[[FIRST:.*]] = reduce sum {{.*}} over keys {attn.store}
// CHECK: %[[SECOND:.*]] = reduce sum {{.*}} over keys {attn.store}
// CHECK: %[[THIRD:.*]] = reduce sum {{.*}} over keys {attn.store}
// CHECK: %[[ALL:.*]] = map (%x = %[[FIRST]], %{{.*}} = %[[SECOND]], %{{.*}} = %[[THIRD]]) at (%b, %h, %i, %j)
// CHECK-SAME: -> !attn.matrix<f32, q, group>
// CHECK: %[[TAKEN:.*]] = take %[[ALL]] at (%b, %h, %i, %j)
// CHECK: yield %j
// CHECK: contract %[[TAKEN]], %v
attn.kernel @three(%q: !q, %k: !k, %v: !g) -> !q {
  %c3 = arith.constant 3 : index
  axis group size %c3
  %s = dot %q, %k : !q, !k
  %w = reduce sum %s over keys into group at (%b, %h, %i, %j) : !s {
    %d = arith.subi %i, %j : index
    yield %d : index
  }
  %o = contract %w, %v : !w, !g -> !q
  return %o : !q
}

// The length is an operand: nothing is known of how many sums there are.
// CHECK-LABEL: attn.kernel @unknown(
// CHECK: reduce sum %{{.*}} over keys into group
attn.kernel @unknown(%q: !q, %k: !k, %v: !g) -> !q {
  %s = dot %q, %k : !q, !k
  %w = reduce sum %s over keys into group at (%b, %h, %i, %j) : !s {
    %d = arith.subi %i, %j : index
    yield %d : index
  }
  %o = contract %w, %v : !w, !g -> !q
  return %o : !q
}
