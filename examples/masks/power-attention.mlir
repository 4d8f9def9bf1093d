// SPDX-License-Identifier: Apache-2.0
// PowerAttention: besides the last w tokens, a query sees the blocks 1, 2, 4, 8, ... blocks back,
// so that any token is reached in a logarithmic number of layers. A power of two, or 0 for the own
// block, has no bit in common with its predecessor.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @power_attention(%q: !q, %k: !k, %v: !k, %size: index, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = where (%x = %c) at (%b, %h, %i, %j) : (!s) {
    %mine = arith.floordivsi %i, %size : index
    %its = arith.floordivsi %j, %size : index
    %back = arith.subi %mine, %its : index
    %one = arith.constant 1 : index
    %before = arith.subi %back, %one : index
    %common = arith.andi %back, %before : index
    %zero = arith.constant 0 : index
    %power = arith.cmpi eq, %common, %zero : index
    %near = holds affine_set<(i, j)[w] : (i - j <= w)>(%i, %j)[%w]
    %y = arith.ori %power, %near : i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
