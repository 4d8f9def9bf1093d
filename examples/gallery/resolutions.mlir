// SPDX-License-Identifier: Apache-2.0
// Several resolutions: queries attend to the keys, and blocks of 8 of them, by their means, to blocks of 8 keys. A query has the mean
// of both results.
// Rows: 93
!q = !attn.rows<vector<128xbf16>>        // one vector a query
!k = !attn.cols<vector<128xbf16>>        // one vector a key
!qb = !attn.rows<vector<128xbf16>, q/8>  // one vector a block of 8
!kb = !attn.cols<vector<128xbf16>, k/8>
!s = !attn.matrix<f32>                   // one number a (query, key) pair, never stored
!sb = !attn.matrix<f32, q/8, k/8>

attn.kernel @resolutions(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %p = softmax %s : !s
  %fine = contract %p, %v : !s, !k -> !q
  %qb = reduce mean %q over queries by 8 : !q
  %kb = reduce mean %k over keys by 8 : !k
  %vb = reduce mean %v over keys by 8 : !k
  %t = dot %qb, %kb scale 0.0883883 : !qb, !kb
  %w = softmax %t : !sb
  %coarse = contract %w, %vb : !sb, !kb -> !qb
  %o = map (%x = %fine, %y = %coarse) : (!q, !qb) -> !q {
    %a = arith.extf %x : vector<128xbf16> to vector<128xf32>
    %b = arith.extf %y : vector<128xbf16> to vector<128xf32>
    %c = arith.addf %a, %b : vector<128xf32>
    %half = arith.constant dense<0.5> : vector<128xf32>
    %d = arith.mulf %c, %half : vector<128xf32>
    %e = arith.truncf %d : vector<128xf32> to vector<128xbf16>
    yield %e : vector<128xbf16>
  }
  return %o : !q
}
