// SPDX-License-Identifier: Apache-2.0
// Values come from double, rounded; perturbing them hashes where they come from.
#include "runtime/sim/numerics/Approximate.h"

#include "runtime/sim/numerics/ScalarFloat.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace attune::sim {

// The corner cases of the PTX ISA are those of C: lg2 of zero is -infinite, of negative numbers
// none; rsqrt of zeros is infinite of their sign; sine and cosine of infinities are none.
float approximateLg2(float x) { return canonical(float(std::log2(double(x)))); }
float approximateRsqrt(float x) { return canonical(float(1.0 / std::sqrt(double(x)))); }
float approximateSqrt(float x) { return canonical(std::sqrt(x)); }
float approximateSin(float x) { return canonical(float(std::sin(double(x)))); }
float approximateCos(float x) { return canonical(float(std::cos(double(x)))); }
float approximateTanh(float x) { return canonical(float(std::tanh(double(x)))); }

float approximateTanhF32(float x) {
  float nearest = approximateTanh(x);
  uint32_t bits = std::bit_cast<uint32_t>(nearest);
  // Ten bits of fraction are kept; subnormal numbers and what is none are as they are.
  bool isNormal = std::isnormal(nearest);
  return isNormal ? std::bit_cast<float>((bits + 0x1000) & ~uint32_t(0x1fff)) : nearest;
}

uint32_t perturb(uint32_t result, uint64_t source, const FloatFormat &format, uint64_t seed,
                 uint32_t line) {
  uint32_t smallest = uint32_t(1) << format.fractionBits, largest = uint32_t(format.largest());
  uint32_t magnitude = result & uint32_t(format.nan());
  uint64_t from = source & format.nan();
  if (magnitude < smallest || magnitude > largest || from < smallest || from > largest)
    return result;
  // The finaliser of SplitMix64.
  uint64_t hash = seed * 0x9e3779b97f4a7c15 ^ source * 0xd1b54a32d192ed03 ^ line;
  hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9;
  hash = (hash ^ hash >> 27) * 0x94d049bb133111eb;
  int move = int((hash ^ hash >> 31) % 5) - 2;
  uint32_t moved = std::clamp(magnitude + uint32_t(move), smallest, largest);
  return (result & uint32_t(format.sign())) | moved;
}

} // namespace attune::sim
