// SPDX-License-Identifier: Apache-2.0
// Which kernel adds up a tile, and what is done where kernels do not reach: infinities and NaN,
// sums in double, integers.
#include "runtime/sim/numerics/TensorArithmetic.h"

#include "runtime/sim/numerics/LaneKernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace attune::sim {

static constexpr unsigned laneTotal = 32;
static constexpr uint32_t canonicalNan = 0x7fffffff, infinityBits = 0x7f800000;

unsigned elementsPerRegister(TensorElement element) {
  switch (element) {
  case TensorElement::TF32: return 1;
  case TensorElement::F16:
  case TensorElement::BF16: return 2;
  default: return 4;
  }
}

static bool isFloat8(TensorElement element) {
  return element == TensorElement::E4M3 || element == TensorElement::E5M2;
}

TensorRule tensorRule(Numerics numerics, unsigned target, bool warpgroup, TensorElement a,
                      TensorElement b, TensorResult result, unsigned terms) {
  TensorRule rule;
  rule.numerics = numerics;
  rule.a = a;
  rule.b = b;
  rule.result = result;
  rule.terms = rule.termsAtOnce = terms;
  const bool hopper = warpgroup || target >= 90;
  rule.fractionBits = isFloat8(a) ? 13 : hopper ? 25 : 24;
  if (isFloat8(a) && result == TensorResult::F32)
    rule.resultMask = ~0x3ffu;
  // Before Hopper an instruction whose rows of A fill 32 bytes is carried out in two halves.
  if (!hopper && terms == 8 * elementsPerRegister(a))
    rule.termsAtOnce = terms / 2;
  return rule;
}

void loadTensorA(const TensorRule &rule, const uint32_t *const registers[4], TensorA &a) {
  laneKernels().tensor.loadA[size_t(rule.a)](rule, registers, a);
}

void loadTensorB(const TensorRule &rule, const uint32_t *const registers[2], TensorB &b) {
  laneKernels().tensor.loadB[size_t(rule.b)](rule, registers, b);
}

/// Row and column of lane l of register i of an accumulator.
static unsigned rowOf(unsigned i, unsigned lane) { return lane / 4 + 8 * (i / 2); }
static unsigned columnOf(unsigned i, unsigned lane) { return 2 * (lane % 4) + i % 2; }

/// The nearest half, ties to even, as an f32. The sum is exact in double or rounded to it.
static uint32_t nearestHalf(double value) {
  if (std::isnan(value))
    return canonicalNan;
  double magnitude = std::fabs(value);
  if (!std::isinf(value) && value != 0) {
    int exponent = std::max(std::ilogb(magnitude), -14);
    magnitude = std::ldexp(std::nearbyint(std::ldexp(magnitude, 10 - exponent)), exponent - 10);
  }
  if (magnitude > 65504)
    magnitude = INFINITY;
  return std::bit_cast<uint32_t>(float(std::copysign(magnitude, value)));
}

static uint32_t roundOnce(const TensorRule &rule, double value) {
  if (std::isnan(value))
    return canonicalNan;
  if (rule.result == TensorResult::F16)
    return nearestHalf(value);
  return std::bit_cast<uint32_t>(float(value));
}

/// c plus the products of terms [first, end) in double.
static double sumInDouble(const float (*a)[2][32], const float (*b)[2][16], unsigned first,
                          unsigned end, unsigned i, unsigned lane, uint32_t c) {
  double sum = std::bit_cast<float>(c);
  for (unsigned k = first; k < end; ++k)
    sum += double(a[k][i / 2][lane]) * double(b[k][i % 2][lane % 4]);
  return sum;
}

/// An output with an infinity or NaN among its terms [first, end) is NaN or that infinity.
static void putSpecials(const TensorA &a, const TensorB &b, unsigned first, unsigned end,
                        const uint32_t c[4][laneTotal], uint32_t *const d[4]) {
  const auto &left = a.special ? a.specialValue : a.value;
  const auto &right = b.special ? b.specialValue : b.value;
  for (unsigned i = 0; i < 4; ++i)
    for (unsigned lane = 0; lane < laneTotal; ++lane)
      if ((a.special >> rowOf(i, lane) & 1) != 0 || (b.special >> columnOf(i, lane) & 1) != 0 ||
          (c[i][lane] & infinityBits) == infinityBits) {
        double sum = sumInDouble(left, right, first, end, i, lane, c[i][lane]);
        if (std::isnan(sum) || std::isinf(sum))
          d[i][lane] = std::isnan(sum) ? canonicalNan : std::bit_cast<uint32_t>(float(sum));
      }
}

/// Whether kernels may multiply in f32: no product overflows, and each that is not 0 lies so high
/// that the scales of sums are numbers, too.
static bool withinFloat(const TensorA &a, const TensorB &b) {
  return a.largest + b.largest <= 120 && a.smallest + b.smallest >= -98;
}

static void multiplyExactly(const TensorRule &rule, const TensorA &a, const TensorB &b,
                            const uint32_t *const c[4], uint32_t *const d[4]) {
  const TensorKernels &kernels = laneKernels().tensor;
  MultiplyKernel kernel = withinFloat(a, b) ? kernels.exact : kernels.exactWide;
  const unsigned count = rule.termsAtOnce;
  for (unsigned first = 0; first < rule.terms; first += count) {
    const uint32_t *const *from = first ? d : c;
    if (!a.special && !b.special && !kernels.anySpecial(from)) {
      kernel(rule, a, b, first, count, from, d);
      continue;
    }
    uint32_t start[4][laneTotal];
    for (unsigned i = 0; i < 4; ++i)
      std::memcpy(start[i], from[i], sizeof(start[i]));
    kernel(rule, a, b, first, count, from, d);
    putSpecials(a, b, first, first + count, start, d);
  }
}

void multiplyTensors(const TensorRule &rule, const TensorA &a, const TensorB &b,
                     const uint32_t *const c[4], uint32_t *const d[4]) {
  alignas(64) static constexpr uint32_t zeros[laneTotal] = {};
  static constexpr const uint32_t *noRows[4] = {zeros, zeros, zeros, zeros};
  const uint32_t *const *start = c ? c : noRows;
  switch (rule.numerics) {
  case Numerics::Exact: return multiplyExactly(rule, a, b, start, d);
  case Numerics::Fast: return laneKernels().tensor.fast(rule, a, b, 0, rule.terms, start, d);
  case Numerics::F64:
    for (unsigned i = 0; i < 4; ++i)
      for (unsigned lane = 0; lane < laneTotal; ++lane)
        d[i][lane] =
            roundOnce(rule, sumInDouble(a.value, b.value, 0, rule.terms, i, lane, start[i][lane]));
  }
}

void multiplyFragments(const TensorRule &rule, const uint32_t *const a[4],
                       const uint32_t *const b[2], const uint32_t *const c[4],
                       uint32_t *const d[4]) {
  const TensorKernels &kernels = laneKernels().tensor;
  TensorB right;
  kernels.loadB[size_t(rule.b)](rule, b, right);
  if (auto packed = kernels.fastPacked[size_t(rule.a)])
    return packed(rule, a, right, c, d);
  TensorA left;
  kernels.loadA[size_t(rule.a)](rule, a, left);
  // Reads the lanes of all rows of c before it writes them.
  kernels.fast(rule, left, right, 0, rule.terms, c, d);
}

/// Element of eight bits: term k of row or column `line` of a fragment with `stride` registers a
/// half of the terms.
static int integerElement(TensorElement type, const uint32_t *const registers[], unsigned stride,
                          unsigned line, unsigned k) {
  const uint32_t *row = registers[k / 16 * stride + line / 8];
  uint32_t byte = row[line % 8 * 4 + k % 16 / 4] >> (8 * (k % 4)) & 0xff;
  return type == TensorElement::S8 ? int(int8_t(byte)) : int(byte);
}

void multiplyIntegerTensors(const TensorRule &rule, const uint32_t *const a[4],
                            const uint32_t *const b[2], const uint32_t *const c[4],
                            uint32_t *const d[4]) {
  int left[16][32], right[8][32];
  for (unsigned k = 0; k < rule.terms; ++k) {
    for (unsigned row = 0; row < 16; ++row)
      left[row][k] = integerElement(rule.a, a, 2, row, k);
    for (unsigned column = 0; column < 8; ++column)
      right[column][k] = integerElement(rule.b, b, 1, column, k);
  }
  for (unsigned i = 0; i < 4; ++i)
    for (unsigned lane = 0; lane < laneTotal; ++lane) {
      const int *x = left[rowOf(i, lane)], *y = right[columnOf(i, lane)];
      int products = 0;
      for (unsigned k = 0; k < rule.terms; ++k)
        products += x[k] * y[k];
      int64_t sum = int64_t(products) + (c ? int32_t(c[i][lane]) : 0);
      if (rule.saturate)
        sum = std::min<int64_t>(std::max<int64_t>(sum, INT32_MIN), INT32_MAX);
      d[i][lane] = uint32_t(sum);
    }
}

static uint32_t widenHalf(uint32_t half) {
  uint32_t sign = (half & 0x8000) << 16, magnitude = half & 0x7fff;
  if (magnitude >= 0x7c00)
    return sign | infinityBits | (magnitude & 0x3ff) << 13;
  float value = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  return sign | std::bit_cast<uint32_t>(value);
}

static uint32_t narrowHalf(uint32_t single) {
  if ((single & 0x7fffffff) > infinityBits)
    return 0x7fff;
  uint32_t sign = single >> 16 & 0x8000;
  uint32_t half = nearestHalf(std::bit_cast<float>(single)) & 0x7fffffff;
  if (half == infinityBits)
    return sign | 0x7c00;
  return sign | std::bit_cast<uint32_t>(std::bit_cast<float>(half) * 0x1p-112f) >> 13;
}

void unpackHalves(const uint32_t *const packed[2], uint32_t *const rows[4]) {
  for (unsigned h = 0; h < 2; ++h)
    for (unsigned lane = 0; lane < laneTotal; ++lane) {
      uint32_t pair = packed[h][lane];
      rows[2 * h][lane] = widenHalf(pair & 0xffff);
      rows[2 * h + 1][lane] = widenHalf(pair >> 16);
    }
}

void packHalves(const uint32_t *const rows[4], uint32_t *const packed[2]) {
  for (unsigned h = 0; h < 2; ++h)
    for (unsigned lane = 0; lane < laneTotal; ++lane)
      packed[h][lane] = narrowHalf(rows[2 * h][lane]) | narrowHalf(rows[2 * h + 1][lane]) << 16;
}

} // namespace attune::sim
