// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --attn-expand-sugar --attn-plan=target=sm_90a --split-input-file --verify-diagnostics
// Heads that a tile cannot hold rows of.

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected packed_heads to divide the 128 queries of a tile, but got 12}}
attn.kernel @divisor(%q: !q, %k: !k, %v: !k) -> !q
    attributes {attn.plan = #tile.config<queries = 128, keys = 64, threads = 384, stages = 2, warpgroups = 2, packed_heads = 12>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected a multiple of 8 queries of each packed head where warpgroups multiply, but got 4; use fewer packed_heads or warpgroups=0}}
attn.kernel @copies(%q: !q, %k: !k, %v: !k) -> !q
    attributes {attn.plan = #tile.config<queries = 128, keys = 64, threads = 384, stages = 2, warpgroups = 2, packed_heads = 32>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected no query_box where heads are packed, but got one; leave packed_heads out}}
attn.kernel @box(%q: !q, %k: !k, %v: !k) -> !q
    attributes {attn.plan = #tile.config<queries = 64, keys = 64, threads = 128, stages = 2, query_box = [8, 8], packed_heads = 8>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// A mask that reads the head.
// expected-error @+1 {{plan: expected masks that are the same for all heads, but one depends on the head or on a number of each query; leave packed_heads out, a tile then has one head}}
attn.kernel @head(%q: !q, %k: !k, %v: !k) -> !q
    attributes {attn.plan = #tile.config<queries = 64, keys = 64, threads = 128, stages = 2, packed_heads = 8>} {
  %s = dot %q, %k scale 0.125 : !q, !k
  %m = where %s in affine_set<(b, h, i, j) : (i - j + h >= 0)> : !attn.matrix<f32>
  %p = softmax %m : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{plan: expected axes without a grid, whose tiles are better boxes of it, but 'q' has one; leave packed_heads out, a tile then has one head}}
attn.kernel @grid(%q: !q, %k: !k, %v: !k, %H: index, %W: index) -> !q
    attributes {attn.plan = #tile.config<queries = 64, keys = 64, threads = 128, stages = 2, packed_heads = 8>} {
  axis q grid (%H, %W)
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}
