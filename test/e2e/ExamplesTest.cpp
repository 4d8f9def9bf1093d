// SPDX-License-Identifier: Apache-2.0
// Does every example, compiled and run on the host, compute what the reference says? In several
// element types, head sizes and lengths, and in the code for every level of the processor.
#include "test/e2e/Examples.h"

using namespace attune::test;

namespace {

const Form forms[] = {{"f32", 64}, {"bf16", 128}, {"f16", 64}};

class Examples : public testing::TestWithParam<std::tuple<Example, Form, int64_t>> {};

TEST_P(Examples, hostAgreesWithTheReference) {
  auto [which, form, tokens] = GetParam();
  expectRight(example(which.name, form.element, form.size), shapeOf(which, tokens), which.scalars);
}

std::string nameOfCase(const testing::TestParamInfo<Examples::ParamType> &info) {
  auto [which, form, tokens] = info.param;
  return nameOf(which) + "_" + nameOf(form) + "_n" + std::to_string(tokens);
}

INSTANTIATE_TEST_SUITE_P(Host, Examples,
                         testing::Combine(testing::ValuesIn(examples), testing::ValuesIn(forms),
                                          testing::Values(1, 17, 128, 1000)),
                         nameOfCase);

/// Code for a level that this processor lacks is skipped, and said so.
class Levels : public testing::TestWithParam<std::tuple<Example, std::string>> {};

TEST_P(Levels, agreeWithTheReference) {
  auto [which, level] = GetParam();
  for (const Form &form : {forms[0], forms[1]}) {
    Compiled &compiled = Compiled::of(example(which.name, form.element, form.size));
    ASSERT_TRUE(compiled.ok);
    Shape shape = shapeOf(which, 130);
    auto inputs = makeInputs(compiled.info, shape, which.scalars);
    try {
      expectAgreement(compiled, inputs, launch(compiled, inputs, "host", level));
    } catch (const attune::Error &error) {
      GTEST_SKIP() << error.what();
    }
  }
}

std::string nameOfLevel(const testing::TestParamInfo<Levels::ParamType> &info) {
  auto [which, level] = info.param;
  std::replace(level.begin(), level.end(), '-', '_');
  return nameOf(which) + "_" + level;
}

INSTANTIATE_TEST_SUITE_P(Host, Levels,
                         testing::Combine(testing::ValuesIn(examples),
                                          testing::Values("x86-64", "x86-64-v3", "x86-64-v4")),
                         nameOfLevel);

} // namespace
