// RUN: attn-opt %s --pass-pipeline="builtin.module(attn-inline-helpers,attn.kernel(attn-expand-sugar,attn-split-values{target=sm_80}))" | FileCheck %s
// RUN: attn-opt %s --attn-to-plan=target=x86-64-v3 | FileCheck %s --check-prefix=HOST
// RUN: attn-opt %s --attn-to-plan=target=sm_90a | FileCheck %s --check-prefix=STAGES

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!v = !attn.cols<vector<512xbf16>>
!o = !attn.rows<vector<512xbf16>>
!s = !attn.matrix<f32>

// Each half of the values is a contraction of its own; a map joins them.
// CHECK-LABEL: attn.kernel @wide(
// CHECK: vector.extract_strided_slice %x {offsets = [0], sizes = [256], strides = [1]}
// CHECK: %[[FIRST:.*]] = contract {{.*}} -> !attn.rows<vector<256xbf16>>
// CHECK: vector.extract_strided_slice %x {offsets = [256], sizes = [256], strides = [1]}
// CHECK: %[[SECOND:.*]] = contract {{.*}} -> !attn.rows<vector<256xbf16>>
// CHECK: map (%x = %[[FIRST]], %{{.*}} = %[[SECOND]])
// CHECK: vector.insert_strided_slice
// CHECK: vector.insert_strided_slice
// A target without registers to count keeps the kernel.
// HOST-LABEL: attn.kernel @wide(
// HOST-NOT: attn.stage
// HOST: contract {{.*}} -> !attn.rows<vector<512xbf16>>
// Halves are copied, each contracted by its kernel, and joined.
// STAGES: attn.kernel @wide_stage3(
// STAGES: attn.kernel @wide(
// STAGES-SAME: attn.tokens
attn.kernel @wide(%q: !q, %k: !k, %v: !v) -> !o {
  %s = dot %q, %k : !q, !k
  %p = softmax %s : !s
  %o = contract %p, %v : !s, !v -> !o
  return %o : !o
}
