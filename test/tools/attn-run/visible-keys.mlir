// The visible keys of each row, written down by one kernel and read by others: as many as there are, at most n; with
// and without what is there; rows that have none, tiles that begin and end anywhere.
// RUN: attn-run %s --kernel=listed --random --batch=2 --heads=4 --kv-heads=2 --tokens=70 --kv-tokens=150 n=8 --check | FileCheck %s
// RUN: attn-run %s --kernel=listed --random --heads=2 --kv-heads=1 --tokens=17 --kv-tokens=33 n=0 --check | FileCheck %s
// RUN: attn-run %s --kernel=listed --random --heads=2 --kv-heads=1 --tokens=5 --kv-tokens=3 n=200 --check | FileCheck %s
// RUN: attn-run %s --kernel=listed --random --heads=1 --tokens=1 --kv-tokens=300 n=5 --check | FileCheck %s
// RUN: attn-run %s --kernel=listed --device=sim --random --batch=2 --heads=4 --kv-heads=2 --tokens=70 --kv-tokens=150 n=8 --check | FileCheck %s
// RUN: attn-run %s --kernel=listed --device=sim --random --heads=2 --kv-heads=1 --tokens=17 --kv-tokens=33 n=0 --check | FileCheck %s
// RUN: attn-run %s --kernel=listed --device=sim --random --heads=2 --kv-heads=1 --tokens=5 --kv-tokens=3 n=200 --check | FileCheck %s
// RUN: attn-run %s --kernel=listed --device=sim:sm_90 --random --batch=2 --heads=4 --kv-heads=2 --tokens=70 --kv-tokens=150 n=8 --check | FileCheck %s
// RUN: attn-run %s --kernel=listed --device=sim:sm_90 --random --heads=1 --tokens=1 --kv-tokens=300 n=5 --check | FileCheck %s
// RUN: attn-run %s --kernel=all --random --heads=2 --kv-heads=1 --tokens=40 --kv-tokens=64 n=-3 --check | FileCheck %s
// RUN: attn-run %s --kernel=all --device=sim --random --heads=2 --kv-heads=1 --tokens=40 --kv-tokens=64 n=64 --check | FileCheck %s
// CHECK-NOT: FAILS
// CHECK: passes
!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>
!n = !attn.rows<i32>
!l = !attn.rows<vector<8xi32>>
!x = !attn.rows<vector<8xf32>>

// Entries that are there; -1 behind.
func.func private @known(%l: vector<8xi32>, %c: i32) -> vector<8xi32> {
  %step = vector.step : vector<8xindex>
  %e = arith.index_cast %step : vector<8xindex> to vector<8xi32>
  %n = vector.broadcast %c : i32 to vector<8xi32>
  %is = arith.cmpi slt, %e, %n : vector<8xi32>
  %none = arith.constant dense<-1> : vector<8xi32>
  %y = arith.select %is, %l, %none : vector<8xi1>, vector<8xi32>
  return %y : vector<8xi32>
}

// A window whose middle is far from the diagonal, without every seventh pair.
attn.kernel @listed(%q: !q, %k: !k, %n: index) -> (!n {attn.name = "count"}, !l {attn.name = "keys"}, !x {attn.name = "at"}) {
  %s0 = dot %q, %k scale 0.125 : !q, !k
  %s = where (%x = %s0) at (%b, %h, %i, %j) : (!s) {
    %c2 = arith.constant 2 : index
    %c7 = arith.constant 7 : index
    %c40 = arith.constant 40 : index
    %zero = arith.constant 0 : index
    %t = arith.muli %i, %c2 : index
    %d = arith.subi %j, %t : index
    %near = arith.cmpi slt, %d, %c40 : index
    %u = arith.addi %i, %j : index
    %r = arith.remui %u, %c7 : index
    %on = arith.cmpi ne, %r, %zero : index
    %behind = arith.cmpi sge, %d, %c2 : index
    %a = arith.andi %near, %on : i1
    %y = arith.andi %a, %behind : i1
    yield %y : i1
  }
  %l, %v, %c = visible_keys %s most %n on near : !s
  %e = entries %l first 8 : !attn.matrix<i32, q, near>
  %f = entries %v first 8 : !attn.matrix<f32, q, near>
  %keys = map (%x = %e, %y = %c) : (!l, !n) -> !l {
    %z = func.call @known(%x, %y) : (vector<8xi32>, i32) -> vector<8xi32>
    yield %z : vector<8xi32>
  }
  %at = map (%x = %f, %y = %c) : (!x, !n) -> !x {
    %zero = arith.constant dense<0> : vector<8xi32>
    %least = arith.constant dense<-1.0> : vector<8xf32>
    %w = func.call @known(%zero, %y) : (vector<8xi32>, i32) -> vector<8xi32>
    %is = arith.cmpi eq, %w, %zero : vector<8xi32>
    %z = arith.select %is, %x, %least : vector<8xi1>, vector<8xf32>
    yield %z : vector<8xf32>
  }
  return %c, %keys, %at : !n, !l, !x
}

// No mask: every row has the first keys.
attn.kernel @all(%q: !q, %k: !k, %n: index) -> (!n {attn.name = "count"}, !l {attn.name = "keys"}) {
  %s = dot %q, %k scale 0.125 : !q, !k
  %l, %v, %c = visible_keys %s most %n on near : !s
  %e = entries %l first 8 : !attn.matrix<i32, q, near>
  %keys = map (%x = %e, %y = %c) : (!l, !n) -> !l {
    %z = func.call @known(%x, %y) : (vector<8xi32>, i32) -> vector<8xi32>
    yield %z : vector<8xi32>
  }
  return %c, %keys : !n, !l
}
