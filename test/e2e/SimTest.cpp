// SPDX-License-Identifier: Apache-2.0
// Does the PTX of every example, run on the simulator, agree with the reference, without a finding,
// and bit for bit whatever the order of warps and copies?
#include "test/e2e/Examples.h"

#include <algorithm>
#include <cstring>

using namespace attune::test;

namespace {

const Form forms[] = {{"bf16", 64}, {"bf16", 128}, {"f16", 64}, {"f16", 128}};

class SimExamples : public testing::TestWithParam<std::tuple<const char *, Example, Form>> {
protected:
  void SetUp() override {
    auto [target, which, form] = GetParam();
    compiled = &Compiled::of(example(which.name, form.element, form.size), target);
    ASSERT_TRUE(compiled->ok);
  }
  std::vector<Argument> inputs(int64_t tokens) {
    const Example &which = std::get<Example>(GetParam());
    return makeInputs(compiled->info, shapeOf(which, tokens), which.scalars);
  }
  Compiled *compiled = nullptr;
};

TEST_P(SimExamples, AgreeWithTheReference) {
  for (int64_t tokens : {1, 17, 256}) {
    SCOPED_TRACE(std::to_string(tokens) + " tokens");
    auto arguments = inputs(tokens);
    expectAgreement(*compiled, arguments, simulate(*compiled, arguments, ""));
  }
}

TEST_P(SimExamples, AgreeWithTheReferenceWhateverTheLastBits) {
  auto arguments = inputs(130);
  for (const char *options : {"perturb=1", "perturb=2,contract=on", "numerics=f64", "split=on"}) {
    SCOPED_TRACE(options);
    expectAgreement(*compiled, arguments, simulate(*compiled, arguments, options));
  }
}

TEST_P(SimExamples, SameBitsInEveryOrder) {
  auto arguments = inputs(150);
  std::vector<Tensor> first = simulate(*compiled, arguments, "numerics=fast");
  for (const char *completion : {"early", "late", "random"})
    for (int seed = 0; seed < 20; ++seed) {
      std::string options = std::string("numerics=fast,schedule=random,completion=") + completion +
                            ",seed=" + std::to_string(seed);
      std::vector<Tensor> again = simulate(*compiled, arguments, options);
      for (size_t i = 0; i < first.size(); ++i)
        ASSERT_EQ(std::memcmp(first[i].data.get(), again[i].data.get(),
                              size_t(first[i].numElements() * byteSize(first[i].type))),
                  0)
            << options << ": result " << compiled->info.results[i].name;
    }
}

/// Lanes that wait for no one else may be whole tiles behind those of the same warp that copy.
TEST_P(SimExamples, AgreeWithTheReferenceWhereLanesPart) {
  auto arguments = inputs(300);
  expectAgreement(*compiled, arguments,
                  simulate(*compiled, arguments,
                           "numerics=fast,split=on,schedule=starve-one,completion=early,seed=1"));
}

std::string nameOfCase(const testing::TestParamInfo<SimExamples::ParamType> &info) {
  auto [target, which, form] = info.param;
  return std::string(target) + "_" + nameOf(which) + "_" + nameOf(form);
}

INSTANTIATE_TEST_SUITE_P(Cuda, SimExamples,
                         testing::Combine(testing::Values("sm_80", "sm_90a"),
                                          testing::ValuesIn(examples), testing::ValuesIn(forms)),
                         nameOfCase);

/// Heads for which warpgroups take other tiles: fewer keys at once, more copies a tile.
class SimHeads : public testing::TestWithParam<std::tuple<const char *, int>> {};

TEST_P(SimHeads, AgreeWithTheReference) {
  auto [name, size] = GetParam();
  auto which = std::find_if(std::begin(examples), std::end(examples),
                            [&](const Example &each) { return std::string(each.name) == name; });
  ASSERT_NE(which, std::end(examples));
  Compiled &compiled = Compiled::of(example(name, "bf16", size), "sm_90a");
  ASSERT_TRUE(compiled.ok);
  for (int64_t tokens : {1, 300}) {
    SCOPED_TRACE(std::to_string(tokens) + " tokens");
    auto arguments = makeInputs(compiled.info, shapeOf(*which, tokens), which->scalars);
    expectAgreement(compiled, arguments, simulate(compiled, arguments, ""));
  }
}

INSTANTIATE_TEST_SUITE_P(Sm90a, SimHeads,
                         testing::Combine(testing::Values("causal", "sliding-window", "softcap"),
                                          testing::Values(32, 96, 192, 256)),
                         [](const testing::TestParamInfo<SimHeads::ParamType> &info) {
                           Example named;
                           named.name = std::get<0>(info.param);
                           return nameOf(named) + "_" + std::to_string(std::get<1>(info.param));
                         });

} // namespace
