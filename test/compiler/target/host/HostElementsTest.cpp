// SPDX-License-Identifier: Apache-2.0
// Does the host write tokens number by number as their kernels say, at every level, and nothing else?
#include "test/compiler/target/ElementsText.h"
#include "test/compiler/target/host/HostHarness.h"

#include <gtest/gtest.h>

using namespace attune;
using namespace attune::test;

namespace {

struct Sample {
  ElementsShape shape;
  int64_t tokens, components;
};

Dtype typeOf(const std::string &name) {
  return name == "f32"    ? Dtype::F32
         : name == "bf16" ? Dtype::Bf16
         : name == "f16"  ? Dtype::F16
         : name == "i64"  ? Dtype::I64
         : name == "i32"  ? Dtype::I32
                          : Dtype::I8;
}

double toleranceOf(const std::string &type) {
  return type == "bf16" ? 1e-2 : type == "f16" ? 2e-3 : type == "f32" ? 2e-5 : 0;
}

class HostElements : public testing::TestWithParam<ElementsKernel> {};

void check(const ElementsKernel &kernel, const Sample &run,
           const std::vector<HostLevel> &levels = {getRunnableLevels().back()}) {
  constexpr int64_t batches = 2, heads = 2;
  constexpr double untouched = 77, scalar = 1.5;
  int64_t spread = run.shape.step == "1" ? 1 : 3;
  std::string result = kernel.result ? kernel.result : run.shape.type;
  Tensor x(typeOf(run.shape.type), {batches, heads, run.tokens, run.components}, {0, 2, 1, 3},
           spread);
  x.fill(3);
  std::string text = elementsText(kernel, run.shape);
  for (HostLevel level : levels) {
    SCOPED_TRACE(getHostFacts(level).name + (":" + text));
    // A token more than the kernel is told of.
    std::vector<int64_t> sizes = {batches, heads, run.tokens + 1};
    if (!kernel.hasScalars)
      sizes.push_back(run.components);
    Tensor o(typeOf(result), sizes, {}, spread);
    o.fillWith(untouched);
    Tensor told = o;
    told.shape[2] = run.tokens;
    Kernel(text, level).run({{"x", x}, {"o", told}}, {{"s", scalar}});
    int64_t width = kernel.hasScalars ? 1 : run.components;
    for (int64_t b = 0; b < batches; ++b)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t n = 0; n <= run.tokens; ++n)
          for (int64_t c = 0; c < width; ++c) {
            auto read = [&](int64_t token, int64_t component) {
              bool exists =
                  token >= 0 && token < run.tokens && component >= 0 && component < run.components;
              return exists ? signOf(run.shape) * x.get({b, h, token, component}) : 0.0;
            };
            std::vector<int64_t> place = {b, h, n};
            if (!kernel.hasScalars)
              place.push_back(c);
            double want =
                n < run.tokens ? kernel.expected(read, n, c, run.components, scalar) : untouched;
            double tolerance = toleranceOf(result) * std::max(1.0, std::abs(want));
            ASSERT_NEAR(o.get(place), want, tolerance) << b << " " << h << " " << n << " " << c;
          }
  }
}

TEST_P(HostElements, ComputesEveryNumber) {
  for (const Sample &run : std::vector<Sample>{
           {{.type = "bf16", .components = "?"}, 37, 40},
           {{.type = "f16", .components = "?", .queries = 1}, 3, 5},
           {{.type = "f32", .components = "5"}, 70, 5},
           {{.type = "bf16", .components = "6", .queries = 16, .step = "?"}, 19, 6},
           {{.type = "f32", .components = "?"}, 0, 8},
       })
    ASSERT_NO_FATAL_FAILURE(check(GetParam(), run));
}

TEST_P(HostElements, ComputesAtEachLevel) {
  ElementsShape shape = {.type = "f32", .components = "?"};
  ASSERT_NO_FATAL_FAILURE(check(GetParam(), {shape, 70, 64 + 5}, getRunnableLevels()));
  shape = {.type = "bf16", .components = "64", .queries = 16};
  ASSERT_NO_FATAL_FAILURE(check(GetParam(), {shape, 19, 64}));
}

TEST_P(HostElements, ComputesTokensOfOneNumber) {
  if (std::string(GetParam().name) == "rotate") // halves of one number
    return;
  for (const Sample &run : std::vector<Sample>{
           {{.type = "f32", .components = "1"}, 70, 1},
           {{.type = "bf16", .components = "?"}, 20, 1},
           {{.type = "f16", .components = "1", .queries = 8, .step = "?"}, 21, 1},
       })
    ASSERT_NO_FATAL_FAILURE(check(GetParam(), run));
}

INSTANTIATE_TEST_SUITE_P(Kernels, HostElements, testing::ValuesIn(elementsKernels),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
