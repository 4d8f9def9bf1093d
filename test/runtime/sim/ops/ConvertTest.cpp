// SPDX-License-Identifier: Apache-2.0
// Does cvt give the nearest value of the other type, or the last one in range?
#include "test/runtime/sim/OpsHarness.h"
#include "test/runtime/sim/numerics/ExactSearch.h"

#include <bit>
#include <cfenv>

namespace attune::sim::test {
namespace {

using Wide = __int128;

struct Integer {
  std::string name;
  unsigned bits;
  bool isSigned;
  Wide value(uint64_t raw) const {
    uint64_t cut = bits == 64 ? raw : raw & ((uint64_t(1) << bits) - 1);
    return isSigned && cut >> (bits - 1) & 1 ? Wide(cut) - (Wide(1) << bits) : Wide(cut);
  }
  Wide least() const { return isSigned ? -(Wide(1) << (bits - 1)) : 0; }
  Wide most() const { return (Wide(1) << (bits - isSigned)) - 1; }
  /// Of the register that it needs.
  unsigned registerBits() const { return std::max(bits, 16u); }
};
const Integer integers[] = {{"u8", 8, false},   {"s8", 8, true},    {"u16", 16, false},
                            {"s16", 16, true},  {"u32", 32, false}, {"s32", 32, true},
                            {"u64", 64, false}, {"s64", 64, true}};

float real(uint64_t bits) { return std::bit_cast<float>(uint32_t(bits)); }
uint64_t bitsOf(float value) {
  return std::isnan(value) ? 0x7fffffff : std::bit_cast<uint32_t>(value);
}

TEST(Conversions, BetweenIntegers) {
  for (const Integer &from : integers)
    for (const Integer &to : integers)
      for (bool saturates : {false, true}) {
        // .sat is refused where it does nothing.
        if (saturates && to.least() <= from.least() && to.most() >= from.most())
          continue;
        OneInstruction one{std::string("cvt.") + (saturates ? "sat." : "") + to.name + "." +
                               from.name + " $d, $a;",
                           to.registerBits(),
                           {from.registerBits()}};
        auto vectors = randomVectors({from.registerBits()}, 256, from.bits * to.bits);
        expectResults(one, vectors, [&](const Vector &v) {
          Wide value = from.value(v[0]);
          if (saturates)
            value = std::clamp(value, to.least(), to.most());
          return uint64_t(to.value(uint64_t(value)));
        });
      }
}

TEST(Conversions, BetweenIntegersInWiderRegisters) {
  for (const Integer &from : integers)
    for (const Integer &to : integers)
      for (unsigned source : {32u, 64u})
        for (unsigned result : {32u, 64u}) {
          if (from.bits > source || to.bits > result)
            continue;
          OneInstruction one{"cvt." + to.name + "." + from.name + " $d, $a;", result, {source}};
          // What is above the type's bits in the source does not count.
          expectResults(one, randomVectors({source}, 128, result), [&](const Vector &v) {
            return uint64_t(to.value(uint64_t(from.value(v[0]))));
          });
        }
}

const uint64_t realCorners[] = {
    0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x3f000000, 0xbf000000, 0x3f800000, 0x3fc00000,
    0x40200000, 0xc0200000, 0x4effffff, 0x4f000000, 0xcf000000, 0xcf000001, 0x4f7fffff, 0x4f800000,
    0x5effffff, 0x5f000000, 0xdf000000, 0x5f800000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000,
    0x7fc00000, 0x46fffe00, 0x47000000, 0x42fe0000, 0x437f0000, 0xc3000000};

std::vector<Vector> reals() {
  std::vector<Vector> vectors;
  for (uint64_t bits : realCorners)
    vectors.push_back({bits});
  std::mt19937 random(2);
  for (int i = 0; i < 2000; ++i)
    vectors.push_back({(random() & 0x807fffff) | (110 + random() % 85) << 23});
  for (int i = 0; i < 500; ++i)
    vectors.push_back({bitsOf(float(int(random() % 600) - 300) / 2)});
  return vectors;
}

TEST(Conversions, RealsToIntegersAreRoundedAndClamped) {
  const std::pair<const char *, long double (*)(long double)> modes[] = {
      {"rni", [](long double x) { return std::nearbyint(x); }},
      {"rzi", [](long double x) { return std::trunc(x); }},
      {"rmi", [](long double x) { return std::floor(x); }},
      {"rpi", [](long double x) { return std::ceil(x); }}};
  for (const Integer &to : integers)
    for (const auto &[mode, f] : modes)
      for (bool ftz : {false, true}) {
        OneInstruction one{std::string("cvt.") + mode + (ftz ? ".ftz." : ".") + to.name +
                               ".f32 $d, $a;",
                           to.registerBits(),
                           {32}};
        expectResults(one, reals(), [&, f = f](const Vector &v) {
          float x = real(v[0]);
          if (ftz && std::fpclassify(x) == FP_SUBNORMAL)
            x = 0;
          if (std::isnan(x))
            return uint64_t(0);
          long double whole = f(x);
          if (whole >= (long double)(to.most()))
            return uint64_t(to.most());
          return uint64_t(whole <= (long double)(to.least()) ? to.least() : Wide(whole));
        });
      }
}

TEST(Conversions, IntegersToRealsAreRoundedOnce) {
  const std::pair<const char *, int> modes[] = {
      {"rn", FE_TONEAREST}, {"rz", FE_TOWARDZERO}, {"rm", FE_DOWNWARD}, {"rp", FE_UPWARD}};
  for (const Integer &from : integers)
    for (auto [mode, round] : modes) {
      OneInstruction one{
          std::string("cvt.") + mode + ".f32." + from.name + " $d, $a;", 32, {from.registerBits()}};
      auto vectors = randomVectors({from.registerBits()}, 512, 17);
      expectResults(one, vectors, [&, round = round](const Vector &v) {
        // A long double holds 64 bits.
        volatile long double exact = (long double)(from.value(v[0]));
        std::fesetround(round);
        volatile float result = float(exact);
        std::fesetround(FE_TONEAREST);
        return bitsOf(result);
      });
      OneInstruction wide{
          std::string("cvt.") + mode + ".f64." + from.name + " $d, $a;", 64, {from.registerBits()}};
      expectResults(wide, vectors, [&, round = round](const Vector &v) {
        volatile long double exact = (long double)(from.value(v[0]));
        std::fesetround(round);
        volatile double result = double(exact);
        std::fesetround(FE_TONEAREST);
        double copy = result;
        return std::bit_cast<uint64_t>(copy);
      });
    }
}

TEST(Conversions, EveryHalfIsWidenedExactly) {
  std::vector<Vector> vectors;
  for (unsigned bits = 0; bits < 0x10000; ++bits)
    vectors.push_back({bits});
  OneInstruction f16Of{"cvt.f32.f16 $d, $a;", 32, {16}}, bf16Of{"cvt.f32.bf16 $d, $a;", 32, {16}};
  expectResults(f16Of, vectors,
                [](const Vector &v) { return bitsOf(float(f16().value(unsigned(v[0])))); });
  std::vector<uint64_t> results = bf16Of.run(vectors);
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    float expected = float(bf16().value(bits));
    ASSERT_TRUE(std::isnan(expected) ? std::isnan(real(results[bits]))
                                     : results[bits] == bitsOf(expected));
  }
}

/// Reals around halves and the middles between them.
std::vector<Vector> realsAround(const SmallFormat &format) {
  std::vector<Vector> vectors = reals();
  std::mt19937 random(4);
  for (int i = 0; i < 3000; ++i) {
    size_t at = random() % (format.sizes.size() - 1);
    float middle = float((format.sizes[at] + format.sizes[at + 1]) / 2);
    for (float x : {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, HUGE_VALF)})
      vectors.push_back({bitsOf(i % 2 ? x : -x), random()});
  }
  for (float x : {65504.0f, 65519.99f, 65520.0f, 65536.0f, 448.0f, 464.0f, 465.0f, 57344.0f,
                  61440.0f, 3.3895314e38f, 3.3961775e38f, 3.3961777e38f})
    vectors.push_back({bitsOf(x), bitsOf(-x)});
  return vectors;
}

TEST(Conversions, RealsToHalves) {
  for (const auto &[name, format] :
       {std::pair<std::string, const SmallFormat *>{"f16", &f16()}, {"bf16", &bf16()}}) {
    auto vectors = realsAround(*format);
    const SmallFormat *numbers = format;
    OneInstruction one{"cvt.rn." + name + ".f32 $d, $a;", 16, {32}};
    expectResults(one, vectors, [&](const Vector &v) { return numbers->round(real(v[0])); });
    // The first source is the upper half.
    OneInstruction two{"cvt.rn." + name + "x2.f32 $d, $a, $b;"};
    expectResults(two, vectors, [&](const Vector &v) {
      return uint64_t(numbers->round(real(v[0]))) << 16 | numbers->round(real(v[1]));
    });
    OneInstruction positive{"cvt.rn.relu." + name + "x2.f32 $d, $a, $b;"};
    auto relu = [&](float x) { return numbers->round(x <= 0 ? 0.0f : x); };
    expectResults(positive, vectors, [&](const Vector &v) {
      return uint64_t(relu(real(v[0]))) << 16 | relu(real(v[1]));
    });
    OneInstruction finite{"cvt.rn.satfinite." + name + ".f32 $d, $a;", 16, {32}};
    expectResults(finite, vectors, [&](const Vector &v) {
      float x = real(v[0]), most = float(numbers->largest());
      return numbers->round(std::isnan(x) ? x : std::clamp(x, -most, most));
    });
    OneInstruction cut{"cvt.rz." + name + "x2.f32 $d, $a, $b;"};
    auto towardZero = [&](float x) -> unsigned {
      if (!std::isfinite(x))
        return numbers->round(x);
      auto above = std::upper_bound(numbers->sizes.begin(), numbers->sizes.end(), std::abs(x));
      unsigned size = unsigned(above - numbers->sizes.begin()) - 1;
      return size | (std::signbit(x) ? 0x8000u : 0);
    };
    expectResults(cut, vectors, [&](const Vector &v) {
      return uint64_t(towardZero(real(v[0]))) << 16 | towardZero(real(v[1]));
    });
  }
}

TEST(Conversions, SubnormalRealsAreFlushed) {
  OneInstruction widen{"cvt.ftz.f32.bf16 $d, $a;", 32, {16}};
  EXPECT_EQ(widen.run({{0x8001}})[0], 0x80000000u);
  OneInstruction same{"cvt.rni.ftz.f32.f32 $d, $a;", 32, {32}};
  EXPECT_EQ(same.run({{0x80000001}, {0x40200000}, {0x3f000000}}),
            (std::vector<uint64_t>{0x80000000, 0x40000000, 0}));
}

TEST(Conversions, ToAUnitInterval) {
  OneInstruction one{"cvt.sat.f32.f32 $d, $a;", 32, {32}};
  expectResults(one, reals(), [](const Vector &v) {
    float x = real(v[0]);
    return bitsOf(x > 0 ? std::min(x, 1.0f) : 0.0f);
  });
}

TEST(Conversions, BetweenF32AndF64) {
  OneInstruction widen{"cvt.f64.f32 $d, $a;", 64, {32}};
  std::vector<Vector> vectors = reals();
  std::erase_if(vectors, [](const Vector &v) { return std::isnan(real(v[0])); });
  expectResults(widen, vectors,
                [](const Vector &v) { return std::bit_cast<uint64_t>(double(real(v[0]))); });
  std::mt19937_64 random(5);
  for (Vector &v : vectors)
    v[0] = (random() & 0x800fffffffffffff) | (1023 - 155 + random() % 290) << 52;
  const std::pair<const char *, int> modes[] = {
      {"rn", FE_TONEAREST}, {"rz", FE_TOWARDZERO}, {"rm", FE_DOWNWARD}, {"rp", FE_UPWARD}};
  for (auto [mode, round] : modes) {
    OneInstruction narrow{std::string("cvt.") + mode + ".f32.f64 $d, $a;", 32, {64}};
    expectResults(narrow, vectors, [round = round](const Vector &v) {
      volatile double exact = std::bit_cast<double>(v[0]);
      std::fesetround(round);
      volatile float result = float(exact);
      std::fesetround(FE_TONEAREST);
      return bitsOf(result);
    });
  }
}

TEST(Conversions, ToEightBits) {
  for (const auto &[name, format] :
       {std::pair<std::string, const SmallFormat *>{"e4m3", &e4m3()}, {"e5m2", &e5m2()}}) {
    const SmallFormat *numbers = format;
    float most = float(numbers->largest());
    auto saturated = [&](float x) {
      return numbers->round(std::isnan(x) ? x : std::clamp(x, -most, most));
    };
    auto vectors = realsAround(*format);
    OneInstruction one{"cvt.rn.satfinite." + name + "x2.f32 $d, $a, $b;", 16, {32, 32}};
    expectResults(one, vectors, [&](const Vector &v) {
      return saturated(real(v[0])) << 8 | saturated(real(v[1]));
    });
    OneInstruction positive{"cvt.rn.satfinite.relu." + name + "x2.f32 $d, $a, $b;", 16, {32, 32}};
    expectResults(positive, vectors, [&](const Vector &v) {
      auto relu = [&](float x) { return saturated(x <= 0 ? 0.0f : x); };
      return relu(real(v[0])) << 8 | relu(real(v[1]));
    });
    std::vector<Vector> halves, bytes;
    for (unsigned bits = 0; bits < 0x10000; ++bits)
      halves.push_back({bits << 16 | (0xffff - bits)});
    for (unsigned bits = 0; bits < 0x100; ++bits)
      bytes.push_back({bits << 8 | (0xff - bits)});
    OneInstruction fromHalves{"cvt.rn.satfinite." + name + "x2.f16x2 $d, $a;", 16, {32}};
    expectResults(fromHalves, halves, [&](const Vector &v) {
      return saturated(float(f16().value(unsigned(v[0] >> 16)))) << 8 |
             saturated(float(f16().value(v[0] & 0xffff)));
    });
    OneInstruction back{"cvt.rn.f16x2." + name + "x2 $d, $a;", 32, {16}};
    expectResults(back, bytes, [&](const Vector &v) {
      return uint64_t(f16().round(numbers->value(v[0] >> 8 & 0xff))) << 16 |
             f16().round(numbers->value(v[0] & 0xff));
    });
  }
}

TEST(Conversions, ToTf32) {
  auto vectors = reals();
  vectors.push_back({0x3f801000});
  vectors.push_back({0x3f803000});
  vectors.push_back({0x3f800fff});
  vectors.push_back({0x7f7ff000});
  auto round = [](uint64_t bits, const char *mode) -> uint64_t {
    if (std::isnan(real(bits)))
      return 0x7fffffff;
    uint64_t cut = bits & 0x1fff, kept = bits & 0xffffe000;
    bool isEven = !(kept & 0x2000), isTie = cut == 0x1000;
    bool up = mode[1] == 'z'   ? false
              : mode[2] == 'a' ? cut >= 0x1000
                               : cut > 0x1000 || (isTie && !isEven);
    return kept + (up ? 0x2000 : 0);
  };
  for (const char *mode : {"rna", "rn", "rz"}) {
    OneInstruction one{std::string("cvt.") + mode + ".tf32.f32 $d, $a;", 32, {32}};
    std::vector<Vector> finite = vectors;
    expectResults(one, finite, [&](const Vector &v) { return round(v[0], mode); });
  }
}

TEST(Conversions, WhatDoesNotExistIsRefused) {
  EXPECT_NE(loadError("cvt.f32.s32 %f5, %r6;").find("expected a rounding mode (.rn"),
            std::string::npos);
  EXPECT_NE(loadError("cvt.s32.f32 %r5, %f6;").find("expected a rounding mode (.rni"),
            std::string::npos);
  EXPECT_NE(loadError("cvt.rn.s32.f32 %r5, %f6;").find(".rni, .rzi"), std::string::npos);
  EXPECT_NE(loadError("cvt.rzi.f32.s32 %f5, %r6;").find(".rn, .rz"), std::string::npos);
  EXPECT_NE(loadError("cvt.rn.f32.f16 %f5, %rs6;").find("exact"), std::string::npos);
  EXPECT_NE(loadError("cvt.rn.e4m3x2.f32 %rs5, %f6, %f7;").find(".satfinite"), std::string::npos);
  EXPECT_NE(loadError("cvt.rn.satfinite.e4m3x2.f32 %rs5, %f6, %f7;", "sm_80").find("sm_89"),
            std::string::npos);
  EXPECT_NE(loadError("cvt.rm.bf16x2.f32 %r5, %f6, %f7;").find(".rn or .rz"), std::string::npos);
  EXPECT_NE(loadError("cvt.rm.tf32.f32 %r5, %f6;").find(".rna"), std::string::npos);
  EXPECT_NE(loadError("cvt.b32.u16 %r5, %rs6;").find("no form for these types"), std::string::npos);
  EXPECT_NE(loadError("cvt.sat.u32.u16 %r5, %rs6;").find("every value is in range"),
            std::string::npos);
  EXPECT_NE(loadError("cvt.rn.sat.bf16.f32 %rs5, %f6;").find("neither for .bf16"),
            std::string::npos);
  EXPECT_NE(loadError("cvt.rzi.u8.bf16 %rs5, %rs6;").find("no form for these types"),
            std::string::npos);
  EXPECT_NE(loadError("cvt.rn.satfinite.tf32.f32 %r5, %f6;").find("with .rna alone"),
            std::string::npos);
  EXPECT_EQ(loadError("cvt.rn.f32.bf16 %f5, %rs6;"), "");
  EXPECT_NE(loadError("cvt.u64.u32 %r5, %r6;").find("64 bits"), std::string::npos);
  EXPECT_NE(loadError("cvt.rn.f16.f32 %r5, %f6;").find("16 bits"), std::string::npos);
}

} // namespace
} // namespace attune::sim::test
