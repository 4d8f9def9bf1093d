// A bias a pair from a table, and a mask by value.
!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!r = !attn.rows<f32>
!c = !attn.cols<f32>
!s = !attn.matrix<f32>
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @pair_table(%q: !q, %k: !k, %v: !k, %t: tensor<?x?xf32>) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k
  %a = map (%x = %s) at (%b, %h, %i, %j) : (!s) -> !s {
    %n = load %t[%i, %j] : tensor<?x?xf32>
    %y = arith.addf %x, %n : f32
    yield %y : f32
  }
  %m = where (%x = %a) at (%b, %h, %i, %j) : (!s) {
    %low = arith.constant -1.0 : f32
    %y = arith.cmpf ogt, %x, %low : f32
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
