// SPDX-License-Identifier: Apache-2.0
// Do attention kernels that are known to work run without a finding, and with small errors, whatever
// the order in which warps, copies and products get their turn?
#include "test/runtime/sim/samples/Samples.h"

#include <gtest/gtest.h>

namespace attune::sim::test {
namespace {

class SampleKernels : public testing::TestWithParam<Sample> {
protected:
  void expectRight(const Options &options, const std::string &what, double logSumAllowance = 1) {
    SampleRun run = GetParam().run(module, options);
    EXPECT_EQ(printReport(run.result, module), "") << what;
    EXPECT_LE(run.worst, 1) << what;
    EXPECT_LE(run.worstLogSum, logSumAllowance) << what;
    if (first.empty())
      first = run.bits;
    EXPECT_EQ(run.bits, first) << what << ": other bits than in the first run";
  }
  LoadedModule module{readSample(GetParam().file)};
  std::vector<uint8_t> first;
};

TEST_P(SampleKernels, EveryScheduleAndCompletion) {
  for (Completion completion : {Completion::Early, Completion::Late, Completion::Random})
    for (Schedule schedule : {Schedule::RoundRobin, Schedule::Random, Schedule::LowestFirst,
                              Schedule::HighestFirst, Schedule::StarveOne}) {
      Options options;
      options.numerics = Numerics::Fast;
      options.completion = completion;
      options.schedule = schedule;
      options.seed = 7;
      expectRight(options, "completion " + std::to_string(int(completion)) + ", schedule " +
                               std::to_string(int(schedule)));
    }
}

TEST_P(SampleKernels, SplitLanes) {
  Options options;
  options.numerics = Numerics::Fast;
  options.split = true;
  expectRight(options, "split");
}

TEST_P(SampleKernels, ExactProducts) {
  Options options;
  expectRight(options, "exact");
}

TEST_P(SampleKernels, ProductsInDouble) {
  Options options;
  options.numerics = Numerics::F64;
  expectRight(options, "f64");
}

TEST_P(SampleKernels, ContractedAndPerturbed) {
  Options options;
  options.numerics = Numerics::Fast;
  options.contract = true;
  options.perturb = 3;
  // Two units in the last place of a logarithm to base 2 of up to 16 are 1.9e-6.
  expectRight(options, "contracted and perturbed", 3);
}

INSTANTIATE_TEST_SUITE_P(Simulator, SampleKernels, testing::ValuesIn(samples()),
                         [](const auto &parameter) {
                           std::string name = parameter.param.file;
                           return name.substr(0, name.find('.'));
                         });

} // namespace
} // namespace attune::sim::test
