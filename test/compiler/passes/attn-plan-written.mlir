// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --attn-expand-sugar --attn-plan=target=sm_80 | FileCheck %s

// What the user wrote stays.
// CHECK-LABEL: attn.kernel @written
// CHECK-SAME: attn.plan = #tile.config<queries = 64, keys = 16, threads = 128, stages = 1>
attn.kernel @written(%q: !attn.rows<vector<64xbf16>>, %k: !attn.cols<vector<64xbf16>>)
    -> !attn.rows<f32> attributes {attn.plan = #tile.config<queries = 64, keys = 16, threads = 128, stages = 1>} {
  %s = dot %q, %k scale 0.125 : !attn.rows<vector<64xbf16>>, !attn.cols<vector<64xbf16>>
  %l = logsumexp %s : !attn.matrix<f32>
  return %l : !attn.rows<f32>
}
