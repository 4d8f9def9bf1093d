// SPDX-License-Identifier: Apache-2.0
#include "compiler/reference/Number.h"

#include <bit>
#include <cmath>
#include <limits>

namespace attune::reference {
namespace {

/// A binary floating-point type narrower than double.
struct Format {
  int precision;   // bits of the significand, the hidden one included
  int minExponent; // of the smallest normal number
  int maxExponent; // of the largest finite number
};

Format formatOf(ElementType type) {
  switch (type) {
  case ElementType::BF16: return {8, -126, 127};
  case ElementType::F16: return {11, -14, 15};
  case ElementType::F32: return {24, -126, 127};
  default: return {53, -1022, 1023};
  }
}

/// The distance between neighbours of the format around `value`, which is finite.
double spacing(Format format, double value) {
  int exponent = value == 0 ? format.minExponent : std::ilogb(value);
  return std::ldexp(1.0, std::max(exponent, format.minExponent) - format.precision + 1);
}

double roundSlowly(Format format, double value) {
  if (!std::isfinite(value) || value == 0)
    return value;
  double step = spacing(format, value);
  double rounded = std::nearbyint(value / step) * step;
  if (std::abs(rounded) >= std::ldexp(1.0, format.maxExponent + 1))
    return std::copysign(std::numeric_limits<double>::infinity(), value);
  return std::copysign(rounded, value);
}

/// bf16 by integer arithmetic where neither the value nor its rounding is special.
double roundToBf16(double value) {
  constexpr int dropped = 52 - 7;
  uint64_t bits = std::bit_cast<uint64_t>(value);
  int exponent = int(bits >> 52 & 0x7ff) - 1023;
  if (exponent < -126 || exponent >= 127)
    return roundSlowly(formatOf(ElementType::BF16), value);
  uint64_t halfLessOne = (uint64_t(1) << (dropped - 1)) - 1;
  bits += halfLessOne + (bits >> dropped & 1);
  return std::bit_cast<double>(bits >> dropped << dropped);
}

} // namespace

bool isFloat(ElementType type) {
  return type == ElementType::F64 || type == ElementType::F32 || type == ElementType::F16 ||
         type == ElementType::BF16;
}

double roundTo(ElementType type, double value) {
  roundTo(type, std::span<double>(&value, 1));
  return value;
}

void roundTo(ElementType type, std::span<double> values) {
  switch (type) {
  case ElementType::F32:
    for (double &value : values)
      value = double(float(value));
    return;
  case ElementType::BF16:
    for (double &value : values)
      value = roundToBf16(value);
    return;
  case ElementType::F16:
    for (double &value : values)
      value = roundSlowly(formatOf(type), value);
    return;
  default: return;
  }
}

double roundingError(ElementType type, double value) {
  if (!isFloat(type) || !std::isfinite(value))
    return 0;
  return spacing(formatOf(type), value) / 2;
}

double decodeHalf(ElementType type, uint16_t bits) {
  if (type == ElementType::BF16)
    return double(std::bit_cast<float>(uint32_t(bits) << 16));
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double magnitude;
  if (exponent == 31)
    magnitude = fraction ? std::numeric_limits<double>::quiet_NaN()
                         : std::numeric_limits<double>::infinity();
  else if (exponent == 0)
    magnitude = std::ldexp(fraction, -24);
  else
    magnitude = std::ldexp(1024 + fraction, exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

uint16_t encodeHalf(ElementType type, double value) {
  if (type == ElementType::BF16) {
    if (std::isnan(value))
      return 0x7fc0;
    return uint16_t(std::bit_cast<uint32_t>(float(value)) >> 16);
  }
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  double magnitude = std::abs(value);
  if (std::isnan(value))
    return 0x7e00;
  if (std::isinf(value))
    return sign | 0x7c00;
  if (magnitude < std::ldexp(1.0, -14))
    return sign | uint16_t(std::ldexp(magnitude, 24));
  int exponent = std::ilogb(magnitude);
  int fraction = int(std::ldexp(magnitude, 10 - exponent)) - 1024;
  return uint16_t(sign | (exponent + 15) << 10 | fraction);
}

int64_t wrap(unsigned bits, int64_t value) {
  if (bits >= 64)
    return value;
  if (bits == 1)
    return value & 1;
  return int64_t(uint64_t(value) << (64 - bits)) >> (64 - bits);
}

} // namespace attune::reference
