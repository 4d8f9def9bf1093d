// SPDX-License-Identifier: Apache-2.0
// What the instructions that only compute give.
#include "test/compiler/target/nvptx/PtxMachine.h"

#include <algorithm>
#include <bit>
#include <cmath>

using namespace attune::test;

float attune::test::fromHalf(uint16_t bits, bool bfloat) {
  if (bfloat)
    return std::bit_cast<float>(uint32_t(bits) << 16);
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float size = exponent == 31  ? (fraction ? NAN : INFINITY)
               : exponent == 0 ? std::ldexp(float(fraction), -24)
                               : std::ldexp(float(fraction + 1024), exponent - 25);
  return bits & 0x8000 ? -size : size;
}

uint16_t attune::test::toHalf(float value, bool bfloat) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if (bfloat) {
    if (std::isnan(value))
      return 0x7fff;
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  }
  uint16_t sign = bits >> 16 & 0x8000;
  float size = std::fabs(value);
  if (std::isnan(value))
    return 0x7fff;
  if (size >= 65520)
    return sign | 0x7c00;
  int exponent = 0;
  std::frexp(size, &exponent);
  exponent = std::max(exponent, -13);
  // In units of the last place: an integer below 2048, rounded to even.
  int scaled = int(std::nearbyint(std::ldexp(size, 11 - exponent)));
  if (scaled < 1024)
    return sign | scaled;
  return sign | (scaled + ((exponent + 13) << 10));
}

static float flush(float value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0f, value) : value;
}

static int bitsOf(const std::string &type) {
  if (type == "pred")
    return 1;
  if (type == "bf16" || type == "f16")
    return 16;
  if (type == "bf16x2" || type == "f16x2")
    return 32;
  return std::stoi(type.substr(1));
}

static int64_t asSigned(uint64_t value, int bits) {
  return int64_t(value << (64 - bits)) >> (64 - bits);
}

static uint64_t asUnsigned(uint64_t value, int bits) {
  return bits == 64 ? value : value & ((uint64_t(1) << bits) - 1);
}

template <typename T> static bool compare(const std::string &name, T a, T b) {
  if (name == "eq" || name == "equ")
    return a == b;
  if (name == "ne" || name == "neu")
    return a != b;
  if (name == "lt" || name == "ltu")
    return a < b;
  if (name == "le" || name == "leu")
    return a <= b;
  if (name == "gt" || name == "gtu")
    return a > b;
  if (name == "ge" || name == "geu")
    return a >= b;
  throw std::runtime_error("comparison " + name);
}

static bool compareFloats(const std::string &name, float a, float b) {
  bool unordered = std::isnan(a) || std::isnan(b);
  if (name == "nan")
    return unordered;
  if (name == "num")
    return !unordered;
  if (unordered)
    return name.back() == 'u'; // the forms that are true for NaN
  return compare(name, a, b);
}

static uint64_t setPredicate(const Instruction &i, const std::vector<uint64_t> &x) {
  const std::string &type = i.type(), &name = i.parts[1];
  bool result;
  if (type == "f32") {
    result = compareFloats(name, flush(std::bit_cast<float>(uint32_t(x[0]))),
                           flush(std::bit_cast<float>(uint32_t(x[1]))));
  } else if (type[0] == 's') {
    result = compare(name, asSigned(x[0], bitsOf(type)), asSigned(x[1], bitsOf(type)));
  } else {
    result = compare(name, asUnsigned(x[0], bitsOf(type)), asUnsigned(x[1], bitsOf(type)));
  }
  if (i.has("and"))
    return result && x[2];
  if (i.has("or"))
    return result || x[2];
  return result;
}

static uint64_t computeFloat(const Instruction &i, const std::vector<uint64_t> &x) {
  float v[3] = {0, 0, 0};
  for (size_t n = 0; n < x.size() && n < 3; ++n)
    v[n] = flush(std::bit_cast<float>(uint32_t(x[n])));
  const std::string &op = i.parts[0];
  bool nan = std::isnan(v[0]) || std::isnan(v[1]);
  float r;
  if (op == "add")
    r = v[0] + v[1];
  else if (op == "sub")
    r = v[0] - v[1];
  else if (op == "mul")
    r = v[0] * v[1];
  else if (op == "fma")
    r = std::fma(v[0], v[1], v[2]);
  else if (op == "div")
    r = v[0] / v[1];
  else if (op == "max")
    r = i.has("NaN") && nan ? NAN : std::fmax(v[0], v[1]);
  else if (op == "min")
    r = i.has("NaN") && nan ? NAN : std::fmin(v[0], v[1]);
  else if (op == "neg")
    r = -v[0];
  else if (op == "abs")
    r = std::fabs(v[0]);
  else if (op == "copysign")
    r = std::copysign(v[1], v[0]);
  else if (op == "ex2")
    r = std::exp2(v[0]);
  else if (op == "lg2")
    r = std::log2(v[0]);
  else if (op == "rcp")
    r = 1 / v[0];
  else if (op == "sqrt")
    r = std::sqrt(v[0]);
  else if (op == "rsqrt")
    r = 1 / std::sqrt(v[0]);
  else
    throw std::runtime_error("unknown instruction: " + i.text);
  return std::bit_cast<uint32_t>(flush(r));
}

static uint64_t convert(const Instruction &i, const std::vector<uint64_t> &x) {
  const std::string &to = i.type(1), &from = i.type();
  auto single = [&](int n) { return std::bit_cast<float>(uint32_t(x[n])); };
  if (to == "bf16x2" || to == "f16x2") // the first operand is the high half
    return toHalf(single(1), to[0] == 'b') | uint64_t(toHalf(single(0), to[0] == 'b')) << 16;
  if (from == "f32") {
    if (to == "bf16" || to == "f16")
      return toHalf(single(0), to == "bf16");
    float r = i.has("rmi")   ? std::floor(single(0))
              : i.has("rpi") ? std::ceil(single(0))
              : i.has("rni") ? std::nearbyint(single(0))
              : i.has("rzi") ? std::trunc(single(0))
                             : single(0);
    if (to == "f32")
      return std::bit_cast<uint32_t>(r);
    return to[0] == 's' ? uint64_t(int64_t(r)) : uint64_t(r);
  }
  if (from == "bf16" || from == "f16")
    return std::bit_cast<uint32_t>(fromHalf(x[0], from == "bf16"));
  int64_t integer = from[0] == 's' ? asSigned(x[0], bitsOf(from)) : asUnsigned(x[0], bitsOf(from));
  return to == "f32" ? std::bit_cast<uint32_t>(float(integer)) : uint64_t(integer);
}

static uint64_t computeInteger(const Instruction &i, const std::vector<uint64_t> &x) {
  const std::string &op = i.parts[0], &type = i.type();
  int bits = bitsOf(type);
  bool isSigned = type[0] == 's';
  auto s = [&](int n) { return asSigned(x[n], bits); };
  auto u = [&](int n) { return asUnsigned(x[n], bits); };
  uint64_t amount = x.size() > 1 ? std::min<uint64_t>(uint32_t(x[1]), 64) : 0;
  if (op == "add")
    return x[0] + x[1];
  if (op == "sub")
    return x[0] - x[1];
  if (op == "mul" || op == "mad") {
    uint64_t product = isSigned ? uint64_t(s(0) * s(1)) : u(0) * u(1);
    if (i.has("hi"))
      product = isSigned ? uint64_t(__int128(s(0)) * s(1) >> bits)
                         : uint64_t((unsigned __int128)(u(0)) * u(1) >> bits);
    return op == "mad" ? product + x[2] : product;
  }
  if (op == "div")
    return isSigned ? uint64_t(s(0) / s(1)) : u(0) / u(1);
  if (op == "rem")
    return isSigned ? uint64_t(s(0) % s(1)) : u(0) % u(1);
  if (op == "min")
    return isSigned ? uint64_t(std::min(s(0), s(1))) : std::min(u(0), u(1));
  if (op == "max")
    return isSigned ? uint64_t(std::max(s(0), s(1))) : std::max(u(0), u(1));
  if (op == "neg")
    return -x[0];
  if (op == "abs")
    return std::abs(s(0));
  if (op == "and")
    return x[0] & x[1];
  if (op == "or")
    return x[0] | x[1];
  if (op == "xor")
    return x[0] ^ x[1];
  if (op == "not")
    return ~x[0];
  if (op == "shl")
    return amount >= 64 ? 0 : x[0] << amount;
  if (op == "shr")
    return isSigned       ? uint64_t(s(0) >> std::min<uint64_t>(amount, 63))
           : amount >= 64 ? 0
                          : u(0) >> amount;
  if (op == "bfe")
    return u(0) >> x[1] & ((uint64_t(1) << x[2]) - 1);
  throw std::runtime_error("unknown instruction: " + i.text);
}

uint64_t attune::test::compute(const Instruction &i, const std::vector<uint64_t> &x) {
  const std::string &op = i.parts[0];
  if (op == "mov" || op == "cvta")
    return x[0];
  if (op == "setp")
    return setPredicate(i, x);
  if (op == "selp")
    return x[2] ? x[0] : x[1];
  if (op == "cvt")
    return convert(i, x);
  if (op == "not" && i.type() == "pred")
    return !x[0];
  return i.type() == "f32" ? computeFloat(i, x) : computeInteger(i, x);
}
