// SPDX-License-Identifier: Apache-2.0
// Is arithmetic of f16 and bf16 rounded once? Compared with a search among all their numbers.
#include "test/runtime/sim/OpsHarness.h"
#include "test/runtime/sim/numerics/ExactSearch.h"

#include <bit>

namespace attune::sim::test {
namespace {

struct Format {
  std::string name;
  const SmallFormat &numbers;
  unsigned infinity, smallestNormal;
  unsigned fractionBits;
  bool isNan(unsigned bits) const { return (bits & 0x7fff) > infinity; }
};
const Format formats[] = {{"f16", f16(), 0x7c00, 0x0400, 10}, {"bf16", bf16(), 0x7f80, 0x0080, 7}};

/// Pairs of corners, and numbers of near and of far exponents; the upper halves are random.
std::vector<Vector> vectorsOf(const Format &format) {
  const unsigned corners[] = {0,
                              0x8000,
                              1,
                              0x8001,
                              format.smallestNormal,
                              format.smallestNormal - 1,
                              format.infinity,
                              format.infinity | 0x8000,
                              0x7fff,
                              format.infinity - 1,
                              (format.infinity - 1) | 0x8000,
                              format.infinity | 1,
                              0x3c00,
                              0x3f80,
                              0xbf80,
                              0xbc00};
  std::mt19937 random(11);
  std::vector<Vector> vectors;
  for (unsigned a : corners)
    for (unsigned b : corners)
      vectors.push_back({a, b, corners[random() % std::size(corners)]});
  for (int i = 0; i < 4000; ++i)
    vectors.push_back({random() & 0xffff, random() & 0xffff, random() & 0xffff});
  for (int i = 0; i < 4000; ++i) {
    unsigned exponent = (format.infinity >> format.fractionBits) / 2;
    auto near = [&] {
      return (random() & (0x8000 | ((1u << format.fractionBits) - 1))) |
             (exponent - 3 + random() % 6) << format.fractionBits;
    };
    vectors.push_back({near(), near(), near()});
  }
  // A product in the middle of two numbers, and an addend that is lost in a double.
  if (format.name == "bf16") {
    unsigned a = 0x3f81, b = 0x3fc0;
    for (unsigned c : {0x0001u, 0x8001u, 0x0080u, 0x8080u, 0x1000u, 0x9000u})
      for (unsigned scale : {0u, 0x1000u, 0x2000u})
        vectors.push_back({a + scale, b, c});
  }
  for (Vector &v : vectors)
    for (uint64_t &bits : v)
      bits |= uint64_t(random() & 0xffff) << 16;
  return vectors;
}

unsigned half(uint64_t bits, bool high) { return (high ? bits >> 16 : bits) & 0xffff; }

/// |p + c| compared with y, exactly: p has at most 22 bits.
int compareSum(long double p, long double c, long double y) {
  if (p + c < 0) {
    p = -p;
    c = -c;
  }
  // p - y is exact or far from c; the sign of the sum is right in either order of size.
  long double first = std::abs(p) > std::abs(c) ? (p - y) + c : (c - y) + p;
  return first > 0 ? 1 : first < 0 ? -1 : 0;
}

unsigned fused(const Format &format, unsigned a, unsigned b, unsigned c) {
  long double p = format.numbers.value(a) * format.numbers.value(b),
              addend = format.numbers.value(c);
  long double sum = p + addend;
  if (std::isnan(sum))
    return 0x7fff;
  unsigned sign = std::signbit(sum) ? 0x8000 : 0;
  if (std::isinf(sum))
    return sign | format.infinity;
  return sign | format.numbers.nearest([&](long double y) { return compareSum(p, addend, y); });
}

using HalfFunction = std::function<unsigned(const Format &, unsigned, unsigned, unsigned)>;

/// One half in a register, and two.
void expectHalves(const Format &format, const std::string &opcode, size_t sources,
                  const HalfFunction &f, const std::vector<Vector> &vectors) {
  std::string operands = sources == 1   ? " $d, $a;"
                         : sources == 2 ? " $d, $a, $b;"
                                        : " $d, $a, $b, $c;";
  auto halfOf = [&](const Vector &v, bool high) {
    return f(format, half(v[0], high), half(v[1], high), half(v[2], high));
  };
  OneInstruction one{opcode + "." + format.name + operands, 16, std::vector<unsigned>(sources, 16)};
  expectResults(one, vectors, [&](const Vector &v) { return halfOf(v, false); });
  OneInstruction two{opcode + "." + format.name + "x2" + operands, 32,
                     std::vector<unsigned>(sources, 32)};
  expectResults(two, vectors, [&](const Vector &v) {
    return uint64_t(halfOf(v, true)) << 16 | halfOf(v, false);
  });
}

unsigned sumOf(const Format &f, unsigned a, unsigned b, unsigned) {
  return fused(f, a, unsigned(f.numbers.round(1)), b);
}
unsigned differenceOf(const Format &f, unsigned a, unsigned b, unsigned) {
  return f.isNan(b) ? 0x7fff : fused(f, a, unsigned(f.numbers.round(1)), b ^ 0x8000);
}
unsigned productOf(const Format &f, unsigned a, unsigned b, unsigned) {
  long double p = f.numbers.value(a) * f.numbers.value(b);
  return f.numbers.round(p);
}

TEST(Halves, AreRoundedOnce) {
  for (const Format &format : formats) {
    auto vectors = vectorsOf(format);
    expectHalves(format, "add", 2, sumOf, vectors);
    expectHalves(format, "sub.rn", 2, differenceOf, vectors);
    expectHalves(format, "mul", 2, productOf, vectors);
    expectHalves(format, "fma.rn", 3, fused, vectors);
  }
}

TEST(Halves, AreMadePositiveOnRequest) {
  for (const Format &format : formats)
    expectHalves(
        format, "fma.rn.relu", 3,
        [](const Format &f, unsigned a, unsigned b, unsigned c) {
          unsigned result = fused(f, a, b, c);
          return f.isNan(result) ? 0x7fff : result & 0x8000 ? 0 : result;
        },
        vectorsOf(format));
}

unsigned flushed(const Format &format, unsigned bits) {
  return (bits & 0x7fff) < format.smallestNormal ? bits & 0x8000 : bits;
}

TEST(Halves, OfF16AreFlushedAndSaturated) {
  const Format &format = formats[0];
  auto vectors = vectorsOf(format);
  auto saturated = [](const Format &f, unsigned bits) -> unsigned {
    return f.isNan(bits) || bits & 0x8000 ? 0 : std::min(bits, 0x3c00u);
  };
  expectHalves(
      format, "fma.rn.ftz", 3,
      [](const Format &f, unsigned a, unsigned b, unsigned c) {
        return flushed(f, fused(f, flushed(f, a), flushed(f, b), flushed(f, c)));
      },
      vectors);
  expectHalves(
      format, "add.sat", 2,
      [&](const Format &f, unsigned a, unsigned b, unsigned c) {
        return saturated(f, sumOf(f, a, b, c));
      },
      vectors);
  expectHalves(
      format, "mul.ftz.sat", 2,
      [&](const Format &f, unsigned a, unsigned b, unsigned c) {
        return saturated(f, flushed(f, productOf(f, flushed(f, a), flushed(f, b), c)));
      },
      vectors);
}

TEST(Halves, ExtremesPreferNumbersAndKnowSignsOfZero) {
  for (const Format &format : formats)
    for (bool isMax : {false, true})
      for (bool nan : {false, true})
        expectHalves(
            format, std::string(isMax ? "max" : "min") + (nan ? ".NaN" : ""), 2,
            [&](const Format &f, unsigned a, unsigned b, unsigned) -> unsigned {
              if (f.isNan(a) || f.isNan(b))
                return nan || (f.isNan(a) && f.isNan(b)) ? 0x7fff : f.isNan(a) ? b : a;
              auto key = [](unsigned x) { return x & 0x8000 ? -int(x & 0x7fff) - 1 : int(x); };
              return (key(a) < key(b)) == isMax ? b : a;
            },
            vectorsOf(format));
}

TEST(Halves, SignsChangeAsBits) {
  for (const Format &format : formats) {
    auto vectors = vectorsOf(format);
    expectHalves(
        format, "neg", 1, [](const Format &, unsigned a, unsigned, unsigned) { return a ^ 0x8000; },
        vectors);
    expectHalves(
        format, "abs", 1, [](const Format &, unsigned a, unsigned, unsigned) { return a & 0x7fff; },
        vectors);
  }
}

/// Every half; within one unit of the exact value.
void expectApproximate(const std::string &opcode, const Format &format, bool ftz,
                       long double (*exact)(long double)) {
  std::vector<Vector> vectors;
  for (unsigned bits = 0; bits < 0x10000; bits += 3)
    vectors.push_back({bits | uint64_t(0xffff - bits) << 16});
  OneInstruction two{opcode + "." + format.name + "x2 $d, $a;", 32, {32}};
  OneInstruction one{opcode + "." + format.name + " $d, $a;", 16, {16}};
  std::vector<uint64_t> pairs = two.run(vectors), singles = one.run(vectors);
  for (size_t i = 0; i < vectors.size(); ++i) {
    ASSERT_EQ(singles[i], pairs[i] & 0xffff) << one.text;
    for (bool high : {false, true}) {
      unsigned source = half(vectors[i][0], high), found = half(pairs[i], high);
      if (ftz)
        source = flushed(format, source);
      unsigned expected = format.numbers.round(exact(format.numbers.value(source)));
      if (ftz)
        expected = flushed(format, expected);
      int distance = std::abs(int(expected & 0x7fff) - int(found & 0x7fff));
      ASSERT_TRUE(distance <= 1 && (expected & 0x8000) == (found & 0x8000))
          << opcode << std::hex << " of " << source << ": " << found << ", not " << expected;
    }
  }
}

TEST(Halves, ApproximateFunctions) {
  auto exponential = [](long double x) -> long double { return std::exp2(x); };
  auto hyperbolic = [](long double x) -> long double { return std::tanh(x); };
  expectApproximate("ex2.approx", formats[0], false, exponential);
  expectApproximate("ex2.approx.ftz", formats[1], true, exponential);
  expectApproximate("tanh.approx", formats[0], false, hyperbolic);
  expectApproximate("tanh.approx", formats[1], false, hyperbolic);
}

TEST(Halves, PerturbedResultsAreNear) {
  OneInstruction one{"ex2.approx.f16x2 $d, $a;", 32, {32}};
  std::vector<Vector> vectors;
  for (unsigned bits = 0x3000; bits < 0x4800; ++bits)
    vectors.push_back({bits | uint64_t(bits ^ 0x8000) << 16});
  std::vector<uint64_t> plain = one.run(vectors);
  one.options.perturb = 3;
  std::vector<uint64_t> moved = one.run(vectors);
  size_t changed = 0;
  for (size_t i = 0; i < plain.size(); ++i)
    for (bool high : {false, true}) {
      int distance = std::abs(int(half(plain[i], high)) - int(half(moved[i], high)));
      ASSERT_LE(distance, 2);
      changed += distance != 0;
    }
  EXPECT_GT(changed, plain.size());
}

TEST(Halves, WhatATargetLacksIsRefused) {
  for (const char *body :
       {"add.bf16 %rs5, %rs6, %rs7;", "sub.bf16x2 %r5, %r6, %r7;", "mul.rn.bf16 %rs5, %rs6, %rs7;",
        "ex2.approx.ftz.bf16 %rs5, %rs6;", "tanh.approx.bf16x2 %r5, %r6;",
        "setp.lt.bf16 %p1, %rs5, %rs6;", "set.lt.u32.bf16 %r5, %rs5, %rs6;",
        "cvt.rzi.s32.bf16 %r5, %rs6;", "cvt.rn.bf16.s32 %rs5, %r6;", "cvt.ftz.f32.bf16 %f5, %rs6;",
        "cvt.rn.tf32.f32 %r5, %f6;"}) {
    EXPECT_EQ(loadError(body, "sm_90"), "");
    EXPECT_NE(loadError(body, "sm_89").find("needs .target sm_90 or higher"), std::string::npos)
        << body;
  }
  for (const char *body :
       {"fma.rn.bf16 %rs5, %rs6, %rs7, %rs8;", "max.bf16x2 %r5, %r6, %r7;", "neg.bf16 %rs5, %rs6;",
        "add.f16 %rs5, %rs6, %rs7;", "cvt.rn.bf16.f32 %rs5, %f6;", "cvt.f32.bf16 %f5, %rs6;",
        "cvt.rna.tf32.f32 %r5, %f6;"})
    EXPECT_EQ(loadError(body, "sm_80"), "");
}

TEST(Halves, WhatDoesNotExistIsRefused) {
  EXPECT_NE(loadError("fma.f16 %rs5, %rs6, %rs7, %rs8;").find("rounding mode"), std::string::npos);
  EXPECT_NE(loadError("add.rz.f16 %rs5, %rs6, %rs7;").find(".rn alone"), std::string::npos);
  EXPECT_NE(loadError("add.sat.bf16 %rs5, %rs6, %rs7;").find("no such modifier"),
            std::string::npos);
  EXPECT_NE(loadError("div.rn.f16 %rs5, %rs6, %rs7;").find("no such modifier"), std::string::npos);
  EXPECT_NE(loadError("ex2.approx.bf16 %rs5, %rs6;").find(".ftz for .bf16"), std::string::npos);
  EXPECT_NE(loadError("mad.rn.f16 %rs5, %rs6, %rs7, %rs8;").find("mad is for"), std::string::npos);
  EXPECT_NE(loadError("mov.bf16 %rs5, %rs6;").find("no form"), std::string::npos);
  EXPECT_NE(loadError("add.f16 %r5, %r6, %r7;").find("16 bits"), std::string::npos);
}

} // namespace
} // namespace attune::sim::test
