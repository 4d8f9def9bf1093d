// SPDX-License-Identifier: Apache-2.0
// Pointer networks: which key a query points at, the softmax of additive scores v . tanh(q + k): the weights are the result, as a matrix,
// and the best key of each.
// Rows: 102
// Run: weight=128:-1.0..1.0
// Spills: sm_80 808 of each round of its search: 15 thresholds at each pair, whose weight is a quotient of stored numbers
// Spills: sm_90a 444 the same
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @pointer(%q: !q, %k: !k, %weight: tensor<128xf32>) -> (!s, !attn.rows<vector<1xi32>>) {
  %s = map (%x = %q, %y = %k) : (!q, !k) -> !s {
    %a = arith.extf %x : vector<128xbf16> to vector<128xf32>
    %b = arith.extf %y : vector<128xbf16> to vector<128xf32>
    %c = arith.addf %a, %b : vector<128xf32>
    %t = math.tanh %c : vector<128xf32>
    %w = load %weight[] : tensor<128xf32> -> vector<128xf32>
    %d = arith.mulf %t, %w : vector<128xf32>
    %z = vector.reduction <add>, %d : vector<128xf32> into f32
    yield %z : f32
  }
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %best, %key = list %p first 1 : !s
  return %p, %key : !s, !attn.rows<vector<1xi32>>
}
