// SPDX-License-Identifier: Apache-2.0
// ACT: which keys are sinks is found by the columns of a first softmax: those whose mean weight is above theta. In each row their
// weights are multiplied by the head's beta, and what that frees goes to the other keys in proportion. The means are made
// by a kernel whose rows are the keys; the sweep that attends reads them.
// Rows: 31
// Run: theta=0.03 beta={heads}:0.1..0.9
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
!c = !attn.cols<f32>                   // one number a key
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @act(%q: !q, %k: !k, %v: !k, %theta: f32, %beta: tensor<?xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %w = softmax %m : !s
  %mean = reduce mean %w over queries : !s
  %sinks = where (%x = %w, %y = %mean) : (!s, !c) {
    %z = arith.cmpf ogt, %y, %theta : f32
    yield %z : i1
  }
  %mass = reduce sum %sinks over keys : !s
  %p = map (%x = %w, %y = %mean, %from = %mass) at (%b, %h, %i, %j) : (!s, !c, !r) -> !s {
    %one = arith.constant 1.0 : f32
    %less = load %beta[%h] : tensor<?xf32>
    %taken = arith.subf %one, %less : f32
    %freed = arith.mulf %from, %taken : f32
    %rest = arith.subf %one, %from : f32
    %tiny = arith.constant 1.0e-3 : f32         // a row of sinks alone
    %some = arith.maximumf %rest, %tiny : f32
    %share = arith.divf %freed, %some : f32
    %more = arith.addf %one, %share : f32
    %is_sink = arith.cmpf ogt, %y, %theta : f32
    %factor = arith.select %is_sink, %less, %more : f32
    %z = arith.mulf %x, %factor : f32
    yield %z : f32
  }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
