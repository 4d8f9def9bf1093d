// SPDX-License-Identifier: Apache-2.0
// Which lists of keys cannot be written down yet?
// RUN: attn-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(attn-to-tile{target=sm_80})'
!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

attn.kernel @segments(%q: !q, %k: !k, %m: !attn.cols<vector<64xbf16>, mem>, %n: index) -> !attn.rows<i32> {
  %s = dot %q, %k : !q, !k
  %t = dot %q, %m : !q, !attn.cols<vector<64xbf16>, mem>
  %u = concat %t, %s : !attn.matrix<f32, q, mem>, !attn.matrix<f32>
  // expected-error @+1 {{expected keys of one axis to list, which is what is supported yet, but got '!attn.matrix<f32, q, mem+k>'}}
  %l, %x, %c = visible_keys %u most %n on near : !attn.matrix<f32, q, mem+k>
  return %c : !attn.rows<i32>
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>

attn.kernel @integers(%q: !q, %k: !k, %n: index) -> !attn.rows<vector<4xi32>> {
  %s = dot %q, %k : !q, !k
  %t = map (%x = %s) at (%b, %h, %i, %j) : (!attn.matrix<f32>) -> !attn.matrix<i32> {
    %y = arith.index_cast %j : index to i32
    yield %y : i32
  }
  // expected-error @+1 {{expected listed elements of f32, which is what is supported yet, but got 'i32'}}
  %l, %x, %c = visible_keys %t most %n on near : !attn.matrix<i32>
  %e = entries %x first 4 : !attn.matrix<i32, q, near>
  %y = map (%z = %e) : (!attn.rows<vector<4xi32>>) -> !attn.rows<vector<4xi32>> {
    %w = arith.addi %z, %z : vector<4xi32>
    yield %w : vector<4xi32>
  }
  return %y : !attn.rows<vector<4xi32>>
}
