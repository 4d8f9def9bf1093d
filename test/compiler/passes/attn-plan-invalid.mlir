// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --attn-expand-sugar --attn-plan=target=sm_80 --split-input-file --verify-diagnostics
// RUN: not attn-opt %s --attn-expand-sugar --attn-plan=target=sm_70 --split-input-file 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not attn-opt %s --attn-expand-sugar "--attn-plan=target=sm_80 override=rows=64" --split-input-file 2>&1 | FileCheck %s --check-prefix=FIELD
// RUN: not attn-opt %s --attn-expand-sugar "--attn-plan=target=sm_80 override=keys=many" --split-input-file 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not attn-opt %s --attn-expand-sugar "--attn-plan=target=sm_80 override=key_box=8by8" --split-input-file 2>&1 | FileCheck %s --check-prefix=BOX
// RUN: not attn-opt %s --attn-expand-sugar --attn-plan=target=x86-64-v3 --split-input-file 2>&1 | FileCheck %s --check-prefix=HOST

// TARGET: expected a target among x86-64, x86-64-v3, x86-64-v4, sm_80, sm_90a, but got 'sm_70'
// FIELD: plan override: expected queries, keys, threads, stages, warpgroups, packed_heads, query_box or key_box, but got 'rows'
// NUMBER: plan override: expected 'keys=' and a number, but got 'keys=many'
// BOX: plan override: expected 'key_box=' and sizes like 8x16, or none, but got 'key_box=8by8'
// HOST: plan: expected 1 thread on the host, where a task is one thread's, but got 128

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected at most 166912 bytes of shared memory on sm_80, but the tiles take 204800; use fewer keys or stages}}
attn.kernel @too_much_shared_memory(%q: !q, %k: !k, %v: !k) -> !q
    attributes {attn.plan = #tile.config<queries = 64, keys = 96, threads = 128, stages = 8>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected whole warps of 32 threads with a multiple of 16 queries each, but got 256 threads for 64 queries}}
attn.kernel @threads_that_do_not_fit(%q: !q, %k: !k, %v: !k) -> !q
    attributes {attn.plan = #tile.config<queries = 64, keys = 64, threads = 256, stages = 2>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected queries and keys to be multiples of 16, the tile of a tensor core, but got 64 and 40}}
attn.kernel @keys_that_do_not_fit(%q: !q, %k: !k, %v: !k) -> !q
    attributes {attn.plan = #tile.config<queries = 64, keys = 40, threads = 128, stages = 2>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected at most 255 registers a thread on sm_80, but the tiles take about 296; use fewer keys}}
attn.kernel @too_many_registers(%q: !q, %k: !k, %v: !k) -> !q
    attributes {attn.plan = #tile.config<queries = 64, keys = 256, threads = 128, stages = 1>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}

// -----

// expected-error @+1 {{expected attribute 'attn.plan' to be a #tile.config, but got 3 : i64}}
attn.kernel @a_number_for_a_plan(%q: !attn.rows<vector<64xbf16>>, %k: !attn.cols<vector<64xbf16>>)
    -> !attn.rows<f32> attributes {attn.plan = 3 : i64} {
  %s = dot %q, %k scale 0.125 : !attn.rows<vector<64xbf16>>, !attn.cols<vector<64xbf16>>
  %l = logsumexp %s : !attn.matrix<f32>
  return %l : !attn.rows<f32>
}

// -----

// expected-error @+1 {{expected products of f16 or bf16 on sm_80, but got elements of 32 bits; compile for the host, or store them as bf16}}
attn.kernel @single_precision(%q: !attn.rows<vector<64xf32>>, %k: !attn.cols<vector<64xf32>>)
    -> !attn.rows<f32> {
  %s = dot %q, %k scale 0.125 : !attn.rows<vector<64xf32>>, !attn.cols<vector<64xf32>>
  %l = logsumexp %s : !attn.matrix<f32>
  return %l : !attn.rows<f32>
}

// -----

// expected-error @+1 {{expected vectors of a multiple of 16 on sm_80, but got 40; pad them with zeros, or compile for the host}}
attn.kernel @vectors_of_40(%q: !attn.rows<vector<40xbf16>>, %k: !attn.cols<vector<40xbf16>>)
    -> !attn.rows<f32> {
  %s = dot %q, %k scale 0.125 : !attn.rows<vector<40xbf16>>, !attn.cols<vector<40xbf16>>
  %l = logsumexp %s : !attn.matrix<f32>
  return %l : !attn.rows<f32>
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected no query_box where the axis of queries has no grid; declare one (axis .. grid (..))}}
attn.kernel @box_of_no_grid(%q: !q, %k: !k, %v: !k) -> !q
    attributes {attn.plan = #tile.config<queries = 64, keys = 64, threads = 128, stages = 2, query_box = [8, 8]>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected a key_box of 2 sizes, as the grid of keys has, but got 4x4x4}}
attn.kernel @box_of_another_rank(%q: !q, %k: !k, %v: !k, %H: index, %W: index) -> !q
    attributes {attn.plan = #tile.config<queries = 64, keys = 64, threads = 128, stages = 2, key_box = [4, 4, 4]>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  axis q grid (%H, %W)
  axis k grid (%H, %W)
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected a query_box of 64 tokens, as many as queries, but got 8x16}}
attn.kernel @box_of_other_tokens(%q: !q, %k: !k, %v: !k, %H: index, %W: index) -> !q
    attributes {attn.plan = #tile.config<queries = 64, keys = 64, threads = 128, stages = 2, query_box = [8, 16]>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  axis q grid (%H, %W)
  axis k grid (%H, %W)
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}
