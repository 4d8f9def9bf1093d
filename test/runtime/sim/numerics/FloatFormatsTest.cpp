// SPDX-License-Identifier: Apache-2.0
// Are formats rounded and read as their definitions say?
#include "runtime/sim/numerics/FloatFormats.h"

#include "test/runtime/sim/numerics/ExactSearch.h"

#include <gtest/gtest.h>

#include <bit>
#include <cfenv>
#include <random>

namespace attune::sim {
namespace {

using test::SmallFormat;

struct Case {
  const char *name;
  FloatFormat format;
  const SmallFormat &search;
};
const Case cases[] = {{"f16", formatF16, test::f16()},
                      {"bf16", formatBf16, test::bf16()},
                      {"e4m3", formatE4M3, test::e4m3()},
                      {"e5m2", formatE5M2, test::e5m2()}};

TEST(FloatFormats, EveryNumberIsReadAndWritten) {
  for (const Case &c : cases)
    for (unsigned bits = 0; bits < c.search.count(); ++bits) {
      double value = widen(bits, c.format);
      long double expected = c.search.value(bits);
      if (std::isnan(expected)) {
        ASSERT_TRUE(std::isnan(value)) << c.name << " " << bits;
        continue;
      }
      ASSERT_EQ(value, double(expected)) << c.name << " " << bits;
      ASSERT_EQ(std::signbit(value), std::signbit(expected));
      ASSERT_EQ(roundTo(value, c.format), bits) << c.name;
    }
}

/// Numbers of the format, what is between them, and a little beside that.
std::vector<double> around(const SmallFormat &search) {
  std::vector<double> values{0.0, 1e-300, 1e300, 5e-324};
  for (size_t i = 0; i + 1 < search.sizes.size(); i += 1 + search.sizes.size() / 3000) {
    double middle = double((search.sizes[i] + search.sizes[i + 1]) / 2);
    values.insert(values.end(), {double(search.sizes[i]), middle, std::nextafter(middle, 0.0),
                                 std::nextafter(middle, HUGE_VAL)});
  }
  double largest = double(search.largest());
  double step = largest - double(search.sizes[search.sizes.size() - 2]);
  for (double part : {0.25, 0.5, 0.75, 1.0})
    values.push_back(largest + part * step);
  return values;
}

TEST(FloatFormats, NearestEvenAgainstASearch) {
  for (const Case &c : cases)
    for (double value : around(c.search))
      for (double x : {value, -value}) {
        if (c.format.hasInfinity || value <= double(c.search.largest())) {
          ASSERT_EQ(roundTo(x, c.format), c.search.round(x)) << c.name << " " << x;
        }
        // Saturated, nothing becomes infinite.
        uint64_t sign = x < 0 || std::signbit(x) ? c.format.sign() : 0;
        uint64_t most = c.search.sizes.size() - 1;
        uint64_t expected = std::min<uint64_t>(c.search.round(x) & c.format.nan(), most);
        ASSERT_EQ(roundTo(x, c.format, Rounding::NearestEven, true), sign | expected)
            << c.name << " " << x;
      }
}

TEST(FloatFormats, DirectedRoundingAgainstASearch) {
  for (const Case &c : cases) {
    if (!c.format.hasInfinity)
      continue;
    for (double value : around(c.search))
      for (double x : {value, -value}) {
        const auto &sizes = c.search.sizes;
        uint64_t up = uint64_t(std::lower_bound(sizes.begin(), sizes.end(), value) - sizes.begin());
        bool exact = up < sizes.size() && sizes[up] == value;
        uint64_t down = exact ? up : up - 1, sign = std::signbit(x) ? c.format.sign() : 0;
        ASSERT_EQ(roundTo(x, c.format, Rounding::TowardZero), sign | down) << c.name << " " << x;
        ASSERT_EQ(roundTo(x, c.format, Rounding::Up), sign | (sign ? down : up)) << c.name;
        ASSERT_EQ(roundTo(x, c.format, Rounding::Down), sign | (sign ? up : down)) << c.name;
      }
  }
}

TEST(FloatFormats, DoublesRoundToF32AsTheProcessorDoes) {
  std::mt19937_64 random(1);
  const std::pair<Rounding, int> modes[] = {{Rounding::NearestEven, FE_TONEAREST},
                                            {Rounding::TowardZero, FE_TOWARDZERO},
                                            {Rounding::Down, FE_DOWNWARD},
                                            {Rounding::Up, FE_UPWARD}};
  for (int i = 0; i < 20000; ++i) {
    uint64_t exponent = i % 2 ? 1023 - 160 + random() % 300 : random() % 2048;
    uint64_t bits = (random() & 0x800fffffffffffff) | exponent << 52;
    if (i % 3 == 0)
      bits &= ~uint64_t(0x0fffffff);
    volatile double value = std::bit_cast<double>(bits);
    if (std::isnan(value))
      continue;
    for (auto [rounding, mode] : modes) {
      std::fesetround(mode);
      volatile float expected = float(value);
      std::fesetround(FE_TONEAREST);
      float copy = expected;
      ASSERT_EQ(roundTo(value, formatF32, rounding), std::bit_cast<uint32_t>(copy)) << value;
    }
  }
}

TEST(FloatFormats, TiesAwayFromZero) {
  // tf32 has 10 bits of fraction.
  EXPECT_EQ(roundTo(1 + 0x1p-11, formatTf32, Rounding::NearestAway), 0x3f800000u >> 13 | 1);
  EXPECT_EQ(roundTo(1 + 0x1p-11, formatTf32, Rounding::NearestEven), 0x3f800000u >> 13);
  EXPECT_EQ(roundTo(-1 - 0x1p-11, formatTf32, Rounding::NearestAway), (0xbf800000u >> 13 | 1));
  EXPECT_EQ(roundTo(1 + 0x1p-11 - 0x1p-40, formatTf32, Rounding::NearestAway), 0x3f800000u >> 13);
}

TEST(FloatFormats, LargeIntegersKeepEveryBit) {
  // 2^63 + 2^39 + 1 is just above the middle of two f32; as a double it would be the middle.
  uint64_t value = (uint64_t(1) << 63) + (uint64_t(1) << 39) + 1;
  EXPECT_EQ(roundScaled(false, value, 0, formatF32, Rounding::NearestEven, false), 0x5f000001u);
  EXPECT_EQ(roundScaled(false, value - 1, 0, formatF32, Rounding::NearestEven, false), 0x5f000000u);
  EXPECT_EQ(roundScaled(true, ~uint64_t(0), 0, formatF32, Rounding::TowardZero, false),
            0xdf7fffffu);
}

TEST(FloatFormats, WhatIsNoNumberHasOneForm) {
  EXPECT_EQ(roundTo(NAN, formatF16), 0x7fffu);
  EXPECT_EQ(roundTo(-NAN, formatBf16, Rounding::Up, true), 0x7fffu);
  EXPECT_EQ(roundTo(NAN, formatE4M3, Rounding::NearestEven, true), 0x7fu);
  EXPECT_EQ(roundTo(NAN, formatE5M2, Rounding::NearestEven, true), 0x7fu);
  EXPECT_EQ(roundTo(HUGE_VAL, formatE5M2), 0x7cu);
  EXPECT_EQ(roundTo(HUGE_VAL, formatE5M2, Rounding::NearestEven, true), 0x7bu);
  EXPECT_EQ(roundTo(-HUGE_VAL, formatE4M3), 0xfeu);
}

} // namespace
} // namespace attune::sim
