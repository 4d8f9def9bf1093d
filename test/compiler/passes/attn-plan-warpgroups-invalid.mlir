// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --attn-expand-sugar --attn-plan=target=sm_90a --split-input-file --verify-diagnostics
// RUN: not attn-opt %s --attn-expand-sugar --attn-plan=target=sm_80 --split-input-file 2>&1 | FileCheck %s
// Choices of warpgroups that cannot run, and targets without them.

// CHECK: plan: expected warpgroups = 0 on sm_80, which has no products of warpgroups, but got 2

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected at most 3 warpgroups with 64 queries and 128 threads each, and 128 threads more, but got 2 warpgroups, 128 queries and 256 threads}}
attn.kernel @threads(%q: !q, %k: !k, %v: !k) -> !q
    attributes {attn.plan = #tile.config<queries = 128, keys = 64, threads = 256, stages = 2, warpgroups = 2>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected keys to be a multiple of 16 up to 256, but got 272}}
attn.kernel @keys(%q: !q, %k: !k, %v: !k) -> !q
    attributes {attn.plan = #tile.config<queries = 128, keys = 272, threads = 384, stages = 2, warpgroups = 2>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected at least 2 stages where one warpgroup copies ahead, but got 1}}
attn.kernel @stages(%q: !q, %k: !k, %v: !k) -> !q
    attributes {attn.plan = #tile.config<queries = 128, keys = 64, threads = 384, stages = 1, warpgroups = 2>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected at most 231424 bytes of tiles in shared memory on sm_90a, but got 245760; use fewer keys or stages}}
attn.kernel @memory(%q: !q, %k: !k, %v: !k) -> !q
    attributes {attn.plan = #tile.config<queries = 128, keys = 128, threads = 384, stages = 7, warpgroups = 2>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected at most 240 registers a thread on sm_90a, but the tiles take about 248; use fewer keys or warpgroups}}
attn.kernel @registers(%q: !q, %k: !k, %v: !k) -> !q
    attributes {attn.plan = #tile.config<queries = 128, keys = 256, threads = 384, stages = 2, warpgroups = 2>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!v = !attn.cols<vector<32xbf16>>
!o = !attn.rows<vector<32xbf16>>

// expected-error @+1 {{plan: expected values of a multiple of 64 up to 256 components where warpgroups multiply, but got 32; use warpgroups=0}}
attn.kernel @values(%q: !q, %k: !k, %v: !v) -> !o
    attributes {attn.plan = #tile.config<queries = 128, keys = 64, threads = 384, stages = 2, warpgroups = 2>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !v -> !o
  return %o : !o
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected boxes whose last size is a multiple of 8 where warpgroups multiply, but got 4; use warpgroups=0}}
attn.kernel @boxes(%q: !q, %k: !k, %v: !k, %H: index, %W: index) -> !q
    attributes {attn.plan = #tile.config<queries = 128, keys = 64, threads = 384, stages = 2, key_box = [16, 4], warpgroups = 2>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  axis q grid (%H, %W)
  axis k grid (%H, %W)
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}
