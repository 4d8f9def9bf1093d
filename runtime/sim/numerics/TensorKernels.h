// SPDX-License-Identifier: Apache-2.0
// Which loops of tensor-core arithmetic are compiled for each level of x86-64? See LaneKernels.h.
#pragma once

#include "runtime/sim/numerics/TensorArithmetic.h"

namespace attune::sim {

/// Adds up terms [first, first + count) of a 16 x 8 tile to the four rows of `c` and writes the rows
/// of `d`, as multiplyTensors does.
using MultiplyKernel = void (*)(const TensorRule &rule, const TensorA &a, const TensorB &b,
                                unsigned first, unsigned count, const uint32_t *const c[4],
                                uint32_t *const d[4]);

struct TensorKernels {
  /// By TensorElement, floats only.
  void (*loadA[5])(const TensorRule &rule, const uint32_t *const registers[4], TensorA &a);
  void (*loadB[5])(const TensorRule &rule, const uint32_t *const registers[2], TensorB &b);
  MultiplyKernel fast;
  /// By TensorElement: fast, with the registers of an mma of F16 or BF16 as A. Null at the
  /// baseline.
  void (*fastPacked[2])(const TensorRule &rule, const uint32_t *const a[4], const TensorB &b,
                        const uint32_t *const c[4], uint32_t *const d[4]);
  /// When every product is an f32 far from its bounds: see withinFloat.
  MultiplyKernel exact;
  /// Exact for all exponents.
  MultiplyKernel exactWide;
  /// True when c has an infinity or NaN.
  bool (*anySpecial)(const uint32_t *const c[4]);
};

} // namespace attune::sim
