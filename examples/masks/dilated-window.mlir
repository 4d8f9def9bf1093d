// SPDX-License-Identifier: Apache-2.0
// A causal window with gaps (Longformer's dilated window): a query sees itself and the keys 1, 2,
// ... w steps of d tokens before it. With d = 1 this is a sliding window.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @dilated_window(%q: !q, %k: !k, %v: !k, %w: index, %d: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %n = arith.subi %i, %j : index
    %steps, %rest = affine.delinearize_index %n into (%d) : index, index   // n = d * steps + rest
    %hit = holds affine_set<(n, r)[w] : (r == 0, n >= 0, n <= w)>(%steps, %rest)[%w]
    yield %hit : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
