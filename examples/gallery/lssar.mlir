// SPDX-License-Identifier: Apache-2.0
// LSSAR: weights softplus(s log d log N), of sum one; then relu(N a - t)^e, of sum one again, which
// concentrates them. What stands behind a sum cannot be taken apart before it is known: more than
// one sweep.
// Rows: 20
// Run: t=0.5 e=2 log_d=4.852
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

attn.kernel @lssar(%q: !q, %k: !k, %v: !k, %t: f32, %e: f32, %log_d: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %u = map (%x = %c) at (%b, %h, %i, %j) : (!s) -> !s {
    %n = size k of %b
    %r = func.call @real(%n) : (index) -> f32
    %log_n = math.log %r : f32
    %f = arith.mulf %log_n, %log_d : f32
    %y = arith.mulf %x, %f : f32
    %zero = arith.constant 0.0 : f32
    %positive = arith.maximumf %y, %zero : f32
    %size = math.absf %y : f32
    %minus = arith.negf %size : f32
    %w = math.exp %minus : f32
    %l = math.log1p %w : f32
    %z = arith.addf %positive, %l : f32         // softplus, also of large numbers
    yield %z : f32
  }
  %l1 = reduce sum %u over keys : !s
  %a = map (%x = %u, %y = %l1) at (%b, %h, %i, %j) : (!s, !r) -> !s {
    %n = size k of %b
    %r = func.call @real(%n) : (index) -> f32
    %weight = arith.divf %x, %y : f32
    %scaled = arith.mulf %weight, %r : f32
    %above = arith.subf %scaled, %t : f32
    %zero = arith.constant 0.0 : f32
    %z = arith.maximumf %above, %zero : f32
    %g = math.powf %z, %e : f32
    yield %g : f32
  }
  %l2 = reduce sum %a over keys : !s
  %p = map (%x = %a, %y = %l2) : (!s, !r) -> !s { %z = arith.divf %x, %y : f32   yield %z : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
