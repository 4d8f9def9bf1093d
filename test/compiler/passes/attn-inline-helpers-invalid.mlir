// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --attn-inline-helpers --split-input-file --verify-diagnostics

!r = !attn.rows<f32>

// expected-note @+1 {{the helper stands here}}
func.func private @unknown(%x: f32) -> f32
attn.kernel @without_a_body(%r: !r) -> !r {
  %a = map (%x = %r) : (!r) -> !r {
    // expected-error @+1 {{cannot inline '@unknown': expected a function with a body, but this one has none}}
    %y = func.call @unknown(%x) : (f32) -> f32
    yield %y : f32 }
  return %a : !r
}

// -----

!r = !attn.rows<f32>

// expected-note @+1 {{the helper stands here}}
func.func @open(%x: f32) -> f32 { return %x : f32 }
attn.kernel @public(%r: !r) -> !r {
  %a = map (%x = %r) : (!r) -> !r {
    // expected-error @+1 {{cannot inline '@open': expected a private function, but this one is public}}
    %y = func.call @open(%x) : (f32) -> f32
    yield %y : f32 }
  return %a : !r
}

// -----

!r = !attn.rows<f32>

// expected-note @+1 {{the helper stands here}}
func.func private @jump(%x: f32) -> f32 {
  cf.br ^next
^next:
  return %x : f32
}
attn.kernel @control_flow(%r: !r) -> !r {
  %a = map (%x = %r) : (!r) -> !r {
    // expected-error @+1 {{cannot inline '@jump': expected a function without control flow (use arith.select), but this one has several blocks}}
    %y = func.call @jump(%x) : (f32) -> f32
    yield %y : f32 }
  return %a : !r
}

// -----

!r = !attn.rows<f32>

// The call that closes the cycle is the one to blame.
// expected-error @+1 {{cannot inline '@odd': it calls itself}}
func.func private @even(%x: f32) -> f32 { %y = func.call @odd(%x) : (f32) -> f32   return %y : f32 }
// expected-note @+1 {{the helper stands here}}
func.func private @odd(%x: f32) -> f32 { %y = func.call @even(%x) : (f32) -> f32   return %y : f32 }
attn.kernel @recursion(%r: !r) -> !r {
  %a = map (%x = %r) : (!r) -> !r { %y = func.call @odd(%x) : (f32) -> f32   yield %y : f32 }
  return %a : !r
}

// -----

!r = !attn.rows<index>

// expected-note @+1 {{the helper stands here}}
func.func private @remainder(%x: index, %n: index) -> index {
  // expected-note @+1 {{'arith.remsi' truncates towards zero; use affine.apply with mod}}
  %y = arith.remsi %x, %n : index   return %y : index }
attn.kernel @truncating_division(%r: !r, %n: index) -> !r {
  %a = map (%x = %r) : (!r) -> !r {
    // expected-error @+1 {{cannot inline '@remainder': it contains an op that a region may not contain}}
    %y = func.call @remainder(%x, %n) : (index, index) -> index
    yield %y : index }
  return %a : !r
}

// -----

!r = !attn.rows<f32>

// expected-note @+1 {{the helper stands here}}
func.func private @store(%x: f32, %n: index) -> f32 {
  // expected-note @+1 {{'memref.alloc' gives 'memref<?xf32>' where a region computes scalars and vectors of static shape}}
  %m = memref.alloc(%n) : memref<?xf32>
  return %x : f32
}
attn.kernel @effects(%r: !r, %n: index) -> !r {
  %a = map (%x = %r) : (!r) -> !r {
    // expected-error @+1 {{cannot inline '@store': it contains an op that a region may not contain}}
    %y = func.call @store(%x, %n) : (f32, index) -> f32
    yield %y : f32 }
  return %a : !r
}
