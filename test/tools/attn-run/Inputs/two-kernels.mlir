// SPDX-License-Identifier: Apache-2.0
!q = !attn.rows<vector<16xf32>>
!k = !attn.cols<vector<16xf32>>
!s = !attn.matrix<f32>

attn.kernel @plain(%q: !q, %k: !k, %v: !k, %group: tensor<?x?xi32>) -> !q {
  %s = dot %q, %k scale 0.25 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %u = load %group[%b, %i] : tensor<?x?xi32>
    %w = load %group[%b, %j] : tensor<?x?xi32>
    %y = arith.cmpi eq, %u, %w : i32
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

attn.kernel @scaled(%q: !q, %k: !k, %v: !k, %f: f32, %n: index) -> !q {
  %s = dot %q, %k scale 0.25 : !q, !k
  %a = map (%x = %s) at (%b, %h, %i, %j) : (!s) -> !s {
    %y = arith.mulf %x, %f : f32
    yield %y : f32
  }
  %m = where %a in affine_set<(b, h, i, j)[n] : (j <= i + n)>[%n] : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
