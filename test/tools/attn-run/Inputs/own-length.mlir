// SPDX-License-Identifier: Apache-2.0
// One row, whose axis no operand is on.
!c = !attn.cols<f32>
!s = !attn.matrix<f32, one, k>

attn.kernel @own_length(%c: !c) -> !attn.rows<f32, one> {
  %n = arith.constant 1 : index
  axis one size %n
  %s = map (%x = %c) : (!c) -> !s { yield %x : f32 }
  %o = reduce sum %s over keys : !s
  return %o : !attn.rows<f32, one>
}
