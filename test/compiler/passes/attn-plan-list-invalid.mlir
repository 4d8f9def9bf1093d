// SPDX-License-Identifier: Apache-2.0
// A list of keys is of one head's row.
// RUN: attn-opt %s --verify-diagnostics --pass-pipeline='builtin.module(attn-to-plan{target=sm_80 override=packed_heads=2})'
!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

// expected-error @+1 {{expected no list of keys, whose rows are of one head; leave packed_heads out, a tile then has one head}}
attn.kernel @listed(%q: !q, %k: !k, %n: index) -> !attn.rows<i32> {
  %s = dot %q, %k : !q, !k
  %l, %x, %c = visible_keys %s most %n on near : !attn.matrix<f32>
  return %c : !attn.rows<i32>
}
