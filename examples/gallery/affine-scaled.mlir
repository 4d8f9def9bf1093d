// SPDX-License-Identifier: Apache-2.0
// Affine-scaled attention: alpha_i p_ij + (mean alpha - alpha_i) / N, N the number of keys. The
// second part is a sum of the visible values that nothing weighs: one more vector in the same
// sweep.
// Rows: 21
// Run: mean=0.5
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>

func.func private @real(%n: index) -> f32 {
  %w = arith.index_cast %n : index to i64
  %y = arith.sitofp %w : i64 to f32
  return %y : f32
}

attn.kernel @affine_scaled(%q: !q, %k: !k, %v: !k, %alpha: !r, %mean: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %w = softmax %c : !s
  %p = map (%x = %w, %a = %alpha) at (%b, %h, %i, %j) : (!s, !r) -> !s {
    %n = size k of %b
    %r = func.call @real(%n) : (index) -> f32
    %d = arith.subf %mean, %a : f32
    %beta = arith.divf %d, %r : f32
    %y = math.fma %x, %a, %beta : f32
    yield %y : f32
  }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
