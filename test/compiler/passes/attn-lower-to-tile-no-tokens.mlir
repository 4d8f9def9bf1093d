// SPDX-License-Identifier: Apache-2.0
// A mask that divides by the number of keys: where there are none a block computes what it needs before it
// knows, and nothing is divided by zero; with some, host and simulated GPU agree with the reference.
// RUN: attn-compile %s --target=x86-64-v4 --emit=tile | FileCheck %s
// CHECK: [[KEYS:%[a-z0-9_]+]] = memref.dim %arg1, %c2
// CHECK: [[GUARDED:%[0-9]+]] = arith.maxsi [[KEYS]], %c1
// CHECK-NOT: arith.div{{.}}i {{%[a-z0-9_]+}}, [[KEYS]] :
// CHECK: tile.sweep
// CHECK-NOT: arith.div{{.}}i {{%[a-z0-9_]+}}, [[KEYS]] :
// RUN: attn-run %s --random --tokens=70 --kv-tokens=0 --check
// RUN: attn-run %s --random --tokens=0 --kv-tokens=0 --check
// RUN: attn-run %s --random --tokens=70 --kv-tokens=40 --check
// RUN: attn-run %s --random --tokens=70 --kv-tokens=0 --device=sim --check
// RUN: attn-run %s --random --tokens=70 --kv-tokens=40 --device=sim --check
!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>
attn.kernel @rounds(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %n = size k of %b
    %mine = arith.floordivsi %i, %n : index
    %round, %place = affine.delinearize_index %i into (%n) : index, index
    %its = arith.floordivsi %j, %n : index
    %same = arith.cmpi eq, %mine, %its : index
    %near = arith.cmpi sge, %place, %j : index
    %y = arith.andi %same, %near : i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
