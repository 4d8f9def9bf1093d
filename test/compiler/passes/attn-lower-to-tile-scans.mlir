// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --attn-expand-sugar --attn-lower-to-tile --canonicalize | FileCheck %s

!q = !attn.rows<vector<64xbf16>>
!k = !attn.cols<vector<64xbf16>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>
#plan = #tile.config<queries = 64, keys = 32, threads = 128, stages = 2>

// From the last tile of the loop's range to the first, without seeking; hidden pairs leave the state as it is; what is
// summed is of the band alone, but tiles are visited that only the scan sees.
// CHECK-LABEL: tile.kernel @backwards(
// CHECK: %[[LAST:[0-9]+]] = arith.subi %[[END:[0-9]+]], %c1 :
// CHECK: %[[COUNT:[0-9]+]] = arith.subi %[[END]], %{{[0-9]+}}
// CHECK: tile.sweep %c0 to %[[COUNT]] carry (%{{.*}}) classify {
// CHECK: ^bb0(%[[N:.*]]: index):
// CHECK: %[[T:.*]] = arith.subi %[[LAST]], %[[N]]
// CHECK: arith.maxsi %[[T]], %c0
// CHECK: } do {
// CHECK: %[[S:.*]] = tile.dot
// CHECK: %[[SEEN:.*]] = scf.if
// CHECK: arith.select {{.*}}, %cst
// CHECK: %[[Y:.*]], %[[NEXT:.*]] = tile.scan reverse exclusive %[[SEEN]] carry(%[[BEFORE:.*]]) {
// CHECK: arith.addf
// CHECK: %[[NEAR:.*]] = scf.if
// CHECK: tile.map {{.*}} = %[[Y]]
// CHECK: %[[SUM:.*]] = tile.reduce sum %[[NEAR]]
// CHECK: tile.yield %[[SUM]], %[[NEXT]]
attn.kernel @backwards(%q: !q, %k: !k) -> !r attributes {attn.plan = #plan} {
  %s0 = dot %q, %k : !q, !k
  %s = where %s0 in affine_set<(b, h, i, j) : (j <= i)> : !s
  %a = scan sum %s over keys reverse exclusive : !s
  %near = where %a in affine_set<(b, h, i, j) : (i - 5 <= j)> : !s
  %o = reduce sum %near over keys : !s
  return %o : !r
}

// The program's own region and identities; the last state is the carry behind the loop.
// CHECK-LABEL: tile.kernel @folded(
// CHECK: %[[LOW:.*]] = tile.splat %{{.*}} : f32 -> !tile.rows<64, f32>
// CHECK: %[[LAST:.*]]:2 = tile.sweep {{.*}} carry (%[[LOW]], %{{.*}}) classify {
// CHECK: tile.scan %{{.*}}, %{{.*}} carry(%{{.*}}, %{{.*}}) {
// CHECK: ^bb0(%[[A:.*]]: f32, %[[C:.*]]: f32, %[[D:.*]]: f32, %[[E:.*]]: f32):
// CHECK: %[[G:.*]] = arith.maximumf %[[A]], %[[D]]
// CHECK: %[[L:.*]] = arith.addf %[[C]], %[[E]]
// CHECK: tile.yield %[[G]], %[[L]]
// CHECK: tile.store %[[LAST]]#0
attn.kernel @folded(%q: !q, %k: !k, %low: f32) -> (!r, !r) attributes {attn.plan = #plan} {
  %s = dot %q, %k : !q, !k
  %zero = arith.constant 0.0 : f32
  %x, %y = fold (%s, %s) from (%low, %zero) with (%a, %c), (%d, %e) : (!s, !s) {
    %g = arith.maximumf %a, %d : f32   %l = arith.addf %c, %e : f32   yield %g, %l : f32, f32 }
  return %x, %y : !r, !r
}
