// SPDX-License-Identifier: Apache-2.0
// Is rounding right, and does the tolerance tell good results from bad ones?
#include "compiler/reference/Compare.h"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace attune::reference;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(Number, everyHalfPatternRoundTrips) {
  for (ElementType type : {ElementType::F16, ElementType::BF16})
    for (uint32_t bits = 0; bits < 65536; ++bits) {
      double value = decodeHalf(type, uint16_t(bits));
      if (std::isnan(value)) {
        EXPECT_TRUE(std::isnan(decodeHalf(type, encodeHalf(type, value))));
        continue;
      }
      EXPECT_EQ(roundTo(type, value), value);
      EXPECT_EQ(encodeHalf(type, value), bits);
    }
}

TEST(Number, roundsToTheNearestNeighbour) {
  std::mt19937_64 generator(1);
  std::uniform_int_distribution<uint32_t> patterns(0, 0x7bfe); // finite, with a finite next one
  for (ElementType type : {ElementType::F16, ElementType::BF16})
    for (int trial = 0; trial < 2000; ++trial) {
      uint16_t bits = uint16_t(patterns(generator));
      double low = decodeHalf(type, bits), high = decodeHalf(type, uint16_t(bits + 1));
      double middle = (low + high) / 2;
      EXPECT_EQ(roundTo(type, std::nextafter(middle, low)), low);
      EXPECT_EQ(roundTo(type, std::nextafter(middle, high)), high);
      EXPECT_EQ(roundTo(type, middle), bits & 1 ? high : low); // ties to even
      EXPECT_EQ(roundTo(type, -middle), -roundTo(type, middle));
    }
}

TEST(Number, valuesBeyondTheRangeBecomeInfinite) {
  EXPECT_EQ(roundTo(ElementType::F16, 65519.9), 65504);
  EXPECT_EQ(roundTo(ElementType::F16, 65520), infinity);
  EXPECT_EQ(roundTo(ElementType::BF16, -1e39), -infinity);
  EXPECT_EQ(roundTo(ElementType::BF16, 3.4e38), infinity);
  EXPECT_EQ(roundTo(ElementType::BF16, 1e300), infinity);
  EXPECT_TRUE(std::isnan(roundTo(ElementType::BF16, nan)));
}

TEST(Number, bf16DoesNotRoundTwice) {
  // Just above a tie of bf16 that f32 cannot tell from the tie.
  double value = 1 + std::ldexp(1.0, -8) + std::ldexp(1.0, -40);
  EXPECT_EQ(roundTo(ElementType::BF16, value), 1 + std::ldexp(1.0, -7));
}

TEST(Number, wrapKeepsTheLowBits) {
  EXPECT_EQ(wrap(8, 200), -56);
  EXPECT_EQ(wrap(1, 3), 1);
  EXPECT_EQ(wrap(32, int64_t(1) << 31), -(int64_t(1) << 31));
  EXPECT_EQ(wrap(64, -1), -1);
}

Tensor row(ElementType type, const std::vector<double> &values) {
  Tensor tensor = Tensor::zeros(type, {int64_t(values.size())});
  for (size_t i = 0; i < values.size(); ++i)
    tensor.set(int64_t(i), values[i]);
  return tensor;
}

TEST(Compare, figures) {
  Figures figures = compare(row(ElementType::F64, {1, 2.5, 0.5}), row(ElementType::F64, {1, 2, 0}),
                            ElementType::F64);
  EXPECT_EQ(figures.maxAbsolute, 0.5);
  EXPECT_EQ(figures.maxRelative, 0.25);
  EXPECT_DOUBLE_EQ(figures.rootMeanSquare, std::sqrt(0.5 / 3));
  EXPECT_EQ(figures.disagreements, 0);
}

TEST(Compare, theBoundIsTwiceTheEagerErrorAndOneRounding) {
  Tensor exact = row(ElementType::F64, {1, 1}), eager = row(ElementType::F64, {1, 1.01});
  double rounding = std::ldexp(1.0, -24); // half a unit of f32 at 1
  Tensor inside = row(ElementType::F64, {1 + 0.01999 + rounding, 1});
  Tensor outside = row(ElementType::F64, {1, 1 - 0.02001 - rounding});
  EXPECT_TRUE(judge(inside, exact, eager, ElementType::F32).passes());
  Verdict verdict = judge(outside, exact, eager, ElementType::F32);
  EXPECT_FALSE(verdict.passes());
  EXPECT_EQ(verdict.worst, std::vector<int64_t>{1});
  EXPECT_NEAR(verdict.allowed, 0.02, 1e-6);
}

TEST(Compare, anExactEagerResultLeavesOneRoundingOfTheResult) {
  Tensor exact = row(ElementType::F64, {1.0000000001});
  double rounding = std::ldexp(1.0, -24);
  auto passes = [&](ElementType type, double value) {
    return judge(row(ElementType::F64, {value}), exact, exact, type).passes();
  };
  EXPECT_TRUE(passes(ElementType::F32, 1 + 0.99 * rounding));
  EXPECT_FALSE(passes(ElementType::F32, 1 + 1.01 * rounding));
  EXPECT_TRUE(passes(ElementType::BF16, 1 - std::ldexp(0.99, -8)));
  EXPECT_FALSE(passes(ElementType::BF16, 1 + std::ldexp(1.1, -8)));
}

TEST(Compare, specialValuesMustAgree) {
  Tensor exact = row(ElementType::F64, {nan, infinity, -infinity, 1, 1e60});
  EXPECT_TRUE(judge(row(ElementType::F32, {nan, infinity, -infinity, 1, infinity}), exact, exact,
                    ElementType::F32)
                  .passes());
  std::vector<double> good = {nan, infinity, -infinity, 1, infinity};
  double bad[] = {0, nan, infinity, nan, 1e30};
  for (size_t i = 0; i < good.size(); ++i) {
    std::vector<double> changed = good;
    changed[i] = bad[i];
    EXPECT_FALSE(judge(row(ElementType::F32, changed), exact, exact, ElementType::F32).passes())
        << i;
  }
}

TEST(Compare, integersMustBeEqual) {
  Tensor exact = row(ElementType::I32, {5, -7}), eager = row(ElementType::I32, {9, 9});
  EXPECT_TRUE(judge(exact, exact, eager, ElementType::I32).passes());
  EXPECT_FALSE(judge(row(ElementType::I32, {5, -6}), exact, eager, ElementType::I32).passes());
}

} // namespace
