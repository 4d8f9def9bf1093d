// SPDX-License-Identifier: Apache-2.0
// Weights times an importance of the key, normalised again (Bird-Eye Transformer's form): written
// after the softmax, and still one sweep, since the first denominator cancels.
// Rows: 41
// Run: importance={batch}x1x{keys}:0.01..1.0
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
!c = !attn.cols<f32>                   // one number a key
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @importance(%q: !q, %k: !k, %v: !k, %importance: !c) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %w = softmax %c : !s
  %t = map (%x = %w, %y = %importance) : (!s, !c) -> !s {
    %z = arith.mulf %x, %y : f32
    yield %z : f32
  }
  %l = reduce sum %t over keys : !s
  %p = map (%x = %t, %y = %l) : (!s, !r) -> !s { %z = arith.divf %x, %y : f32   yield %z : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
