// SPDX-License-Identifier: Apache-2.0
// Running values are carried by the sweep that reads them, which goes their way; a fold is the last of them.
// RUN: attn-opt %s -pass-pipeline="builtin.module(attn-inline-helpers,attn.kernel(attn-expand-sugar),attn-explain-sweeps)" -o /dev/null | FileCheck %s
!q = !attn.rows<vector<128xbf16>>
!k = !attn.cols<vector<128xbf16>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>
!c = !attn.cols<f32>

// CHECK: @forgetting: 1 sweep over the keys
// CHECK-NEXT: sweep 0 in reverse: carries 1 frame, 1 scalar sum, 1 vector sum, 1 running value
// CHECK-NEXT:   m0 = max of 0.125 q.k + scan sum reverse exclusive(gate[j])
attn.kernel @forgetting(%q: !q, %k: !k, %v: !k, %gate: !c) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k
  %g = map (%x = %s, %y = %gate) : (!s, !c) -> !s { yield %y : f32 }
  %d = scan sum %g over keys reverse exclusive : !s
  %m = map (%x = %s, %y = %d) : (!s, !s) -> !s { %z = arith.addf %x, %y : f32   yield %z : f32 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// What a scan is made of waits as any other value does.
// CHECK: @cumulative: 2 sweeps over the keys
// CHECK-NEXT: sweep 0: carries 1 frame, 1 scalar sum
// CHECK: sweep 1: carries 1 vector sum, 1 running value
// CHECK: another sweep for r{{[0-9]+}}, {{.*}} cannot be taken apart while r0, {{.*}}, is unfinished
attn.kernel @cumulative(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k
  %p = softmax %s : !s
  %c = scan sum %p over keys : !s
  %o = contract %c, %v : !s, !k -> !q
  return %o : !q
}

// Two ways, two sweeps.
// CHECK: @both: 2 sweeps over the keys
// CHECK-NEXT: sweep 0: carries 1 scalar sum, 1 running value
// CHECK: sweep 1 in reverse: carries 1 scalar sum, 1 running value
// CHECK: another sweep for r1, {{.*}}: it reads a scan in reverse, and that sweep goes forward
attn.kernel @both(%q: !q, %k: !k) -> (!r, !r) {
  %s = dot %q, %k scale 0.125 : !q, !k
  %a = scan max %s over keys : !s
  %c = scan max %s over keys reverse : !s
  %x = reduce sum %a over keys : !s
  %y = reduce sum %c over keys : !s
  return %x, %y : !r, !r
}

// States of one op are one scan.
// CHECK: @folded: 1 sweep over the keys
// CHECK-NEXT: sweep 0: carries 2 running values
// CHECK-NEXT:   a0 = last of fold 0(0.125 q.k, 0.125 q.k)
// CHECK-NEXT:   a1 = last of fold 1(0.125 q.k, 0.125 q.k)
attn.kernel @folded(%q: !q, %k: !k, %low: f32, %high: f32) -> (!r, !r) {
  %s = dot %q, %k scale 0.125 : !q, !k
  %x, %y = fold (%s, %s) from (%low, %high) with (%a, %c), (%d, %e) : (!s, !s) {
    %g = arith.maximumf %a, %d : f32   %l = arith.minimumf %c, %e : f32   yield %g, %l : f32, f32 }
  return %x, %y : !r, !r
}
