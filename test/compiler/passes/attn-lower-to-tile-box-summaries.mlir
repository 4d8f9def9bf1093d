// SPDX-License-Identifier: Apache-2.0
// Keys in boxes of a canvas, of which the mask reads a table in no order: a pass before the kernel summarises each box, and a
// launch knows how many there are. Regions that are 5 wide are skipped by their numbers alone.
// RUN: %python -c "import pathlib, sys; sys.path.insert(0, '%root/scripts'); import masks; masks.save(pathlib.Path('%t.npy'), (2, 630), [(x // 5 * 7 + y // 9 * 3 + b) %% 11 for b in range(2) for y in range(21) for x in range(30)])"
// RUN: attn-compile %s --target=x86-64-v3,sm_80 --override query_box=8x8,key_box=4x8 -o %t.attn
// RUN: attn-run --list %t.attn | FileCheck %s --check-prefix=LIST
// RUN: attn-run %t.attn --program %s --random --batch=2 --heads=2 --tokens=630 H=21 W=30 region=%t.npy --check
// RUN: attn-run %t.attn --program %s --device=sim --random --batch=2 --heads=1 --tokens=630 H=21 W=30 region=%t.npy --check
// RUN: attn-compile %s --target=sm_90a --override query_box=8x16,key_box=4x8 -o %t.90.attn
// RUN: attn-run %t.90.attn --program %s --device=sim:sm_90 --random --batch=2 --heads=1 --tokens=630 H=21 W=30 region=%t.npy --check
// RUN: attn-compile %s --target=x86-64-v3 --override query_box=8x8,key_box=4x8 --explain --table region=%t.npy --scalar H=21 --scalar W=30 | FileCheck %s
// RUN: attn-opt %s --verify-masks=H=21,W=30,region=%t.npy,batch=2,problems=1 | FileCheck %s --check-prefix=VERIFY
// LIST: with summaries of tables{{.*}}; metadata: ceildiv(H, 4) * ceildiv(W, 8) * size(out, 0) * [[#]] bytes
// CHECK: tiles of 64 (8 x 8) queries x 32 (4 x 8) keys
// CHECK: {{[1-9][0-9]*}} skipped
// CHECK: with summaries of tables
// CHECK: metadata: {{[0-9]+}} bytes (24 tiles of keys x
// VERIFY: unsound: 0
!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>
!numbers = tensor<?x?xi32>

attn.kernel @regions(%q: !q, %k: !k, %v: !k, %region: !numbers, %H: index, %W: index) -> !q {
  %s = dot %q, %k scale 0.125 : !q, !k
  axis q grid (%H, %W)
  axis k grid (%H, %W)
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %mine = load %region[%b, %i] : !numbers
    %its = load %region[%b, %j] : !numbers
    %y = arith.cmpi eq, %mine, %its : i32
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
