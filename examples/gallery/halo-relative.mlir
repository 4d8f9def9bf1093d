// SPDX-License-Identifier: Apache-2.0
// HaloNet with its relative keys: queries of a block of 8 see their block and a halo of 4 on both sides, and a
// score has the product of the query with a vector of the offset added. The products with all offsets are
// stored, a number a query and offset; pairs read theirs.
// Rows: 4
// Run: r=1x{heads}x23x128
!q = !attn.rows<vector<128xbf16>>              // one vector a query
!k = !attn.cols<vector<128xbf16>>              // one vector a key
!kr = !attn.cols<vector<128xbf16>, rel>        // one vector an offset, -11 to 11
!s = !attn.matrix<f32>                         // one number a (query, key) pair, never stored
!sr = !attn.matrix<f32, q, rel>
#halo = affine_set<(b, h, i, j) : (j - (i floordiv 8) * 8 + 4 >= 0, (i floordiv 8) * 8 + 11 - j >= 0)>

attn.kernel @halo_relative(%q: !q, %k: !k, %v: !k, %r: !kr) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #halo : !s
  %z = dot %q, %r scale 0.0883883 : !q, !kr
  %g = take %z (%x = %m) at (%b, %h, %i, %j) : !sr, (!s) -> !s {
    %offset = affine.apply affine_map<(i, j) -> (j - i + 11)>(%i, %j)
    yield %offset : index
  }
  %a = map (%x = %m, %y = %g) : (!s, !s) -> !s { %w = arith.addf %x, %y : f32   yield %w : f32 }
  %p = softmax %a : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
