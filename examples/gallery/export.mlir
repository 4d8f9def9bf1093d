// SPDX-License-Identifier: Apache-2.0
// Entries of the map above a threshold, written out without the map: the threshold is a mask, what it leaves is listed, the heaviest
// first and at most 32 a row, with the number of all.
// Rows: P14
// Run: t=0.03
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
!w = !attn.rows<vector<32xf32>>        // weights of a query
!n = !attn.rows<vector<32xi32>>        // and their keys
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @export(%q: !q, %k: !k, %t: f32)
    -> (!w {attn.name = "weights"}, !n {attn.name = "keys"}, !r {attn.name = "number"}) {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %above = where (%x = %p) : (!s) {
    %y = arith.cmpf ogt, %x, %t : f32
    yield %y : i1
  }
  %weights, %keys = list %above first 32 : !s
  %each = map (%x = %above) : (!s) -> !s {
    %one = arith.constant 1.0 : f32
    yield %one : f32
  }
  %number = reduce sum %each over keys : !s
  return %weights, %keys, %number : !w, !n, !r
}
