// SPDX-License-Identifier: Apache-2.0
// Curvature-adaptive attention (CAT's form): a softmax of products and one of hyperbolic distances,
// mixed by a gate of the query. The distance is arcosh of a second product, that of points on a
// hyperboloid; both attend in one sweep.
// Rows: 92
// Run: gate={batch}x{heads}x{queries}:0.0..1.0
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
!o = !attn.rows<vector<128xf32>>       // a result before it is rounded
!qh = !attn.rows<vector<64xbf16>>      // points of a hyperboloid
!kh = !attn.cols<vector<64xbf16>>

attn.kernel @curvature(%q: !q, %k: !k, %hq: !qh, %hk: !kh, %v: !k, %gate: !r) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %x = dot %hq, %hk scale -1.0 : !qh, !kh        // the sign of the first number is in the operand
  %d = map (%a = %x) : (!s) -> !s {
    %one = arith.constant 1.0 : f32
    %c = arith.maximumf %a, %one : f32
    %square = arith.mulf %c, %c : f32
    %less = arith.subf %square, %one : f32
    %root = math.sqrt %less : f32
    %sum = arith.addf %c, %root : f32
    %l = math.log %sum : f32
    %y = arith.negf %l : f32
    yield %y : f32
  }
  %p1 = softmax %s : !s
  %p2 = softmax %d : !s
  %o1 = contract %p1, %v : !s, !k -> !o
  %o2 = contract %p2, %v : !s, !k -> !o
  %o = map (%a = %o1, %c = %o2, %g = %gate) : (!o, !o, !r) -> !q {
    %one = arith.constant 1.0 : f32
    %f = arith.subf %one, %g : f32
    %fs = vector.broadcast %f : f32 to vector<128xf32>
    %gs = vector.broadcast %g : f32 to vector<128xf32>
    %t = arith.mulf %a, %fs : vector<128xf32>
    %u = arith.mulf %c, %gs : vector<128xf32>
    %z = arith.addf %t, %u : vector<128xf32>
    %w = arith.truncf %z : vector<128xf32> to vector<128xbf16>
    yield %w : vector<128xbf16>
  }
  return %o : !q
}
