// SPDX-License-Identifier: Apache-2.0
// What no stage can hold is refused as it is written.
// RUN: attn-opt %s --split-input-file --verify-diagnostics --attn-split-stages

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>
// Values that are computed on the key side: a stage whose rows are the keys.
attn.kernel @values(%q: !q, %k: !k) -> !q {
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{'attn.scan' op can be evaluated by the reference, but not be compiled yet}}
  %a = scan sum %k over keys : !k
  %p = softmax %s : !s
  %o = contract %p, %a : !s, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
attn.kernel @queries(%q: !q, %k: !k) -> !attn.rows<f32> {
  // expected-error @+1 {{'attn.stencil' op can be evaluated by the reference, but not be compiled yet}}
  %a = stencil %q queries [0, 0] : !q
  %m = map (%x = %a) : (!attn.rows<vector<1x64xbf16>>) -> !q { %y = vector.extract %x[0] : vector<64xbf16> from vector<1x64xbf16>   yield %y : vector<64xbf16> }
  %s = dot %m, %k : !q, !k
  %n = reduce max %s over keys : !attn.matrix<f32>
  return %n : !attn.rows<f32>
}
