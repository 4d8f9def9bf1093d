// SPDX-License-Identifier: Apache-2.0
// IR-Diffusion's isolation: a token of one subject does not see the tokens of another one; the
// background (subject 0) sees all and is seen by all. (Its reposition: reference-subjects.mlir.)
// Rows: 37
// Run: subject={batch}x{keys}:0..3
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @subjects(%q: !q, %k: !k, %v: !k, %subject: tensor<?x?xi32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %zero = arith.constant 0 : i32
    %mine = load %subject[%b, %i] : tensor<?x?xi32>
    %its = load %subject[%b, %j] : tensor<?x?xi32>
    %same = arith.cmpi eq, %mine, %its : i32
    %from = arith.cmpi eq, %mine, %zero : i32
    %to = arith.cmpi eq, %its, %zero : i32
    %background = arith.ori %from, %to : i1
    %y = arith.ori %same, %background : i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
