// SPDX-License-Identifier: Apache-2.0
// Are f32 and f64 rounded once, as the processor does it under each rounding mode; and what of
// zeros, subnormal numbers and what is no number?
#include "test/runtime/sim/OpsHarness.h"

#include <bit>
#include <cfenv>
#include <cmath>
#include <limits>

namespace attune::sim::test {
namespace {

constexpr uint32_t noNumber = 0x7fffffff;
const std::vector<uint64_t> corners = {
    0,          0x80000000, 1,          0x80000001, 0x007fffff, 0x807fffff, 0x00800000, 0x80800000,
    0x00800001, 0x3f800000, 0xbf800000, 0x3f800001, 0x3f7fffff, 0x7f7fffff, 0xff7fffff, 0x7f800000,
    0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001, 0x34000000, 0x33800000, 0x4b800000, 0xcb7fffff,
    0x20000000, 0x5f000000, 0x7e800000, 0x7e800001, 0x40490fdb, 0x00400000, 0x1f800000, 0x3eaaaaab};

float real(uint64_t bits) { return std::bit_cast<float>(uint32_t(bits)); }
uint64_t bitsOf(float value) {
  return std::isnan(value) ? noNumber : std::bit_cast<uint32_t>(value);
}
/// .ftz
float flushed(float value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0f, value) : value;
}

/// Pairs of corners, and numbers whose exponents are near each other or near the ends.
std::vector<Vector> vectorsOf(size_t sources) {
  std::vector<Vector> vectors;
  std::mt19937 random(5);
  for (uint64_t a : corners)
    for (uint64_t b : corners)
      vectors.push_back({a, sources > 1 ? b : 0, corners[random() % corners.size()]});
  for (int i = 0; i < 3000; ++i) {
    uint32_t base = random() % 3 == 0 ? 1 + random() % 20 : 60 + random() % 130;
    Vector v{};
    for (size_t k = 0; k < sources; ++k) {
      uint32_t exponent = std::min(base + uint32_t(random() % 30), 254u);
      v[k] = (random() & 0x807fffff) | exponent << 23;
      if (random() % 3 == 0)
        v[k] &= 0xffff8000;
    }
    vectors.push_back(v);
  }
  return vectors;
}

/// The processor's arithmetic under a rounding mode; volatile, so that nothing is moved.
float rounded(int mode, float (*f)(float, float, float), const Vector &v) {
  volatile float a = real(v[0]), b = real(v[1]), c = real(v[2]);
  std::fesetround(mode);
  volatile float result = f(a, b, c);
  std::fesetround(FE_TONEAREST);
  return result;
}

struct Mode {
  const char *suffix;
  int mode;
};
const Mode modes[] = {
    {".rn", FE_TONEAREST}, {".rz", FE_TOWARDZERO}, {".rm", FE_DOWNWARD}, {".rp", FE_UPWARD}};

struct RoundedOperation {
  const char *name;
  size_t sources;
  float (*f)(float, float, float);
};
[[gnu::noinline]] float addOf(float a, float b, float) { return a + b; }
[[gnu::noinline]] float subOf(float a, float b, float) { return a - b; }
[[gnu::noinline]] float mulOf(float a, float b, float) { return a * b; }
[[gnu::noinline]] float divOf(float a, float b, float) { return a / b; }
[[gnu::noinline]] float rcpOf(float a, float, float) { return 1 / a; }
[[gnu::noinline]] float fmaOf(float a, float b, float c) { return std::fma(a, b, c); }
[[gnu::noinline]] float sqrtOf(float a, float, float) { return std::sqrt(a); }
const RoundedOperation operations[] = {{"add", 2, addOf},   {"sub", 2, subOf}, {"mul", 2, mulOf},
                                       {"fma", 3, fmaOf},   {"div", 2, divOf}, {"rcp", 1, rcpOf},
                                       {"sqrt", 1, sqrtOf}, {"mad", 3, fmaOf}};

std::string operandsOf(size_t sources) {
  return sources == 1 ? " $d, $a;" : sources == 2 ? " $d, $a, $b;" : " $d, $a, $b, $c;";
}

TEST(Floats, AreRoundedOnceInEveryMode) {
  for (const RoundedOperation &operation : operations)
    for (const Mode &mode : modes) {
      OneInstruction one{std::string(operation.name) + mode.suffix + ".f32" +
                             operandsOf(operation.sources),
                         32, std::vector<unsigned>(operation.sources, 32)};
      expectResults(one, vectorsOf(operation.sources),
                    [&](const Vector &v) { return bitsOf(rounded(mode.mode, operation.f, v)); });
    }
}

TEST(Floats, SubnormalNumbersAreFlushed) {
  for (const RoundedOperation &operation : operations)
    for (const Mode &mode : modes) {
      OneInstruction one{std::string(operation.name) + mode.suffix + ".ftz.f32" +
                             operandsOf(operation.sources),
                         32, std::vector<unsigned>(operation.sources, 32)};
      expectResults(one, vectorsOf(operation.sources), [&](const Vector &v) {
        Vector sources = v;
        for (uint64_t &bits : sources)
          bits = std::bit_cast<uint32_t>(flushed(real(bits)));
        return bitsOf(flushed(rounded(mode.mode, operation.f, sources)));
      });
    }
}

TEST(Floats, WithoutARoundingModeAreRoundedToNearest) {
  for (const char *name : {"add", "sub", "mul"})
    for (bool ftz : {false, true}) {
      std::string suffix = ftz ? ".ftz.f32 $d, $a, $b;" : ".f32 $d, $a, $b;";
      OneInstruction plain{name + suffix}, nearest{std::string(name) + ".rn" + suffix};
      auto vectors = vectorsOf(2);
      std::vector<uint64_t> expected = nearest.run(vectors);
      EXPECT_EQ(plain.run(vectors), expected) << plain.text;
    }
}

TEST(Floats, AreSaturatedToZeroAndOne) {
  for (const RoundedOperation &operation : operations) {
    if (operation.name[0] == 'd' || operation.name[0] == 'r' || operation.name[0] == 's' ||
        operation.name[1] == 'a')
      continue;
    OneInstruction one{std::string(operation.name) + ".rn.sat.f32" + operandsOf(operation.sources),
                       32, std::vector<unsigned>(operation.sources, 32)};
    expectResults(one, vectorsOf(operation.sources), [&](const Vector &v) {
      float exact = rounded(FE_TONEAREST, operation.f, v);
      return bitsOf(std::isnan(exact) || exact <= 0 ? 0.0f : std::min(exact, 1.0f));
    });
  }
  OneInstruction both{"add.rz.ftz.sat.f32 $d, $a, $b;"};
  expectResults(both, {{0x00800001, 0x80800000}, {0x3f800000, 0x3f800000}, {0x7fc00000, 0}},
                [](const Vector &v) { return v[0] == 0x3f800000 ? 0x3f800000 : 0; });
}

float extremumOf(bool isMax, bool nan, float a, float b) {
  if (std::isnan(a) || std::isnan(b))
    return nan || (std::isnan(a) && std::isnan(b)) ? NAN : std::isnan(a) ? b : a;
  // Keys in the order of the numbers, -0 below +0.
  auto key = [](float x) {
    int32_t bits = std::bit_cast<int32_t>(x);
    return bits < 0 ? int64_t(INT32_MIN) - bits - 1 : int64_t(bits);
  };
  return (key(a) < key(b)) == isMax ? b : a;
}

TEST(Floats, ExtremesPreferNumbersAndKnowSignsOfZero) {
  for (bool isMax : {false, true})
    for (bool nan : {false, true})
      for (bool ftz : {false, true}) {
        OneInstruction one{std::string(isMax ? "max" : "min") + (ftz ? ".ftz" : "") +
                           (nan ? ".NaN" : "") + ".f32 $d, $a, $b;"};
        expectResults(one, vectorsOf(2), [&](const Vector &v) {
          float a = real(v[0]), b = real(v[1]);
          return bitsOf(extremumOf(isMax, nan, ftz ? flushed(a) : a, ftz ? flushed(b) : b));
        });
      }
}

TEST(Floats, SignsChangeAsBits) {
  OneInstruction one{"neg.f32 $d, $a;", 32, {32}};
  expectResults(one, vectorsOf(1), [](const Vector &v) { return v[0] ^ 0x80000000; });
  one.text = "abs.f32 $d, $a;";
  expectResults(one, vectorsOf(1), [](const Vector &v) { return v[0] & 0x7fffffff; });
  one.text = "neg.ftz.f32 $d, $a;";
  expectResults(one, vectorsOf(1), [](const Vector &v) {
    return std::bit_cast<uint32_t>(flushed(real(v[0]))) ^ 0x80000000;
  });
  one.text = "abs.ftz.f32 $d, $a;";
  expectResults(one, vectorsOf(1), [](const Vector &v) {
    return std::bit_cast<uint32_t>(flushed(real(v[0]))) & 0x7fffffff;
  });
  OneInstruction copy{"copysign.f32 $d, $a, $b;"};
  expectResults(copy, vectorsOf(2),
                [](const Vector &v) { return (v[0] & 0x80000000) | (v[1] & 0x7fffffff); });
}

uint64_t distance(uint64_t a, uint64_t b) {
  auto key = [](uint64_t bits) {
    return bits & 0x80000000 ? -int64_t(bits & 0x7fffffff) : int64_t(bits);
  };
  return uint64_t(std::abs(key(a) - key(b)));
}

TEST(Floats, ApproximateQuotients) {
  for (const char *name : {"approx", "full"}) {
    OneInstruction one{std::string("div.") + name + ".f32 $d, $a, $b;"};
    auto vectors = vectorsOf(2);
    std::vector<uint64_t> results = one.run(vectors);
    for (size_t i = 0; i < vectors.size(); ++i) {
      float a = real(vectors[i][0]), b = real(vectors[i][1]), size = std::abs(b);
      bool lost = name[0] == 'a' && size > 0x1p126f && std::isfinite(size);
      float expected = !lost ? a / b : std::isinf(a) || std::isnan(a) ? NAN : 0;
      if (lost && expected == 0)
        EXPECT_EQ(results[i] & 0x7fffffff, 0u) << a << " / " << b;
      else if (std::isnan(expected))
        EXPECT_EQ(results[i], noNumber) << a << " / " << b;
      else
        EXPECT_LE(distance(results[i], std::bit_cast<uint32_t>(expected)), 2u) << a << " / " << b;
    }
  }
}

//===-- f64 ---===//

TEST(Floats, OfDoublePrecision) {
  std::mt19937_64 random(3);
  std::vector<Vector> vectors;
  const double values[] = {0.0, -0.0, 1, -1, 0x1p-1074, 0x1.fffffffffffffp1023, HUGE_VAL, 3, 0.1};
  for (double a : values)
    for (double b : values)
      vectors.push_back({std::bit_cast<uint64_t>(a), std::bit_cast<uint64_t>(b),
                         std::bit_cast<uint64_t>(values[random() % std::size(values)])});
  for (int i = 0; i < 500; ++i)
    vectors.push_back({(random() & 0x800fffffffffffff) | (1000 + random() % 40) << 52,
                       (random() & 0x800fffffffffffff) | (1000 + random() % 40) << 52,
                       (random() & 0x800fffffffffffff) | (1000 + random() % 40) << 52});
  using Double = double (*)(double, double, double);
  const std::tuple<const char *, unsigned, Double> all[] = {
      {"add.rn.f64", 2, [](double a, double b, double) { return a + b; }},
      {"sub.f64", 2, [](double a, double b, double) { return a - b; }},
      {"mul.rn.f64", 2, [](double a, double b, double) { return a * b; }},
      {"fma.rn.f64", 3, [](double a, double b, double c) { return std::fma(a, b, c); }},
      {"div.rn.f64", 2, [](double a, double b, double) { return a / b; }},
      {"min.f64", 2,
       [](double a, double b, double) { return a < b || (a == b && std::signbit(a)) ? a : b; }},
      {"max.f64", 2,
       [](double a, double b, double) { return a > b || (a == b && !std::signbit(a)) ? a : b; }},
      {"neg.f64", 1, [](double a, double, double) { return -a; }},
      {"abs.f64", 1, [](double a, double, double) { return std::fabs(a); }},
      {"rcp.rn.f64", 1, [](double a, double, double) { return 1 / a; }},
      {"sqrt.rn.f64", 1, [](double a, double, double) { return std::sqrt(a); }}};
  for (const auto &[name, sources, f] : all) {
    OneInstruction one{name + operandsOf(sources), 64, std::vector<unsigned>(sources, 64)};
    std::vector<uint64_t> results = one.run(vectors);
    for (size_t i = 0; i < vectors.size(); ++i) {
      double expected =
          f(std::bit_cast<double>(vectors[i][0]), std::bit_cast<double>(vectors[i][1]),
            std::bit_cast<double>(vectors[i][2]));
      double found = std::bit_cast<double>(results[i]);
      if (std::isnan(expected))
        EXPECT_TRUE(std::isnan(found)) << name;
      else
        EXPECT_EQ(std::bit_cast<uint64_t>(expected), results[i]) << name << " " << i;
    }
  }
}

//===-- Approximate functions ---===//

struct Approximate {
  const char *name;
  long double (*exact)(long double);
  /// Sources are from low to high.
  float low, high;
  /// How far off results may be, in units in the last place.
  long double units = 1;
};
const Approximate functions[] = {
    {"ex2.approx.f32", [](long double x) { return std::exp2(x); }, -150, 128},
    {"lg2.approx.f32", [](long double x) { return std::log2(x); }, 0x1p-140f, 0x1p127f},
    {"rcp.approx.f32", [](long double x) { return 1 / x; }, -0x1p127f, 0x1p127f},
    {"sqrt.approx.f32", [](long double x) { return std::sqrt(x); }, 0, 0x1p127f},
    {"rsqrt.approx.f32", [](long double x) { return 1 / std::sqrt(x); }, 0x1p-140f, 0x1p127f},
    {"sin.approx.f32", [](long double x) { return std::sin(x); }, -100, 100},
    {"cos.approx.f32", [](long double x) { return std::cos(x); }, -100, 100},
    {"tanh.approx.f32", [](long double x) { return std::tanh(x); }, -10, 10, 0x1p13L}};

/// Spread over numbers or over exponents.
std::vector<Vector> arguments(const Approximate &function) {
  std::mt19937 random(7);
  std::vector<Vector> vectors;
  for (int i = 0; i < 4000; ++i) {
    double share = double(random()) / 0x1p32;
    float x = float(function.low + (double(function.high) - function.low) * share);
    if (i % 2)
      x = std::ldexp(x, -int(random() % 30));
    if (x >= function.low && x <= function.high)
      vectors.push_back({std::bit_cast<uint32_t>(x)});
  }
  return vectors;
}

/// How far a result is from the exact one, in units in its last place.
long double errorInUnits(float result, long double exact) {
  int exponent = std::max(std::ilogb(exact), -126);
  return std::abs(result - exact) / std::ldexp(1.0L, exponent - 23);
}

TEST(Floats, ApproximateFunctionsAreWithinTheirUnits) {
  for (const Approximate &function : functions) {
    OneInstruction one{std::string(function.name) + " $d, $a;", 32, {32}};
    auto vectors = arguments(function);
    std::vector<uint64_t> results = one.run(vectors);
    for (size_t i = 0; i < vectors.size(); ++i) {
      float x = real(vectors[i][0]);
      ASSERT_LE(errorInUnits(real(results[i]), function.exact(x)), function.units)
          << function.name << " of " << x << ": " << real(results[i]);
    }
  }
}

TEST(Floats, ExponentialsOfIntegersAreExact) {
  OneInstruction one{"ex2.approx.ftz.f32 $d, $a;", 32, {32}};
  std::vector<Vector> vectors;
  for (int i = -140; i <= 130; ++i)
    vectors.push_back({std::bit_cast<uint32_t>(float(i))});
  expectResults(one, vectors,
                [](const Vector &v) { return bitsOf(flushed(std::ldexp(1.0f, int(real(v[0]))))); });
}

TEST(Floats, CornersOfApproximateFunctions) {
  const float inf = HUGE_VALF, none = NAN, tiny = 0x1p-130f;
  const std::tuple<const char *, float, float> cases[] = {
      {"ex2.approx.f32", -inf, 0.0f},
      {"ex2.approx.f32", inf, inf},
      {"ex2.approx.f32", 0.0f, 1.0f},
      {"ex2.approx.f32", -0.0f, 1.0f},
      {"ex2.approx.f32", tiny, 1.0f},
      {"ex2.approx.f32", -tiny, 1.0f},
      {"ex2.approx.f32", none, none},
      {"ex2.approx.f32", -127.0f, 0x1p-127f},
      {"ex2.approx.f32", -149.0f, 0x1p-149f},
      {"ex2.approx.f32", -1e30f, 0.0f},
      {"ex2.approx.f32", 1e30f, inf},
      {"ex2.approx.ftz.f32", -127.0f, 0.0f},
      {"ex2.approx.ftz.f32", -126.0f, 0x1p-126f},
      {"ex2.approx.ftz.f32", none, none},
      {"lg2.approx.f32", 0.0f, -inf},
      {"lg2.approx.f32", -0.0f, -inf},
      {"lg2.approx.f32", inf, inf},
      {"lg2.approx.f32", -1.0f, none},
      {"lg2.approx.f32", -inf, none},
      {"lg2.approx.f32", 1.0f, 0.0f},
      {"lg2.approx.f32", 0x1p-130f, -130},
      {"lg2.approx.ftz.f32", 0x1p-130f, -inf},
      {"lg2.approx.ftz.f32", -tiny, -inf},
      {"rcp.approx.f32", 0.0f, inf},
      {"rcp.approx.f32", -0.0f, -inf},
      {"rcp.approx.f32", inf, 0.0f},
      {"rcp.approx.f32", -inf, -0.0f},
      {"rcp.approx.f32", none, none},
      {"rcp.approx.ftz.f32", tiny, inf},
      {"rcp.approx.ftz.f32", -tiny, -inf},
      {"rcp.approx.ftz.f32", 0x1p127f, 0.0f},
      {"rcp.approx.ftz.f32", -0x1p127f, -0.0f},
      {"rcp.approx.f32", 0x1p127f, 0x1p-127f},
      {"sqrt.approx.f32", -0.0f, -0.0f},
      {"sqrt.approx.f32", -1.0f, none},
      {"sqrt.approx.f32", inf, inf},
      {"sqrt.approx.ftz.f32", tiny, 0.0f},
      {"rsqrt.approx.f32", 0.0f, inf},
      {"rsqrt.approx.f32", -0.0f, -inf},
      {"rsqrt.approx.f32", inf, 0.0f},
      {"rsqrt.approx.f32", -1.0f, none},
      {"rsqrt.approx.ftz.f32", tiny, inf},
      {"sin.approx.f32", inf, none},
      {"sin.approx.f32", -0.0f, -0.0f},
      {"sin.approx.ftz.f32", tiny, 0.0f},
      {"cos.approx.f32", 0.0f, 1.0f},
      {"cos.approx.f32", -inf, none},
      {"tanh.approx.f32", inf, 1.0f},
      {"tanh.approx.f32", -inf, -1.0f},
      {"tanh.approx.f32", -0.0f, -0.0f},
      {"tanh.approx.f32", none, none}};
  for (const auto &[name, source, expected] : cases) {
    OneInstruction one{std::string(name) + " $d, $a;", 32, {32}};
    uint64_t found = one.run({{std::bit_cast<uint32_t>(source)}})[0];
    EXPECT_EQ(found, bitsOf(expected)) << name << " of " << source << ": " << real(found);
  }
}

TEST(Floats, PerturbedResultsAreNearAndDependOnTheSeedAlone) {
  for (const Approximate &function : functions) {
    OneInstruction one{std::string(function.name) + " $d, $a;", 32, {32}};
    auto vectors = arguments(function);
    std::vector<uint64_t> plain = one.run(vectors);
    one.options.perturb = 1;
    std::vector<uint64_t> first = one.run(vectors), again = one.run(vectors);
    one.options.perturb = 2;
    std::vector<uint64_t> second = one.run(vectors);
    EXPECT_EQ(first, again) << function.name;
    EXPECT_NE(first, second) << function.name;
    size_t counts[3] = {0, 0, 0};
    for (size_t i = 0; i < plain.size(); ++i) {
      uint64_t moved = distance(plain[i], first[i]);
      ASSERT_LE(moved, 2u) << function.name << " of " << real(vectors[i][0]);
      ++counts[moved];
    }
    // A fifth stays, two fifths each move by one and by two; a saturated tanh has less room.
    for (size_t count : counts)
      EXPECT_GT(count, plain.size() / 10) << function.name;
  }
}

TEST(Floats, PerturbingLeavesCornersAlone) {
  for (const char *name :
       {"ex2.approx.f32", "rcp.approx.f32", "lg2.approx.f32", "cos.approx.f32"}) {
    OneInstruction one{std::string(name) + " $d, $a;", 32, {32}};
    std::vector<Vector> vectors;
    for (uint64_t bits : {0u, 0x80000000u, 1u, 0x7f800000u, 0xff800000u, 0x7fc00000u})
      vectors.push_back({bits});
    std::vector<uint64_t> plain = one.run(vectors);
    one.options.perturb = 9;
    EXPECT_EQ(one.run(vectors), plain) << name;
  }
}

TEST(Floats, WhatDoesNotExistIsRefused) {
  EXPECT_NE(loadError("fma.f32 %f5, %f6, %f7, %f8;").find("rounding mode"), std::string::npos);
  EXPECT_NE(loadError("div.f32 %f5, %f6, %f7;").find("rounding mode"), std::string::npos);
  EXPECT_NE(loadError("add.NaN.f32 %f5, %f6, %f7;").find("no such modifier"), std::string::npos);
  EXPECT_NE(loadError("add.approx.f32 %f5, %f6, %f7;").find("no such modifier"), std::string::npos);
  EXPECT_NE(loadError("max.rn.f32 %f5, %f6, %f7;").find("no such modifier"), std::string::npos);
  EXPECT_NE(loadError("max.sat.f32 %f5, %f6, %f7;").find("no such modifier"), std::string::npos);
  EXPECT_NE(loadError("rsqrt.rn.f32 %f5, %f6;").find("expected .approx"), std::string::npos);
  EXPECT_NE(loadError("rcp.f32 %f5, %f6;").find("expected .approx or a rounding mode"),
            std::string::npos);
  EXPECT_NE(loadError("ex2.f32 %f5, %f6;").find("(.approx)"), std::string::npos);
  EXPECT_NE(loadError("add.rz.f64 %rd5, %rd6, %rd7;").find(".rn and no other"), std::string::npos);
  EXPECT_NE(loadError("lg2.approx.f64 %rd5, %rd6;").find("expected .f32"), std::string::npos);
}

} // namespace
} // namespace attune::sim::test
