// SPDX-License-Identifier: Apache-2.0
// Are mistakes noticed that a compiler could make? Mutants of the sample kernels.
#include "runtime/sim/Error.h"
#include "test/runtime/sim/mutation/Equivalents.h"
#include "test/runtime/sim/samples/Samples.h"

#include <gtest/gtest.h>

namespace attune::sim::test {
namespace {

constexpr size_t mostOfAKind = 4;
constexpr double leastShare = 0.95;

/// Bounds of loops save work: tiles beyond them are masked, or read as zeros and not stored.
///
/// The backward kernel's producer refills a stage of dO only after it has waited for the same stage
/// of q (lines 1474 and 1504), at which consumers arrive behind wgmma.wait_group 0: the earlier wait,
/// behind which they arrive for dO, orders nothing more.
///
/// The forward kernels for sm_90a stage results where the query tile was. The barrier before it
/// follows a wgmma.wait_group that covers every product of the warpgroup with that tile, and the
/// tile's own mbarriers lie between one use of the stage and the next.
std::vector<Equivalent> equivalentsOf(const std::string &file) {
  std::vector<Equivalent> known = equivalentsOfHopper;
  known.insert(
      known.end(),
      {{"bound without its minimum", ".*", "the bound saves work only"},
       {"bound without its maximum", ".*", "the bound saves work only"},
       {"bar.sync deleted", R"(bar\.sync\s+%r(22|26), 128)",
        "products with the query tile have been waited for, and its mbarriers order reuse"}});
  // Its descriptors of values have a leading distance of 1024 bytes, for more than 64 columns.
  if (file == "fwd_d64_dense.ptx")
    known.push_back({"descriptor with another leading distance", R"(.*46116862933724\d{5})",
                     "values of 64 columns are one row of a swizzle"});
  if (file != "bwd_d128_causal.ptx")
    return known;
  const char *reason = "a later wait covers it before the stage is refilled";
  const char *waitForAllButOne = R"(wgmma\.wait_group\.sync\.aligned\s+1)";
  known.push_back({"wgmma.wait_group deleted", waitForAllButOne, reason});
  known.push_back({"wgmma.wait_group of one group less", waitForAllButOne, reason});
  known.push_back({"wgmma.commit_group deleted", ".*", reason});
  return known;
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
  Score score = scoreMutants(mutants, equivalentsOf(file),
                             [&](const std::string &text, const Options &options) {
                               return runSample(GetParam(), text, options);
                             });
  std::printf("%s: %s", file.c_str(), score.print().c_str());
  EXPECT_GE(score.share(), leastShare);
}

INSTANTIATE_TEST_SUITE_P(Simulator, SampleMutants, testing::ValuesIn(samples()),
                         [](const auto &parameter) {
                           std::string name = parameter.param.file;
                           return name.substr(0, name.find('.'));
                         });

} // namespace
} // namespace attune::sim::test
