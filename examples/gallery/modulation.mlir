// SPDX-License-Identifier: Apache-2.0
// Attention modulation for text-to-image: a temperature of the phase, a word is seen from the
// region of its object only, and each word has a weight: softmax(s / T + log weight[j]) where
// region[i, j].
// Rows: 36
// Run: region={queries}x{keys} weight={keys} temperature=1.5
// Spills: sm_90a 120 of the logarithms of the weights of a tile's keys, 32 a thread, beside what a table says of its pairs
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @modulation(%q: !q, %k: !k, %v: !k, %region: tensor<?x?xi1>, %weight: tensor<?xf32>,
                        %temperature: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %t = map (%x = %s) at (%b, %h, %i, %j) : (!s) -> !s {
    %cold = arith.divf %x, %temperature : f32
    %g = load %weight[%j] : tensor<?xf32>
    %l = math.log %g : f32
    %y = arith.addf %cold, %l : f32
    yield %y : f32
  }
  %m = where (%x = %t) at (%b, %h, %i, %j) : (!s) {
    %y = load %region[%i, %j] : tensor<?x?xi1>
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
