// SPDX-License-Identifier: Apache-2.0
// Which lengths and tables does a launch have, and which sizes does the tool choose?
#include "compiler/problem/ProblemChoice.h"
#include "test/compiler/analysis/Planning.h"
#include "gtest/gtest.h"

using namespace attune;
using namespace attune::test;

namespace {

std::string masked(const std::string &operands, const std::string &prologue,
                   const std::string &body) {
  return "attn.kernel @masked(%q: !q, %k: !k, %v: !k" + operands + ") -> !q {\n" + prologue +
         "\n  %s = dot %q, %k : !q, !k\n"
         "  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {\n" +
         body +
         "\n    yield %y : i1\n  }\n"
         "  %o = contract %m, %v : !s, !k -> !q\n  return %o : !q\n}\n";
}

using Numbers = std::map<std::string, double>;

ProblemSizes sizesOf(Numbers axes, Numbers scalars = {}) {
  ProblemSizes sizes;
  sizes.axes = std::move(axes);
  sizes.scalars = std::move(scalars);
  return sizes;
}

const std::string causal = "%y = arith.cmpi sle, %j, %i : index";

/// Queries and keys, or the message.
std::string lengthsOf(const std::string &text, const ProblemSizes &sizes) {
  Planned planned(text);
  auto problem = MaskProblem::make(planned.plan, sizes);
  if (!problem)
    return llvm::toString(problem.takeError());
  return std::to_string((*problem)->queries()) + " " + std::to_string((*problem)->keys());
}

} // namespace

TEST(MaskProblem, LengthsAreGivenOrUsual) {
  EXPECT_EQ(lengthsOf(masked("", "", causal), {}), "1024 1024");
  EXPECT_EQ(lengthsOf(masked("", "", causal), sizesOf({{"q", 3}})), "3 1024");
}

TEST(MaskProblem, AxesTellLengths) {
  EXPECT_EQ(lengthsOf(masked("", "axis k like q", causal), sizesOf({{"q", 70}})), "70 70");
  EXPECT_EQ(lengthsOf(masked("", "axis k multiple 96", causal), {}), "1024 1056");
  EXPECT_EQ(lengthsOf(masked(", %H: index, %W: index", "axis q grid (%H, %W)", causal),
                      sizesOf({}, {{"H", 3}, {"W", 5}})),
            "15 1024");
}

TEST(MaskProblem, LengthsThatContradictAreReported) {
  EXPECT_EQ(lengthsOf(masked("", "axis k like q", causal), sizesOf({{"q", 70}, {"k", 60}})),
            "axis 'k': 60 tokens are given, but its size, grid, 'like' or an operand gives it 70; "
            "leave 'k' out");
  EXPECT_EQ(lengthsOf(masked("", "axis k multiple 64", causal), sizesOf({{"k", 100}})),
            "axis 'k': expected a multiple of 64 tokens, but got 100");
  EXPECT_EQ(lengthsOf(masked("", "", causal), sizesOf({{"k", -1}})),
            "axis 'k': expected a number of tokens, but got -1");
}

TEST(MaskProblem, TensorsThatDoNotFitAreReported) {
  std::string text = masked(", %t: tensor<4xi32>", "",
                            "%a = load %t[%i] : tensor<4xi32>  %c = load %t[%j] : tensor<4xi32>\n"
                            "%y = arith.cmpi eq, %a, %c : i32");
  ProblemSizes sizes;
  sizes.tensors["t"] = tensorOf(ElementType::I32, {3}, {1, 2, 3});
  EXPECT_EQ(lengthsOf(text, sizes), "operand 't': expected a tensor of shape 4, found 3");
  sizes.tensors["t"] = tensorOf(ElementType::I64, {4}, {1, 2, 3, 4});
  EXPECT_EQ(lengthsOf(text, sizes), "operand 't': expected elements of type i32, found i64");
}

TEST(MaskProblem, MadeUpTablesHaveAsManyEntriesAsAreRead) {
  // An entry leads to another table, which is read at its values.
  Planned planned(masked(", %d: tensor<?x?xi32>, %e: tensor<?xi32>", "",
                         "%a = load %d[%h, %j] : tensor<?x?xi32> -> index\n"
                         "%c = load %e[%a] : tensor<?xi32> -> index\n"
                         "%y = arith.cmpi slt, %i, %c : index"));
  ProblemSizes sizes = sizesOf({{"q", 40}, {"k", 70}});
  sizes.heads = 3;
  auto problem = MaskProblem::make(planned.plan, sizes);
  ASSERT_TRUE(bool(problem)) << llvm::toString(problem.takeError());
  EXPECT_EQ((*problem)->madeUp().size(), 2u);
  int64_t visible = 0;
  for (int64_t query = 0; query < 40; ++query)
    for (bool pair : (*problem)->numbers(0, 2).visible(getDomains(planned.plan)[0], query, false))
      visible += pair;
  EXPECT_GT(visible, 0);
  EXPECT_LT(visible, 40 * 70);
}

TEST(MaskProblem, FactsThatAreNotTrueAreNamed) {
  Planned planned(masked(", %t: tensor<?xi32> {attn.sorted}", "",
                         "%a = load %t[%i] : tensor<?xi32>  %c = load %t[%j] : tensor<?xi32>\n"
                         "%y = arith.cmpi eq, %a, %c : i32"));
  ProblemSizes sizes = sizesOf({{"q", 3}, {"k", 3}});
  sizes.tensors["t"] = tensorOf(ElementType::I32, {3}, {0, 2, 1});
  auto problem = MaskProblem::make(planned.plan, sizes);
  ASSERT_TRUE(bool(problem));
  ASSERT_EQ((*problem)->brokenFacts().size(), 1u);
  EXPECT_EQ((*problem)->brokenFacts()[0],
            "operand 't': expected sorted numbers (its attribute attn.sorted), found 1 after 2 at "
            "index 2");
}

TEST(ChooseSizes, MeetsWhatTheKernelDemands) {
  Planned planned(masked(", %H: index, %W: index, %n: index, %w: index",
                         "axis q grid (%H, %W)\n  axis k multiple 32\n"
                         "  %ok = arith.cmpi sgt, %w, %n : index\n  assume %ok",
                         "%d = arith.floordivsi %i, %n : index\n"
                         "%y = arith.cmpi sle, %d, %j : index"));
  for (uint64_t seed = 0; seed < 10; ++seed) {
    auto sizes = chooseSizes(planned.plan, {}, seed);
    ASSERT_TRUE(bool(sizes)) << llvm::toString(sizes.takeError());
    EXPECT_GT(sizes->scalars["w"], sizes->scalars["n"]);
    EXPECT_GE(sizes->scalars["n"], 1);
    EXPECT_EQ(int64_t(sizes->axes["k"]) % 32, 0);
    EXPECT_FALSE(sizes->axes.contains("q"));
  }
}

TEST(ChooseSizes, KeepsWhatIsGiven) {
  Planned planned(masked(", %w: index", "", "%y = arith.cmpi sle, %j, %w : index"));
  ProblemSizes given = sizesOf({{"q", 11}}, {{"w", 5}});
  auto sizes = chooseSizes(planned.plan, given, 3);
  ASSERT_TRUE(bool(sizes));
  EXPECT_EQ(sizes->axes["q"], 11);
  EXPECT_EQ(sizes->scalars["w"], 5);
}

TEST(ChooseSizes, SaysWhatCannotBeMet) {
  Planned planned(masked(", %w: index", "",
                         "%d = arith.floordivsi %i, %w : index\n"
                         "%y = arith.cmpi sle, %d, %j : index"));
  auto sizes = chooseSizes(planned.plan, sizesOf({}, {{"w", 0}}), 1);
  ASSERT_FALSE(bool(sizes));
  std::string why = llvm::toString(sizes.takeError());
  EXPECT_TRUE(llvm::StringRef(why).starts_with("no sizes were found that meet what kernel @masked "
                                               "demands; give them. The last ones failed: "))
      << why;
}
