// SPDX-License-Identifier: Apache-2.0
// What are the rules of f32 for one lane? Internal to the file that includes it, and without
// branches, for the kernels of all levels (LaneKernels.h) are made of it.
#pragma once

#include "runtime/sim/ops/Lanes.h"

namespace attune::sim {
namespace {

/// What PTX gives for an f32 that is not a number.
constexpr uint32_t canonicalNan = 0x7fffffff;

inline float canonical(float value) { return value != value ? bitsAs<float>(canonicalNan) : value; }

/// Subnormal numbers become zero of their sign.
template <bool ftz> inline float flush(float value) {
  if constexpr (!ftz)
    return value;
  uint32_t bits = bitsAs<uint32_t>(value);
  return bitsAs<float>((bits & 0x7f800000) == 0 ? bits & 0x80000000 : bits);
}

/// a * b + c rounded to odd, to 53 bits: rounded once more, to at most 51 bits in any way, it is as
/// if there had been one rounding. The product of two f32 (or f16, bf16) is exact in double.
inline double fmaToOdd(double a, double b, double c) {
  double product = a * b, sum = product + c;
  // The sum's error, exactly (Knuth's TwoSum).
  double part = sum - product;
  double error = (product - (sum - part)) + (c - part);
  uint64_t bits = bitsAs<uint64_t>(sum);
  // Towards zero when the error points there; then odd. An error of an infinite sum is not a number
  // and compares false.
  uint64_t inexact = (error > 0) | (error < 0);
  uint64_t inwards = inexact & ((error > 0) != (sum > 0));
  return bitsAs<double>((bits - inwards) | inexact);
}

/// a * b + c, rounded once.
inline float fusedMultiplyAdd(float a, float b, float c) {
#if defined(__FMA__)
  return __builtin_fmaf(a, b, c);
#else
  return float(fmaToOdd(a, b, c));
#endif
}

} // namespace
} // namespace attune::sim
