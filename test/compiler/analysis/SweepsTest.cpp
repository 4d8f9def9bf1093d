// SPDX-License-Identifier: Apache-2.0
// Does each plan compute what its program means, however its sweeps are cut up, and with as little
// state as it should?
#include "test/compiler/analysis/Mechanisms.h"
#include "test/compiler/analysis/PlanExecutor.h"
#include "test/compiler/analysis/Planning.h"
#include <gtest/gtest.h>

namespace attune::test {
namespace {

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
      ++(of.values ? size.vectors : of.kind == attn::ReduceKind::Sum ? size.scalars : size.extrema);
    }
    found.push_back(size);
  }
  EXPECT_EQ(found, GetParam().sweeps) << explain(planned.plan);
}

TEST_P(EveryMechanism, PlansTheSameTwice) {
  EXPECT_EQ(explain(Planned(GetParam().program).plan), explain(Planned(GetParam().program).plan));
}

/// A program in which every value is used twice by the next: as a tree it has 2^40 parts.
std::string sharedProgram(const std::string &op, const std::string &last) {
  std::string text = R"(attn.kernel @test(%q: !q, %k: !k, %v: !k) -> (!q, !r) {
  %s = dot %q, %k scale 0.001 : !q, !k
  %l = reduce max %s over keys : !s
  %f = map (%x = %s, %y = %l) : (!s, !r) -> !s {
    %t0 = arith.subf %x, %y : f32
)";
  for (int i = 0; i < 40; ++i)
    text += "    %t" + std::to_string(i + 1) + " = " + op + " %t" + std::to_string(i) + ", %t" +
            std::to_string(i) + " : f32\n";
  return text + "    " + last + R"(
    yield %out : f32
  }
  %p = softmax %f : !s
  %n = reduce sum %f over keys : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o, %n : !q, !r
}
)";
}

TEST(SharedExpressions, AreTakenApartOnce) {
  for (std::string op : {"arith.addf", "arith.mulf", "arith.maximumf", "arith.divf"})
    for (std::string last : {"%out = math.tanh %t40 : f32", "%out = math.exp %t40 : f32",
                             "%out = math.log %t40 : f32", "%out = math.sin %t40 : f32"}) {
      Planned planned(sharedProgram(op, last));
      EXPECT_LT(explain(planned.plan).size(), 100000u);
    }
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
