// The difference of two softmaxes: two pairs of products a tile, f32 results.
!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!r = !attn.rows<f32>
!c = !attn.cols<f32>
!s = !attn.matrix<f32>
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @differential(%q: !q, %k: !k, %q2: !q, %k2: !k, %v: !k, %lambda: f32) -> !attn.rows<vector<64xf32>> {
  %s = dot %q, %k scale 0.125 : !q, !k
  %t = dot %q2, %k2 scale 0.125 : !q, !k
  %p = softmax %s : !s
  %u = softmax %t : !s
  %w = map (%x = %p, %y = %u) : (!s, !s) -> !s {
    %n = arith.mulf %y, %lambda : f32
    %z = arith.subf %x, %n : f32
    yield %z : f32
  }
  %o = contract %w, %v : !s, !k -> !attn.rows<vector<64xf32>>
  return %o : !attn.rows<vector<64xf32>>
}
