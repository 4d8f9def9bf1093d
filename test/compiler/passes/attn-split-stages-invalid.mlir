// SPDX-License-Identifier: Apache-2.0
// What no stage can hold is refused as it is written.
// RUN: attn-opt %s --split-input-file --verify-diagnostics --attn-split-stages

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>
// Values that are computed on the key side: a stage whose rows are the keys.
attn.kernel @values(%q: !q, %k: !k) -> !q {
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{'attn.scan' op of vectors, of integers or of a concatenation can be evaluated by the reference, but not be compiled yet}}
  %a = scan sum %k over keys : !k
  %p = softmax %s : !s
  %o = contract %p, %a : !s, !k -> !q
  return %o : !q
}
