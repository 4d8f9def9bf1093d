// SPDX-License-Identifier: Apache-2.0
// Segments of keys: a sweep for each, which goes on with the state of the one before. Keys are counted over all
// segments. What is reduced of one axis alone has a sweep of its own.
// RUN: attn-opt %s -pass-pipeline="builtin.module(attn-to-primitives,attn-explain-sweeps)" -o /dev/null | FileCheck %s
!q = !attn.rows<vector<128xbf16>>
!k = !attn.cols<vector<128xbf16>>
!km = !attn.cols<vector<128xbf16>, mem>
!s = !attn.matrix<f32>
!sm = !attn.matrix<f32, q, mem>
!sa = !attn.matrix<f32, q, mem+k>
#causal = affine_set<(b, h, i, j) : (j <= i)>

// CHECK: @segments: 2 sweeps over the keys
// CHECK-NEXT: sweep 0 over mem: carries 1 frame, 1 scalar sum, 1 vector sum
// CHECK-NEXT:     m0 = max of 0.125 q.km + 2 h
// CHECK-NEXT:     a0 = sum of exp(0.125 q.km + 2 h - m0)
// CHECK-NEXT:     a1 = sum of exp(0.125 q.km + 2 h - m0) * vm[j]
// CHECK-NEXT: sweep 1 over k: carries 1 frame, 1 scalar sum, 1 vector sum
// CHECK-NEXT:     m1 = max of m0 and 0.125 q.k + 2 h where {{.*}}
// CHECK-NEXT:     a2 = a0 and sum of exp(0.125 q.k + 2 h - m1)
// CHECK-NEXT:     a3 = a1 and sum of exp(0.125 q.k + 2 h - m1) * v[j]
// CHECK-NEXT: result out = select(m1 != -inf, 1 / a2, 0) * a3
attn.kernel @segments(%q: !q, %km: !km, %vm: !km, %k: !k, %v: !k) -> !q {
  %ka = concat %km, %k : !km, !k
  %s = dot %q, %ka scale 0.125 : !q, !attn.cols<vector<128xbf16>, mem+k>
  %c = map (%x = %s) at (%b, %h, %i, %j) : (!sa) -> !sa {
    %w = arith.index_cast %h : index to i32   %y = arith.sitofp %w : i32 to f32
    %two = arith.constant 2.0 : f32   %z = math.fma %y, %two, %x : f32   yield %z : f32 }
  %m = where (%x = %c) at (%b, %h, %i, %j) : (!sa) {
    %n = size mem of %b   %d = arith.subi %j, %n : index   %y = arith.cmpi sle, %d, %i : index   yield %y : i1 }
  %p = softmax %m : !sa
  %va = concat %vm, %v : !km, !k
  %o = contract %p, %va : !sa, !attn.cols<vector<128xbf16>, mem+k> -> !q
  return %o : !q
}

// CHECK: @axes: 2 sweeps over the keys
// CHECK-NEXT: sweep 0 over mem: carries 1 extremum
// CHECK: sweep 1 over k: carries 1 extremum
attn.kernel @axes(%q: !q, %km: !km, %k: !k) -> (!attn.rows<f32>, !attn.rows<f32>) {
  %s0 = dot %q, %km : !q, !km
  %s1 = dot %q, %k : !q, !k
  %a = reduce min %s0 over keys : !sm
  %b = reduce min %s1 over keys : !s
  return %a, %b : !attn.rows<f32>, !attn.rows<f32>
}
