// SPDX-License-Identifier: Apache-2.0
// Does every mechanism that the planner plans, also those of several sweeps, run as it means on the
// host?
#include "test/compiler/analysis/Mechanisms.h"
#include "test/e2e/Harness.h"

#include <regex>

using namespace attune::test;

namespace {

/// The program at a head size that code is made for.
std::string atHeadSize(const std::string &program, const std::string &lanes) {
  std::string types = "!q = !attn.rows<vector<4xf32>>\n!k = !attn.cols<vector<4xf32>>\n"
                      "!s = !attn.matrix<f32>\n!r = !attn.rows<f32>\n!c = !attn.cols<f32>\n";
  return std::regex_replace(types + program, std::regex("vector<4xf32>"),
                            "vector<" + lanes + "xf32>");
}

class CompiledMechanism : public testing::TestWithParam<Mechanism> {};

TEST_P(CompiledMechanism, AgreesWithTheReference) {
  std::string text = atHeadSize(GetParam().program, "16");
  // The bound is the worst error of an eager evaluation, which takes more than a row or two to show.
  for (int64_t tokens : {17, 70})
    expectRight(text, {.queries = tokens, .keys = tokens + 3}, {int64_t(20)});
}

TEST_P(CompiledMechanism, AgreesOnRowsOfOneAndTwoKeys) {
  std::string text = atHeadSize(GetParam().program, "16");
  // The eager error of one such row is small by luck now and then, and 0 where the only weight is a
  // number over itself; so many rows are judged together. Rows 0 and 1 see no key, row 2 sees one.
  for (int64_t tokens : {4, 6})
    expectRight(text, {.batch = 64, .queries = tokens, .keys = tokens}, {int64_t(20)});
}

std::string testName(const testing::TestParamInfo<Mechanism> &info) {
  return std::regex_replace(info.param.name, std::regex("[^A-Za-z0-9]"), "");
}

INSTANTIATE_TEST_SUITE_P(EndToEnd, CompiledMechanism, testing::ValuesIn(mechanisms()), testName);

} // namespace
