// RUN: attn-opt %s --attn-to-primitives --attn-expand-memberships --canonicalize | FileCheck %s

!q = !attn.rows<vector<32xbf16>>
!k = !attn.cols<vector<32xbf16>>
!l = !attn.rows<vector<8xi32>>
!s = !attn.matrix<f32>

// The list's bits are a matrix of words; a pair takes its word, and the list is not bound any more.
// CHECK-LABEL: attn.kernel @listed(
// CHECK: %[[BITS:.*]] = map (%x = %list) at (%b, %h, %i, %j) : (!attn.rows<vector<8xi32>>) -> !attn.matrix<i32, q, k/32>
// CHECK: arith.shrui
// CHECK: vector.reduction <or>
// CHECK: %[[WORD:.*]] = take %[[BITS]] (%x = %{{.*}}) at (%b, %h, %i, %j)
// CHECK: arith.floordivsi %j, %c32
// CHECK: where (%x = %{{.*}}, %{{.*}} = %[[WORD]]) at (%b, %h, %i, %j) : (!attn.matrix<f32>, !attn.matrix<i32>)
// CHECK-NOT: vector
// CHECK: yield
attn.kernel @listed(%q: !q, %k: !k, %v: !k, %list: !l) -> !q {
  %s = dot %q, %k : !q, !k
  %m = where (%x = %s, %a = %list) at (%b, %h, %i, %j) : (!s, !l) {
    %y = contains %a, %j : vector<8xi32>
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// Blocks of 64 keys in the list: a word is of 32 blocks.
// CHECK-LABEL: attn.kernel @blocks(
// CHECK: -> !attn.matrix<i32, q, k/32>
// CHECK: arith.floordivsi %j, %c64
// CHECK: reduce sum
attn.kernel @blocks(%q: !q, %k: !k, %list: !l) -> !attn.rows<f32> {
  %s = dot %q, %k : !q, !k
  %c64 = arith.constant 64 : index
  %m = where (%x = %s, %a = %list) at (%b, %h, %i, %j) : (!s, !l) {
    %block = arith.floordivsi %j, %c64 : index
    %y = contains %a, %block : vector<8xi32>
    yield %y : i1
  }
  %o = reduce sum %m over keys : !s
  return %o : !attn.rows<f32>
}
