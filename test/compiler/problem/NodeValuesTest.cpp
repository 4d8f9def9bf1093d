// SPDX-License-Identifier: Apache-2.0
// Are the pairs that predicates leave those that the reference sees when it evaluates the kernel?
#include "compiler/problem/Problem.h"
#include "test/compiler/analysis/Planning.h"
#include "gtest/gtest.h"

using namespace attune;
using namespace attune::test;

namespace {

/// A kernel whose result tells the visible keys of a row: their number, and the sum of (j + 1)^2.
std::string revealing(const std::string &operands, const std::string &inputs,
                      const std::string &types, const std::string &body) {
  return "attn.kernel @masked(%q: !q, %k: !k, %v: !k" + operands +
         ") -> (!r, !r) {\n  %s = dot %q, %k : !q, !k\n"
         "  %m = where (%x = %s" +
         inputs + ") at (%b, %h, %i, %j) : (!s" + types + ") {\n" + body +
         "\n    yield %y : i1\n  }\n"
         "  %ones = map (%x = %m) at (%b, %h, %i, %j) : (!s) -> !s {\n"
         "    %one = arith.constant 1.0 : f32\n    yield %one : f32\n  }\n"
         "  %squares = map (%x = %m) at (%b, %h, %i, %j) : (!s) -> !s {\n"
         "    %c = arith.index_cast %j : index to i32   %f = arith.sitofp %c : i32 to f32\n"
         "    %one = arith.constant 1.0 : f32   %g = arith.addf %f, %one : f32\n"
         "    %z = arith.mulf %g, %g : f32\n    yield %z : f32\n  }\n"
         "  %count = reduce sum %ones over keys : !s\n  %places = reduce sum %squares over keys : "
         "!s\n"
         "  return %count, %places : !r, !r\n}\n";
}

/// Compares all rows of all sequences and heads.
void expectSamePairs(const std::string &text, const ProblemSizes &sizes,
                     const std::vector<Argument> &arguments) {
  Planned planned(text);
  auto problem = MaskProblem::make(planned.plan, sizes);
  ASSERT_TRUE(bool(problem)) << llvm::toString(problem.takeError());
  auto results = reference::evaluate(planned.kernel(), arguments);
  ASSERT_TRUE(bool(results)) << llvm::toString(results.takeError());
  const Tensor &counts = (*results)[0], &places = (*results)[1];
  std::vector<Domain> domains = getDomains(planned.plan);
  ASSERT_EQ(domains.size(), 1u);
  for (int64_t b = 0; b < counts.shape[0]; ++b)
    for (int64_t h = 0; h < counts.shape[1]; ++h)
      for (int64_t i = 0; i < counts.shape[2]; ++i) {
        std::vector<bool> visible = (*problem)->numbers(b, h).visible(domains[0], i, false);
        double count = 0, sum = 0;
        for (size_t j = 0; j < visible.size(); ++j) {
          count += visible[j];
          sum += visible[j] ? double(j + 1) * double(j + 1) : 0;
        }
        EXPECT_EQ(at(counts, {b, h, i}), count) << b << ", " << h << ", " << i;
        EXPECT_EQ(at(places, {b, h, i}), sum) << b << ", " << h << ", " << i;
      }
}

constexpr int64_t batch = 2, heads = 4, queries = 37, keys = 53;

struct Inputs {
  std::mt19937_64 generator{1};
  std::vector<Argument> arguments = {
      normal(generator, ElementType::F32, {batch, heads, queries, 4}),
      normal(generator, ElementType::F32, {batch, 2, keys, 4}),
      normal(generator, ElementType::F32, {batch, 2, keys, 4})};
  ProblemSizes sizes;

  Inputs() {
    sizes.axes = {{"q", queries}, {"k", keys}};
    sizes.batch = batch;
    sizes.heads = heads;
  }
  void add(const std::string &name, int64_t value) {
    arguments.push_back(value);
    sizes.scalars[name] = double(value);
  }
  void add(const std::string &name, ElementType type, std::vector<int64_t> shape, int64_t below) {
    Tensor tensor = Tensor::zeros(type, std::move(shape));
    for (int64_t i = 0; i < tensor.numElements(); ++i)
      tensor.set(i, int64_t(generator() % uint64_t(below)));
    arguments.push_back(tensor);
    sizes.tensors[name] = tensor;
  }
};

} // namespace

TEST(NodeValues, ArithmeticWithScalarsAndLengths) {
  Inputs inputs;
  inputs.add("w", 7);
  expectSamePairs(revealing(", %w: index", "", "",
                            "%n = size k of %b  %m = arith.floordivsi %n, %w : index\n"
                            "%r, %c = affine.delinearize_index %j into (%m) : index, index\n"
                            "%d = arith.subi %i, %c : index\n"
                            "%e = arith.maxsi %d, %h : index\n"
                            "%y = arith.cmpi sle, %r, %e : index"),
                  inputs.sizes, inputs.arguments);
}

TEST(NodeValues, TablesOfSequencesHeadsAndTokens) {
  Inputs inputs;
  inputs.add("t", ElementType::I32, {batch, keys}, 3);
  inputs.add("n", ElementType::I32, {heads}, 40);
  expectSamePairs(revealing(", %t: tensor<?x?xi32>, %n: tensor<?xi32>", "", "",
                            "%a = load %t[%b, %i] : tensor<?x?xi32>\n"
                            "%c = load %t[%b, %j] : tensor<?x?xi32>\n"
                            "%e = arith.cmpi eq, %a, %c : i32\n"
                            "%l = load %n[%h] : tensor<?xi32> -> index\n"
                            "%f = arith.cmpi slt, %j, %l : index\n"
                            "%y = arith.ori %e, %f : i1"),
                  inputs.sizes, inputs.arguments);
}

TEST(NodeValues, ElementsOfRowsAndColsWithSharedHeads) {
  Inputs inputs;
  inputs.add("u", ElementType::I32, {batch, heads, queries}, 30);
  inputs.add("last", ElementType::I32, {1, 2, keys}, 30);
  expectSamePairs(revealing(", %u: !attn.rows<i32>, %last: !attn.cols<i32>",
                            ", %d = %u, %e = %last", ", !attn.rows<i32>, !attn.cols<i32>",
                            "%y = arith.cmpi sle, %e, %d : i32"),
                  inputs.sizes, inputs.arguments);
}

TEST(NodeValues, FloatsThatAreCompared) {
  Inputs inputs;
  inputs.add("w", 5);
  expectSamePairs(
      revealing(", %w: index", "", "",
                "%a = arith.index_cast %i : index to i32   %f = arith.sitofp %a : i32 to f32\n"
                "%c = arith.index_cast %j : index to i32   %g = arith.sitofp %c : i32 to f32\n"
                "%half = arith.constant 0.5 : f32   %e = arith.mulf %f, %half : f32\n"
                "%y = arith.cmpf ole, %e, %g : f32"),
      inputs.sizes, inputs.arguments);
}

TEST(NodeValues, EntriesOutsideOfATableAreZero) {
  Inputs inputs;
  Planned planned(
      revealing(", %t: tensor<4xi32>", "", "",
                "%a = load %t[%j] : tensor<4xi32>  %n = arith.index_cast %a : i32 to index\n"
                "%y = arith.cmpi slt, %i, %n : index"));
  inputs.sizes.tensors["t"] = tensorOf(ElementType::I32, {4}, {100, 0, 100, 5});
  auto problem = MaskProblem::make(planned.plan, inputs.sizes);
  ASSERT_TRUE(bool(problem));
  std::vector<bool> expected(keys, false);
  expected[0] = expected[2] = true;
  EXPECT_EQ((*problem)->numbers(0, 0).visible(getDomains(planned.plan)[0], 9, true), expected);
}

TEST(NodeValues, WhatDependsOnScoresHasNoValue) {
  Inputs inputs;
  Planned planned(revealing("", "", "",
                            "%zero = arith.constant 0.0 : f32\n"
                            "%y = arith.cmpf ogt, %x, %zero : f32"));
  auto problem = MaskProblem::make(planned.plan, inputs.sizes);
  ASSERT_TRUE(bool(problem));
  Domain domain = getDomains(planned.plan)[0];
  EXPECT_EQ((*problem)->numbers(0, 0).values().row(domain[0], 3), nullptr);
  for (bool unknown : {false, true})
    EXPECT_EQ((*problem)->numbers(0, 0).visible(domain, 3, unknown),
              std::vector<bool>(keys, unknown));
}
