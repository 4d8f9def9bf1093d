// SPDX-License-Identifier: Apache-2.0
// Is a product fused into the sum that uses it, and only where the sum could see its factors?
#include "test/runtime/sim/OpsHarness.h"

#include <bit>
#include <cmath>

namespace attune::sim::test {
namespace {

// 1 + 2^-12: its square has a last bit that f32 has no room for.
constexpr float factor = 1 + 0x1p-12f;
constexpr float square = 1 + 0x1p-11f;
/// What is left of the square: 2^-24 when fused, else 0.
constexpr float lost = 0x1p-24f;

/// %f1 and %f2 are the factor and %f3 the rounded square; %f9 is stored.
float run(const std::string &body, bool contract) {
  auto hex = [](float value) {
    char text[16];
    std::snprintf(text, sizeof(text), "0f%08X", std::bit_cast<uint32_t>(value));
    return std::string(text);
  };
  KernelRun kernel{"mov.b32 %f1, " + hex(factor) + ";\nmov.b32 %f2, " + hex(factor) +
                   ";\nmov.b32 %f3, " + hex(square) + ";\nmov.b32 %f4, " + hex(-square) +
                   ";\nmov.b32 %f9, 0f00000000;\nsetp.eq.u32 %p1, %r0, 0;\n" + body +
                   "\nst.global.b32 [%rd2], %f9;"};
  kernel.options.contract = contract;
  KernelOutcome outcome = runKernel(kernel);
  EXPECT_TRUE(outcome.findings.empty()) << outcome.report;
  return std::bit_cast<float>(outcome.output[0]);
}

struct Case {
  const char *body;
  float fused;
};

TEST(Contract, SumsAndDifferencesAreFused) {
  const Case cases[] = {
      {"mul.f32 %f5, %f1, %f2;\nadd.f32 %f9, %f5, %f4;", lost},
      {"mul.f32 %f5, %f1, %f2;\nadd.f32 %f9, %f4, %f5;", lost},
      {"mul.f32 %f5, %f1, %f2;\nsub.f32 %f9, %f5, %f3;", lost},
      {"mul.f32 %f5, %f1, %f2;\nsub.f32 %f9, %f3, %f5;", -lost},
      {"mul.ftz.f32 %f5, %f1, %f2;\nadd.ftz.f32 %f9, %f5, %f4;", lost},
      {"mul.ftz.f32 %f5, %f1, %f2;\nsub.ftz.f32 %f9, %f5, %f3;", lost},
      {"mul.ftz.f32 %f5, %f1, %f2;\nsub.ftz.f32 %f9, %f3, %f5;", -lost},
      // The sum may replace the product, and be masked.
      {"mul.f32 %f5, %f1, %f2;\nadd.f32 %f5, %f5, %f4;\nmov.b32 %f9, %f5;", lost},
      {"mul.f32 %f5, %f1, %f2;\n@%p1 add.f32 %f9, %f5, %f4;", lost},
      // Unrelated instructions may lie between.
      {"mul.f32 %f5, %f1, %f2;\nadd.s32 %r5, %r6, 1;\nmov.b32 %f7, %f1;\nadd.f32 %f9, %f5, %f4;",
       lost}};
  for (const Case &c : cases) {
    EXPECT_EQ(run(c.body, false), 0) << c.body;
    EXPECT_EQ(run(c.body, true), c.fused) << c.body;
  }
}

TEST(Contract, WhatMayNotBeFusedIsLeftAlone) {
  const char *cases[] = {
      // A rounding mode on either forbids it.
      "mul.rn.f32 %f5, %f1, %f2;\nadd.f32 %f9, %f5, %f4;",
      "mul.f32 %f5, %f1, %f2;\nadd.rn.f32 %f9, %f5, %f4;",
      // So do different treatments of subnormal numbers.
      "mul.ftz.f32 %f5, %f1, %f2;\nadd.f32 %f9, %f5, %f4;",
      "mul.f32 %f5, %f1, %f2;\nadd.ftz.f32 %f9, %f5, %f4;",
      // A factor has changed.
      "mul.f32 %f5, %f1, %f2;\nmov.b32 %f1, 0f00000000;\nadd.f32 %f9, %f5, %f4;",
      "mul.f32 %f5, %f1, %f2;\n@%p1 mov.b32 %f2, 0f00000000;\nadd.f32 %f9, %f5, %f4;",
      "mul.f32 %f1, %f1, %f2;\nadd.f32 %f9, %f1, %f4;",
      // The product has changed.
      "mul.f32 %f5, %f1, %f2;\nmov.b32 %f5, %f3;\nadd.f32 %f9, %f5, %f4;",
      // Another block: the sum can be reached without the product.
      "mov.b32 %f5, %f3;\n@!%p1 bra SKIP;\nmul.f32 %f5, %f1, %f2;\nSKIP:\nadd.f32 %f9, %f5, %f4;",
      "mul.f32 %f5, %f1, %f2;\nbra.uni NEXT;\nNEXT:\nadd.f32 %f9, %f5, %f4;",
      // Some lanes may not have multiplied.
      "mov.b32 %f5, %f3;\n@%p1 mul.f32 %f5, %f1, %f2;\nadd.f32 %f9, %f5, %f4;",
      // Saturating comes between.
      "mul.sat.f32 %f5, %f1, %f2;\nadd.f32 %f9, %f5, 0fBF800000;"};
  for (const char *body : cases) {
    EXPECT_EQ(run(body, true), 0) << body;
    EXPECT_EQ(run(body, false), 0) << body;
  }
}

TEST(Contract, TheProductStays) {
  const char *body = "mul.f32 %f5, %f1, %f2;\nadd.f32 %f6, %f5, %f4;\nmov.b32 %f9, %f5;";
  EXPECT_EQ(run(body, true), square);
}

TEST(Contract, OneProductInTwoSums) {
  const char *body = "mul.f32 %f5, %f1, %f2;\nadd.f32 %f6, %f5, %f4;\nsub.f32 %f7, %f3, %f5;\n"
                     "sub.rn.f32 %f9, %f6, %f7;";
  EXPECT_EQ(run(body, true), 2 * lost);
}

} // namespace
} // namespace attune::sim::test
