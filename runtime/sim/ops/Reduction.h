// SPDX-License-Identifier: Apache-2.0
// How are elements of shared memory combined with those of global memory by cp.reduce.async.bulk?
#pragma once

#include "runtime/sim/program/Decoder.h"

#include <cstdint>

namespace attune::sim {

struct Reduction {
  enum class Operation : uint8_t { And, Or, Xor, Add, Inc, Dec, Min, Max } operation;
  ScalarType type;

  unsigned elementBytes() const { return type.memoryBytes(); }
};

/// Takes ".add" and the like.
Reduction::Operation expectReduction(Decoder &decoder);

/// Whether the PTX ISA has this operation for this type (cp.reduce.async.bulk, to global memory).
bool isValid(const Reduction &reduction);

/// What `old` becomes; both have the reduction's type, of which two halves may be packed (f16x2).
/// `flushes`: f32 takes subnormal inputs and results for zeros.
uint64_t combine(const Reduction &reduction, uint64_t old, uint64_t operand, bool flushes);

/// to[i] = operation(to[i], from[i]) for `bytes` bytes; each element atomically.
void reduce(const Reduction &reduction, uint8_t *to, const uint8_t *from, uint32_t bytes);

} // namespace attune::sim
