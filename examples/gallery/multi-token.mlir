// SPDX-License-Identifier: Apache-2.0
// Multi-Token Attention: a score is a weighted sum of the causal scores of two queries before it and of the keys on both sides, a table of
// 3 x 3 weights a head. Scores are stored, and so are their sums.
// Rows: 98
// Run: weight={heads}x3x3:-1.0..1.0
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair
!n = !attn.matrix<vector<3x3xf32>>     // the numbers of the pairs around
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @multi_token(%q: !q, %k: !k, %v: !k, %weight: tensor<?x3x3xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %near = stencil %m queries [-2, 0] keys [-1, 1] : !s
  %c = map (%x = %near) at (%b, %h, %i, %j) : (!n) -> !s {
    %w = load %weight[%h] : tensor<?x3x3xf32> -> vector<3x3xf32>
    %y = arith.mulf %x, %w : vector<3x3xf32>
    %z = vector.shape_cast %y : vector<3x3xf32> to vector<9xf32>
    %t = vector.reduction <add>, %z : vector<9xf32> into f32
    yield %t : f32
  }
  %p = softmax %c : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
