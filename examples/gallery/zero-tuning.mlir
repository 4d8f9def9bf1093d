// SPDX-License-Identifier: Apache-2.0
// ZeroTuning: the weight of the first token times a gain of its head, normalised again. A factor on
// a weight is its logarithm on the score, so it is one sweep and nothing is normalised twice.
// Rows: 33
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @zero_tuning(%q: !q, %k: !k, %v: !k, %gain: tensor<?xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = map (%x = %c) at (%b, %h, %i, %j) : (!s) -> !s {
    %g = load %gain[%h] : tensor<?xf32>
    %l = math.log %g : f32
    %t = arith.addf %x, %l : f32
    %zero = arith.constant 0 : index
    %first = arith.cmpi eq, %j, %zero : index
    %y = arith.select %first, %t, %x : f32
    yield %y : f32
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
