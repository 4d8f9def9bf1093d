// SPDX-License-Identifier: Apache-2.0
// Blocks of tokens as operand or result are refused by name; the reference takes them.
// RUN: not attn-compile %s --kernel operand -o %t.a 2>&1 | FileCheck %s --check-prefix=OPERAND
// RUN: not attn-compile %s --kernel result -o %t.a 2>&1 | FileCheck %s --check-prefix=RESULT
// RUN: attn-run %s --kernel operand --device=reference --random --heads 4 --tokens 10 gate=1x2x3 | FileCheck %s --check-prefix=REFERENCE

// OPERAND: blocks-refused.mlir:[[# @LINE + 1]]:1: error: 'attn.kernel' op expected 'gate' to stand on an axis of tokens, but got axis 'q/4': blocks of tokens as operand or result cannot be compiled yet
attn.kernel @operand(%q: !attn.rows<f32>, %gate: !attn.rows<f32, q/4>) -> !attn.rows<f32> {
  %o = map (%x = %q, %y = %gate) : (!attn.rows<f32>, !attn.rows<f32, q/4>) -> !attn.rows<f32> {
    %z = arith.mulf %x, %y : f32   yield %z : f32 }
  return %o : !attn.rows<f32>
}
// REFERENCE: out: f32 1x4x10,

// RESULT: error: 'attn.kernel' op expected 'out' to stand on an axis of tokens, but got axis 'q/4'
attn.kernel @result(%q: !attn.rows<f32>) -> !attn.rows<f32, q/4> {
  %o = reduce mean %q over queries by 4 : !attn.rows<f32>
  return %o : !attn.rows<f32, q/4>
}
