// SPDX-License-Identifier: Apache-2.0
// Are products of tensor cores added up bit for bit as documented, and do their operands lie where
// the PTX ISA says? Against a scalar model in 128-bit integers.
#include "runtime/sim/numerics/LaneKernels.h"
#include "runtime/sim/numerics/TensorArithmetic.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <random>
#include <vector>

using namespace attune::sim;

namespace {

//===-- Fragments, as the figures of "Matrix Fragments for mma" number them ---===//

struct Place {
  unsigned row, column;
};

/// Element i of A that lane `lane` holds, for a shape of `k` elements of `bits` bits.
Place placeOfA(unsigned bits, unsigned k, unsigned lane, unsigned i) {
  unsigned group = lane >> 2, thread = lane & 3;
  if (bits == 16 && k == 16)
    return {i < 2 || (i >= 4 && i < 6) ? group : group + 8,
            i < 4 ? thread * 2 + (i & 1) : thread * 2 + (i & 1) + 8};
  if (bits == 16 && k == 8)
    return {i < 2 ? group : group + 8, thread * 2 + (i & 1)};
  if (bits == 32 && k == 8)
    return {i == 0 || i == 2 ? group : group + 8, i < 2 ? thread : thread + 4};
  if (bits == 32 && k == 4)
    return {i == 0 ? group : group + 8, thread};
  if (bits == 8 && k == 32)
    return {i < 4 || (i >= 8 && i < 12) ? group : group + 8,
            i < 8 ? thread * 4 + (i & 3) : thread * 4 + (i & 3) + 16};
  return {i < 4 ? group : group + 8, thread * 4 + (i & 3)}; // 8 bits, k16
}

Place placeOfB(unsigned bits, unsigned k, unsigned lane, unsigned i) {
  unsigned group = lane >> 2, thread = lane & 3;
  if (bits == 16 && k == 16)
    return {i < 2 ? thread * 2 + (i & 1) : thread * 2 + (i & 1) + 8, group};
  if (bits == 16)
    return {thread * 2 + i, group};
  if (bits == 32)
    return {i == 0 ? thread : thread + 4, group};
  if (k == 32)
    return {i < 4 ? thread * 4 + (i & 3) : thread * 4 + (i & 3) + 16, group};
  return {thread * 4 + i, group};
}

Place placeOfC(unsigned lane, unsigned i) {
  return {i < 2 ? lane >> 2 : (lane >> 2) + 8, (lane & 3) * 2 + (i & 1)};
}

struct Operands {
  unsigned bits, k;
  uint32_t a[16][32] = {}, b[32][8] = {}, c[16][8] = {};
};

struct Registers {
  alignas(64) uint32_t a[4][32] = {}, b[2][32] = {}, c[4][32] = {}, d[4][32] = {};
  const uint32_t *aRows[4] = {a[0], a[1], a[2], a[3]}, *bRows[2] = {b[0], b[1]},
                 *cRows[4] = {c[0], c[1], c[2], c[3]};
  uint32_t *dRows[4] = {d[0], d[1], d[2], d[3]};

  explicit Registers(const Operands &from) {
    unsigned perRegister = 32 / from.bits;
    for (unsigned lane = 0; lane < 32; ++lane) {
      for (unsigned i = 0; i < 16 * from.k / 32; ++i) {
        Place at = placeOfA(from.bits, from.k, lane, i);
        a[i / perRegister][lane] |= from.a[at.row][at.column] << i % perRegister * from.bits;
      }
      for (unsigned i = 0; i < 8 * from.k / 32; ++i) {
        Place at = placeOfB(from.bits, from.k, lane, i);
        b[i / perRegister][lane] |= from.b[at.row][at.column] << i % perRegister * from.bits;
      }
      for (unsigned i = 0; i < 4; ++i) {
        Place at = placeOfC(lane, i);
        c[i][lane] = from.c[at.row][at.column];
      }
    }
  }
};

unsigned bitsOf(TensorElement type) {
  switch (type) {
  case TensorElement::TF32: return 32;
  case TensorElement::F16:
  case TensorElement::BF16: return 16;
  default: return 8;
  }
}

//===-- The model ---===//

/// significand * 2^(exponent - fraction), with the exponent that the type gives it.
struct Number {
  bool negative = false, infinite = false, nan = false;
  __int128 significand = 0;
  int exponent = 0, fraction = 0;
};

Number read(unsigned exponentBits, unsigned fractionBits, uint32_t bits) {
  Number number;
  int bias = (1 << (exponentBits - 1)) - 1;
  uint32_t field = bits >> fractionBits & ((1u << exponentBits) - 1);
  uint32_t fraction = bits & ((1u << fractionBits) - 1);
  number.negative = (bits >> (exponentBits + fractionBits) & 1) != 0;
  number.fraction = int(fractionBits);
  number.exponent = field ? int(field) - bias : 1 - bias;
  number.significand = field ? fraction + (1u << fractionBits) : fraction;
  if (field == (1u << exponentBits) - 1) {
    number.infinite = fraction == 0;
    number.nan = fraction != 0;
  }
  return number;
}

Number read(TensorElement type, uint32_t bits) {
  switch (type) {
  case TensorElement::F16: return read(5, 10, bits);
  case TensorElement::BF16: return read(8, 7, bits);
  case TensorElement::TF32: return read(8, 10, bits >> 13);
  case TensorElement::E5M2: return read(5, 2, bits);
  default: {
    Number number = read(4, 3, bits);
    number.infinite = false;
    number.nan = (bits & 0x7f) == 0x7f;
    return number;
  }
  }
}

/// value * 2^scale as f32, towards zero, or as f16, to nearest even, given as f32.
uint32_t roundModel(__int128 value, int scale, bool half, int fractionBits) {
  if (value == 0)
    return 0;
  bool negative = value < 0;
  __int128 magnitude = negative ? -value : value;
  int length = 0;
  while (magnitude >> length != 0)
    ++length;
  int exponent = std::max(length - 1 + scale, half ? -14 : -126);
  // In units of the last place.
  int unit = exponent - fractionBits, down = unit - scale;
  __int128 kept = 0;
  if (down <= 0) {
    kept = magnitude << -down;
  } else if (down < 120) {
    kept = magnitude >> down;
    __int128 rest = magnitude - (kept << down), middle = __int128(1) << (down - 1);
    if (half && (rest > middle || (rest == middle && kept % 2 != 0)))
      ++kept;
  }
  double result = std::ldexp(double(kept), unit);
  if (result > (half ? 65504.0 : double(0x1.fffffep127f)))
    result = INFINITY;
  return std::bit_cast<uint32_t>(float(negative ? -result : result));
}

uint32_t sumModel(const TensorRule &rule, const std::vector<Number> &a,
                  const std::vector<Number> &b, uint32_t cBits, bool half) {
  // An f16 stands as an f32 that holds it.
  Number c = read(8, 23, cBits);
  if (half && c.significand != 0 && c.exponent < -14) {
    c.fraction += -14 - c.exponent;
    c.exponent = -14;
  }
  bool nan = c.nan, up = c.infinite && !c.negative, down = c.infinite && c.negative;
  for (size_t k = 0; k < a.size(); ++k) {
    bool infinite = a[k].infinite || b[k].infinite;
    nan |= a[k].nan || b[k].nan;
    nan |= infinite &&
           ((!a[k].infinite && a[k].significand == 0) || (!b[k].infinite && b[k].significand == 0));
    bool negative = a[k].negative != b[k].negative;
    up |= infinite && !negative;
    down |= infinite && negative;
  }
  if (nan || (up && down))
    return 0x7fffffff;
  if (up || down)
    return up ? 0x7f800000 : 0xff800000;
  int largest = c.significand != 0 ? c.exponent : -126;
  for (size_t k = 0; k < a.size(); ++k)
    if (a[k].significand != 0 && b[k].significand != 0)
      largest = std::max(largest, a[k].exponent + b[k].exponent);
  const int fraction = int(rule.fractionBits);
  auto term = [&](__int128 significand, int exponent, int places, bool negative) {
    int down = (largest - fraction) - (exponent - places);
    __int128 cut = down > 100 ? 0 : down >= 0 ? significand >> down : significand << -down;
    return negative ? -cut : cut;
  };
  __int128 sum = term(c.significand, c.exponent, c.fraction, c.negative);
  for (size_t k = 0; k < a.size(); ++k)
    sum += term(a[k].significand * b[k].significand, a[k].exponent + b[k].exponent,
                a[k].fraction + b[k].fraction, a[k].negative != b[k].negative);
  int places = half ? 10 : rule.resultMask == ~0u ? 23 : 13;
  return roundModel(sum, largest - fraction, half, places);
}

void expectModel(const TensorRule &rule, const Operands &operands, const Registers &registers) {
  const bool half = rule.result == TensorResult::F16;
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      Place at = placeOfC(lane, i);
      uint32_t expected = operands.c[at.row][at.column];
      for (unsigned first = 0; first < operands.k; first += rule.termsAtOnce) {
        std::vector<Number> a, b;
        for (unsigned k = first; k < first + rule.termsAtOnce; ++k) {
          a.push_back(read(rule.a, operands.a[at.row][k]));
          b.push_back(read(rule.b, operands.b[k][at.column]));
        }
        expected = sumModel(rule, a, b, expected, half);
      }
      ASSERT_EQ(registers.d[i][lane], expected)
          << "row " << at.row << ", column " << at.column << ", " << std::hexfloat
          << std::bit_cast<float>(registers.d[i][lane]) << " instead of "
          << std::bit_cast<float>(expected);
    }
}

//===-- Values that are hard to add ---===//

struct Type {
  TensorElement element;
  unsigned exponentBits, fractionBits, shift;
};
constexpr Type f16{TensorElement::F16, 5, 10, 0}, bf16{TensorElement::BF16, 8, 7, 0},
    tf32{TensorElement::TF32, 8, 10, 13}, e4m3{TensorElement::E4M3, 4, 3, 0},
    e5m2{TensorElement::E5M2, 5, 2, 0};

enum class Kind { Near, Wide, Extreme, Cancelling, Special };

uint32_t randomBits(std::mt19937_64 &random, const Type &type, Kind kind) {
  uint32_t fields = 1u << type.exponentBits, middle = fields / 2 - 1;
  uint32_t fraction = random() & ((1u << type.fractionBits) - 1), field = middle;
  switch (kind) {
  case Kind::Near:
  case Kind::Cancelling: field = middle - 2 + random() % 5; break;
  case Kind::Wide:
    field = std::min(fields - 2, uint32_t(middle / 2 + random() % (middle + 1)));
    break;
  case Kind::Extreme: field = random() % (fields - 1); break;
  case Kind::Special: field = random() % 8 == 0 ? fields - 1 : random() % fields; break;
  }
  if (kind != Kind::Near && random() % 16 == 0)
    field = 0;
  if (random() % 8 == 0)
    fraction = random() % 2 ? 0 : (1u << type.fractionBits) - 1;
  if (random() % 16 == 0)
    field = fraction = 0;
  uint32_t bits = field << type.fractionBits | fraction;
  bits |= uint32_t(random() & 1) << (type.exponentBits + type.fractionBits);
  // Bits that tf32 does not have are ignored.
  return bits << type.shift | (random() & ((1u << type.shift) - 1));
}

uint32_t randomC(std::mt19937_64 &random, Kind kind, bool half) {
  if (random() % 8 == 0)
    return 0;
  if (!half)
    return randomBits(random, {TensorElement::TF32, 8, 23, 0}, kind);
  uint32_t packed = randomBits(random, f16, kind);
  Number number = read(TensorElement::F16, packed);
  float value = std::ldexp(float(number.significand), number.exponent - 10);
  if (number.infinite)
    value = INFINITY;
  if (number.nan)
    value = NAN;
  return std::bit_cast<uint32_t>(number.negative ? -value : value);
}

Operands randomOperands(std::mt19937_64 &random, const Type &a, const Type &b, unsigned k,
                        Kind kind, bool half) {
  Operands operands{bitsOf(a.element), k};
  // Each row and column of its own kind of specials, or most outputs would be NaN.
  for (unsigned row = 0; row < 16; ++row) {
    Kind own = kind == Kind::Special && row % 4 != 0 ? Kind::Wide : kind;
    for (unsigned i = 0; i < k; ++i)
      operands.a[row][i] = randomBits(random, a, own);
  }
  for (unsigned column = 0; column < 8; ++column) {
    Kind own = kind == Kind::Special && column % 4 != 1 ? Kind::Wide : kind;
    for (unsigned i = 0; i < k; ++i)
      operands.b[i][column] = randomBits(random, b, own);
  }
  // Every second term is the opposite of the one before, but for a last bit now and then.
  if (kind == Kind::Cancelling)
    for (unsigned i = 1; i < k; i += 2) {
      for (unsigned row = 0; row < 16; ++row)
        operands.a[row][i] = operands.a[row][i - 1] ^ 1u << (operands.bits - 1) ^
                             uint32_t(random() % 4 == 0) << a.shift;
      for (unsigned column = 0; column < 8; ++column)
        operands.b[i][column] = operands.b[i - 1][column];
    }
  for (auto &row : operands.c)
    for (uint32_t &c : row)
      c = randomC(random, kind, half);
  return operands;
}

TensorRule ruleOf(unsigned target, const Type &a, const Type &b, TensorResult result, unsigned k,
                  Numerics numerics = Numerics::Exact) {
  return tensorRule(numerics, target, false, a.element, b.element, result, k);
}

void multiply(const TensorRule &rule, Registers &registers) {
  static TensorA a;
  static TensorB b;
  loadTensorA(rule, registers.aRows, a);
  loadTensorB(rule, registers.bRows, b);
  multiplyTensors(rule, a, b, registers.cRows, registers.dRows);
}

struct ExactCase {
  const char *name;
  unsigned target;
  Type a, b;
  TensorResult result;
  unsigned k;
};

class ExactArithmetic : public testing::TestWithParam<ExactCase> {};

TEST_P(ExactArithmetic, AgreesWithTheModel) {
  const ExactCase &test = GetParam();
  TensorRule rule = ruleOf(test.target, test.a, test.b, test.result, test.k);
  std::mt19937_64 random(test.target + test.k);
  for (Kind kind : {Kind::Near, Kind::Wide, Kind::Extreme, Kind::Cancelling, Kind::Special})
    for (int repeat = 0; repeat < 30; ++repeat) {
      Operands operands =
          randomOperands(random, test.a, test.b, test.k, kind, test.result == TensorResult::F16);
      Registers registers(operands);
      multiply(rule, registers);
      ASSERT_NO_FATAL_FAILURE(expectModel(rule, operands, registers)) << "kind " << int(kind);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Tensor, ExactArithmetic,
    testing::Values(ExactCase{"Sm80F16", 80, f16, f16, TensorResult::F32, 16},
                    ExactCase{"Sm80BF16", 80, bf16, bf16, TensorResult::F32, 16},
                    ExactCase{"Sm86BF16K8", 86, bf16, bf16, TensorResult::F32, 8},
                    ExactCase{"Sm80F16ToF16", 80, f16, f16, TensorResult::F16, 16},
                    ExactCase{"Sm80TF32", 80, tf32, tf32, TensorResult::F32, 8},
                    ExactCase{"Sm80TF32K4", 80, tf32, tf32, TensorResult::F32, 4},
                    ExactCase{"Sm89E4M3", 89, e4m3, e4m3, TensorResult::F32, 32},
                    ExactCase{"Sm89E5M2", 89, e5m2, e4m3, TensorResult::F32, 32},
                    ExactCase{"Sm90F16", 90, f16, f16, TensorResult::F32, 16},
                    ExactCase{"Sm90BF16", 90, bf16, bf16, TensorResult::F32, 16},
                    ExactCase{"Sm90F16ToF16", 90, f16, f16, TensorResult::F16, 16},
                    ExactCase{"Sm90TF32", 90, tf32, tf32, TensorResult::F32, 8},
                    ExactCase{"Sm90E4M3", 90, e4m3, e5m2, TensorResult::F32, 32},
                    ExactCase{"Sm90E5M2ToF16", 90, e5m2, e5m2, TensorResult::F16, 32}),
    [](const auto &test) { return test.param.name; });

TEST(TensorArithmetic, SixteenLargestProductsDoNotOverflowTheSum) {
  Operands operands{16, 16};
  for (unsigned k = 0; k < 16; ++k) {
    for (auto &row : operands.a)
      row[k] = 0x3fff; // just below 2
    for (unsigned column = 0; column < 8; ++column)
      operands.b[k][column] = column % 2 ? 0x3fff : 0xbfff;
  }
  for (auto &row : operands.c)
    for (unsigned column = 0; column < 8; ++column)
      row[column] = column % 2 ? 0x3fffffff : 0xbfffffff;
  TensorRule rule = ruleOf(90, f16, f16, TensorResult::F32, 16);
  Registers registers(operands);
  multiply(rule, registers);
  expectModel(rule, operands, registers);
}

TEST(TensorArithmetic, AllLevelsGiveTheSameBits) {
  std::mt19937_64 random(5);
  struct Case {
    Type type;
    unsigned k;
  };
  for (Case test : {Case{f16, 16}, {bf16, 16}, {tf32, 8}, {e4m3, 32}, {e5m2, 32}})
    for (Kind kind : {Kind::Near, Kind::Wide, Kind::Extreme, Kind::Special})
      for (int repeat = 0; repeat < 10; ++repeat) {
        TensorRule rule = ruleOf(90, test.type, test.type, TensorResult::F32, test.k);
        Registers registers(randomOperands(random, test.type, test.type, test.k, kind, false));
        static TensorA a[3];
        static TensorB b[3];
        std::array<std::array<std::array<uint32_t, 32>, 4>, 9> results{};
        unsigned levels = 0;
        for (LaneLevel level : {LaneLevel::Baseline, LaneLevel::V3, LaneLevel::V4}) {
          const LaneKernels *kernels = laneKernels(level);
          if (!kernels)
            continue;
          kernels->tensor.loadA[size_t(rule.a)](rule, registers.aRows, a[levels]);
          kernels->tensor.loadB[size_t(rule.b)](rule, registers.bRows, b[levels]);
          EXPECT_EQ(a[levels].special, a[0].special);
          EXPECT_EQ(b[levels].smallest, b[0].smallest);
          EXPECT_EQ(b[levels].largest, b[0].largest);
          unsigned which = 0;
          for (MultiplyKernel kernel :
               {kernels->tensor.fast, kernels->tensor.exactWide,
                kind == Kind::Near ? kernels->tensor.exact : kernels->tensor.exactWide}) {
            auto &rows = results[levels * 3 + which++];
            uint32_t *d[4] = {rows[0].data(), rows[1].data(), rows[2].data(), rows[3].data()};
            kernel(rule, a[levels], b[levels], 0, rule.terms, registers.cRows, d);
          }
          ++levels;
        }
        for (unsigned level = 0; level < levels; ++level) {
          EXPECT_EQ(results[level * 3], results[0]);
          EXPECT_EQ(results[level * 3 + 1], results[1]);
          EXPECT_EQ(results[level * 3 + 2], results[2]);
          EXPECT_TRUE(kind != Kind::Near || results[1] == results[2]);
        }
      }
}

TEST(TensorArithmetic, FastAddsInOrderOfTerms) {
  std::mt19937_64 random(7);
  TensorRule rule = ruleOf(80, bf16, bf16, TensorResult::F32, 16, Numerics::Fast);
  Operands operands = randomOperands(random, bf16, bf16, 16, Kind::Wide, false);
  Registers registers(operands);
  multiply(rule, registers);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      Place at = placeOfC(lane, i);
      float sum = std::bit_cast<float>(operands.c[at.row][at.column]);
      for (unsigned k = 0; k < 16; ++k)
        sum = std::fma(std::bit_cast<float>(operands.a[at.row][k] << 16),
                       std::bit_cast<float>(operands.b[k][at.column] << 16), sum);
      EXPECT_EQ(registers.d[i][lane], std::bit_cast<uint32_t>(sum));
    }
}

TEST(TensorArithmetic, FragmentsGiveTheSameBitsInPlace) {
  std::mt19937 random(11);
  // Signs, and exponents from about -7 to 8: sums that depend on their order.
  auto half = [&](TensorElement type) {
    uint32_t bits = uint32_t(random());
    return type == TensorElement::F16 ? (bits & 0x9fff) + 0x2000 : (bits & 0x87ff) + 0x3c00;
  };
  for (TensorElement type : {TensorElement::F16, TensorElement::BF16})
    for (unsigned terms : {8u, 16u})
      for (unsigned shared = 0; shared < 3; ++shared) {
        TensorRule rule =
            tensorRule(Numerics::Fast, 80, false, type, type, TensorResult::F32, terms);
        alignas(64) uint32_t a[4][32], b[2][32], c[4][32], expected[4][32], other[4][32];
        for (unsigned lane = 0; lane < 32; ++lane) {
          for (unsigned i = 0; i < 4; ++i) {
            a[i][lane] = half(type) | half(type) << 16;
            c[i][lane] = std::bit_cast<uint32_t>(float(int32_t(random())) * 0x1p-28f);
          }
          for (auto &row : b)
            row[lane] = half(type) | half(type) << 16;
        }
        const uint32_t *as[4] = {a[0], a[1], a[2], a[3]}, *bs[2] = {b[0], b[1]};
        const uint32_t *cs[4] = {c[0], c[1], c[2], c[3]};
        uint32_t *wanted[4] = {expected[0], expected[1], expected[2], expected[3]};
        TensorA left;
        TensorB right;
        loadTensorA(rule, as, left);
        loadTensorB(rule, bs, right);
        multiplyTensors(rule, left, right, cs, wanted);
        // Apart, rows of c in another order, and rows of all operands.
        uint32_t *places[3][4] = {{other[0], other[1], other[2], other[3]},
                                  {c[1], c[2], c[3], c[0]},
                                  {a[3], b[0], c[2], a[0]}};
        multiplyFragments(rule, as, bs, cs, places[shared]);
        for (unsigned i = 0; i < 4; ++i)
          for (unsigned lane = 0; lane < 32; ++lane)
            ASSERT_EQ(places[shared][i][lane], expected[i][lane])
                << terms << ' ' << i << ' ' << lane;
      }
}

TEST(TensorArithmetic, F64RoundsOnce) {
  Operands operands{16, 16};
  for (unsigned k = 0; k < 16; ++k)
    for (unsigned line = 0; line < 8; ++line)
      operands.a[line][k] = operands.b[k][line] = 0x3c00 | (k + line); // 1 and a little
  operands.c[3][4] = std::bit_cast<uint32_t>(0x1p20f);
  TensorRule rule = ruleOf(80, f16, f16, TensorResult::F32, 16, Numerics::F64);
  Registers registers(operands);
  multiply(rule, registers);
  double sum = 0x1p20;
  for (unsigned k = 0; k < 16; ++k)
    sum += (1 + (k + 3) / 1024.0) * (1 + (k + 4) / 1024.0);
  EXPECT_EQ(std::bit_cast<float>(registers.d[0][3 * 4 + 2]), float(sum));
}

/// One element of A and B that is not 0: only their common output is, and only for one pair of k.
TEST(TensorLayouts, OneHotOperandsMeetWhereTheIsaSays) {
  struct Shape {
    Type type;
    unsigned k;
    uint32_t one;
  };
  for (Shape shape : {Shape{f16, 16, 0x3c00},
                      {f16, 8, 0x3c00},
                      {bf16, 16, 0x3f80},
                      {bf16, 8, 0x3f80},
                      {tf32, 8, 0x3f800000},
                      {tf32, 4, 0x3f800000},
                      {e4m3, 32, 0x38},
                      {e5m2, 32, 0x3c},
                      {e4m3, 16, 0x38}}) {
    TensorRule rule = ruleOf(90, shape.type, shape.type, TensorResult::F32, shape.k);
    for (unsigned row = 0; row < 16; ++row)
      for (unsigned k = 0; k < shape.k; ++k) {
        Operands operands{bitsOf(shape.type.element), shape.k};
        operands.a[row][k] = shape.one;
        // One more that meets nothing.
        unsigned column = (row * 3 + k) % 8;
        operands.b[k][column] = shape.one;
        operands.b[(k + 1) % shape.k][(column + 1) % 8] = shape.one;
        Registers registers(operands);
        multiply(rule, registers);
        for (unsigned lane = 0; lane < 32; ++lane)
          for (unsigned i = 0; i < 4; ++i) {
            Place at = placeOfC(lane, i);
            float expected = at.row == row && at.column == column ? 1 : 0;
            ASSERT_EQ(std::bit_cast<float>(registers.d[i][lane]), expected)
                << "k " << shape.k << ", row " << row << ", term " << k;
          }
      }
  }
}

TEST(TensorIntegers, AgreeWithPlainSums) {
  std::mt19937_64 random(3);
  for (TensorElement a : {TensorElement::S8, TensorElement::U8})
    for (TensorElement b : {TensorElement::S8, TensorElement::U8})
      for (unsigned k : {16u, 32u}) {
        TensorRule rule = tensorRule(Numerics::Exact, 80, false, a, b, TensorResult::S32, k);
        Operands operands{8, k};
        for (auto &row : operands.a)
          for (uint32_t &value : row)
            value = random() & 0xff;
        for (auto &row : operands.b)
          for (uint32_t &value : row)
            value = random() & 0xff;
        for (auto &row : operands.c)
          for (uint32_t &value : row)
            value = uint32_t(random());
        operands.c[0][0] = 0x7fffffff;
        operands.c[1][0] = 0x80000000;
        for (bool saturate : {false, true}) {
          rule.saturate = saturate;
          Registers registers(operands);
          multiplyIntegerTensors(rule, registers.aRows, registers.bRows, registers.cRows,
                                 registers.dRows);
          for (unsigned lane = 0; lane < 32; ++lane)
            for (unsigned i = 0; i < 4; ++i) {
              Place at = placeOfC(lane, i);
              int64_t sum = int32_t(operands.c[at.row][at.column]);
              for (unsigned term = 0; term < k; ++term) {
                int64_t x = operands.a[at.row][term], y = operands.b[term][at.column];
                sum += (a == TensorElement::S8 && x > 127 ? x - 256 : x) *
                       (b == TensorElement::S8 && y > 127 ? y - 256 : y);
              }
              if (saturate)
                sum = std::min<int64_t>(std::max<int64_t>(sum, INT32_MIN), INT32_MAX);
              ASSERT_EQ(registers.d[i][lane], uint32_t(sum));
            }
        }
      }
}

TEST(TensorHalves, EveryHalfSurvives) {
  for (uint32_t first = 0; first < 0x10000; first += 64) {
    uint32_t packed[2][32], wide[4][32], back[2][32];
    for (unsigned h = 0; h < 2; ++h)
      for (unsigned lane = 0; lane < 32; ++lane)
        packed[h][lane] = (first + 2 * lane) | (first + 2 * lane + 1) << 16;
    const uint32_t *from[2] = {packed[0], packed[1]};
    uint32_t *rows[4] = {wide[0], wide[1], wide[2], wide[3]};
    unpackHalves(from, rows);
    const uint32_t *constRows[4] = {wide[0], wide[1], wide[2], wide[3]};
    uint32_t *to[2] = {back[0], back[1]};
    packHalves(constRows, to);
    for (unsigned h = 0; h < 2; ++h)
      for (unsigned lane = 0; lane < 32; ++lane)
        for (unsigned shift : {0u, 16u}) {
          uint32_t half = packed[h][lane] >> shift & 0xffff;
          uint32_t expected = (half & 0x7fff) > 0x7c00 ? 0x7fff : half;
          ASSERT_EQ(back[h][lane] >> shift & 0xffff, expected);
          Number number = read(TensorElement::F16, half);
          if (number.nan || number.infinite)
            continue;
          float value = std::ldexp(float(number.significand), number.exponent - 10);
          ASSERT_EQ(std::bit_cast<float>(wide[(shift ? 1 : 0) + 2 * h][lane]),
                    number.negative ? -value : value);
        }
  }
}

} // namespace
