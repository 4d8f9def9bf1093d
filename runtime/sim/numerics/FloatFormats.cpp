// SPDX-License-Identifier: Apache-2.0
// Rounding on integers: the significand is cut at the last place of the format, and what was cut
// off decides.
#include "runtime/sim/numerics/FloatFormats.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace attune::sim {
namespace {

/// Whether the kept part goes up by one; `cut` is what was cut off, `half` half of the last place.
bool roundsUp(bool odd, bool negative, uint64_t cut, uint64_t half, Rounding rounding) {
  switch (rounding) {
  case Rounding::NearestEven: return cut > half || (cut == half && odd);
  case Rounding::NearestAway: return cut >= half;
  case Rounding::TowardZero: return false;
  case Rounding::Down: return negative && cut != 0;
  case Rounding::Up: return !negative && cut != 0;
  }
  return false;
}

/// What a number beyond the largest becomes, without its sign.
uint64_t overflow(bool negative, const FloatFormat &format, Rounding rounding, bool saturate) {
  bool inwards = rounding == Rounding::TowardZero || (rounding == Rounding::Down && !negative) ||
                 (rounding == Rounding::Up && negative);
  return inwards || saturate || !format.hasInfinity ? format.largest() : format.infinity();
}

} // namespace

uint64_t roundScaled(bool negative, uint64_t significand, int exponent, const FloatFormat &format,
                     Rounding rounding, bool saturate) {
  uint64_t sign = negative ? format.sign() : 0;
  if (significand == 0)
    return sign;
  // 62 bits, so that half of the last place can always be told from what is cut off.
  int zeros = std::countl_zero(significand);
  if (zeros < 2) {
    // The lowest bits only say that something is there.
    uint64_t sticky = (significand & ((1u << (2 - zeros)) - 1)) != 0;
    significand = (significand >> (2 - zeros)) | sticky;
  } else {
    significand <<= zeros - 2;
  }
  exponent += 2 - zeros;
  int fraction = int(format.fractionBits);
  // The exponent of the leading bit, and that of the last place.
  int leading = exponent + 61, least = 1 - format.bias();
  int place = std::max(leading, least) - fraction;
  int cutBits = place - exponent;
  uint64_t kept = 0, cut = 1, half = 2;
  if (cutBits <= 62) {
    kept = significand >> cutBits;
    cut = significand & ((uint64_t(1) << cutBits) - 1);
    half = uint64_t(1) << (cutBits - 1);
  }
  kept += roundsUp(kept & 1, negative, cut, half, rounding);
  // The leading bit of a normal number, and a carry out of the fraction, add to the exponent.
  int biased = place + fraction + format.bias() - 1;
  if (biased > (1 << format.exponentBits))
    return sign | overflow(negative, format, rounding, saturate);
  uint64_t bits = (uint64_t(biased) << format.fractionBits) + kept;
  if (bits > format.largest())
    bits = overflow(negative, format, rounding, saturate);
  return sign | bits;
}

uint64_t roundTo(double value, const FloatFormat &format, Rounding rounding, bool saturate) {
  if (std::isnan(value))
    return format.nan();
  uint64_t bits = std::bit_cast<uint64_t>(value);
  bool negative = bits >> 63;
  if (std::isinf(value))
    return (negative ? format.sign() : 0) |
           (saturate || !format.hasInfinity ? format.largest() : format.infinity());
  int biased = int(bits >> 52 & 0x7ff);
  uint64_t fraction = bits & ((uint64_t(1) << 52) - 1);
  uint64_t significand = biased ? fraction | uint64_t(1) << 52 : fraction;
  return roundScaled(negative, significand, std::max(biased, 1) - 1075, format, rounding, saturate);
}

double widen(uint64_t bits, const FloatFormat &format) {
  bool negative = bits & format.sign();
  uint64_t magnitude = bits & format.nan();
  double value;
  if (magnitude > (format.hasInfinity ? format.infinity() : format.largest()))
    return std::bit_cast<double>(uint64_t(0x7ff8) << 48);
  if (format.hasInfinity && magnitude == format.infinity()) {
    value = HUGE_VAL;
  } else {
    int biased = int(magnitude >> format.fractionBits);
    uint64_t fraction = magnitude & ((uint64_t(1) << format.fractionBits) - 1);
    uint64_t significand = biased ? fraction | uint64_t(1) << format.fractionBits : fraction;
    value = std::ldexp(double(significand),
                       std::max(biased, 1) - format.bias() - int(format.fractionBits));
  }
  return negative ? -value : value;
}

} // namespace attune::sim
