// SPDX-License-Identifier: Apache-2.0
// See attn-plan-shared-places.test.
!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>
attn.kernel @shared(%q: !q, %k: !k, %v: !k, %t: tensor<?xf32>) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k
  %a = map (%x = %s) at (%b, %h, %i, %j) : (!s) -> !s {
    %n0 = arith.addi %h, %b : index
BODY
    %y = load %t[%n40] : tensor<?xf32>
    %z = arith.addf %x, %y : f32
    yield %z : f32
  }
  %p = softmax %a : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
