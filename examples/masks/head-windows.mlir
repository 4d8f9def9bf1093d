// SPDX-License-Identifier: Apache-2.0
// A causal window of another width in each head (multi-scale windows, adaptive spans): short heads
// cost less than long ones, in one launch. The widths are a captured table.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @head_windows(%q: !q, %k: !k, %v: !k, %window: tensor<?xi32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %w = load %window[%h] : tensor<?xi32> -> index
    %y = holds affine_set<(i, j)[w] : (j <= i, i - j <= w)>(%i, %j)[%w]
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
