// The best keys of each row in order, on three devices: ties, NaN and -0 of a table of scores, rows with fewer keys
// than are asked for and with none, one query, odd sizes.
// RUN: attn-compile %s --kernel=best --target=x86-64 -o %t.attn
// RUN: attn-run %t.attn --program=%s --kernel=best --random --heads=2 --tokens=37 --kv-tokens=53 z=2x37x53 --check | FileCheck %s
// RUN: attn-run %t.attn --program=%s --kernel=best --random --heads=2 --tokens=1 --kv-tokens=3 z=2x1x3 --check | FileCheck %s
// RUN: attn-run %s --kernel=best --device=sim --random --heads=2 --tokens=19 --kv-tokens=35 z=2x19x35 --check | FileCheck %s
// RUN: attn-run %s --kernel=best --device=sim:sm_90 --random --heads=1 --tokens=9 --kv-tokens=80 z=1x9x80 --check | FileCheck %s
// RUN: attn-run %s --kernel=again --device=sim --random --heads=2 --kv-heads=1 --tokens=33 --kv-tokens=40 z=2x33x40 --check | FileCheck %s
// CHECK-NOT: FAILS
// CHECK: passes
!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>

// Few different scores, some of them NaN, -inf or -0.
func.func private @few(%x: f32) -> f32 {
  %eight = arith.constant 8.0 : f32
  %four = arith.constant 4.0 : f32
  %zero = arith.constant 0.0 : f32
  %minus = arith.constant -0.0 : f32
  %nan = arith.constant 0x7FC00000 : f32
  %low = arith.constant 0xFF800000 : f32
  %y = arith.mulf %x, %eight : f32
  %z = math.floor %y : f32
  %d = arith.subf %z, %four : f32
  %is1 = arith.cmpf oeq, %z, %zero : f32
  %a = arith.select %is1, %nan, %d : f32
  %is2 = arith.cmpf oeq, %d, %zero : f32
  %b = arith.select %is2, %minus, %a : f32
  %one = arith.constant 1.0 : f32
  %is3 = arith.cmpf oeq, %z, %one : f32
  %c = arith.select %is3, %low, %b : f32
  %is4 = arith.cmpf oeq, %d, %one : f32
  %e = arith.select %is4, %zero, %c : f32
  return %e : f32
}

attn.kernel @best(%q: !q, %k: !k, %z: tensor<?x?x?xf32>) -> (!attn.rows<vector<5xf32>> {attn.name = "values"}, !attn.rows<vector<5xi32>> {attn.name = "keys"}, !attn.rows<vector<1xi32>> {attn.name = "first"}) {
  %s0 = map (%x = %q, %y = %k) at (%b, %h, %i, %j) : (!q, !k) -> !s {
    %e = load %z[%h, %i, %j] : tensor<?x?x?xf32>
    %f = func.call @few(%e) : (f32) -> f32
    yield %f : f32
  }
  %s = where %s0 in affine_set<(b, h, i, j) : (j * 2 - i - 3 <= 0, i + j - 4 >= 0)> : !s
  %w, %n = list %s first 5 : !s
  %u, %m = list %s first 1 : !s
  return %w, %n, %m : !attn.rows<vector<5xf32>>, !attn.rows<vector<5xi32>>, !attn.rows<vector<1xi32>>
}

// A list that is read back: what is attended to is what it says.
attn.kernel @again(%q: !q, %k: !k, %v: !k, %z: tensor<?x?x?xf32>) -> (!q, !attn.rows<vector<3xi32>> {attn.name = "keys"}) {
  %s0 = map (%x = %q, %y = %k) at (%b, %h, %i, %j) : (!q, !k) -> !s {
    %e = load %z[%h, %i, %j] : tensor<?x?x?xf32>
    yield %e : f32
  }
  %s = where %s0 in affine_set<(b, h, i, j) : (j - i <= 0)> : !s
  %w, %n = list %s first 3 : !s
  %m = where (%x = %s, %l = %n) at (%b, %h, %i, %j) : (!s, !attn.rows<vector<3xi32>>) {
    %y = contains %l, %j : vector<3xi32>
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o, %n : !q, !attn.rows<vector<3xi32>>
}
