// SPDX-License-Identifier: Apache-2.0
// Does each argument that does not fit a kernel, and each fact that is false, give a clear error?
#include "test/compiler/reference/Cases.h"

#include <gtest/gtest.h>

using namespace attune::test;

namespace {

Tensor f32(std::vector<int64_t> shape) { return Tensor::zeros(ElementType::F32, std::move(shape)); }

const std::string attention =
    "attn.kernel @k(%q: !q, %k: !k, %v: !k) -> !q {\n  %s = dot %q, %k : !q, !k\n"
    "  %o = contract %s, %v : !s, !k -> !q\n  return %o : !q\n}";

std::string attentionFailure(Tensor q, Tensor k, Tensor v) {
  return failure(attention, {std::move(q), std::move(k), std::move(v)});
}

TEST(Bind, numberOfOperands) {
  EXPECT_EQ(failure(attention, {f32({1, 1, 2, 4})}), "kernel @k: expected 3 operands, found 1");
}

TEST(Bind, elementType) {
  EXPECT_EQ(attentionFailure(Tensor::zeros(ElementType::BF16, {1, 1, 2, 4}), f32({1, 1, 3, 4}),
                             f32({1, 1, 3, 4})),
            "operand 'q': expected elements of type f32, found bf16");
}

TEST(Bind, rankAndStaticSizes) {
  EXPECT_EQ(attentionFailure(f32({1, 2, 4}), f32({1, 1, 3, 4}), f32({1, 1, 3, 4})),
            "operand 'q': expected a tensor of shape ?x?x?x4, found 1x2x4");
  EXPECT_EQ(attentionFailure(f32({1, 1, 2, 8}), f32({1, 1, 3, 4}), f32({1, 1, 3, 4})),
            "operand 'q': expected a tensor of shape ?x?x?x4, found 1x1x2x8");
}

TEST(Bind, lengthsOnOneAxis) {
  EXPECT_EQ(attentionFailure(f32({1, 1, 2, 4}), f32({1, 1, 3, 4}), f32({1, 1, 5, 4})),
            "operand 'v' has 5 tokens on axis k, but operand 'k' has 3");
}

TEST(Bind, batch) {
  EXPECT_EQ(attentionFailure(f32({2, 1, 2, 4}), f32({3, 1, 3, 4}), f32({1, 1, 3, 4})),
            "operand 'k': expected 1 or 2 sequences, as operand 'q' has, found 3");
}

TEST(Bind, headsThatDoNotDivide) {
  std::string why = attentionFailure(f32({1, 8, 2, 4}), f32({1, 3, 3, 4}), f32({1, 1, 3, 4}));
  EXPECT_NE(why.find("'attn.dot'"), std::string::npos) << why;
  EXPECT_NE(why.find("an operand has 3 heads, which do not divide the 8 heads of another"),
            std::string::npos)
      << why;
}

TEST(Bind, noHeads) {
  EXPECT_EQ(attentionFailure(f32({1, 0, 2, 4}), f32({1, 1, 3, 4}), f32({1, 1, 3, 4})),
            "operand 'q': expected at least one sequence and one head, found 1x0x2x4");
}

TEST(Bind, tensorForNumberAndNumberForTensor) {
  EXPECT_EQ(failure(attention, {int64_t(1), f32({1, 1, 3, 4}), f32({1, 1, 3, 4})}),
            "operand 'q': expected a tensor, found a number");
  std::string scalar = "attn.kernel @k(%r: !r, %n: index) -> !r { return %r : !r }";
  EXPECT_EQ(failure(scalar, {f32({1, 1, 2}), f32({1})}),
            "operand 'n': expected a number, found a tensor");
  EXPECT_EQ(failure(scalar, {f32({1, 1, 2}), 1.5}),
            "operand 'n': expected an integer, found a number with a fraction");
}

TEST(Bind, scalarsAreRoundedToTheirType) {
  auto results = evaluate("attn.kernel @k(%r: !r, %x: f32) -> !r {\n"
                          "  %m = map (%a = %r) : (!r) -> !r { yield %x : f32 }\n"
                          "  return %m : !r\n}",
                          {f32({1, 1, 1}), 0.1});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].real(0), double(0.1f));
}

TEST(Bind, integersMustFit) {
  EXPECT_EQ(failure("attn.kernel @k(%r: !r, %n: i8) -> !r { return %r : !r }",
                    {f32({1, 1, 2}), int64_t(300)}),
            "operand 'n': 300 does not fit in 8 bits");
}

std::string withFact(const std::string &fact) {
  return "attn.kernel @k(%r: !r, %t: tensor<?x?xi32> {" + fact + "}) -> !r { return %r : !r }";
}

Tensor table(const std::vector<double> &values) {
  return tensorOf(ElementType::I32, {2, int64_t(values.size()) / 2}, values);
}

TEST(Facts, sortedIsAlongTheLastIndex) {
  EXPECT_EQ(evaluate(withFact("attn.sorted"), {f32({1, 1, 1}), table({1, 5, 5, 0, 0, 2})}).size(),
            1u);
  EXPECT_EQ(failure(withFact("attn.sorted"), {f32({1, 1, 1}), table({1, 5, 4, 0, 0, 2})}),
            "operand 't': expected sorted numbers (its attribute attn.sorted), found 4 after 5 at "
            "index 2");
}

TEST(Facts, contiguous) {
  EXPECT_EQ(
      evaluate(withFact("attn.contiguous"), {f32({1, 1, 1}), table({5, 1, 1, 2, 0, 0})}).size(),
      1u);
  EXPECT_EQ(failure(withFact("attn.contiguous"), {f32({1, 1, 1}), table({5, 1, 5, 2, 0, 0})}),
            "operand 't': expected equal numbers to be adjacent (its attribute attn.contiguous), "
            "found 5 again at index 2");
}

TEST(Facts, range) {
  EXPECT_EQ(evaluate(withFact("attn.range = [0, 5]"), {f32({1, 1, 1}), table({5, 0})}).size(), 1u);
  EXPECT_EQ(
      failure(withFact("attn.range = [0, 5]"), {f32({1, 1, 1}), table({5, 6})}),
      "operand 't': expected numbers from 0 to 5 (its attribute attn.range), found 6 at index 0");
}

TEST(Facts, headsAndBatch) {
  auto kernel = [](const std::string &fact) {
    return "attn.kernel @k(%r: !r {" + fact + "}) -> !r { return %r : !r }";
  };
  EXPECT_EQ(evaluate(kernel("attn.heads = 2 : i64"), {f32({1, 2, 1})}).size(), 1u);
  EXPECT_EQ(failure(kernel("attn.heads = 2 : i64"), {f32({1, 4, 1})}),
            "operand 'r': expected 2 heads (its attribute attn.heads), found 4");
  EXPECT_EQ(failure(kernel("attn.batch = 3 : i64"), {f32({1, 4, 1})}),
            "operand 'r': expected 3 sequences (its attribute attn.batch), found 1");
}

std::string withAxis(const std::string &clause) {
  return "attn.kernel @k(%q: !q, %k: !k, %H: index, %W: index) -> !s {\n  " + clause +
         "\n  %s = dot %q, %k : !q, !k\n  return %s : !s\n}";
}

std::vector<Argument> axisArguments(int64_t queries, int64_t keys) {
  return {f32({1, 1, queries, 4}), f32({1, 1, keys, 4}), int64_t(2), int64_t(3)};
}

TEST(Axis, like) {
  EXPECT_EQ(evaluate(withAxis("axis k like q"), axisArguments(6, 6)).size(), 1u);
  EXPECT_EQ(failure(withAxis("axis k like q"), axisArguments(6, 4)),
            "'axis k' has 6 tokens on axis k, but operand 'k' has 4");
}

TEST(Axis, multiple) {
  EXPECT_EQ(evaluate(withAxis("axis k multiple 4"), axisArguments(6, 8)).size(), 1u);
  EXPECT_EQ(failure(withAxis("axis k multiple 4"), axisArguments(6, 6)),
            "'axis k': expected a multiple of 4 tokens, found 6");
}

TEST(Axis, size) {
  EXPECT_EQ(failure(withAxis("axis k size %H"), axisArguments(6, 6)),
            "'axis k' has 2 tokens on axis k, but operand 'k' has 6");
}

TEST(Axis, grid) {
  EXPECT_EQ(evaluate(withAxis("axis k grid (%H, %W)"), axisArguments(5, 6)).size(), 1u);
  EXPECT_EQ(failure(withAxis("axis q grid (%H, %W)"), axisArguments(5, 6)),
            "'axis q': a grid of 6 tokens stands on an axis of 5");
}

TEST(Assume, isChecked) {
  std::string kernel = "attn.kernel @k(%r: !r, %n: index) -> !r {\n"
                       "  %c1 = arith.constant 1 : index  %ok = arith.cmpi sge, %n, %c1 : index\n"
                       "  assume %ok\n  return %r : !r\n}";
  EXPECT_EQ(evaluate(kernel, {f32({1, 1, 1}), int64_t(1)}).size(), 1u);
  EXPECT_EQ(failure(kernel, {f32({1, 1, 1}), int64_t(0)}),
            "kernel 'k': expected 'n >= 1', but n is 0");
}

TEST(Assume, ofFloatsIsChecked) {
  std::string kernel = "attn.kernel @k(%r: !r, %cap: f32) -> !r {\n"
                       "  %c1 = arith.constant 1.0 : f32  %ok = arith.cmpf oge, %cap, %c1 : f32\n"
                       "  assume %ok\n  return %r : !r\n}";
  EXPECT_EQ(evaluate(kernel, {f32({1, 1, 1}), 1.0}).size(), 1u);
  EXPECT_EQ(failure(kernel, {f32({1, 1, 1}), 0.5}),
            "an 'assume' of kernel @k does not hold for these scalars");
}

} // namespace
