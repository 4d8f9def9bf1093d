// RUN: attn-opt %s --attn-to-primitives --attn-expand-selections --split-input-file --verify-diagnostics | FileCheck %s
// RUN: attn-opt %s --attn-to-primitives --attn-expand-selections --attn-split-stages --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=STAGES

!q = !attn.rows<vector<32xbf16>>
!k = !attn.cols<vector<32xbf16>>
!s = !attn.matrix<f32>
!m = !attn.matrix<i1>

// The scores that are counted have their mask; those that are compared are seen everywhere, and the mask
// joins the comparison.
// CHECK-LABEL: attn.kernel @best(
// CHECK: %[[DOT:.*]] = dot
// CHECK: %[[CAUSAL:.*]] = where
// CHECK: %[[SEEN:.*]] = map (%x = %[[DOT]])
// CHECK-NEXT: arith.cmpi sge, %i, %j
// CHECK: reduce sum
// CHECK: map {{.*}}!attn.rows<i32>
// CHECK-SAME: attributes {attn.store}
// CHECK: %[[CHOSEN:.*]] = map (%x = %[[DOT]], %{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}, %{{.*}} = %[[SEEN]])
// CHECK: where (%x = %[[CAUSAL]], %{{.*}} = %[[CHOSEN]])
// CHECK-NOT: select %{{.*}} top

// Eight rounds for the threshold, who has equals, six rounds for the end of the equals.
// STAGES-LABEL: attn.kernel @best_stage0(
// STAGES: attn.kernel @best_stage7(
// STAGES: attn.kernel @best_stage8({{.*}} attributes {attn.stage, attn.tokens}
// STAGES: attn.kernel @best_stage14(
// STAGES-NOT: attn.kernel @best_stage15(
// STAGES: attn.kernel @best(
attn.kernel @best(%q: !q, %k: !k, %v: !k, %n: index) -> !q {
  %s = dot %q, %k : !q, !k
  %c = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %y = arith.cmpi sge, %i, %j : index
    yield %y : i1
  }
  %t = select %c top %n : !s
  %w = where (%x = %c, %y = %t) : (!s, !m) { yield %y : i1 }
  %p = softmax %w : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<32xbf16>>
!k = !attn.cols<vector<32xbf16>>
!s = !attn.matrix<f32>
!m = !attn.matrix<i1>

// What the weights are divided by is found once, and no round adds it up again.
// CHECK-LABEL: attn.kernel @weights(
// CHECK: %[[MAX:.*]] = reduce max %{{.*}} over keys {attn.store}
// CHECK: %[[SUM:.*]] = reduce sum %{{.*}} over keys {attn.store}
// STAGES-LABEL: attn.kernel @weights_stage0(
// STAGES: reduce max
// STAGES: reduce sum
// STAGES: attn.kernel @weights_stage1(
// STAGES-NOT: reduce max
// STAGES: attn.kernel @weights(
attn.kernel @weights(%q: !q, %k: !k, %v: !k, %n: index) -> !q {
  %s = dot %q, %k : !q, !k
  %p = softmax %s : !s
  %t = select %p top %n : !s
  %w = where (%x = %p, %y = %t) : (!s, !m) { yield %y : i1 }
  %o = contract %w, %v : !s, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<32xbf16>>
!k = !attn.cols<vector<32xbf16>>
!s = !attn.matrix<f32>
!i = !attn.matrix<i32>
!m = !attn.matrix<i1>

attn.kernel @integers(%q: !q, %k: !k, %v: !k, %n: index) -> !q {
  %s = dot %q, %k : !q, !k
  %c = map (%x = %s) : (!s) -> !i { %y = arith.fptosi %x : f32 to i32   yield %y : i32 }
  // expected-error @below {{expected scores of f32, which is what can be selected from yet, but got 'i32'}}
  %t = select %c top %n : !i
  %w = where (%x = %s, %y = %t) : (!s, !m) { yield %y : i1 }
  %p = softmax %w : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<32xbf16>>
!k = !attn.cols<vector<32xbf16>>
!g = !attn.cols<vector<32xbf16>, mem>
!s = !attn.matrix<f32>
!a = !attn.matrix<f32, q, mem>
!b = !attn.matrix<f32, q, mem+k>
!m = !attn.matrix<i1, q, mem+k>

attn.kernel @segments(%q: !q, %k: !k, %g: !g, %n: index) -> !attn.rows<f32> {
  %s = dot %q, %k : !q, !k
  %a = dot %q, %g : !q, !g
  %c = concat %a, %s : !a, !s
  // expected-error @below {{expected scores made by dot, map and where, which is what can be selected from yet, but got 'attn.concat'}}
  %t = select %c top %n : !b
  %w = where (%x = %c, %y = %t) : (!b, !m) { yield %y : i1 }
  %l = reduce sum %w over keys : !b
  return %l : !attn.rows<f32>
}
