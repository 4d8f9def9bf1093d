// Masks of divided and remaindered indices, hidden in both directions.
!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!r = !attn.rows<f32>
!c = !attn.cols<f32>
!s = !attn.matrix<f32>
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @strided_window(%q: !q, %k: !k, %v: !k, %w: index) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %c4 = arith.constant 4 : index
    %d = arith.subi %i, %j : index
    %n = arith.floordivsi %d, %c4 : index
    %q4 = arith.floordivsi %j, %c4 : index
    %b4 = arith.muli %q4, %c4 : index
    %r = arith.subi %j, %b4 : index
    %c1 = arith.constant 1 : index
    %near = arith.cmpi sle, %n, %w : index
    %some = arith.cmpi ne, %r, %c1 : index
    %y = arith.andi %near, %some : i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
