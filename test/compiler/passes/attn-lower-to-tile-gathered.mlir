// SPDX-License-Identifier: Apache-2.0
// A kernel whose rows walk lists of keys: one query a tile, tiles of entries up to the list's count, tokens and
// indices of keys through the list, and no mask but the list's end.
// RUN: attn-opt %s "--pass-pipeline=builtin.module(attn.kernel(attn-plan{target=sm_80 gather-rows=16}),attn-lower-to-tile,canonicalize,cse)" | FileCheck %s
// RUN: attn-opt %s "--pass-pipeline=builtin.module(attn.kernel(attn-plan{target=sm_90a gather-rows=64}),attn-lower-to-tile)" | FileCheck %s --check-prefix=WIDE
// RUN: attn-opt %s "--pass-pipeline=builtin.module(attn.kernel(attn-plan{target=x86-64-v3}),attn-lower-to-tile)" | FileCheck %s --check-prefix=HOST

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!c = !attn.cols<f32>
!s = !attn.matrix<f32>

// WIDE: config = #tile.config<queries = 64, keys = 64, threads = 128, stages = {{[23]}}, packed_heads = 64>
// HOST: config = #tile.config<queries = 16, keys = 64, threads = 1, stages = 1, packed_heads = 16>

// CHECK-LABEL: tile.kernel @near(
// CHECK-SAME: %[[K:[^ ]*]]: memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>> {tile.name = "k"}
// CHECK-SAME: %[[D:[^ ]*]]: memref<?x?x?xf32, strided<[?, ?, ?]>> {tile.name = "d"}
// CHECK-SAME: %[[LIST:[^ ]*]]: memref<?x?x?x?xi32, strided<[?, ?, ?, ?]>> {tile.list, tile.name = "near.keys"}
// CHECK-SAME: %[[COUNT:[^ ]*]]: memref<?x?x?xi32, strided<[?, ?, ?]>> {tile.count, tile.name = "near.count"}
// CHECK-SAME: config = #tile.config<queries = 16, keys = 64, threads = 32, stages = {{[23]}}, packed_heads = 16>
// CHECK: tile.read %[[COUNT]][%{{[0-9]+}}, %{{[0-9]+}}, %[[I:[0-9]+]]
// CHECK: %[[END:[0-9]+]] = arith.maxsi %{{.*}}, %c0
// CHECK: %[[TILES:[0-9]+]] = arith.ceildivui %[[END]], %c64
// CHECK: tile.sweep %c0 to %[[TILES]] carry
// CHECK:   %[[E:[0-9]+]] = arith.muli %{{.*}}, %c64
// CHECK-DAG: tile.load %[[D]][%{{.*}}, %{{.*}}, %[[E]]] through %[[LIST]][%{{.*}}, %{{.*}}, %[[I]]] below %[[END]]
// CHECK-DAG: tile.load %[[K]][%{{.*}}, %{{.*}}, %[[E]]] through %[[LIST]][%{{.*}}, %{{.*}}, %[[I]]] below %[[END]]
// CHECK:   %[[J:[0-9]+]] = tile.map () at (%[[PLACE:.*]]) from (%[[E]]) : () -> !tile.cols<64, i32> {
// CHECK:     tile.read %[[LIST]][%{{.*}}, %{{.*}}, %[[I]], %[[PLACE]]]
// CHECK:   tile.map ({{.*}} = %[[J]]) : (!tile.cols<64, i32>) -> !tile.cols<64, f32>
// CHECK:   scf.if
// CHECK:     arith.cmpi slt, %{{.*}}, %[[END]]
// CHECK-NOT: arith.cmpi
// CHECK:     arith.select
// CHECK:   tile.contract
attn.kernel @near(%q: !q, %k: !k, %d: !c, %v: !k, %near.keys: !attn.matrix<i32, q, k_near>, %near.count: !attn.rows<i32>) -> !q
    attributes {attn.stage, attn.gathered = {axis = "k", list = "near.keys", count = "near.count"}} {
  %s = dot %q, %k : !q, !k
  %a = map (%x = %s, %y = %d) at (%b, %h, %i, %j) : (!s, !c) -> !s {
    %n = arith.index_cast %j : index to i32
    %r = arith.sitofp %n : i32 to f32
    %t = arith.addf %x, %y : f32
    %u = arith.addf %t, %r : f32
    yield %u : f32
  }
  %m = reduce max %a over keys : !s
  %e = map (%x = %a, %y = %m) : (!s, !attn.rows<f32>) -> !s {
    %t = arith.subf %x, %y : f32
    %u = math.exp %t : f32
    yield %u : f32
  }
  %l = reduce sum %e over keys : !s
  %p = map (%x = %e, %y = %l) : (!s, !attn.rows<f32>) -> !s {
    %t = arith.divf %x, %y : f32
    yield %t : f32
  }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
