// SPDX-License-Identifier: Apache-2.0
// What are the rules of f32 for one lane? Internal to the file that includes it, and without
// branches, for the kernels of all levels (LaneKernels.h) are made of it.
#pragma once

#include "runtime/sim/ops/Lanes.h"

namespace attune::sim {
namespace {

/// What PTX gives for an f32 that is not a number.
constexpr uint32_t canonicalNan = 0x7fffffff;

/// On integers: compilers may take one that is no number for another.
inline float canonical(float value) {
  uint32_t bits = bitsAs<uint32_t>(value);
  bool isNan = int32_t(bits & 0x7fffffff) > 0x7f800000;
  return bitsAs<float>(isNan ? canonicalNan : bits);
}

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

/// min and max: a number beats what is none, unless `nan`; -0 is below +0.
template <bool isMax, bool nan> inline float extremum(float a, float b) {
  uint32_t x = bitsAs<uint32_t>(a), y = bitsAs<uint32_t>(b);
  float result = (isMax ? a > b : a < b) ? a : b;
  result = a == b ? bitsAs<float>(isMax ? x & y : x | y) : result;
  if constexpr (nan)
    result = a != a ? a : result;
  else
    result = b != b ? a : result;
  return canonical(result);
}

/// 2^x within 0.9 units in the last place, right where the result is exact; by fused multiply-adds,
/// so that every level gives the same bits.
inline float exp2Lane(float x) {
  constexpr float magic = 12582912; // 1.5 * 2^23: adding it rounds to an integer.
  float clamped = x < -151.0f ? -151.0f : x;
  clamped = clamped > 129.0f ? 129.0f : clamped;
  float rounded = clamped + magic;
  float fraction = clamped - (rounded - magic);
  // (2^f - 1) / f on [-1/2, 1/2], interpolated at the Chebyshev nodes.
  float q = 0.000154531633598f;
  q = fusedMultiplyAdd(q, fraction, 0.00133908633143f);
  q = fusedMultiplyAdd(q, fraction, 0.00961808301508f);
  q = fusedMultiplyAdd(q, fraction, 0.0555035695434f);
  q = fusedMultiplyAdd(q, fraction, 0.240226507187f);
  q = fusedMultiplyAdd(q, fraction, 0.693147182465f);
  float power = fusedMultiplyAdd(q, fraction, 1.0f);
  // In two steps, for the exponent may be that of a subnormal number.
  int32_t exponent = int32_t(bitsAs<uint32_t>(rounded) - bitsAs<uint32_t>(magic));
  int32_t half = exponent >> 1;
  float scale = bitsAs<float>(uint32_t(half + 127) << 23);
  float rest = bitsAs<float>((uint32_t(exponent) - uint32_t(half) + 127) << 23);
  return canonical(power * scale * rest);
}

//===-- 16-bit formats ---===//

/// To nearest, ties to even; too large is infinite.
inline uint32_t roundToBf16(float value) {
  uint32_t bits = bitsAs<uint32_t>(value);
  uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  return value != value ? 0x7fff : rounded;
}
inline float widenBf16(uint32_t bits) { return bitsAs<float>(bits << 16); }

inline uint32_t roundToF16(float value) {
  uint32_t bits = bitsAs<uint32_t>(value), sign = bits >> 16 & 0x8000;
  uint32_t magnitude = bits & 0x7fffffff;
  // Normal: the exponent's bias falls from 127 to 15.
  uint32_t normal = (magnitude + 0xfff + (magnitude >> 13 & 1) - (112u << 23)) >> 13;
  // Subnormal: beside 1/2, the last place of an f32 is that of the subnormal numbers of f16.
  uint32_t subnormal = bitsAs<uint32_t>(bitsAs<float>(magnitude) + 0.5f) - 0x3f000000;
  uint32_t result = magnitude < 0x38800000 ? subnormal : normal;
  result = magnitude >= 0x477ff000 ? 0x7c00 : result;
  result |= sign;
  return magnitude > 0x7f800000 ? 0x7fff : result;
}
inline float widenF16(uint32_t bits) {
  uint32_t magnitude = bits & 0x7fff;
  // Multiplying changes the bias and is exact, for subnormal numbers, too.
  float number = bitsAs<float>(magnitude << 13) * bitsAs<float>((127u + 112) << 23);
  uint32_t result = bitsAs<uint32_t>(number) | (bits & 0x8000) << 16;
  result |= magnitude >= 0x7c00 ? 0x7f800000 : 0;
  return bitsAs<float>(magnitude > 0x7c00 ? canonicalNan : result);
}

/// An f32 that rounds to 16 bits as the double does: rounded to odd.
inline float toOddF32(double value) {
  float nearest = float(value);
  double back = nearest;
  uint32_t bits = bitsAs<uint32_t>(nearest);
  uint32_t inexact = (back > value) | (back < value);
  uint32_t outwards = inexact & ((back > value) == (value > 0));
  return bitsAs<float>((bits - outwards) | inexact);
}

} // namespace
} // namespace attune::sim
