// SPDX-License-Identifier: Apache-2.0
// Which mistakes does the C++ compiler find, and what is said of the others?
#include "test/frontend/cpp/Harness.h"

#include <gmock/gmock.h>

using namespace attn;
using testing::HasSubstr;

namespace {

/*===-- What does not compile ---===*/

template <typename X, typename Y>
concept Adds = requires(X x, Y y) { x + y; };
template <typename X, typename Y>
concept Divides = requires(X x, Y y) { x % y; };
template <typename X, typename Y>
concept Joins = requires(X x, Y y) { x && y; };
template <typename X, typename Y>
concept Compares = requires(X x, Y y) { x == y; };
template <typename T, typename At>
concept Reads = requires(T table, At at) { Index(table[at]); };
template <typename T>
concept Masks = requires(Attention kernel, T mask) { kernel.mask(mask); };
template <typename T>
concept Scores = requires(Attention kernel, T score) { kernel.score(score); };

static_assert(Adds<Number, Number> && Adds<Number, Index> && Adds<Index, double> &&
              Adds<int, Index>);
static_assert(!Adds<Number, Logic> && !Adds<Logic, Logic> && !Adds<Logic, int>);
static_assert(!Adds<Index, bool> && !Adds<Number, bool>, "a truth is no number");
static_assert(Divides<Index, int> && !Divides<Number, Number>, "a rest is of whole numbers");
static_assert(Joins<Logic, Logic> && Joins<Logic, bool> && !Joins<Logic, Number> &&
              !Joins<Logic, int>);
static_assert(Compares<Logic, Logic> && !Compares<Logic, Number> && !Compares<Number, bool>);
static_assert(std::is_same_v<decltype(Table<float, 1>("t")[h]), Number>);
static_assert(std::is_same_v<decltype(Table<int8_t, 2>("t")[b][i]), Index>);
static_assert(std::is_same_v<decltype(Table<bool, 1>("t")[h]), Logic>);
static_assert(Reads<Table<int32_t, 1>, Index> && !Reads<Table<int32_t, 2>, Index>,
              "too few indices are no entry yet");
static_assert(!Reads<Table<int32_t, 1>, Number>, "an index is a whole number");
static_assert(Masks<Logic> && Masks<Selection> && !Masks<Number> && !Masks<Index>);
static_assert(Scores<Number> && Scores<Index> && Scores<int> && !Scores<Logic>);

/*===-- What is refused ---===*/

template <typename Body> std::string messageOf(Body body) {
  try {
    body();
  } catch (const std::invalid_argument &error) {
    return error.what();
  }
  return "nothing was wrong";
}

TEST(CppErrors, Names) {
  EXPECT_THAT(messageOf([] { Scalar<float> scalar(""); }), HasSubstr("but got ''"));
  EXPECT_THAT(messageOf([] { Scalar<float> scalar("a b"); }), HasSubstr("but got 'a b'"));
  EXPECT_THAT(messageOf([] { Scalar<float> scalar("1st"); }), HasSubstr("beginning with a letter"));
  Scalar<int64_t> one{"w"}, other{"w"};
  Attention kernel("twins");
  kernel.mask(window(one) || window(other));
  EXPECT_THAT(messageOf([&] { kernel.print(); }),
              HasSubstr("kernel 'twins': two operands are called 'w'; make one"));
}

TEST(CppErrors, Places) {
  RowTokens q("q", 8, Dtype::f32), longer("longer", 16, Dtype::f32);
  ColTokens k("k", 8, Dtype::f32);
  Matrix s = dot(q, k);
  EXPECT_THAT(messageOf([&] { dot(longer, k); }),
              HasSubstr("need one size and type, but have vector<16xf32> and vector<8xf32>"));
  EXPECT_THAT(messageOf([&] { dot(q, k, NAN); }), HasSubstr("has to be finite"));
  EXPECT_THAT(messageOf([&] { map(Number(i)); }), HasSubstr("give one as its second argument"));
  EXPECT_THAT(messageOf([&] { map(overKeys(Sum, s) + 1); }),
              HasSubstr("pairs of queries and keys"));
  EXPECT_THAT(messageOf([&] { mapRows(s + 1); }), HasSubstr("queries alone"));
  EXPECT_THAT(messageOf([&] { mapRows(Number(1), k); }), HasSubstr("of queries"));
  EXPECT_THAT(messageOf([&] { RowTokens none("none", 0, Dtype::f32); }), HasSubstr("but got 0"));
  EXPECT_THAT(messageOf([&] { best(s, 0); }), HasSubstr("but got 0"));
  EXPECT_THAT(messageOf([&] { runningKeys(Mean, s); }), HasSubstr("Sum, Max or Min"));
  EXPECT_THAT(messageOf([&] { blocks(Sum, s, 0); }), HasSubstr("blocks of 0 on 'k'"));
  ColTokens elsewhere("e", 8, Dtype::f32, "mem");
  EXPECT_THAT(messageOf([&] { map(s + dot(q, elsewhere)); }), HasSubstr("on 'k' and 'mem'"));
  auto print = [](const Value &value) {
    return messageOf([&] { Program("p").result("r", value).print(); });
  };
  EXPECT_THAT(print(mapRows(Number(j), q)), HasSubstr("a value of queries cannot depend on j"));
  EXPECT_THAT(print(mapCols(Number(i), k)), HasSubstr("a value of keys cannot depend on i"));
  EXPECT_THAT(print(map(score + s)), HasSubstr("'score' stands for the scores of an Attention"));
  EXPECT_THAT(print(i), HasSubstr("expected rows, cols or a matrix"));
  EXPECT_THAT(print(contract(map(s, s), k)), "nothing was wrong");
  EXPECT_THAT(print(overKeys(Sum, where(s, top(s, i)))), HasSubstr("one for all queries and keys"));
  EXPECT_THAT(messageOf([] { Program("none").print(); }), HasSubstr("at least one result"));
}

TEST(CppErrors, OrderOfAnAttention) {
  Attention kernel("late");
  kernel.logsumexp();
  EXPECT_THAT(messageOf([&] { kernel.mask(causal()); }),
              HasSubstr("attention 'late': mask has to come before results"));
  EXPECT_THAT(messageOf([&] { kernel.score(score * 2); }), HasSubstr("score has to come before"));
  Attention both("both");
  both.sink(1).weigh(reluWeights);
  EXPECT_THAT(messageOf([&] { both.print(); }), HasSubstr("a sink is part of softmax"));
}

TEST(CppErrors, WhatTheCompilerRefuses) {
  Attention kernel("rows");
  kernel.mask(window(3));
  EXPECT_THAT(messageOf([&] { compile(kernel, "sm_1"); }), HasSubstr("but got 'sm_1'"));
  EXPECT_THAT(messageOf([&] { explain(kernel, "w=1"); }), HasSubstr("but got 'w'"));
  try {
    compile(kernel, "native", {.plan = "queries=7"});
    FAIL() << "expected a CompileError";
  } catch (const CompileError &error) {
    EXPECT_THAT(error.what(), HasSubstr("queries"));
    EXPECT_EQ(error.source(), kernel.print());
  }
  // An axis that nothing has tokens on.
  Program program("unbound");
  RowTokens q("q", 8, Dtype::f32);
  ColTokens k("k", 8, Dtype::f32);
  program.result("mass", scatter(Sum, softmax(dot(q, k)), j / 2, "g"));
  EXPECT_THROW(compile(program), CompileError);
}

TEST(CppErrors, Launches) {
  attune::Device device("host:1");
  Attention attention("typed", {.headSize = 16});
  attune::Kernel loaded(device, compile(attention), "typed");
  std::vector<float> tokens(5 * 16);
  std::vector<int32_t> whole(5 * 16);
  auto good = view(tokens.data(), {1, 1, 5, 16});
  auto message = [&](std::initializer_list<attune::Argument> arguments) -> std::string {
    try {
      loaded.launch(arguments);
    } catch (const attune::Error &error) {
      return error.what();
    }
    return "nothing was wrong";
  };
  EXPECT_EQ(message({good, good, good, good}), "nothing was wrong");
  EXPECT_THAT(message({good, good, good}), HasSubstr("expected 4 arguments"));
  EXPECT_THAT(message({good, view(tokens.data(), {5, 16}), good, good}), HasSubstr("operand 'k'"));
  EXPECT_THAT(message({view(whole.data(), {1, 1, 5, 16}), good, good, good}),
              HasSubstr("expected dtype f32, but got i32"));
}

} // namespace
