// SPDX-License-Identifier: Apache-2.0
// How the list of a row's best keys is made: a selection, its members written down, and put in order.
// RUN: attn-opt %s --attn-to-primitives --attn-expand-lists --split-input-file --verify-diagnostics | FileCheck %s

!q = !attn.rows<vector<32xbf16>>
!k = !attn.cols<vector<32xbf16>>
!s = !attn.matrix<f32>

// What the weights divide by is stored; the shorter list is the beginning of the longer one.
// CHECK-LABEL: attn.kernel @weights(
// CHECK: %[[MAX:.*]] = reduce max %{{.*}} over keys {attn.store}
// CHECK: %[[SUM:.*]] = reduce sum %{{.*}} over keys {attn.store}
// CHECK: %[[P:.*]] = map (%{{.*}} = %{{.*}}, %{{.*}} = %[[SUM]])
// CHECK: axis place0 size %c4
// CHECK: %[[T:.*]] = select %[[P]] top %c4
// CHECK: %[[SHOWN:.*]] = where (%{{.*}} = %[[P]], %[[CHOSEN:.*]] = %[[T]])
// CHECK: yield %[[CHOSEN]]
// CHECK: %[[KEYS:.*]], %[[VALUES:.*]], %[[COUNT:.*]] = visible_keys %[[SHOWN]] most %c4{{.*}} on near0
// CHECK: %[[ENTRIES:.*]] = entries %[[VALUES]] first 4
// CHECK: %[[RANKS:.*]] = map (%{{.*}} = %[[ENTRIES]], %{{.*}} = %[[COUNT]]) {{.*}} -> !attn.matrix<i32, q, place0>
// CHECK: vector.reduction <add>
// CHECK: %[[SORTED:.*]] = map {{.*}} -> !attn.matrix<i32, q, place0>
// CHECK: vector.reduction <or>
// CHECK: %[[VECTORS:.*]] = entries %[[SORTED]] first 4
// CHECK: %[[LONG:.*]] = map (%{{.*}} = %[[VECTORS]], %{{.*}} = %[[COUNT]])
// CHECK: %[[SHORT:.*]] = map (%[[X:.*]] = %[[LONG]])
// CHECK: vector.extract_strided_slice %[[X]] {offsets = [0], sizes = [1], strides = [1]}
// CHECK: return %[[SHORT]], %[[LONG]]
attn.kernel @weights(%q: !q, %k: !k) -> (!attn.rows<vector<1xi32>>, !attn.rows<vector<4xi32>>) {
  %s = dot %q, %k : !q, !k
  %p = softmax %s : !s
  %a, %b = list %p first 1 : !s
  %c, %d = list %p first 4 : !s
  return %b, %d : !attn.rows<vector<1xi32>>, !attn.rows<vector<4xi32>>
}

// -----

attn.kernel @integers(%q: !attn.rows<vector<32xi8>>, %k: !attn.cols<vector<32xi8>>) -> !attn.rows<vector<4xi32>> {
  %s = dot %q, %k : !attn.rows<vector<32xi8>>, !attn.cols<vector<32xi8>>
  // expected-error @+1 {{expected scores of f32, which is what can be listed from yet, but got 'i32'}}
  %a, %b = list %s first 4 : !attn.matrix<i32>
  return %b : !attn.rows<vector<4xi32>>
}

// -----

!q = !attn.rows<vector<32xbf16>>
!k = !attn.cols<vector<32xbf16>>

attn.kernel @long(%q: !q, %k: !k) -> !attn.rows<vector<257xi32>> {
  %s = dot %q, %k : !q, !k
  // expected-error @+1 {{expected at most 256 keys a row, but got 257; of more, hide all but those that `select` chooses}}
  %a, %b = list %s first 257 : !attn.matrix<f32>
  return %b : !attn.rows<vector<257xi32>>
}

// -----

!q = !attn.rows<vector<32xbf16>>
!k = !attn.cols<vector<32xbf16>>

attn.kernel @segments(%q: !q, %k: !k, %m: !attn.cols<vector<32xbf16>, mem>) -> !attn.rows<vector<4xi32>> {
  %s = dot %q, %k : !q, !k
  %t = dot %q, %m : !q, !attn.cols<vector<32xbf16>, mem>
  %u = concat %t, %s : !attn.matrix<f32, q, mem>, !attn.matrix<f32>
  // expected-error @+1 {{expected keys of one axis, which is what can be listed yet, but got '!attn.matrix<f32, q, mem+k>'; list each segment}}
  %a, %b = list %u first 4 : !attn.matrix<f32, q, mem+k>
  return %b : !attn.rows<vector<4xi32>>
}
