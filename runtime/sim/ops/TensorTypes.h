// SPDX-License-Identifier: Apache-2.0
// What do mma and wgmma share? Types of operands and results, and how many registers they fill.
#pragma once

#include "runtime/sim/numerics/TensorArithmetic.h"
#include "runtime/sim/program/Decoder.h"

#include <string_view>

namespace attune::sim {

/// Types of one product, as .f32.bf16.bf16 says.
struct TensorTypes {
  TensorResult result = TensorResult::F32;
  TensorElement a = TensorElement::F16, b = TensorElement::F16;

  bool integers() const { return result == TensorResult::S32; }
};

/// Takes the types of the result, A and B. Fails unless tensor cores multiply them: A and B are
/// equal but for fp8 and integers, f16 results are of f16 and fp8.
TensorTypes takeTensorTypes(Decoder &decoder);

/// Shapes: "m16n8k16" as its numbers. Fails on anything else.
struct TensorShape {
  unsigned m = 0, n = 0, k = 0;
};
TensorShape takeTensorShape(Decoder &decoder);

/// `registers` of rows of a warp as pointers, and the same for results.
void pointToRows(Warp &warp, const Row *rows, unsigned count, const uint32_t **pointers);

} // namespace attune::sim
