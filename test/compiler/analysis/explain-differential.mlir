// SPDX-License-Identifier: Apache-2.0
// The difference of two softmaxes, written on the weights or on the results, is one sweep with two
// of everything.
// RUN: attn-opt %s -pass-pipeline="builtin.module(attn-inline-helpers,attn.kernel(attn-expand-sugar),attn-explain-sweeps)" -o /dev/null | FileCheck %s
!q = !attn.rows<vector<128xbf16>>
!k = !attn.cols<vector<128xbf16>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>
!w = !attn.rows<vector<128xf32>>

// CHECK: @weights: 1 sweep over the keys
// CHECK-NEXT: sweep 0: carries 2 frames, 2 scalar sums, 2 vector sums
// CHECK: result out = select(m0 != -inf, 1 / a0, 0) * a2 + select(m1 != -inf, -(0.5 / a1), 0) * a3
attn.kernel @weights(%q: !q, %k: !k, %q2: !q, %k2: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k   %s2 = dot %q2, %k2 scale 0.125 : !q, !k
  %p = softmax %s : !s   %p2 = softmax %s2 : !s
  %d = map (%x = %p, %y = %p2) : (!s, !s) -> !s {
    %h = arith.constant 0.5 : f32   %t = arith.mulf %y, %h : f32   %z = arith.subf %x, %t : f32
    yield %z : f32 }
  %o = contract %d, %v : !s, !k -> !q
  return %o : !q
}

// CHECK: @results: 1 sweep over the keys
// CHECK-NEXT: sweep 0: carries 2 frames, 2 scalar sums, 2 vector sums
// CHECK: result out = select(m0 != -inf, 1 / a0, 0) * a2 + select(m1 != -inf, -(lambda / a1), 0) * a3
attn.kernel @results(%q: !q, %k: !k, %q2: !q, %k2: !k, %v: !k, %lambda: f32) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k   %s2 = dot %q2, %k2 scale 0.125 : !q, !k
  %p = softmax %s : !s   %p2 = softmax %s2 : !s
  %o1 = contract %p, %v : !s, !k -> !w   %o2 = contract %p2, %v : !s, !k -> !w
  %o = map (%x = %o1, %y = %o2) : (!w, !w) -> !q {
    %l = vector.broadcast %lambda : f32 to vector<128xf32>
    %t = arith.mulf %l, %y : vector<128xf32>   %z = arith.subf %x, %t : vector<128xf32>
    %r = arith.truncf %z : vector<128xf32> to vector<128xbf16>
    yield %r : vector<128xbf16> }
  return %o : !q
}
