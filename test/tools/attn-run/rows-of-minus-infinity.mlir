// Rows whose visible scores are all -inf count as empty, also where their maximum, sum or threshold was stored
// by an earlier kernel: sums of columns, entmax.
// RUN: attn-run %s --kernel=columns --random --heads=2 --kv-heads=1 --tokens=20 --check | FileCheck %s
// RUN: attn-run %s --kernel=columns --device=sim --random --heads=2 --kv-heads=1 --tokens=20 --check | FileCheck %s
// RUN: attn-run %s --kernel=sparse --random --heads=2 --kv-heads=1 --tokens=20 --check | FileCheck %s
// RUN: attn-run %s --kernel=sparse --device=sim --random --heads=2 --kv-heads=1 --tokens=20 --check | FileCheck %s
// CHECK-NOT: NaN
// CHECK: passes
!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>
#causal = affine_set<(b, h, i, j) : (j <= i)>

func.func private @damped(%x: f32, %j: index) -> f32 {
  %three = arith.constant 3 : index
  %low = arith.constant 0xFF800000 : f32
  %first = arith.cmpi slt, %j, %three : index
  %y = arith.select %first, %low, %x : f32
  return %y : f32
}

attn.kernel @columns(%q: !q, %k: !k) -> !attn.cols<f32> {
  %s0 = dot %q, %k scale 0.125 : !q, !k
  %s = map (%x = %s0) at (%b, %h, %i, %j) : (!s) -> !s {
    %y = func.call @damped(%x, %j) : (f32, index) -> f32
    yield %y : f32
  }
  %c = where %s in #causal : !s
  %p = softmax %c : !s
  %o = reduce sum %p over queries : !s
  return %o : !attn.cols<f32>
}

attn.kernel @sparse(%q: !q, %k: !k, %v: !k) -> !q {
  %s0 = dot %q, %k scale 0.125 : !q, !k
  %s = map (%x = %s0) at (%b, %h, %i, %j) : (!s) -> !s {
    %y = func.call @damped(%x, %j) : (f32, index) -> f32
    yield %y : f32
  }
  %c = where %s in #causal : !s
  %a = map (%x = %q) : (!q) -> !r {
    %y = arith.constant 1.5 : f32
    yield %y : f32
  }
  %p = entmax %c alpha %a : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
