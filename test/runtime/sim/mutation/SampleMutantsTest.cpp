// SPDX-License-Identifier: Apache-2.0
// Are mistakes noticed that a compiler could make? Mutants of the sample kernels.
#include "runtime/sim/Error.h"
#include "test/runtime/sim/mutation/Score.h"
#include "test/runtime/sim/samples/Samples.h"

#include <gtest/gtest.h>

namespace attune::sim::test {
namespace {

constexpr size_t mostOfAKind = 6;
constexpr double leastShare = 0.95;

/// Survivors that change nothing that a kernel promises, and why.
struct Equivalent {
  const char *file, *mutant, *reason;
};
const std::vector<Equivalent> &equivalents() {
  static const std::vector<Equivalent> all = {};
  return all;
}

bool isEquivalent(const std::string &file, const std::string &mutant) {
  for (const Equivalent &known : equivalents())
    if (known.file == file && known.mutant == mutant)
      return true;
  return false;
}

std::string runSample(const Sample &sample, const std::string &text, const Options &options) {
  try {
    LoadedModule module(text);
    SampleRun run = sample.run(module, options);
    if (!run.result.findings.empty())
      return describe(run.result.findings.front().kind);
    return run.worst > 1 || run.worstLogSum > 1 ? "wrong result" : "";
  } catch (const LoadError &) {
    return "refused";
  }
}

class SampleMutants : public testing::TestWithParam<Sample> {};

TEST_P(SampleMutants, AreNoticed) {
  std::string file = GetParam().file;
  std::vector<Mutant> mutants = makeMutants(readSample(file), mostOfAKind);
  ASSERT_FALSE(mutants.empty());
  Score score = scoreMutants(mutants, [&](const std::string &text, const Options &options) {
    return runSample(GetParam(), text, options);
  });
  std::printf("%s: %s", file.c_str(), score.print().c_str());
  size_t unexplained = 0;
  for (const std::string &survivor : score.survivors)
    unexplained += !isEquivalent(file, survivor);
  EXPECT_GE(1 - double(unexplained) / double(score.mutants), leastShare);
  EXPECT_EQ(unexplained, 0u) << "survivors without a reason in equivalents()";
}

INSTANTIATE_TEST_SUITE_P(Simulator, SampleMutants, testing::ValuesIn(samples()),
                         [](const auto &parameter) {
                           std::string name = parameter.param.file;
                           return name.substr(0, name.find('.'));
                         });

} // namespace
} // namespace attune::sim::test
