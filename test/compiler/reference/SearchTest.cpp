// SPDX-License-Identifier: Apache-2.0
// Do solve, entmax, select and list mean what the language says? Each test writes the meaning out as
// loops over one row, without the evaluator.
#include "test/compiler/reference/Cases.h"

#include "compiler/Passes.h"
#include "compiler/Pipeline.h"
#include "mlir/Pass/PassManager.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>

using namespace attune::test;
using attune::reference::Mode;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

using Row = std::vector<double>; // the values of one row at its visible keys

/// A matrix of given scores: one head of keys that are numbers, one query a row of the table.
const std::string scoresOfTable =
    "  %s = map (%x = %q) at (%b, %h, %i, %j) : (!r) -> !s { %y = load %z[%h, %i, %j] : "
    "tensor<?x?x?xf32>   yield %y : f32 }\n";

/// Scores z[h][i][j] as a kernel's operands q (only lends heads), k (only has a length), z.
std::vector<Argument> operandsOf(const Tensor &z) {
  return {Tensor::zeros(ElementType::F32, {1, z.shape[0], z.shape[1]}),
          Tensor::zeros(ElementType::F32, {1, 1, z.shape[2]}), z};
}

/// Row i of head h, its keys j <= i + 2 - h * 2 alone: rows without a key, with one and with many.
Row visibleRow(const Tensor &z, int64_t h, int64_t i) {
  Row row;
  for (int64_t j = 0; j < z.shape[2] && j <= i + 2 - 4 * h; ++j)
    row.push_back(at(z, {h, i, j}));
  return row;
}
const std::string hidden =
    "  %m = where %s in affine_set<(b, h, i, j) : (i + 2 - h * 4 - j >= 0)> : !s\n";

/// The kernel @k of operands q, k, z and `extra` whose masked scores are %m.
std::string kernel(const std::string &extra, const std::string &results, const std::string &body) {
  return "attn.kernel @k(%q: !r, %k: !c, %z: tensor<?x?x?xf32>" + extra + ") -> (" + results +
         ") {\n" + scoresOfTable + hidden + body + "}\n";
}

/// The results after sugar became primitives, and with `solve` that too.
std::vector<Tensor> evaluateExpanded(const std::string &text,
                                     const std::vector<Argument> &arguments, Mode mode,
                                     bool solve = false) {
  auto module = parse(text);
  mlir::PassManager manager(&context());
  attune::buildPrimitivesPipeline(manager);
  if (solve)
    manager.addNestedPass<attune::attn::KernelOp>(attune::createExpandSolvePass());
  EXPECT_TRUE(mlir::succeeded(manager.run(*module)));
  auto results = attune::reference::evaluate(kernelOf(*module), arguments, {.mode = mode});
  if (!results) {
    ADD_FAILURE() << llvm::toString(results.takeError());
    return {};
  }
  return *results;
}

//===--- solve, entmax ------------------------------------------------------------------------===//

/// The threshold of sparsemax by sorting: the least t with sum max(x - t, 0) <= 1.
double sparsemaxThreshold(Row row) {
  std::sort(row.begin(), row.end(), std::greater<>());
  double sum = 0, threshold = -infinity;
  for (size_t n = 0; n < row.size(); ++n) {
    sum += row[n];
    if (double t = (sum - 1) / double(n + 1); t < row[n])
      threshold = t;
  }
  return threshold;
}

const std::string sparsemax =
    "  %one = arith.constant 1.0 : f32   %zero = arith.constant 0.0 : f32\n"
    "  %hi = reduce max %m over keys : !s\n"
    "  %lo = map (%x = %hi) : (!r) -> !r { %y = arith.subf %x, %one : f32   yield %y : f32 }\n"
    "  %tau = solve %t from %lo to %hi total %one with (%x = %m) : (!s) {\n"
    "    %d = arith.subf %x, %t : f32   %y = arith.maximumf %d, %zero : f32   yield %y : f32 }\n"
    "  return %tau : !r\n";

TEST(Search, thresholdOfSparsemaxIsThatOfItsSortedForm) {
  std::mt19937_64 generator(1);
  Tensor z = normal(generator, ElementType::F32, {2, 9, 7});
  auto results = evaluate(kernel("", "!r", sparsemax), operandsOf(z));
  ASSERT_EQ(results.size(), 1u);
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t i = 0; i < 9; ++i)
      if (Row row = visibleRow(z, h, i); row.empty())
        EXPECT_EQ(at(results[0], {0, h, i}), -infinity);
      else
        EXPECT_NEAR(at(results[0], {0, h, i}), sparsemaxThreshold(row), 1e-15) << h << " " << i;
  // As a framework computes it: in f32.
  auto eager = evaluate(kernel("", "!r", sparsemax), operandsOf(z), Mode::Eager);
  for (int64_t i = 0; i < 9; ++i)
    EXPECT_NEAR(at(eager[0], {0, 0, i}), at(results[0], {0, 0, i}), 1e-6) << i;
  EXPECT_EQ(at(eager[0], {0, 0, 5}), double(float(at(eager[0], {0, 0, 5}))));
}

TEST(Search, thresholdIsExactToTheLastBit) {
  // Four differences from 1 are 1/4 each at 3/4, and more at the double below, without a rounding.
  Tensor z = tensorOf(ElementType::F32, {1, 3, 5}, std::vector<double>(15, -3));
  for (int64_t j = 1; j < 5; ++j)
    z.set(10 + j, 1.0);
  auto results = evaluate(kernel("", "!r", sparsemax), operandsOf(z));
  EXPECT_EQ(at(results[0], {0, 0, 2}), 0.75);
}

const std::string fromOperands = "  %tau = solve %t from %lo to %hi total %n with (%x = %m) : (!s) "
                                 "{ %d = arith.subf %x, %t : f32   yield %d : f32 }\n"
                                 "  return %tau : !r\n";

/// A row of one key with x = 2: f(t) = 2 - t.
double solveLinear(double low, double high, double total) {
  std::vector<Argument> arguments = operandsOf(tensorOf(ElementType::F32, {1, 1, 1}, {2}));
  arguments.push_back(tensorOf(ElementType::F32, {1, 1, 1}, {low}));
  arguments.push_back(tensorOf(ElementType::F32, {1, 1, 1}, {high}));
  arguments.push_back(total);
  auto results = evaluate(kernel(", %lo: !r, %hi: !r, %n: f32", "!r", fromOperands), arguments);
  return results.empty() ? nan : at(results[0], {0, 0, 0});
}

TEST(Search, thresholdAtTheEndsOfItsInterval) {
  EXPECT_EQ(solveLinear(-10, 10, 0), 2);
  EXPECT_EQ(solveLinear(-10, 10, 12), -10);
  EXPECT_EQ(solveLinear(-10, 10, 20), -10);
  EXPECT_EQ(solveLinear(-10, 10, -8), 10);
  EXPECT_EQ(solveLinear(-10, 10, -9), 10);           // there is none
  EXPECT_EQ(solveLinear(5, 5, 0), 5);                // one number
  EXPECT_EQ(solveLinear(5, 3, 0), 3);                // none
  EXPECT_EQ(solveLinear(-infinity, infinity, 0), 2); // of all numbers
  EXPECT_EQ(solveLinear(nan, 3, 0), 3);              // nothing is in it
  EXPECT_EQ(solveLinear(-10, 10, nan), 10);          // no sum is small enough
}

TEST(Search, theSumMustNotIncrease) {
  std::vector<Argument> arguments = operandsOf(tensorOf(ElementType::F32, {1, 1, 3}, {2, -1, 2}));
  std::string rising =
      kernel("", "!r",
             "  %one = arith.constant 1.0 : f32   %hi = reduce max %m over keys : !s\n"
             "  %lo = reduce min %m over keys : !s\n"
             "  %tau = solve %t from %lo to %hi total %one with (%x = %m) : (!s) {\n"
             "    %y = arith.mulf %x, %t : f32   %n = arith.negf %y : f32   yield %n : f32 }\n"
             "  return %tau : !r\n");
  EXPECT_EQ(failure(rising, arguments),
            "'attn.solve': expected a region that does not increase with the threshold, but at "
            "query 0, key 1 it yields -1.00 at -1.00 and 2.00 at 2.00");
}

/// Weights of alpha-entmax by bisection over plain loops.
Row entmaxWeights(const Row &row, double alpha) {
  double low = infinity, high = -infinity;
  for (double x : row)
    high = std::max(high, (alpha - 1) * x);
  low = high - 1;
  Row weights(row.size());
  for (int step = 0; step < 200; ++step) {
    double middle = (low + high) / 2, sum = 0;
    for (size_t j = 0; j < row.size(); ++j)
      sum += weights[j] = std::pow(std::max((alpha - 1) * row[j] - middle, 0.0), 1 / (alpha - 1));
    (sum <= 1 ? high : low) = middle;
  }
  return weights;
}

TEST(Search, entmaxOfAlphaByHead) {
  std::mt19937_64 generator(2);
  Tensor z = normal(generator, ElementType::F32, {2, 6, 8});
  std::string text = kernel(", %alpha: tensor<?xf32>", "!s",
                            "  %a = map (%x = %q) at (%b, %h, %i) : (!r) -> !r { %y = load "
                            "%alpha[%h] : tensor<?xf32>   yield %y : f32 }\n"
                            "  %p = entmax %m alpha %a : !s\n  return %p : !s\n");
  std::vector<Argument> arguments = operandsOf(z);
  arguments.push_back(tensorOf(ElementType::F32, {2}, {1.5, 2}));
  auto results = evaluate(text, arguments), expanded = evaluateExpanded(text, arguments, {});
  auto eager = evaluate(text, arguments, Mode::Eager);
  auto eagerExpanded = evaluateExpanded(text, arguments, Mode::Eager);
  ASSERT_EQ(results.size(), 1u);
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t i = 0; i < 6; ++i) {
      Row weights = entmaxWeights(visibleRow(z, h, i), h ? 2 : 1.5);
      for (int64_t j = 0; j < 8; ++j) {
        double expected = j < int64_t(weights.size()) ? weights[size_t(j)] : 0;
        EXPECT_NEAR(at(results[0], {0, h, i, j}), expected, 1e-12) << h << i << j;
        EXPECT_NEAR(at(expanded[0], {0, h, i, j}), expected, 1e-12) << h << i << j;
        EXPECT_NEAR(at(eager[0], {0, h, i, j}), expected, 1e-6) << h << i << j;
        EXPECT_EQ(at(eager[0], {0, h, i, j}), at(eagerExpanded[0], {0, h, i, j})) << h << i << j;
      }
    }
}

TEST(Search, entmaxOfRowsWithoutFiniteScores) {
  Tensor z = tensorOf(ElementType::F32, {1, 3, 3},
                      {-infinity, -infinity, -infinity, -infinity, 4, 0, nan, 1, 2});
  std::string text = kernel(", %a: !r", "!s", "  %p = entmax %m alpha %a : !s\n  return %p : !s\n");
  std::vector<Argument> arguments = operandsOf(z);
  arguments.push_back(tensorOf(ElementType::F32, {1, 1, 3}, {1.5, 1.5, 1.5}));
  for (const auto &results : {evaluate(text, arguments), evaluateExpanded(text, arguments, {})}) {
    ASSERT_EQ(results.size(), 1u);
    for (int64_t j = 0; j < 3; ++j) {
      EXPECT_EQ(at(results[0], {0, 0, 0, j}), 0);
      EXPECT_EQ(at(results[0], {0, 0, 1, j}), j == 1);
      EXPECT_TRUE(std::isnan(at(results[0], {0, 0, 2, j})));
    }
  }
}

TEST(Search, alphaIsAboveOne) {
  std::string text = kernel(", %a: !r", "!s", "  %p = entmax %m alpha %a : !s\n  return %p : !s\n");
  std::vector<Argument> arguments = operandsOf(Tensor::zeros(ElementType::F32, {1, 2, 2}));
  arguments.push_back(tensorOf(ElementType::F32, {1, 1, 2}, {1.5, 1}));
  EXPECT_EQ(failure(text, arguments),
            "'attn.entmax': expected an alpha above 1, but at query 1 it is 1.00");
}

//===--- attn-expand-solve --------------------------------------------------------------------===//

TEST(ExpandSolve, thresholdsAreAtLeastTheExactOnesAndNear) {
  std::mt19937_64 generator(11);
  Tensor z = normal(generator, ElementType::F32, {2, 9, 40});
  auto exact = evaluate(kernel("", "!r", sparsemax), operandsOf(z));
  auto found = evaluateExpanded(kernel("", "!r", sparsemax), operandsOf(z), Mode::Exact, true);
  ASSERT_EQ(found.size(), 1u);
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t i = 0; i < 9; ++i) {
      double expected = at(exact[0], {0, h, i}), tau = at(found[0], {0, h, i});
      if (std::isinf(expected)) {
        EXPECT_EQ(tau, expected); // rows without a key
        continue;
      }
      EXPECT_GE(tau, expected - 1e-15) << h << i;
      EXPECT_LE(tau, expected + 0x1p-24 + 1e-15) << h << i;
    }
  // In f32, as code computes it: a few units in the last place more.
  auto eager = evaluateExpanded(kernel("", "!r", sparsemax), operandsOf(z), Mode::Eager, true);
  for (int64_t i = 0; i < 9; ++i)
    EXPECT_NEAR(at(eager[0], {0, 0, i}), at(exact[0], {0, 0, i}), 1e-6) << i;
}

TEST(ExpandSolve, weightsOfEntmax) {
  std::mt19937_64 generator(12);
  Tensor z = normal(generator, ElementType::F32, {1, 5, 30});
  for (int64_t j = 0; j < 30; ++j)
    z.set(j, -infinity); // a row that counts as empty
  std::string text = kernel(", %a: !r", "!s", "  %p = entmax %m alpha %a : !s\n  return %p : !s\n");
  std::vector<Argument> arguments = operandsOf(z);
  arguments.push_back(tensorOf(ElementType::F32, {1, 1, 5}, {1.5, 1.25, 1.5, 2, 3}));
  auto exact = evaluate(text, arguments),
       found = evaluateExpanded(text, arguments, Mode::Exact, true);
  ASSERT_EQ(found.size(), 1u);
  // The slope of a weight by its threshold is 1 / (alpha - 1) at most where alpha is 2 at most; the
  // square root of alpha = 3 is steep at 0.
  for (int64_t i = 0; i < 5; ++i)
    for (int64_t j = 0; j < 30; ++j)
      EXPECT_NEAR(at(found[0], {0, 0, i, j}), at(exact[0], {0, 0, i, j}), i < 4 ? 0x1p-22 : 0x1p-12)
          << i << " " << j;
}

/// As solveLinear, by rounds.
double solveLinearByRounds(double low, double high, double total) {
  std::vector<Argument> arguments = operandsOf(tensorOf(ElementType::F32, {1, 1, 1}, {2}));
  arguments.push_back(tensorOf(ElementType::F32, {1, 1, 1}, {low}));
  arguments.push_back(tensorOf(ElementType::F32, {1, 1, 1}, {high}));
  arguments.push_back(total);
  auto results = evaluateExpanded(kernel(", %lo: !r, %hi: !r, %n: f32", "!r", fromOperands),
                                  arguments, Mode::Exact, true);
  return results.empty() ? nan : at(results[0], {0, 0, 0});
}

TEST(ExpandSolve, endsOfIntervals) {
  EXPECT_NEAR(solveLinearByRounds(-10, 10, 0), 2, 20 * 0x1p-24);
  EXPECT_NEAR(solveLinearByRounds(-10, 10, 12), -10, 20 * 0x1p-24);
  EXPECT_EQ(solveLinearByRounds(-10, 10, -9), 10); // there is none
  EXPECT_EQ(solveLinearByRounds(5, 5, 0), 5);
  EXPECT_EQ(solveLinearByRounds(5, 3, 0), 3);
  EXPECT_EQ(solveLinearByRounds(nan, 3, 0), 3);
  EXPECT_EQ(solveLinearByRounds(-10, 10, nan), 10);
  EXPECT_EQ(solveLinearByRounds(-infinity, 5, 0), 5); // no finite length: not searched
}

TEST(ExpandSolve, rowsWithoutKeysOfAnIntervalThatIsNotFinite) {
  std::vector<Argument> arguments = operandsOf(tensorOf(ElementType::F32, {2, 1, 1}, {2, 2}));
  arguments.push_back(tensorOf(ElementType::F32, {1, 2, 1}, {-infinity, -infinity}));
  arguments.push_back(tensorOf(ElementType::F32, {1, 1, 1}, {5}));
  arguments.push_back(0.0);
  auto results = evaluateExpanded(kernel(", %lo: !r, %hi: !r, %n: f32", "!r", fromOperands),
                                  arguments, Mode::Exact, true);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(at(results[0], {0, 0, 0}), 5);
  EXPECT_EQ(at(results[0], {0, 1, 0}), 5); // head 1 sees no key: a sum of 0 at any number
}

//===--- select, list -------------------------------------------------------------------------===//

/// Keys of a row, best first, by repeated search for the best that is left.
std::vector<int64_t> rank(const Row &row) {
  std::vector<int64_t> order;
  std::vector<bool> taken(row.size());
  for (size_t n = 0; n < row.size(); ++n) {
    int64_t best = -1;
    for (int64_t j = 0; j < int64_t(row.size()); ++j) {
      if (taken[size_t(j)])
        continue;
      double x = row[size_t(j)];
      if (best < 0 || x > row[size_t(best)] || (std::isnan(row[size_t(best)]) && !std::isnan(x)))
        best = j;
    }
    taken[size_t(best)] = true;
    order.push_back(best);
  }
  return order;
}

/// Few different numbers, NaN, infinities and both zeros among them.
Tensor withTies(std::vector<int64_t> shape) {
  Tensor z = Tensor::zeros(ElementType::F32, std::move(shape));
  std::mt19937_64 generator(3);
  const double choices[] = {1, 1, -2, 0.0, -0.0, 0.0, -0.0, nan, infinity, -infinity};
  for (int64_t n = 0; n < z.numElements(); ++n)
    z.set(n, choices[generator() % std::size(choices)]);
  return z;
}

const std::string selected = "  %t = select %m top %n : !s\n  return %t : !attn.matrix<i1>\n";

TEST(Search, selectionOfAnyCountAmongTies) {
  Tensor z = withTies({2, 11, 9});
  for (int64_t count : {-3, 0, 1, 2, 5, 9, 100}) {
    std::vector<Argument> arguments = operandsOf(z);
    arguments.push_back(count);
    auto results = evaluate(kernel(", %n: index", "!attn.matrix<i1>", selected), arguments);
    ASSERT_EQ(results.size(), 1u);
    for (int64_t h = 0; h < 2; ++h)
      for (int64_t i = 0; i < 11; ++i) {
        std::vector<int64_t> order = rank(visibleRow(z, h, i));
        order.resize(size_t(std::clamp<int64_t>(count, 0, int64_t(order.size()))));
        for (int64_t j = 0; j < 9; ++j) {
          int64_t place[] = {0, h, i, j};
          EXPECT_EQ(results[0].integer(results[0].offset(place)),
                    std::count(order.begin(), order.end(), j))
              << count << ": " << h << " " << i << " " << j;
        }
      }
  }
}

TEST(Search, selectionIsVisibleEverywhere) {
  // "selected or the last key", of scores of which most are hidden: a hidden pair can be kept.
  Tensor z = withTies({1, 4, 8});
  auto results = evaluate(
      kernel(
          "", "!r",
          "  %c1 = arith.constant 1 : index   %n = arith.addi %c1, %c1 : index\n"
          "  %t = select %m top %n : !s\n"
          "  %w = where (%x = %s, %y = %t) at (%b, %h, %i, %j) : (!s, !attn.matrix<i1>) {\n"
          "    %c7 = arith.constant 7 : index   %e = arith.cmpi eq, %j, %c7 : index\n"
          "    %u = arith.ori %e, %y : i1   yield %u : i1 }\n"
          "  %o = map (%x = %w) : (!s) -> !s { %e = arith.constant 1.0 : f32   yield %e : f32 }\n"
          "  %r = reduce sum %o over keys : !s\n  return %r : !r\n"),
      operandsOf(z));
  ASSERT_EQ(results.size(), 1u);
  for (int64_t i = 0; i < 4; ++i)
    EXPECT_EQ(at(results[0], {0, 0, i}), 3) << i;
}

TEST(Search, selectionByGroupsOfHeads) {
  // Two heads of scores choose for the four heads of queries; one number of the other query is its key.
  std::mt19937_64 generator(5);
  Tensor q = normal(generator, ElementType::F32, {2, 4, 3, 4}),
         k = normal(generator, ElementType::F32, {2, 1, 6, 4}),
         g = normal(generator, ElementType::F32, {2, 2, 3, 4});
  auto results = evaluate(
      "attn.kernel @k(%q: !q, %k: !k, %g: !q) -> !r {\n"
      "  %n = arith.constant 3 : index\n  %s = dot %q, %k : !q, !k\n  %e = dot %g, %k : !q, !k\n"
      "  %t = select %e top %n : !s\n"
      "  %w = where (%x = %s, %y = %t) : (!s, !attn.matrix<i1>) { yield %y : i1 }\n"
      "  %r = reduce sum %w over keys : !s\n  return %r : !r }",
      {q, k, g});
  ASSERT_EQ(results.size(), 1u);
  auto product = [&](const Tensor &x, int64_t b, int64_t h, int64_t i, int64_t j) {
    double sum = 0;
    for (int64_t t = 0; t < 4; ++t)
      sum += at(x, {b, h, i, t}) * at(k, {b, 0, j, t});
    return sum;
  };
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t h = 0; h < 4; ++h)
      for (int64_t i = 0; i < 3; ++i) {
        Row row;
        for (int64_t j = 0; j < 6; ++j)
          row.push_back(product(g, b, h / 2, i, j));
        double expected = 0;
        std::vector<int64_t> order = rank(row);
        for (int n = 0; n < 3; ++n)
          expected += product(q, b, h, i, order[size_t(n)]);
        EXPECT_NEAR(at(results[0], {b, h, i}), expected, 1e-12);
      }
}

TEST(Search, listOfTheFirstKeys) {
  Tensor z = withTies({2, 11, 9});
  auto results =
      evaluate(kernel("", "!attn.rows<vector<5xf32>>, !attn.rows<vector<5xi32>>",
                      "  %w, %n = list %m first 5 : !s\n"
                      "  return %w, %n : !attn.rows<vector<5xf32>>, !attn.rows<vector<5xi32>>\n"),
               operandsOf(z));
  ASSERT_EQ(results.size(), 2u);
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t i = 0; i < 11; ++i) {
      Row row = visibleRow(z, h, i);
      std::vector<int64_t> order = rank(row);
      for (int64_t n = 0; n < 5; ++n) {
        int64_t place[] = {0, h, i, n};
        double value = results[0].real(results[0].offset(place));
        int64_t key = results[1].integer(results[1].offset(place));
        if (n >= int64_t(order.size())) {
          EXPECT_EQ(value, -infinity);
          EXPECT_EQ(key, -1);
          continue;
        }
        double expected = row[size_t(order[size_t(n)])];
        EXPECT_EQ(key, order[size_t(n)]) << h << " " << i << " " << n;
        EXPECT_TRUE(std::isnan(expected) ? std::isnan(value) : value == expected);
      }
    }
}

TEST(Search, listOfIntegersAndItsOtherResultAlone) {
  auto results =
      evaluate("attn.kernel @k(%q: !r, %k: !attn.cols<i8>) -> (!attn.rows<vector<4xi8>>, "
               "!attn.rows<i32>) {\n"
               "  %s = map (%x = %k) : (!attn.cols<i8>) -> !attn.matrix<i8> { yield %x : i8 }\n"
               "  %w, %u = list %s first 4 : !attn.matrix<i8>\n"
               "  %v, %n = list %s first 2 : !attn.matrix<i8>\n"
               "  %a = map (%x = %n) : (!attn.rows<vector<2xi32>>) -> !attn.rows<i32> {\n"
               "    %y = vector.extract %x[1] : i32 from vector<2xi32>   yield %y : i32 }\n"
               "  return %w, %a : !attn.rows<vector<4xi8>>, !attn.rows<i32> }",
               {Tensor::zeros(ElementType::F32, {1, 1, 1}),
                tensorOf(ElementType::I8, {1, 1, 3}, {-5, 7, 7})});
  ASSERT_EQ(results.size(), 2u);
  const int64_t expected[] = {7, 7, -5, -128};
  for (int64_t n = 0; n < 4; ++n)
    EXPECT_EQ(results[0].integer(n), expected[n]);
  EXPECT_EQ(results[1].integer(0), 2);
}

TEST(Search, visibleKeysAndTheirEntries) {
  Tensor z = withTies({2, 11, 9});
  for (int64_t most : {-2, 0, 3, 9, 100}) {
    std::vector<Argument> operands = operandsOf(z);
    operands.push_back(most);
    auto results =
        evaluate(kernel(", %n: index",
                        "!attn.rows<i32>, !attn.rows<vector<5xi32>>, !attn.rows<vector<5xf32>>, "
                        "!attn.matrix<i32, q, near>",
                        "  %l, %x, %c = visible_keys %m most %n on near : !s\n"
                        "  %e = entries %l first 5 : !attn.matrix<i32, q, near>\n"
                        "  %f = entries %x first 5 : !attn.matrix<f32, q, near>\n"
                        "  return %c, %e, %f, %l : !attn.rows<i32>, !attn.rows<vector<5xi32>>, "
                        "!attn.rows<vector<5xf32>>, !attn.matrix<i32, q, near>\n"),
                 operands);
    ASSERT_EQ(results.size(), 4u);
    int64_t entries = std::clamp<int64_t>(most, 0, 9);
    EXPECT_EQ(results[3].shape, (std::vector<int64_t>{1, 2, 11, entries}));
    for (int64_t h = 0; h < 2; ++h)
      for (int64_t i = 0; i < 11; ++i) {
        Row row = visibleRow(z, h, i);
        int64_t count = std::min(entries, int64_t(row.size()));
        int64_t place[] = {0, h, i};
        EXPECT_EQ(results[0].integer(results[0].offset(place)), count);
        for (int64_t e = 0; e < 5; ++e) {
          int64_t entry[] = {0, h, i, e};
          double value = results[2].real(results[2].offset(entry));
          // The keys that are visible are the first ones.
          EXPECT_EQ(results[1].integer(results[1].offset(entry)), e < count ? e : 0);
          double expected = e < count ? row[size_t(e)] : 0;
          EXPECT_TRUE(std::isnan(expected) ? std::isnan(value) : value == expected);
        }
      }
  }
}

} // namespace
