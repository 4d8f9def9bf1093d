// One tensor as queries and as keys: a kernel of the program has it twice, a launch once.
// RUN: attn-run %s --random --heads=2 --tokens=20 --check | FileCheck %s
// RUN: attn-run %s --device=sim --random --heads=2 --tokens=20 --check | FileCheck %s
// RUN: attn-run %s --device=sim:sm_90 --random --heads=2 --tokens=20 --check | FileCheck %s
// CHECK: passes
!x = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>, q>
!s = !attn.matrix<f32, q, q>

attn.kernel @self(%x: !x, %v: !k) -> !x {
  %t = transpose %x : !x
  %s = dot %x, %t scale 0.125 : !x, !k
  %p = softmax %s : !s
  %o = contract %p, %v : !s, !k -> !x
  return %o : !x
}
