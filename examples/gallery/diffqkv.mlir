// SPDX-License-Identifier: Apache-2.0
// DiffQKV: 8 query heads of 64, 2 key heads of 64, 4 value heads of 128. Counts are those of the
// operands when it is launched; each must divide the greatest.
// Rows: 49
// Run: --heads=8 k={batch}x2x{keys}x64 v={batch}x4x{keys}x128
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>
!qh = !attn.rows<vector<64xbf16>>
!kh = !attn.cols<vector<64xbf16>>

attn.kernel @diffqkv(%q: !qh, %k: !kh, %v: !k) -> !attn.rows<vector<128xbf16>> {
  %s = dot %q, %k scale 0.125 : !qh, !kh
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !attn.rows<vector<128xbf16>>
  return %o : !attn.rows<vector<128xbf16>>
}
