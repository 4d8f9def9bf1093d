// SPDX-License-Identifier: Apache-2.0
// Do maps, tables, partial sums and every way to load a tile agree with a double loop?
#include "test/compiler/target/nvptx/KernelRunner.h"
#include <gtest/gtest.h>

#include <functional>

using namespace attune;
using namespace attune::test;

namespace {

struct Problem {
  int64_t nq, nk, tableSize;
  bool flag;
};

struct Operands {
  Tensor q, k, v, bias, gain, slope, relative;
  explicit Operands(const Problem &p)
      : q(Number::BF16, 1, 2, p.nq, 32), k(Number::BF16, 1, 2, p.nk, 32),
        v(Number::BF16, 1, 2, p.nk, 32), bias(Number::F32, 1, 2, p.nk, 1, true),
        gain(Number::F32, 1, 2, p.nq, 1, true), slope(Number::F32, 1, 1, 2, 1, true),
        relative(Number::F32, 1, 1, p.tableSize, 1, true) {
    std::mt19937 random(2);
    for (Tensor *tensor : {&q, &k, &v, &bias, &gain, &slope, &relative})
      tensor->fillNormal(random);
  }
};

double weight(const Problem &p, const Operands &x, int h, int64_t i, int64_t j) {
  if (!p.flag)
    return x.slope.get(0, 0, 0);
  if (j % 3 == 0)
    return 0;
  auto relative = [&](int64_t n) {
    return n >= 0 && n < p.tableSize ? x.relative.get(0, 0, n) : 0.0;
  };
  double s = 0;
  for (int t = 0; t < 32; ++t)
    s += 2 * x.q.get(0, h, i, t) * x.k.get(0, h, j, t);
  s = (s / 8 + x.bias.get(0, h, j)) * x.gain.get(0, h, i) * x.slope.get(0, 0, h);
  return s + relative(i - j) + relative(i);
}

void checkRow(const Problem &p, const Operands &x, const Tensor &o, const Tensor &sums,
              const Tensor &lows, int h, int64_t i) {
  double sum = 1, low = INFINITY, size = 0, out[32] = {}, outSize[32] = {};
  for (int64_t j = 0; j < (p.nk + 31) / 32 * 32; ++j) {
    double w = j < p.nk ? weight(p, x, h, i, j) : 0;
    sum += w;
    size += std::fabs(w);
    low = std::fmin(low, w);
    for (int t = 0; t < 32 && j < p.nk; ++t) {
      out[t] += w * x.v.get(0, h, j, t);
      outSize[t] += std::fabs(w * x.v.get(0, h, j, t));
    }
  }
  ASSERT_NEAR(sums.get(0, h, i), sum, 1e-5 * (1 + size)) << "head " << h << " row " << i;
  if (p.nk)
    ASSERT_NEAR(lows.get(0, h, i), low, 1e-5 * (1 + size));
  for (int t = 0; t < 32; ++t) // weights are rounded to bf16
    ASSERT_NEAR(o.get(0, h, i, t), out[t], (std::ldexp(1, -8) + 1e-5) * outSize[t]);
}

void checkProblem(const Problem &p, const std::string &threads, const std::string &stages) {
  PtxCode code =
      compileText(fillTemplate("places.mlir.in", {{"THREADS", threads}, {"STAGES", stages}}));
  ASSERT_FALSE(code.text.empty());
  Operands x(p);
  for (const sim::Options &order : differentOrders()) {
    Tensor o(Number::F32, 1, 2, p.nq, 32), sums(Number::F32, 1, 2, p.nq, 1, true),
        lows(Number::F32, 1, 2, p.nq, 1, true);
    Launch launch;
    for (Tensor *tensor : {&x.q, &x.k, &x.v, &x.bias, &x.gain})
      launch.add(*tensor);
    launch.addTable(x.slope);
    launch.addTable(x.relative);
    launch.add(int64_t(p.flag));
    for (Tensor *tensor : {&o, &sums, &lows})
      launch.add(*tensor);
    ASSERT_NO_FATAL_FAILURE(launch.run(code, {uint32_t(p.nq + 63) / 64, 2, 1}, order));
    for (int h = 0; h < 2; ++h)
      for (int64_t i = 0; i < p.nq; ++i)
        ASSERT_NO_FATAL_FAILURE(checkRow(p, x, o, sums, lows, h, i));
  }
}

TEST(PlacesKernel, TablesNumbersAndBranches) { checkProblem({70, 90, 50, true}, "128", "2"); }
TEST(PlacesKernel, TwoRowBlocksAWarp) { checkProblem({70, 90, 50, true}, "64", "2"); }
TEST(PlacesKernel, OneStageWithoutARing) { checkProblem({70, 90, 50, true}, "128", "1"); }
TEST(PlacesKernel, OtherBranch) { checkProblem({40, 33, 50, false}, "128", "3"); }
TEST(PlacesKernel, EmptyTable) { checkProblem({40, 33, 0, true}, "128", "2"); }
TEST(PlacesKernel, NoKeys) { checkProblem({40, 0, 5, true}, "128", "2"); }

struct Function {
  std::string text;
  std::function<double(double)> exact;
  double low, high;
};

/// The largest error of `function` over its range: relative where results exceed 1e-3, else of
/// that.
double largestError(const Function &function) {
  PtxCode code = compileText(fillTemplate("function.mlir.in", {{"FUNCTION", function.text}}));
  if (code.text.empty())
    return INFINITY;
  constexpr int count = 1000;
  Tensor x(Number::F32, 1, 1, count, 1, true), y(Number::F32, 1, 1, count, 1, true);
  for (int n = 0; n < count; ++n)
    x.set(0, 0, n, 0, function.low + (function.high - function.low) * (n + 0.5) / count);
  Launch launch;
  launch.add(x);
  launch.add(y);
  launch.run(code, {(count + 31) / 32, 1, 1}, {});
  if (testing::Test::HasFatalFailure())
    return INFINITY;
  double worst = 0;
  for (int n = 0; n < count; ++n) {
    double expected = function.exact(x.get(0, 0, n));
    double error = std::fabs(y.get(0, 0, n) - expected) / std::fmax(std::fabs(expected), 1e-3);
    worst = std::isnan(error) ? INFINITY : std::fmax(worst, error);
  }
  return worst;
}

TEST(Functions, AreAccurate) {
  std::vector<Function> functions{
      {"math.exp %e", [](double x) { return std::exp(x); }, -20, 20},
      {"math.exp2 %e", [](double x) { return std::exp2(x); }, -20, 20},
      {"math.expm1 %e", [](double x) { return std::expm1(x); }, -3, 3},
      {"math.log %e", [](double x) { return std::log(x); }, 0.01, 100},
      {"math.log10 %e", [](double x) { return std::log10(x); }, 0.01, 100},
      {"math.log1p %e", [](double x) { return std::log1p(x); }, -0.9, 3},
      {"math.tanh %e", [](double x) { return std::tanh(x); }, -3, 3},
      {"math.sqrt %e", [](double x) { return std::sqrt(x); }, 0, 9},
      {"math.rsqrt %e", [](double x) { return 1 / std::sqrt(x); }, 0.01, 9},
      {"math.sin %e", [](double x) { return std::sin(x); }, -30, 30},
      {"math.cos %e", [](double x) { return std::cos(x); }, -30, 30},
      {"math.erf %e", [](double x) { return std::erf(x); }, -4, 4},
      {"math.atan %e", [](double x) { return std::atan(x); }, -4, 4},
      {"math.sinh %e", [](double x) { return std::sinh(x); }, -4, 4},
      {"math.tan %e", [](double x) { return std::tan(x); }, -1.5, 1.5},
      {"math.cosh %e", [](double x) { return std::cosh(x); }, -4, 4},
      {"math.powf %e, %e", [](double x) { return std::pow(x, x); }, 0.1, 8},
      {"math.floor %e", [](double x) { return std::floor(x); }, -4, 4},
      {"math.ceil %e", [](double x) { return std::ceil(x); }, -4, 4},
      {"math.round %e", [](double x) { return std::round(x); }, -4, 4},
      {"math.roundeven %e", [](double x) { return std::nearbyint(x); }, -4, 4},
      {"arith.divf %e, %e", [](double) { return 1; }, 1, 4}};
  for (const Function &function : functions)
    EXPECT_LT(largestError(function), 5e-6) << function.text;
}

/// On both sides of where the polynomial ends, and where it saturates. The expansion's error is 8 units of
/// the last place, 2^-24 of the value each, where ex2 and rcp are off as far as the ISA allows.
TEST(Functions, TangentsAreAccurateEverywhere) {
  auto exact = [](double x) { return std::tanh(x); };
  for (auto [low, high] : std::vector<std::pair<double, double>>{
           {0.001, 0.25}, {0.25, 0.3}, {0.3, 0.35}, {0.35, 1}, {1, 12}, {-0.4, -0.2}, {40, 200}})
    EXPECT_LT(largestError({"math.tanh %e", exact, low, high}), 0x1p-21) << low << " to " << high;
}

/// Off by what the instruction is off, and by less than that nowhere near all over: the flag arrived.
TEST(Functions, AnAllowedApproximationIsTaken) {
  auto exact = [](double x) { return std::tanh(x); };
  double error = largestError({"math.tanh %e fastmath<afn>", exact, 0.01, 3});
  EXPECT_LE(error, 0x1p-11 + 1e-6);
  EXPECT_GT(error, 0x1p-13);
}

} // namespace
