// SPDX-License-Identifier: Apache-2.0
// Does each plan compute what its program means, however its sweeps are cut up, and with as little
// state as it should?
#include "test/compiler/analysis/Mechanisms.h"
#include "test/compiler/analysis/PlanExecutor.h"
#include "compiler/Passes.h"
#include "mlir/Pass/PassManager.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace mlir;

namespace attune::test {
namespace {

constexpr int64_t headSize = 4;

/// A parsed program and its plan.
struct Planned {
  OwningOpRef<ModuleOp> module;
  SweepPlan plan;

  explicit Planned(const std::string &text) : module(parse(text)) {
    PassManager passes(module->getContext());
    passes.addPass(createInlineHelpersPass());
    passes.addNestedPass<attn::KernelOp>(createExpandSugarPass());
    EXPECT_TRUE(succeeded(passes.run(*module)));
    FailureOr<SweepPlan> made = planSweeps(kernelOf(*module));
    EXPECT_TRUE(succeeded(made)) << text;
    if (succeeded(made))
      plan = std::move(*made);
  }
  attn::KernelOp kernel() { return kernelOf(*module); }
};

/// The operands of every mechanism. The last lane of the keys is 1, so that a number in the last lane of a
/// query is added to all its scores.
std::vector<Argument> operands(std::mt19937_64 &generator, int64_t queries, int64_t keys,
                               double offset) {
  auto tokens = [&](int64_t heads, int64_t count) {
    return normal(generator, ElementType::F32, {1, heads, count, headSize});
  };
  Tensor q = tokens(2, queries), k = tokens(1, keys), v = tokens(1, keys), u = tokens(2, keys);
  for (int64_t i = 0; i < 2 * queries; ++i)
    q.set(i * headSize + 3, q.real(i * headSize + 3) + 2 * offset);
  for (int64_t j = 0; j < keys; ++j)
    k.set(j * headSize + 3, 1.0);
  for (int64_t j = 0; j < 2 * keys; ++j)
    u.set(j * headSize + 3, 1.0);
  Tensor z = normal(generator, ElementType::F32, {1, 2, queries});
  Tensor g = normal(generator, ElementType::F32, {1, 1, keys});
  Tensor slope = tensorOf(ElementType::F32, {2}, {0.5, 0.125});
  return {q, k, v, u, z, g, slope, int64_t(5)};
}

/// |found - exact| against max(1, |exact|).
void expectClose(const Tensor &found, const Tensor &exact, double tolerance) {
  ASSERT_EQ(found.shape, exact.shape);
  for (int64_t i = 0, end = exact.numElements(); i < end; ++i) {
    double a = found.real(i), b = exact.real(i);
    if (std::isfinite(b))
      ASSERT_NEAR(a, b, tolerance * std::max(1.0, std::fabs(b))) << "at " << i;
    else
      ASSERT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << a << " for " << b << " at " << i;
  }
}

class EveryMechanism : public testing::TestWithParam<Mechanism> {
protected:
  void expectSame(double offset, double tolerance);
};

/// Random sizes, tiles, splits, merges and frames against the reference, over the same program.
void EveryMechanism::expectSame(double offset, double tolerance) {
  Planned planned(GetParam().program);
  std::mt19937_64 generator(20);
  for (int round = 0; round < 12; ++round) {
    int64_t queries = 1 + int64_t(generator() % 12), keys = 1 + int64_t(generator() % 12);
    std::vector<Argument> arguments = operands(generator, queries, keys, offset);
    auto exact = reference::evaluate(planned.kernel(), arguments);
    ASSERT_TRUE(bool(exact)) << llvm::toString(exact.takeError());
    Execution execution{&generator, 1 + unsigned(generator() % 6), 1 + unsigned(generator() % 6),
                        round % 2 ? 3.0 : 0.0};
    std::vector<Tensor> found = execute(planned.plan, arguments, execution);
    ASSERT_EQ(found.size(), exact->size());
    for (size_t result = 0; result < found.size(); ++result) {
      SCOPED_TRACE("result " + std::to_string(result) + " in round " + std::to_string(round) +
                   "\n" + explain(planned.plan));
      expectClose(found[result], (*exact)[result], tolerance);
      if (HasFatalFailure())
        return;
    }
  }
}

TEST_P(EveryMechanism, ComputesWhatTheProgramMeans) { expectSame(0, 1e-12); }

/// Offsets far beyond what an exponential bears. The reference does not bear all of them either, so that
/// the results are compared with those without offset.
TEST_P(EveryMechanism, BearsAnyOffsetOfARow) {
  if (!GetParam().shiftInvariant)
    GTEST_SKIP() << "results change with an offset of the scores";
  Planned planned(GetParam().program);
  for (double offset : {-3000.0, -900.0, 900.0, 3000.0}) {
    std::mt19937_64 generator(30), same(30);
    std::vector<Argument> moved = operands(generator, 9, 11, offset);
    std::vector<Argument> still = operands(same, 9, 11, 0);
    std::vector<Tensor> found = execute(planned.plan, moved, {&generator});
    std::vector<Tensor> exact = execute(planned.plan, still, {&same});
    for (size_t result = 0; result < found.size(); ++result) {
      SCOPED_TRACE(explain(planned.plan));
      // Scores of 3000 are rounded 3000 times as much as scores of 1.
      expectClose(found[result], exact[result], 1e-10);
    }
  }
}

TEST_P(EveryMechanism, CarriesNoMoreThanItShould) {
  Planned planned(GetParam().program);
  std::vector<SweepSize> found;
  for (const Sweep &sweep : planned.plan.sweeps) {
    SweepSize size{.frames = unsigned(sweep.frames.size())};
    for (unsigned index : sweep.accumulators) {
      const Accumulator &of = planned.plan.accumulators[index];
      ++(of.values                            ? size.vectors
         : of.kind == attn::ReduceKind::Sum ? size.scalars
                                              : size.extrema);
    }
    found.push_back(size);
  }
  EXPECT_EQ(found, GetParam().sweeps) << explain(planned.plan);
}

TEST_P(EveryMechanism, PlansTheSameTwice) {
  EXPECT_EQ(explain(Planned(GetParam().program).plan), explain(Planned(GetParam().program).plan));
}

std::string testName(const testing::TestParamInfo<Mechanism> &info) {
  std::string name;
  for (char c : info.param.name)
    if (std::isalnum(static_cast<unsigned char>(c)))
      name += c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(Sweeps, EveryMechanism, testing::ValuesIn(mechanisms()), testName);

} // namespace
} // namespace attune::test
