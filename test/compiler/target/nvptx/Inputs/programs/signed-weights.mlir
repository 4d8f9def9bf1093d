// Weights of both signs over the sum of their sizes.
!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!r = !attn.rows<f32>
!c = !attn.cols<f32>
!s = !attn.matrix<f32>
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @signed_weights(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k
  %m = where %s in #causal : !s
  %a = map (%x = %m) : (!s) -> !s { %y = math.absf %x : f32  yield %y : f32 }
  %l = reduce sum %a over keys : !s
  %p = map (%x = %m, %n = %l) : (!s, !r) -> !s { %y = arith.divf %x, %n : f32  yield %y : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
