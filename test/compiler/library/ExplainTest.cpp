// SPDX-License-Identifier: Apache-2.0
// Does the library explain and draw, at the sizes that a problem's text gives?
#include "test/compiler/library/Library.h"

#include <gmock/gmock.h>

using testing::HasSubstr;

namespace {

Outcome explain(const std::string &source, const char *problem) {
  return outcomeOf([&](attune_output **text) {
    return attune_explain(source.data(), source.size(), nullptr, problem, text);
  });
}

Outcome draw(const std::string &source, const char *problem) {
  return outcomeOf([&](attune_output **svg) {
    return attune_picture(source.data(), source.size(), nullptr, problem, svg);
  });
}

TEST(CompilerLibrary, ExplainsAtTheSizesOfTheProblem) {
  std::string source = readExample("alibi-window.mlir");
  EXPECT_THAT(explain(source, nullptr).text, HasSubstr("at 1024 queries x 1024 keys"));
  std::string windowed = explain(source, "batch=2, heads=8, tokens=512, w=64").text;
  EXPECT_THAT(windowed, HasSubstr("at 512 queries x 512 keys"));
  // sum over rows of min(row, 64) + 1
  EXPECT_THAT(windowed, HasSubstr(std::to_string(65 * 512 - 64 * 65 / 2) + " visible pairs"));
  EXPECT_THAT(explain(source, "tokens=100,kv-tokens=300,w=1").text,
              HasSubstr("at 100 queries x 300 keys"));
  EXPECT_THAT(explain(source, "q=100,k=300,w=1").text, HasSubstr("at 100 queries x 300 keys"));
}

TEST(CompilerLibrary, DrawsMasks) {
  Outcome outcome = draw(readExample("sliding-window.mlir"), "tokens=256,w=32");
  ASSERT_EQ(outcome.status, ATTUNE_COMPILER_OK) << outcome.text;
  EXPECT_THAT(outcome.text, testing::AllOf(HasSubstr("<svg"), HasSubstr("q = 256, k = 256")));
}

TEST(CompilerLibrary, RefusesProblemsThatAreNone) {
  std::string source = readExample("alibi-window.mlir");
  for (const char *problem : {"tokens", "tokens=", "tokens=x", "=3", "tokens=-1", "tokens=1.5",
                              "tokens=nan", "tokens=1e300", "w=inf", "tokens=1,,w=2", "tokens=1,"})
    for (const Outcome &outcome : {explain(source, problem), draw(source, problem)}) {
      EXPECT_EQ(outcome.status, ATTUNE_COMPILER_INVALID_ARGUMENT) << problem;
      EXPECT_THAT(outcome.text, HasSubstr("expected")) << problem;
    }
  EXPECT_EQ(explain(source, "window=3").text,
            "problem: expected a name among tokens, kv-tokens, batch, heads, w, q, k, but got "
            "'window'");
}

TEST(CompilerLibrary, ReadsTheNumbersOfTensorsFromFiles) {
  std::string source = readExample("alibi-window.mlir");
  Outcome outcome = explain(source, "w=3,slope=absent.npy");
  EXPECT_EQ(outcome.status, ATTUNE_COMPILER_INVALID_ARGUMENT);
  EXPECT_THAT(outcome.text, HasSubstr("absent.npy"));
  std::string slopes = ATTUNE_EXAMPLES "/data/slope.npy";
  outcome = explain(source, ("tokens=64,heads=12,w=3,slope=" + slopes).c_str());
  EXPECT_EQ(outcome.status, ATTUNE_COMPILER_OK) << outcome.text;
}

} // namespace
