// SPDX-License-Identifier: Apache-2.0
// Additive attention: a score is v . tanh(q + k), a small network of the pair. No product of matrices makes it, so scores are
// computed pair by pair, stored, and read.
// Rows: 100 101
// Run: weight=128:-1.0..1.0
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @additive(%q: !q, %k: !k, %v: !k, %weight: tensor<128xf32>) -> !q {
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
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
