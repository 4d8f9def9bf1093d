// SPDX-License-Identifier: Apache-2.0
// Tiles that hold rows of several heads, on the simulator: do they agree with the reference, without a
// finding?
#include "test/e2e/PackedHeads.h"

using namespace attune::test;

namespace {

/// The simulated device that takes the target's code.
std::string deviceOf(const std::string &target) {
  return target == "sm_80" ? "sim:sm_80" : "sim:sm_90";
}

class SimPackedHeads : public testing::TestWithParam<std::tuple<const char *, Example>> {};

TEST_P(SimPackedHeads, agreeWithTheReference) {
  auto [target, which] = GetParam();
  eachPackedLaunch(example(which.name, "bf16", 64), target, deviceOf(target), which.scalars,
                   [](Compiled &compiled, const std::vector<Argument> &inputs) {
                     expectAgreement(compiled, inputs, simulate(compiled, inputs, ""));
                   });
}

INSTANTIATE_TEST_SUITE_P(Cuda, SimPackedHeads,
                         testing::Combine(testing::Values("sm_80", "sm_90a"),
                                          testing::ValuesIn(examples)),
                         [](const auto &info) {
                           return std::get<0>(info.param) +
                                  ("_" + nameOf(std::get<Example>(info.param)));
                         });

/// Masks that read tables, with a pass before the kernel and without.
class SimPackedMasks : public testing::TestWithParam<std::tuple<const char *, const char *>> {};

TEST_P(SimPackedMasks, agreeWithTheReference) {
  auto [target, name] = GetParam();
  auto all = masks();
  auto mask =
      std::find_if(all.begin(), all.end(), [&](const Mask &each) { return each.name == name; });
  ASSERT_NE(mask, all.end());
  Compiled &compiled = Compiled::of(withRowSums(example(mask->name, "bf16", 64)), target, 8);
  ASSERT_TRUE(compiled.ok);
  std::mt19937_64 generator(3);
  for (int64_t tokens : {1, 21}) {
    MaskCase launched = withGroups(mask->make(tokens, generator));
    auto inputs = makeInputs(compiled.info, launched.shape, launched.values);
    EXPECT_NE(launchedEntry(compiled, inputs, deviceOf(target)).find("_packed_8x"),
              std::string::npos);
    auto results = simulate(compiled, inputs, "");
    expectAgreement(compiled, inputs, results);
    expectEmptyRows(*mask, launched, results);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cuda, SimPackedMasks,
    testing::Combine(testing::Values("sm_80", "sm_90a"),
                     testing::Values("masks/document-scattered", "masks/jagged",
                                     "masks/streaming-llm", "masks/tree-bits")),
    [](const auto &info) {
      std::string name = std::get<0>(info.param);
      name += std::string("_") + std::get<1>(info.param);
      std::replace_if(name.begin(), name.end(), [](char c) { return c == '-' || c == '/'; }, '_');
      return name;
    });

} // namespace
