// SPDX-License-Identifier: Apache-2.0
// How is a number rounded to a floating-point format, and read back? Exact for every format and
// rounding that PTX knows, not fast: ScalarFloat.h has what is hot.
#pragma once

#include <cstdint>

namespace attune::sim {

enum class Rounding : uint8_t {
  NearestEven,
  /// .rna
  NearestAway,
  TowardZero,
  Down,
  Up,
};

/// Sign, exponent, fraction, from the top of `bits()` bits.
struct FloatFormat {
  unsigned exponentBits, fractionBits;
  /// False for e4m3, whose largest exponent holds numbers, too: all bits but the sign are not a
  /// number.
  bool hasInfinity = true;

  constexpr unsigned bits() const { return 1 + exponentBits + fractionBits; }
  constexpr int bias() const { return (1 << (exponentBits - 1)) - 1; }
  /// The sign's bit.
  constexpr uint64_t sign() const { return uint64_t(1) << (exponentBits + fractionBits); }
  /// All bits but the sign: what PTX gives for what is not a number.
  constexpr uint64_t nan() const { return sign() - 1; }
  constexpr uint64_t infinity() const {
    return ((uint64_t(1) << exponentBits) - 1) << fractionBits;
  }
  /// The largest number.
  constexpr uint64_t largest() const { return (hasInfinity ? infinity() : nan()) - 1; }
};

inline constexpr FloatFormat formatF64{11, 52}, formatF32{8, 23}, formatF16{5, 10},
    formatBf16{8, 7}, formatE4M3{4, 3, false}, formatE5M2{5, 2};
/// Its bits are the upper 19 of an f32.
inline constexpr FloatFormat formatTf32{8, 10};

/// significand * 2^exponent (negated), rounded once. What is too large becomes infinite, or the
/// largest number where the rounding says so, the format has no infinity, or `saturate`.
uint64_t roundScaled(bool negative, uint64_t significand, int exponent, const FloatFormat &format,
                     Rounding rounding, bool saturate);

/// A double, rounded once. Infinite stays so unless `saturate` (or no infinity).
uint64_t roundTo(double value, const FloatFormat &format, Rounding rounding = Rounding::NearestEven,
                 bool saturate = false);

/// What the bits say; exact for all formats.
double widen(uint64_t bits, const FloatFormat &format);

} // namespace attune::sim
