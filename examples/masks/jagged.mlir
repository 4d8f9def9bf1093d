// SPDX-License-Identifier: Apache-2.0
// Sequences of unlike length in one padded batch: of sequence b the first length[b] tokens exist. A
// row of padding sees nothing: its output is 0 and its logarithm of the row sum is -infinity.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @jagged(%q: !q, %k: !k, %v: !k, %length: tensor<?xi32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %n = load %length[%b] : tensor<?xi32> -> index
    %row = arith.cmpi slt, %i, %n : index
    %column = arith.cmpi slt, %j, %n : index
    %y = arith.andi %row, %column : i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
