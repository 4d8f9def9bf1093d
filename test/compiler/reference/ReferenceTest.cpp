// SPDX-License-Identifier: Apache-2.0
// Does the reference compute what the formulae of the language say? Each test writes the formula
// out as loops over b, h, i, j, without the evaluator.
#include "test/compiler/reference/Cases.h"

#include <cmath>
#include <functional>
#include <gtest/gtest.h>

using namespace attune::test;
using attune::reference::Mode;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Query, key and value tensors of head size 4.
struct Attention {
  Tensor q, k, v;
  int64_t batch, heads, queries, keys;

  Attention(int64_t batch, int64_t heads, int64_t keyHeads, int64_t queries, int64_t keys)
      : batch(batch), heads(heads), queries(queries), keys(keys) {
    std::mt19937_64 generator(7);
    q = normal(generator, ElementType::F32, {batch, heads, queries, 4});
    k = normal(generator, ElementType::F32, {batch, keyHeads, keys, 4});
    v = normal(generator, ElementType::F32, {batch, keyHeads, keys, 4});
  }

  std::vector<Argument> arguments() const { return {q, k, v}; }
  int64_t keyHead(int64_t h) const { return h / (heads / k.shape[1]); }

  double score(int64_t b, int64_t h, int64_t i, int64_t j) const {
    double sum = 0;
    for (int64_t t = 0; t < 4; ++t)
      sum += at(q, {b, h, i, t}) * at(k, {b, keyHead(h), j, t});
    return 0.5 * sum;
  }
};

using Place = std::function<double(int64_t b, int64_t h, int64_t i, int64_t j)>;
using Visible = std::function<bool(int64_t b, int64_t h, int64_t i, int64_t j)>;

/// Softmax attention by its formula: scores `score` at the pairs that are `visible`.
void expectSoftmax(const Tensor &found, const Attention &a, const Visible &visible,
                   const Place &score, const Place &sink = nullptr) {
  for (int64_t b = 0; b < a.batch; ++b)
    for (int64_t h = 0; h < a.heads; ++h)
      for (int64_t i = 0; i < a.queries; ++i) {
        double sum = sink ? std::exp(sink(b, h, i, 0)) : 0;
        double expected[4] = {};
        for (int64_t j = 0; j < a.keys; ++j) {
          if (!visible(b, h, i, j))
            continue;
          double weight = std::exp(score(b, h, i, j));
          sum += weight;
          for (int64_t t = 0; t < 4; ++t)
            expected[t] += weight * at(a.v, {b, a.keyHead(h), j, t});
        }
        for (int64_t t = 0; t < 4; ++t)
          EXPECT_NEAR(at(found, {b, h, i, t}), sum ? expected[t] / sum : 0, 1e-12)
              << b << " " << h << " " << i;
      }
}

const std::string beforeScores = "  %s = dot %q, %k scale 0.5 : !q, !k\n";
const std::string afterScores = "  %p = softmax %m : !s\n"
                                "  %o = contract %p, %v : !s, !k -> !q\n  return %o : !q\n}\n";

std::string attention(const std::string &extra, const std::string &body) {
  return "attn.kernel @k(%q: !q, %k: !k, %v: !k" + extra + ") -> !q {\n" + beforeScores + body +
         "\n" + afterScores;
}

const std::string causal = "affine_set<(b, h, i, j) : (j <= i)>";

TEST(Reference, dense) {
  Attention a(2, 3, 3, 5, 7);
  auto results = evaluate("attn.kernel @k(%q: !q, %k: !k, %v: !k) -> !q {\n" + beforeScores +
                              "  %p = softmax %s : !s\n  %o = contract %p, %v : !s, !k -> !q\n"
                              "  return %o : !q\n}",
                          a.arguments());
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].shape, (std::vector<int64_t>{2, 3, 5, 4}));
  expectSoftmax(
      results[0], a, [](auto...) { return true; }, [&](auto... at) { return a.score(at...); });
}

TEST(Reference, causalWithLogsumexp) {
  Attention a(1, 2, 2, 6, 6);
  auto results =
      evaluate("attn.kernel @k(%q: !q, %k: !k, %v: !k) -> (!q, !r) {\n" + beforeScores +
                   "  %m = where %s in " + causal +
                   " : !s\n  %p = softmax %m : !s\n  %o = contract %p, %v : !s, !k -> !q\n"
                   "  %l = logsumexp %m : !s\n  return %o, %l : !q, !r\n}",
               a.arguments());
  ASSERT_EQ(results.size(), 2u);
  expectSoftmax(
      results[0], a, [](auto, auto, int64_t i, int64_t j) { return j <= i; },
      [&](auto... at) { return a.score(at...); });
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t i = 0; i < 6; ++i) {
      double sum = 0;
      for (int64_t j = 0; j <= i; ++j)
        sum += std::exp(a.score(0, h, i, j));
      EXPECT_NEAR(at(results[1], {0, h, i}), std::log(sum), 1e-12);
    }
}

/// Tokens [first, first + count) of all heads.
Tensor tokensOf(const Tensor &from, int64_t first, int64_t count) {
  Tensor part = Tensor::zeros(from.type, {from.shape[0], from.shape[1], count, from.shape[3]});
  for (int64_t plane = 0; plane < from.shape[0] * from.shape[1]; ++plane)
    for (int64_t n = 0; n < count * from.shape[3]; ++n)
      part.set(plane * count * from.shape[3] + n,
               from.real((plane * from.shape[2] + first) * from.shape[3] + n));
  return part;
}

TEST(Reference, segmentsOfKeysSideBySide) {
  Attention a(2, 4, 2, 5, 8);
  Tensor km = tokensOf(a.k, 0, 3), vm = tokensOf(a.v, 0, 3);
  Tensor k = tokensOf(a.k, 3, 5), v = tokensOf(a.v, 3, 5);
  // Each segment with its own mask; a map over both counts keys over both.
  auto results = evaluate("attn.kernel @k(%q: !q, %km: !attn.cols<vector<4xf32>, m>, "
                          "%vm: !attn.cols<vector<4xf32>, m>, %k: !k, %v: !k) -> (!q, !q) {\n" +
                              beforeScores + R"(
    %s0 = dot %q, %km scale 0.5 : !q, !attn.cols<vector<4xf32>, m>
    %c = where %s in affine_set<(b, h, i, j) : (j <= i)> : !s
    %x = concat %s0, %c : !attn.matrix<f32, q, m>, !s
    %y = map (%e = %x) at (%b, %h, %i, %j) : (!attn.matrix<f32, q, m+k>) -> !attn.matrix<f32, q, m+k> {
      %n = arith.index_cast %j : index to i32   %f = arith.sitofp %n : i32 to f32
      %z = arith.addf %e, %f : f32   yield %z : f32 }
    %p = softmax %y : !attn.matrix<f32, q, m+k>
    %w = concat %vm, %v : !attn.cols<vector<4xf32>, m>, !k
    %o = contract %p, %w : !attn.matrix<f32, q, m+k>, !attn.cols<vector<4xf32>, m+k> -> !q
    %kw = concat %km, %k : !attn.cols<vector<4xf32>, m>, !k
    %t = dot %q, %kw scale 0.5 : !q, !attn.cols<vector<4xf32>, m+k>
    %u = softmax %t : !attn.matrix<f32, q, m+k>
    %r = contract %u, %w : !attn.matrix<f32, q, m+k>, !attn.cols<vector<4xf32>, m+k> -> !q
    return %o, %r : !q, !q
  })",
                          {a.q, km, vm, k, v});
  ASSERT_EQ(results.size(), 2u);
  expectSoftmax(
      results[0], a, [](auto, auto, int64_t i, int64_t j) { return j < 3 || j - 3 <= i; },
      [&](auto b, auto h, auto i, auto j) { return a.score(b, h, i, j) + double(j); });
  expectSoftmax(
      results[1], a, [](auto...) { return true; }, [&](auto... at) { return a.score(at...); });
}

TEST(Reference, segmentsOfOneSequenceServeAll) {
  Attention a(2, 4, 2, 5, 8);
  std::string program =
      "attn.kernel @k(%q: !q, %km: !attn.cols<vector<4xf32>, m>, %k: !k) -> !q {\n"
      "  %w = concat %km, %k : !attn.cols<vector<4xf32>, m>, !k\n"
      "  %s = dot %q, %w : !q, !attn.cols<vector<4xf32>, m+k>\n"
      "  %o = contract %s, %w : !attn.matrix<f32, q, m+k>, "
      "!attn.cols<vector<4xf32>, m+k> -> !q\n  return %o : !q\n}";
  Attention shared(1, 1, 1, 1, 3);
  Tensor repeated = Tensor::zeros(ElementType::F32, {2, 4, 3, 4});
  for (int64_t i = 0; i < repeated.numElements(); ++i)
    repeated.set(i, shared.k.real(i % 12));
  auto found = evaluate(program, {a.q, shared.k, a.k}),
       expected = evaluate(program, {a.q, repeated, a.k});
  ASSERT_EQ(found.size(), 1u);
  for (int64_t i = 0; i < expected[0].numElements(); ++i)
    EXPECT_EQ(found[0].real(i), expected[0].real(i));
}

TEST(Reference, windowWithEmptyRows) {
  Attention a(1, 1, 1, 9, 4); // queries 7 and 8 see no key
  auto arguments = a.arguments();
  arguments.push_back(int64_t(2));
  auto results = evaluate(
      attention(
          ", %w: index",
          "  %m = where %s in affine_set<(b, h, i, j)[w] : (j <= i, i - j <= w + 1)>[%w] : !s"),
      arguments);
  ASSERT_EQ(results.size(), 1u);
  expectSoftmax(
      results[0], a, [](auto, auto, int64_t i, int64_t j) { return j <= i && i - j <= 3; },
      [&](auto... at) { return a.score(at...); });
  EXPECT_EQ(at(results[0], {0, 0, 8, 0}), 0);
}

TEST(Reference, alibiByHelperFunction) {
  Attention a(2, 4, 4, 5, 5);
  auto arguments = a.arguments();
  arguments.push_back(tensorOf(ElementType::F32, {4}, {0.5, 0.25, 0.125, 0.0625}));
  std::string distance =
      "func.func private @distance(%i: index, %j: index) -> f32 {\n"
      "  %d = arith.subi %j, %i : index  %n = arith.index_cast %d : index to i64\n"
      "  %f = arith.sitofp %n : i64 to f32  return %f : f32 }\n";
  auto results =
      evaluate(distance + attention(", %slope: tensor<?xf32>",
                                    "  %a = map (%x = %s) at (%b, %h, %i, %j) : (!s) -> !s {\n"
                                    "    %n = load %slope[%h] : tensor<?xf32>\n"
                                    "    %d = func.call @distance(%i, %j) : (index, index) -> f32\n"
                                    "    %y = math.fma %n, %d, %x : f32  yield %y : f32 }\n"
                                    "  %m = where %a in " +
                                        causal + " : !s"),
               arguments);
  ASSERT_EQ(results.size(), 1u);
  expectSoftmax(
      results[0], a, [](auto, auto, int64_t i, int64_t j) { return j <= i; },
      [&](auto b, auto h, auto i, auto j) {
        return a.score(b, h, i, j) + std::pow(0.5, double(h + 1)) * double(j - i);
      });
}

TEST(Reference, groupedQueriesReadKeyHeadsByFloorDivision) {
  Attention a(1, 8, 2, 3, 3);
  auto results = evaluate(attention("", "  %m = where %s in " + causal + " : !s"), a.arguments());
  ASSERT_EQ(results.size(), 1u);
  expectSoftmax(
      results[0], a, [](auto, auto, int64_t i, int64_t j) { return j <= i; },
      [&](auto... at) { return a.score(at...); });
}

TEST(Reference, oneSequenceOfKeysServesAllBatches) {
  Attention a(3, 2, 2, 4, 4);
  std::mt19937_64 generator(3);
  a.k = normal(generator, ElementType::F32, {1, 2, 4, 4});
  auto results = evaluate(attention("", "  %m = where %s in " + causal + " : !s"), a.arguments());
  ASSERT_EQ(results.size(), 1u);
  auto score = [&](int64_t b, int64_t h, int64_t i, int64_t j) {
    double sum = 0;
    for (int64_t t = 0; t < 4; ++t)
      sum += at(a.q, {b, h, i, t}) * at(a.k, {0, h, j, t});
    return 0.5 * sum;
  };
  expectSoftmax(results[0], a, [](auto, auto, int64_t i, int64_t j) { return j <= i; }, score);
}

TEST(Reference, strideOfTokensIsFree) {
  Attention a(1, 2, 2, 3, 3);
  // (batch, tokens, heads, d) in memory, read as (batch, heads, tokens, d).
  Tensor moved = Tensor::zeros(ElementType::F32, {1, 3, 2, 4});
  std::swap(moved.shape[1], moved.shape[2]);
  std::swap(moved.strides[1], moved.strides[2]);
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t n = 0; n < 3; ++n)
      for (int64_t t = 0; t < 4; ++t) {
        int64_t indices[] = {0, h, n, t};
        moved.set(moved.offset(indices), at(a.k, {0, h, n, t}));
      }
  auto arguments = a.arguments();
  arguments[1] = moved;
  auto results = evaluate(attention("", "  %m = where %s in " + causal + " : !s"), arguments);
  ASSERT_EQ(results.size(), 1u);
  expectSoftmax(
      results[0], a, [](auto, auto, int64_t i, int64_t j) { return j <= i; },
      [&](auto... at) { return a.score(at...); });
}

TEST(Reference, softcapAfterTheMaskUnhidesNothing) {
  Attention a(1, 1, 1, 5, 5);
  auto arguments = a.arguments();
  arguments.push_back(0.75);
  auto results = evaluate(
      attention(", %cap: f32", "  %c = where %s in " + causal +
                                   " : !s\n  %m = map (%x = %c) : (!s) -> !s {\n"
                                   "    %u = arith.divf %x, %cap : f32  %w = math.tanh %u : f32\n"
                                   "    %y = arith.mulf %w, %cap : f32  yield %y : f32 }"),
      arguments);
  ASSERT_EQ(results.size(), 1u);
  expectSoftmax(
      results[0], a, [](auto, auto, int64_t i, int64_t j) { return j <= i; },
      [&](auto... at) { return 0.75 * std::tanh(a.score(at...) / 0.75); });
}

TEST(Reference, keyBiasIsReadAtItsOwnHeads) {
  Attention a(2, 4, 4, 3, 5);
  std::mt19937_64 generator(9);
  Tensor bias = normal(generator, ElementType::F32, {1, 2, 5});
  auto arguments = a.arguments();
  arguments.push_back(bias);
  auto results =
      evaluate(attention(", %bias: !c", "  %m = map (%x = %s, %y = %bias) : (!s, !c) -> !s {\n"
                                        "    %z = arith.addf %x, %y : f32  yield %z : f32 }"),
               arguments);
  ASSERT_EQ(results.size(), 1u);
  expectSoftmax(
      results[0], a, [](auto...) { return true; },
      [&](auto b, auto h, auto i, auto j) {
        return a.score(b, h, i, j) + at(bias, {0, h / 2, j});
      });
}

const std::string sinkByPrimitives =
    "attn.kernel @k(%q: !q, %k: !k, %v: !k, %sink: tensor<?xf32>) -> !q {\n" + beforeScores +
    "  %m = where %s in affine_set<(b, h, i, j) : (j <= i)> : !s\n"
    "  %e = map (%x = %m) : (!s) -> !s { %y = math.exp %x : f32   yield %y : f32 }\n"
    "  %l = reduce sum %e over keys : !s\n"
    "  %n = map (%x = %l) at (%b, %h, %i) : (!r) -> !r {\n"
    "    %z = load %sink[%h] : tensor<?xf32>  %w = math.exp %z : f32\n"
    "    %y = arith.addf %x, %w : f32  yield %y : f32 }\n"
    "  %p = map (%x = %e, %y = %n) : (!s, !r) -> !s { %w = arith.divf %x, %y : f32 yield %w : f32 "
    "}\n"
    "  %o = contract %p, %v : !s, !k -> !q\n  return %o : !q\n}\n";

TEST(Reference, sinkByPrimitives) {
  Attention a(1, 2, 2, 4, 4);
  auto arguments = a.arguments();
  arguments.push_back(tensorOf(ElementType::F32, {2}, {0.5, -1}));
  auto results = evaluate(sinkByPrimitives, arguments);
  ASSERT_EQ(results.size(), 1u);
  expectSoftmax(
      results[0], a, [](auto, auto, int64_t i, int64_t j) { return j <= i; },
      [&](auto... at) { return a.score(at...); },
      [](auto, int64_t h, auto...) { return h ? -1 : 0.5; });
}

TEST(Reference, sinkOfSoftmaxIsARowsOperand) {
  Attention a(1, 2, 2, 4, 4);
  std::mt19937_64 generator(5);
  Tensor sink = normal(generator, ElementType::F32, {1, 1, 4});
  auto arguments = a.arguments();
  arguments.push_back(sink);
  auto results =
      evaluate("attn.kernel @k(%q: !q, %k: !k, %v: !k, %z: !r) -> (!q, !r) {\n" + beforeScores +
                   "  %m = where %s in " + causal +
                   " : !s\n  %p = softmax %m sink %z : !s\n  %o = contract %p, %v : !s, !k -> !q\n"
                   "  %l = logsumexp %m sink %z : !s\n  return %o, %l : !q, !r\n}",
               arguments);
  ASSERT_EQ(results.size(), 2u);
  expectSoftmax(
      results[0], a, [](auto, auto, int64_t i, int64_t j) { return j <= i; },
      [&](auto... at) { return a.score(at...); },
      [&](auto, auto, int64_t i, auto) { return at(sink, {0, 0, i}); });
  double sum = std::exp(at(sink, {0, 0, 0})) + std::exp(a.score(0, 1, 0, 0));
  EXPECT_NEAR(at(results[1], {0, 1, 0}), std::log(sum), 1e-12);
}

TEST(Reference, sigmoidWeightsAreNotNormalised) {
  Attention a(1, 1, 1, 3, 5);
  auto results = evaluate(
      "attn.kernel @k(%q: !q, %k: !k, %v: !k) -> !q {\n" + beforeScores +
          "  %p = map (%x = %s) : (!s) -> !s {\n    %one = arith.constant 1.0 : f32\n"
          "    %n = arith.negf %x : f32  %e = math.exp %n : f32  %d = arith.addf %e, %one : f32\n"
          "    %y = arith.divf %one, %d : f32  yield %y : f32 }\n"
          "  %o = contract %p, %v : !s, !k -> !q\n  return %o : !q\n}",
      a.arguments());
  ASSERT_EQ(results.size(), 1u);
  for (int64_t i = 0; i < 3; ++i) {
    double expected = 0;
    for (int64_t j = 0; j < 5; ++j)
      expected += at(a.v, {0, 0, j, 2}) / (1 + std::exp(-a.score(0, 0, i, j)));
    EXPECT_NEAR(at(results[0], {0, 0, i, 2}), expected, 1e-12);
  }
}

TEST(Reference, noQueriesAndNoKeys) {
  std::string kernel = attention("", "  %m = where %s in " + causal + " : !s");
  Attention noQueries(1, 2, 2, 0, 3), noKeys(1, 2, 2, 3, 0);
  auto none = evaluate(kernel, noQueries.arguments());
  ASSERT_EQ(none.size(), 1u);
  EXPECT_EQ(none[0].shape, (std::vector<int64_t>{1, 2, 0, 4}));
  auto zeros = evaluate(kernel, noKeys.arguments());
  ASSERT_EQ(zeros.size(), 1u);
  for (int64_t i = 0; i < zeros[0].numElements(); ++i)
    EXPECT_EQ(zeros[0].real(i), 0);
}

TEST(Reference, emptyRowsOfEveryReduction) {
  Attention a(1, 1, 1, 2, 2);
  std::string body;
  for (const char *kind : {"sum", "mean", "max", "min"})
    body += std::string("  %") + kind + " = reduce " + kind + " %m over keys : !s\n";
  auto results =
      evaluate("attn.kernel @k(%q: !q, %k: !k, %v: !k) -> (!r, !r, !r, !r, !r) {\n" + beforeScores +
                   "  %m = where %s in affine_set<(b, h, i, j) : (j + 1 <= i)> : !s\n" + body +
                   "  %l = logsumexp %m : !s\n"
                   "  return %sum, %mean, %max, %min, %l : !r, !r, !r, !r, !r\n}",
               a.arguments());
  ASSERT_EQ(results.size(), 5u);
  double emptyRow[] = {0, 0, -infinity, infinity, -infinity};
  for (int n = 0; n < 5; ++n) {
    EXPECT_EQ(at(results[size_t(n)], {0, 0, 0}), emptyRow[n]) << n;
    EXPECT_NEAR(at(results[size_t(n)], {0, 0, 1}), a.score(0, 0, 1, 0), 1e-12) << n;
  }
}

TEST(Reference, reduceOverQueriesAndHeads) {
  Attention a(1, 3, 3, 4, 5);
  auto results = evaluate(
      "attn.kernel @k(%q: !q, %k: !k) -> (!c, !r, !s, !c) {\n" + beforeScores +
          "  %m = where %s in " + causal +
          " : !s\n  %c = reduce max %m over queries : !s\n  %r = reduce sum %m over keys : !s\n"
          "  %rh = reduce mean %r over heads : !r\n  %sh = reduce sum %m over heads : !s\n"
          "  %ch = reduce min %c over heads : !c\n  return %c, %rh, %sh, %ch : !c, !r, !s, !c\n}",
      {a.q, a.k});
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(results[1].shape, (std::vector<int64_t>{1, 1, 4}));
  EXPECT_EQ(results[2].shape, (std::vector<int64_t>{1, 1, 4, 5}));
  for (int64_t j = 0; j < 5; ++j) {
    double least = infinity;
    for (int64_t h = 0; h < 3; ++h) {
      double largest = -infinity;
      for (int64_t i = j; i < 4; ++i)
        largest = std::max(largest, a.score(0, h, i, j));
      if (std::isinf(largest))
        EXPECT_EQ(at(results[0], {0, h, j}), largest);
      else
        EXPECT_NEAR(at(results[0], {0, h, j}), largest, 1e-12);
      least = std::min(least, at(results[0], {0, h, j}));
    }
    EXPECT_EQ(at(results[3], {0, 0, j}), least);
  }
  for (int64_t i = 0; i < 4; ++i) {
    double mean = 0;
    for (int64_t j = 0; j < 5; ++j) {
      double sum = 0;
      for (int64_t h = 0; h < 3; ++h)
        sum += j <= i ? a.score(0, h, i, j) : 0;
      mean += sum / 3;
      EXPECT_NEAR(at(results[2], {0, 0, i, j}), sum, 1e-12); // 0 where hidden
    }
    EXPECT_NEAR(at(results[1], {0, 0, i}), mean, 1e-12);
  }
}

TEST(Reference, visibilityOfSeveralMatricesIsTheirIntersection) {
  Attention a(1, 1, 1, 6, 6);
  auto results = evaluate(
      "attn.kernel @k(%q: !q, %k: !k) -> !r {\n" + beforeScores + "  %m = where %s in " + causal +
          " : !s\n  %n = where (%x = %s) at (%b, %h, %i, %j) : (!s) {\n"
          "    %y = holds affine_set<(i, j) : ((i + j) mod 3 == 0)>(%i, %j)  yield %y : i1 }\n"
          "  %d = map (%x = %m, %y = %n) : (!s, !s) -> !s {\n"
          "    %z = arith.mulf %x, %y : f32  yield %z : f32 }\n"
          "  %l = reduce sum %d over keys : !s\n  return %l : !r\n}",
      {a.q, a.k});
  ASSERT_EQ(results.size(), 1u);
  for (int64_t i = 0; i < 6; ++i) {
    double sum = 0;
    for (int64_t j = 0; j <= i; ++j)
      if ((i + j) % 3 == 0)
        sum += std::pow(a.score(0, 0, i, j), 2);
    EXPECT_NEAR(at(results[0], {0, 0, i}), sum, 1e-12);
  }
}

TEST(Reference, mapsOfVectorsTransformTokens) {
  Attention a(1, 2, 1, 3, 3);
  Tensor gain = tensorOf(ElementType::F32, {1, 4}, {1, -1, 2, 0.5});
  auto results = evaluate(
      "attn.kernel @k(%q: !q, %k: !k, %g: tensor<1x4xf32>) -> !r {\n"
      "  %t = map (%x = %k) at (%b, %h, %n) : (!k) -> !k {\n"
      "    %u = load %g[%h] : tensor<1x4xf32>  %y = arith.mulf %x, %u : vector<4xf32>\n"
      "    %a, %c = vector.deinterleave %y : vector<4xf32> -> vector<2xf32>\n"
      "    %w = vector.interleave %c, %a : vector<2xf32> -> vector<4xf32>\n"
      "    %d = arith.index_cast %n : index to i32  %e = arith.sitofp %d : i32 to f32\n"
      "    %f = vector.broadcast %e : f32 to vector<4xf32>\n"
      "    %z = arith.addf %w, %f : vector<4xf32>  yield %z : vector<4xf32> }\n"
      "  %s = dot %q, %t : !q, !k\n  %l = reduce sum %s over keys : !s\n  return %l : !r\n}",
      {a.q, a.k, gain});
  ASSERT_EQ(results.size(), 1u);
  for (int64_t h = 0; h < 2; ++h) {
    double sum = 0;
    for (int64_t j = 0; j < 3; ++j)
      for (int64_t t = 0; t < 4; ++t) {
        int64_t swapped = t ^ 1;
        double key = at(a.k, {0, 0, j, swapped}) * at(gain, {0, swapped}) + double(j);
        sum += at(a.q, {0, h, 2, t}) * key;
      }
    EXPECT_NEAR(at(results[0], {0, h, 2}), sum, 1e-12);
  }
}

TEST(Reference, epilogueOfRowsSeesVectorsAndRowValues) {
  Attention a(1, 1, 1, 3, 4);
  auto results = evaluate(
      "attn.kernel @k(%q: !q, %k: !k, %v: !k) -> !attn.rows<vector<2xf32>> {\n" + beforeScores +
          "  %l = reduce sum %s over keys : !s\n  %o = contract %s, %v : !s, !k -> !q\n"
          "  %y = map (%x = %o, %n = %l) : (!q, !r) -> !attn.rows<vector<2xf32>> {\n"
          "    %u = vector.extract_strided_slice %x {offsets = [1], sizes = [2], strides = [1]}"
          " : vector<4xf32> to vector<2xf32>\n"
          "    %m = vector.broadcast %n : f32 to vector<2xf32>\n"
          "    %w = arith.addf %u, %m : vector<2xf32>  yield %w : vector<2xf32> }\n"
          "  return %y : !attn.rows<vector<2xf32>>\n}",
      a.arguments());
  ASSERT_EQ(results.size(), 1u);
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t t = 0; t < 2; ++t) {
      double expected = 0;
      for (int64_t j = 0; j < 4; ++j)
        expected += a.score(0, 0, i, j) * (at(a.v, {0, 0, j, t + 1}) + 1);
      EXPECT_NEAR(at(results[0], {0, 0, i, t}), expected, 1e-12);
    }
}

TEST(Reference, integersAreExact) {
  // 127 * 127 * 4 products, i32 sums, floored division.
  Tensor q = tensorOf(ElementType::I8, {1, 1, 1, 4}, {127, -128, 5, 1});
  Tensor k = tensorOf(ElementType::I8, {1, 1, 2, 4}, {127, 127, 0, 3, -1, 0, 0, 0});
  auto results = evaluate(
      "attn.kernel @k(%q: !attn.rows<vector<4xi8>>, %k: !attn.cols<vector<4xi8>>)"
      " -> !attn.matrix<i32> {\n"
      "  %s = dot %q, %k : !attn.rows<vector<4xi8>>, !attn.cols<vector<4xi8>>\n"
      "  %m = map (%x = %s) : (!attn.matrix<i32>) -> !attn.matrix<i32> {\n"
      "    %two = arith.constant 2 : i32  %y = arith.floordivsi %x, %two : i32  yield %y : i32 }\n"
      "  return %m : !attn.matrix<i32>\n}",
      {q, k});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].integer(0), (127 * 127 - 128 * 127 + 3 - 1) / 2);
  EXPECT_EQ(results[0].integer(1), -64); // -127 / 2, floored
}

TEST(Reference, coordinatesOfAGridAreFloored) {
  Attention a(1, 1, 1, 6, 6);
  auto arguments = a.arguments();
  arguments.push_back(int64_t(2));
  arguments.push_back(int64_t(3));
  auto results =
      evaluate(attention(", %H: index, %W: index",
                         "  axis q grid (%H, %W)\n  axis k grid (%H, %W)\n"
                         "  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {\n"
                         "    %y, %c = affine.delinearize_index %i into (%H, %W) : index, index\n"
                         "    %z, %d = affine.delinearize_index %j into (%H, %W) : index, index\n"
                         "    %e = arith.cmpi eq, %c, %d : index  yield %e : i1 }"),
               arguments);
  ASSERT_EQ(results.size(), 1u);
  expectSoftmax(
      results[0], a, [](auto, auto, int64_t i, int64_t j) { return i % 3 == j % 3; },
      [&](auto... at) { return a.score(at...); });
}

TEST(Reference, visibleMinusInfinityHasNoWeight) {
  Attention a(1, 1, 1, 2, 3);
  auto arguments = a.arguments();
  arguments.push_back(tensorOf(ElementType::F32, {1, 1, 3}, {0, -infinity, 0}));
  std::string bias = "  %m = map (%x = %s, %y = %bias) : (!s, !c) -> !s {\n"
                     "    %z = arith.addf %x, %y : f32  yield %z : f32 }";
  auto results = evaluate(attention(", %bias: !c", bias), arguments);
  ASSERT_EQ(results.size(), 1u);
  expectSoftmax(
      results[0], a, [](auto, auto, auto, int64_t j) { return j != 1; },
      [&](auto... at) { return a.score(at...); });
}

/// Softmax and its logarithm as ops, and literally.
const std::string spellings[] = {
    "  %p = softmax %m : !s\n  %l = logsumexp %m : !s\n",
    "  %x = reduce max %m over keys : !s\n"
    "  %e = map (%u = %m, %w = %x) : (!s, !r) -> !s {\n"
    "    %d = arith.subf %u, %w : f32  %y = math.exp %d : f32  yield %y : f32 }\n"
    "  %n = reduce sum %e over keys : !s\n"
    "  %p = map (%u = %e, %w = %n) : (!s, !r) -> !s {\n"
    "    %y = arith.divf %u, %w : f32  yield %y : f32 }\n"
    "  %l = map (%u = %n, %w = %x) : (!r, !r) -> !r {\n"
    "    %d = math.log %u : f32  %y = arith.addf %d, %w : f32  yield %y : f32 }\n"};

TEST(Reference, rowOfMinusInfinityCountsAsEmptyInEverySpelling) {
  for (const std::string &spelling : spellings) {
    Attention a(1, 1, 1, 2, 2);
    auto arguments = a.arguments();
    arguments.push_back(tensorOf(ElementType::F32, {1, 1, 2}, {-infinity, -infinity}));
    auto results = evaluate(
        "attn.kernel @k(%q: !q, %k: !k, %v: !k, %bias: !c) -> (!q, !r) {\n" + beforeScores +
            "  %m = map (%x = %s, %y = %bias) : (!s, !c) -> !s {\n"
            "    %z = arith.addf %x, %y : f32  yield %z : f32 }\n" +
            spelling + "  %o = contract %p, %v : !s, !k -> !q\n  return %o, %l : !q, !r\n}",
        arguments);
    ASSERT_EQ(results.size(), 2u);
    EXPECT_EQ(at(results[0], {0, 0, 0, 0}), 0) << spelling;
    EXPECT_EQ(at(results[1], {0, 0, 1}), -infinity) << spelling;
  }
}

TEST(Reference, literalSoftmaxIsSoftmax) {
  Attention a(1, 2, 2, 4, 6);
  for (const std::string &spelling : spellings) {
    auto results =
        evaluate("attn.kernel @k(%q: !q, %k: !k, %v: !k) -> (!q, !r) {\n" + beforeScores +
                     "  %m = where %s in " + causal + " : !s\n" + spelling +
                     "  %o = contract %p, %v : !s, !k -> !q\n  return %o, %l : !q, !r\n}",
                 a.arguments());
    ASSERT_EQ(results.size(), 2u);
    expectSoftmax(
        results[0], a, [](auto, auto, int64_t i, int64_t j) { return j <= i; },
        [&](auto... at) { return a.score(at...); });
  }
}

TEST(Reference, nanPropagatesOnlyWhereItIsVisible) {
  Attention a(1, 1, 1, 3, 3);
  a.k.set(2 * 4, nan); // key 2, seen by query 2 alone
  auto results = evaluate(attention("", "  %m = where %s in " + causal + " : !s"), a.arguments());
  ASSERT_EQ(results.size(), 1u);
  EXPECT_FALSE(std::isnan(at(results[0], {0, 0, 1, 0})));
  EXPECT_TRUE(std::isnan(at(results[0], {0, 0, 2, 0})));
  auto maxima = evaluate("attn.kernel @k(%q: !q, %k: !k) -> !r {\n" + beforeScores +
                             "  %x = reduce max %s over keys : !s\n  return %x : !r\n}",
                         {a.q, a.k});
  ASSERT_EQ(maxima.size(), 1u);
  EXPECT_TRUE(std::isnan(at(maxima[0], {0, 0, 0})));
}

TEST(Reference, tablesAreReadAtVisiblePairsOnly) {
  Attention a(1, 1, 1, 3, 3);
  auto arguments = a.arguments();
  arguments.push_back(tensorOf(ElementType::F32, {3}, {0, 1, 2})); // of i - j, which is 0, 1 or 2
  auto kernel = [&](const std::string &order) {
    return attention(", %table: tensor<?xf32>", order);
  };
  std::string hide = "where %s in " + causal + " : !s";
  std::string add = " at (%b, %h, %i, %j) : (!s) -> !s {\n    %d = arith.subi %i, %j : index\n"
                    "    %t = load %table[%d] : tensor<?xf32>\n"
                    "    %y = arith.addf %x, %t : f32  yield %y : f32 }";
  auto results = evaluate(kernel("  %c = " + hide + "\n  %m = map (%x = %c)" + add), arguments);
  ASSERT_EQ(results.size(), 1u);
  expectSoftmax(
      results[0], a, [](auto, auto, int64_t i, int64_t j) { return j <= i; },
      [&](auto b, auto h, auto i, auto j) { return a.score(b, h, i, j) + double(i - j); });
  EXPECT_EQ(failure(kernel("  %m = map (%x = %s)" + add), arguments),
            "table 'table' is read out of range at a visible place: index 0 is -1, its size is 3");
}

TEST(Reference, scalarsOfTheBodyAreComputed) {
  Attention a(1, 1, 1, 5, 5);
  auto arguments = a.arguments();
  arguments.push_back(int64_t(1));
  auto results = evaluate(
      attention(
          ", %w: index",
          "  %c2 = arith.constant 2 : index\n  %w2 = arith.muli %w, %c2 : index\n"
          "  %ok = arith.cmpi sge, %w2, %w : index\n  assume %ok\n"
          "  %m = where %s in affine_set<(b, h, i, j)[w] : (i - j <= w, j - i <= w)>[%w2] : !s"),
      arguments);
  ASSERT_EQ(results.size(), 1u);
  expectSoftmax(
      results[0], a, [](auto, auto, int64_t i, int64_t j) { return std::abs(i - j) <= 2; },
      [&](auto... at) { return a.score(at...); });
}

TEST(Reference, axisSizesAreReadInRegions) {
  Attention a(1, 1, 1, 3, 5);
  auto results =
      evaluate(attention("", "  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {\n"
                             "    %n = size k of %b  %c2 = arith.constant 2 : index\n"
                             "    %r = arith.subi %n, %j : index\n"
                             "    %y = arith.cmpi sle, %r, %c2 : index  yield %y : i1 }"),
               a.arguments());
  ASSERT_EQ(results.size(), 1u);
  expectSoftmax(
      results[0], a, [](auto, auto, auto, int64_t j) { return 5 - j <= 2; },
      [&](auto... at) { return a.score(at...); });
}

TEST(Reference, resultsDoNotDependOnTheNumberOfThreads) {
  Attention a(2, 2, 1, 40, 50);
  auto module = parse(attention("", "  %m = where %s in " + causal + " : !s"));
  ASSERT_TRUE(module);
  auto one = attune::reference::evaluate(kernelOf(*module), a.arguments(), {.threads = 1});
  auto four = attune::reference::evaluate(kernelOf(*module), a.arguments(), {.threads = 4});
  ASSERT_TRUE(bool(one));
  ASSERT_TRUE(bool(four));
  for (int64_t i = 0; i < (*one)[0].numElements(); ++i)
    ASSERT_EQ((*one)[0].real(i), (*four)[0].real(i));
}

TEST(Reference, eagerRoundsEachStep) {
  // With one key the weight is 1, and the result is the value itself.
  Attention one(1, 1, 1, 1, 1);
  std::string kernel = attention("", "  %m = where %s in " + causal + " : !s");
  auto exact = evaluate(kernel, one.arguments()),
       eager = evaluate(kernel, one.arguments(), Mode::Eager);
  ASSERT_EQ(eager.size(), 1u);
  for (int64_t t = 0; t < 4; ++t)
    EXPECT_EQ(eager[0].real(t), exact[0].real(t));

  // A sum in f32, in order, step by step.
  Attention a(1, 1, 1, 3, 9);
  std::string sum = "attn.kernel @k(%q: !q, %k: !k) -> !r {\n" + beforeScores +
                    "  %l = reduce sum %s over keys : !s\n  return %l : !r\n}";
  auto found = evaluate(sum, {a.q, a.k}, Mode::Eager);
  ASSERT_EQ(found.size(), 1u);
  for (int64_t i = 0; i < 3; ++i) {
    float total = 0;
    for (int64_t j = 0; j < 9; ++j) {
      volatile float score = 0; // volatile: one rounding an operation
      for (int64_t t = 0; t < 4; ++t) {
        volatile float product = float(at(a.q, {0, 0, i, t})) * float(at(a.k, {0, 0, j, t}));
        score = score + product;
      }
      volatile float scaled = 0.5f * score;
      total += scaled;
    }
    EXPECT_EQ(at(found[0], {0, 0, i}), double(total));
  }
}

TEST(Reference, eagerKeepsMatricesInTheTypeOfTheOperands) {
  std::mt19937_64 generator(1);
  Tensor q = normal(generator, ElementType::BF16, {1, 1, 4, 4});
  Tensor k = normal(generator, ElementType::BF16, {1, 1, 4, 4});
  std::string kernel =
      "attn.kernel @k(%q: !attn.rows<vector<4xbf16>>, %k: !attn.cols<vector<4xbf16>>)"
      " -> !s {\n  %s = dot %q, %k : !attn.rows<vector<4xbf16>>,"
      " !attn.cols<vector<4xbf16>>\n  return %s : !s\n}";
  auto exact = evaluate(kernel, {q, k}), eager = evaluate(kernel, {q, k}, Mode::Eager);
  ASSERT_EQ(eager.size(), 1u);
  for (int64_t i = 0; i < 16; ++i)
    EXPECT_EQ(eager[0].real(i),
              attune::reference::roundTo(ElementType::BF16, double(float(exact[0].real(i)))));
}

} // namespace
