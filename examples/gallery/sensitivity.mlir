// SPDX-License-Identifier: Apache-2.0
// A statistic of the backward pass as a forward program: how much the loss depends on each key, the column sums of |p dL/dp|,
// where dL/dp = do_i.v_j and do is the gradient of the result.
// Rows: P12
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!c = !attn.cols<f32>                   // one number a key
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @sensitivity(%q: !q, %k: !k, %v: !k, %do: !q) -> !c {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %d = dot %do, %v : !q, !k
  %a = map (%x = %p, %y = %d) : (!s, !s) -> !s {
    %z = arith.mulf %x, %y : f32
    %u = math.absf %z : f32
    yield %u : f32
  }
  %c = reduce sum %a over queries : !s
  return %c : !c
}
