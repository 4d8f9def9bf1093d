// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --split-input-file --verify-diagnostics --attn-store-matrices

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>
attn.kernel @columns(%q: !q, %k: !k) -> !attn.cols<f32> {
  %s = dot %q, %k : !q, !k
  %m = reduce max %s over queries by 8 : !s
  // expected-error @+1 {{over queries is of a matrix that is read from memory, by the row}}
  %l = reduce sum %m over queries : !attn.matrix<f32, q/8, k>
  return %l : !attn.cols<f32>
}

// -----

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>
attn.kernel @neighbours(%q: !q, %k: !k) -> !attn.matrix<vector<2xf32>> {
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{is used by 'attn.return', which does not read vectors of neighbours yet; expected a map of its values}}
  %n = stencil %s keys [0, 1] : !s
  return %n : !attn.matrix<vector<2xf32>>
}
