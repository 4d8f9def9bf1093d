// SPDX-License-Identifier: Apache-2.0
// Elements are read, combined and written back by compare and exchange: blocks run in parallel.
#include "runtime/sim/ops/Reduction.h"

#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>

namespace attune::sim {

using Kind = ScalarType::Kind;
using Operation = Reduction::Operation;

Operation expectReduction(Decoder &decoder) {
  return Operation(
      decoder.expectOneOf({"and", "or", "xor", "add", "inc", "dec", "min", "max"}, "a reduction"));
}

bool isValid(const Reduction &reduction) {
  const ScalarType &type = reduction.type;
  if (type.elements != 1)
    return false;
  bool wide = type.bits == 32 || type.bits == 64;
  switch (reduction.operation) {
  case Operation::And:
  case Operation::Or:
  case Operation::Xor: return type.kind == Kind::Bits && wide;
  case Operation::Inc:
  case Operation::Dec: return type.kind == Kind::Unsigned && type.bits == 32;
  case Operation::Add:
    return (type.kind == Kind::Unsigned && wide) ||
           (type.kind == Kind::Signed && type.bits == 32) || type.kind == Kind::Float ||
           (type.kind == Kind::BFloat && type.bits == 16);
  case Operation::Min:
  case Operation::Max:
    return ((type.kind == Kind::Unsigned || type.kind == Kind::Signed) && wide) ||
           ((type.kind == Kind::Float || type.kind == Kind::BFloat) && type.bits == 16);
  }
  return false;
}

//===-- Half precision ---===//

static float floatOfHalf(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 1023;
  if (exponent == 31)
    return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
  float magnitude = exponent == 0 ? std::ldexp(float(fraction), -24)
                                  : std::bit_cast<float>((exponent + 112) << 23 | fraction << 13);
  return sign ? -magnitude : magnitude;
}

/// To the nearest, ties to even.
static uint16_t halfOfFloat(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint16_t sign = uint16_t(bits >> 16 & 0x8000);
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return 0x7fff;
  if (magnitude >= 0x477ff000)
    return sign | 0x7c00;
  if (magnitude < 0x38800000)
    return sign | uint16_t(std::nearbyint(std::ldexp(std::bit_cast<float>(magnitude), 24)));
  uint32_t rebased = magnitude - (112u << 23);
  return sign | uint16_t((rebased + 0xfff + (rebased >> 13 & 1)) >> 13);
}

static uint16_t bfloatOfFloat(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return 0x7fff;
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float floatOf(const ScalarType &type, uint64_t bits) {
  if (type.kind == Kind::BFloat)
    return std::bit_cast<float>(uint32_t(bits) << 16);
  return floatOfHalf(uint16_t(bits));
}

//===-- One element ---===//

/// PTX ISA: add.f32 here flushes subnormal inputs and results to zeros of their sign.
static float flush(float value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0f, value) : value;
}

static uint64_t combineFloats(const Reduction &reduction, uint64_t a, uint64_t b, bool flushes) {
  const ScalarType &type = reduction.type;
  if (type.bits == 64)
    return std::bit_cast<uint64_t>(std::bit_cast<double>(a) + std::bit_cast<double>(b));
  if (type.bits == 32) {
    float left = std::bit_cast<float>(uint32_t(a)), right = std::bit_cast<float>(uint32_t(b));
    float sum = flushes ? flush(flush(left) + flush(right)) : left + right;
    return std::bit_cast<uint32_t>(sum);
  }
  float left = floatOf(type, a), right = floatOf(type, b), result = left;
  switch (reduction.operation) {
  case Operation::Add: result = left + right; break;
  case Operation::Min:
    if (std::isnan(left) || right < left || (right == left && std::signbit(right)))
      result = right;
    break;
  default:
    if (std::isnan(left) || right > left || (right == left && !std::signbit(right)))
      result = right;
    break;
  }
  return type.kind == Kind::BFloat ? bfloatOfFloat(result) : halfOfFloat(result);
}

static uint64_t combineIntegers(const Reduction &reduction, uint64_t a, uint64_t b) {
  bool isSigned = reduction.type.kind == Kind::Signed;
  bool less = reduction.type.bits == 64
                  ? (isSigned ? int64_t(a) < int64_t(b) : a < b)
                  : (isSigned ? int32_t(a) < int32_t(b) : uint32_t(a) < uint32_t(b));
  switch (reduction.operation) {
  case Operation::And: return a & b;
  case Operation::Or: return a | b;
  case Operation::Xor: return a ^ b;
  case Operation::Add: return a + b;
  case Operation::Inc: return uint32_t(a) >= uint32_t(b) ? 0 : a + 1;
  case Operation::Dec: return uint32_t(a) == 0 || uint32_t(a) > uint32_t(b) ? b : a - 1;
  case Operation::Min: return less ? a : b;
  case Operation::Max: break;
  }
  return less ? b : a;
}

uint64_t combine(const Reduction &reduction, uint64_t old, uint64_t operand, bool flushes) {
  if (reduction.type.elements == 2) {
    Reduction half = reduction;
    half.type.elements = 1;
    uint64_t low = combine(half, old & 0xffff, operand & 0xffff, flushes);
    return combine(half, old >> 16 & 0xffff, operand >> 16 & 0xffff, flushes) << 16 | low;
  }
  bool floats = reduction.type.kind == Kind::Float || reduction.type.kind == Kind::BFloat;
  return floats ? combineFloats(reduction, old, operand, flushes)
                : combineIntegers(reduction, old, operand);
}

template <typename Word>
static void reduceWords(const Reduction &reduction, uint8_t *to, const uint8_t *from,
                        uint32_t bytes) {
  for (uint32_t i = 0; i + sizeof(Word) <= bytes; i += sizeof(Word)) {
    Word operand;
    std::memcpy(&operand, from + i, sizeof operand);
    std::atomic_ref<Word> word(*reinterpret_cast<Word *>(to + i));
    Word old = word.load(std::memory_order_relaxed), wanted;
    do
      wanted = Word(combine(reduction, old, operand, true));
    while (!word.compare_exchange_weak(old, wanted, std::memory_order_relaxed));
  }
}

void reduce(const Reduction &reduction, uint8_t *to, const uint8_t *from, uint32_t bytes) {
  switch (reduction.elementBytes()) {
  case 2: return reduceWords<uint16_t>(reduction, to, from, bytes);
  case 4: return reduceWords<uint32_t>(reduction, to, from, bytes);
  default: return reduceWords<uint64_t>(reduction, to, from, bytes);
  }
}

} // namespace attune::sim
