// SPDX-License-Identifier: Apache-2.0
// VAR: the weights of sinks (kind 2) times rho of the head; what that frees goes to the visual
// tokens (kind 1) in proportion to their weights.
// Masses of the kinds are sums of the same sweep.
// Rows: 32
// Run: kind={batch}x1x{keys}:0..2
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
#causal = affine_set<(b, h, i, j) : (j <= i)>
!ci = !attn.cols<i32>                  // the kind of a key

attn.kernel @var(%q: !q, %k: !k, %v: !k, %kind: !ci, %rho: tensor<?xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %w = softmax %c : !s
  %visual = where (%x = %w, %t = %kind) : (!s, !ci) {
    %c1 = arith.constant 1 : i32
    %y = arith.cmpi eq, %t, %c1 : i32
    yield %y : i1
  }
  %sinks = where (%x = %w, %t = %kind) : (!s, !ci) {
    %c2 = arith.constant 2 : i32
    %y = arith.cmpi eq, %t, %c2 : i32
    yield %y : i1
  }
  %visual_mass = reduce sum %visual over keys : !s
  %sink_mass = reduce sum %sinks over keys : !s
  %p = map (%x = %w, %t = %kind, %to = %visual_mass, %from = %sink_mass) at (%b, %h, %i, %j)
      : (!s, !ci, !r, !r) -> !s {
    %c1 = arith.constant 1 : i32
    %c2 = arith.constant 2 : i32
    %one = arith.constant 1.0 : f32
    %less = load %rho[%h] : tensor<?xf32>
    %rest = arith.subf %one, %less : f32
    %freed = arith.mulf %from, %rest : f32
    %tiny = arith.constant 1.0e-30 : f32
    %some = arith.maximumf %to, %tiny : f32     // a row without visual tokens
    %share = arith.divf %freed, %some : f32
    %more = arith.addf %one, %share : f32
    %is_visual = arith.cmpi eq, %t, %c1 : i32
    %is_sink = arith.cmpi eq, %t, %c2 : i32
    %f = arith.select %is_visual, %more, %one : f32
    %factor = arith.select %is_sink, %less, %f : f32
    %y = arith.mulf %x, %factor : f32
    yield %y : f32
  }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
