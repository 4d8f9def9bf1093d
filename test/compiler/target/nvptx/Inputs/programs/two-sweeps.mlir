// A threshold that is relative to the largest score needs a second sweep.
!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!r = !attn.rows<f32>
!c = !attn.cols<f32>
!s = !attn.matrix<f32>
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @two_sweeps(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k
  %x = reduce max %s over keys : !s
  %m = where (%y = %s, %n = %x) at (%b, %h, %i, %j) : (!s, !r) {
    %one = arith.constant 1.0 : f32
    %low = arith.subf %n, %one : f32
    %z = arith.cmpf oge, %y, %low : f32
    yield %z : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
