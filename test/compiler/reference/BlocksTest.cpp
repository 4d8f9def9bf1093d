// SPDX-License-Identifier: Apache-2.0
// Do reductions by blocks of keys, queries and heads mean what the language says, and what is read on
// blocks? Each test writes the formula out as loops, without the evaluator.
#include "test/compiler/reference/Scores.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace attune::test;
using attune::reference::Mode;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

int64_t blocks(int64_t tokens, int64_t by) { return (tokens + by - 1) / by; }

TEST(Blocks, blocksOfKeysAndQueries) {
  for (Scores s : {Scores(2, 2, 5, 7), Scores(1, 3, 1, 1), Scores(1, 1, 8, 6)})
    for (std::string kind : reduceKinds) {
      auto results = evaluate(
          kernelOfScores(
              "",
              "!attn.matrix<f32, q, k/3>, !attn.matrix<f32, q/2, k>, !attn.matrix<f32, q/2, k/3>",
              "  %a = reduce " + kind + " %m over keys by 3 : !s\n  %c = reduce " + kind +
                  " %m over queries by 2 : !s\n  %d = reduce " + kind +
                  " %a over queries by 2 : !attn.matrix<f32, q, k/3>\n  return %a, %c, %d : "
                  "!attn.matrix<f32, q, k/3>, !attn.matrix<f32, q/2, k>, "
                  "!attn.matrix<f32, q/2, k/3>\n"),
          s.arguments());
      ASSERT_EQ(results.size(), 3u);
      auto overKeys = [&](auto b, auto h, auto i, auto c) {
        Joined joined(kind);
        for (int64_t j = 3 * c; j < std::min(3 * c + 3, s.keys); ++j)
          joined.join(s(b, h, i, j));
        return joined.visible();
      };
      expectMatrix(results[0], {s.batch, s.heads, s.queries, blocks(s.keys, 3)}, overKeys);
      auto overQueries = [&](const MatrixFormula &of) {
        return [&, of](auto b, auto h, auto c, auto j) {
          Joined joined(kind);
          for (int64_t i = 2 * c; i < std::min(2 * c + 2, s.queries); ++i)
            joined.join(of(b, h, i, j));
          return joined.visible();
        };
      };
      expectMatrix(results[1], {s.batch, s.heads, blocks(s.queries, 2), s.keys}, overQueries(s));
      expectMatrix(results[2], {s.batch, s.heads, blocks(s.queries, 2), blocks(s.keys, 3)},
                   overQueries(overKeys));
    }
}

TEST(Blocks, blocksOfNoTokens) {
  for (Scores s : {Scores(1, 2, 0, 3), Scores(1, 2, 3, 0)}) {
    auto results = evaluate(
        kernelOfScores(
            "", "!attn.matrix<f32, q/2, k/2>, !attn.matrix<f32, k, q>, !c",
            "  %a = reduce max %m over keys by 2 : !s\n"
            "  %d = reduce max %a over queries by 2 : !attn.matrix<f32, q, k/2>\n"
            "  %t = transpose %m : !s   %u = reduce max %m over queries : !s\n"
            "  return %d, %t, %u : !attn.matrix<f32, q/2, k/2>, !attn.matrix<f32, k, q>, !c\n"),
        s.arguments());
    ASSERT_EQ(results.size(), 3u);
    EXPECT_EQ(results[0].shape,
              (std::vector<int64_t>{1, 2, blocks(s.queries, 2), blocks(s.keys, 2)}));
    EXPECT_EQ(results[1].shape, (std::vector<int64_t>{1, 2, s.keys, s.queries}));
    expectTokens(results[2], {1, 2, s.keys}, [](auto...) { return -infinity; });
  }
}

TEST(Blocks, pooledTokensAreVectors) {
  std::mt19937_64 generator(3);
  Tensor q = normal(generator, ElementType::F32, {2, 4, 5, 4});
  Tensor k = normal(generator, ElementType::F32, {1, 2, 7, 4});
  for (std::string kind : reduceKinds) {
    auto results = evaluate(
        "attn.kernel @k(%q: !q, %k: !k) -> (!attn.rows<vector<4xf32>, q/2>, "
        "!attn.cols<vector<4xf32>, k/3>, !attn.cols<vector<4xf32>, k/6>) {\n  %a = reduce " +
            kind + " %q over queries by 2 : !q\n  %c = reduce " + kind +
            " %k over keys by 3 : !k\n  %d = reduce " + kind +
            " %c over keys by 2 : !attn.cols<vector<4xf32>, k/3>\n  return %a, %c, %d : "
            "!attn.rows<vector<4xf32>, q/2>, !attn.cols<vector<4xf32>, k/3>, "
            "!attn.cols<vector<4xf32>, k/6>\n}",
        {q, k});
    ASSERT_EQ(results.size(), 3u);
    auto pooled = [&](const Tensor &of, int64_t by) {
      Tensor result = Tensor::zeros(
          ElementType::F64, {of.shape[0], of.shape[1], blocks(of.shape[2], by), of.shape[3]});
      for (int64_t b = 0; b < of.shape[0]; ++b)
        for (int64_t h = 0; h < of.shape[1]; ++h)
          for (int64_t c = 0; c < result.shape[2]; ++c)
            for (int64_t t = 0; t < 4; ++t) {
              Joined joined(kind);
              for (int64_t n = by * c; n < std::min(by * c + by, of.shape[2]); ++n)
                joined.join(at(of, {b, h, n, t}));
              int64_t place[] = {b, h, c, t};
              result.set(result.offset(place), joined.over());
            }
      return result;
    };
    Tensor thirds = pooled(k, 3);
    for (auto &[found, expected] :
         {std::pair(results[0], pooled(q, 2)), std::pair(results[1], thirds),
          std::pair(results[2], pooled(thirds, 2))}) {
      ASSERT_EQ(found.shape, expected.shape);
      for (int64_t n = 0; n < expected.numElements(); ++n)
        expectNear(found.real(n), expected.real(n), std::to_string(n));
    }
  }
}

TEST(Blocks, someHeads) {
  Scores s(2, 6, 3, 4);
  auto results =
      evaluate(kernelOfScores("", "!s, !r, !c, !s",
                              "  %a = reduce max %m over heads by 3 : !s\n"
                              "  %r = reduce sum %m over keys : !s   %rh = reduce mean %r over "
                              "heads by 2 : !r\n  %c = reduce sum %m over queries : !s\n"
                              "  %ch = reduce min %c over heads by 3 : !c\n"
                              "  %e = reduce sum %m over heads by 6 : !s\n"
                              "  return %a, %rh, %ch, %e : !s, !r, !c, !s\n"),
               s.arguments());
  ASSERT_EQ(results.size(), 4u);
  auto joined = [&](const char *kind, int64_t by) {
    return [&s, kind, by](auto b, auto h, auto i, auto j) {
      Joined value(kind);
      for (int64_t own = h * by; own < h * by + by; ++own)
        value.join(s(b, own, i, j));
      return value.visible();
    };
  };
  expectMatrix(results[0], {2, 2, 3, 4}, joined("max", 3));
  expectMatrix(results[3], {2, 1, 3, 4}, joined("sum", 6));
  auto sum = [&](bool ofRow, int64_t b, int64_t h, int64_t n) {
    Joined value("sum");
    for (int64_t other = 0; other < (ofRow ? s.keys : s.queries); ++other)
      value.join(ofRow ? s(b, h, n, other) : s(b, h, other, n));
    return value.over();
  };
  expectTokens(results[1], {2, 3, 3}, [&](auto b, auto h, auto n) {
    return (sum(true, b, 2 * h, n) + sum(true, b, 2 * h + 1, n)) / 2;
  });
  expectTokens(results[2], {2, 2, 4}, [&](auto b, auto h, auto n) {
    return std::min(
        {sum(false, b, 3 * h, n), sum(false, b, 3 * h + 1, n), sum(false, b, 3 * h + 2, n)});
  });
  EXPECT_NE(failure(kernelOfScores("", "!s",
                                   "  %a = reduce max %m over heads by 4 : !s\n  return %a : !s\n"),
                    s.arguments())
                .find("its operand has 6 heads, which are not a multiple of 4"),
            std::string::npos);
}

TEST(Blocks, blocksAreReadAtTheirTokens) {
  Scores s(2, 4, 5, 7);
  std::mt19937_64 generator(5);
  Tensor gate = normal(generator, ElementType::F32, {1, 2, 3}); // rows on q/2, fewer heads
  Tensor bias = normal(generator, ElementType::F32, {2, 1, 3}); // cols on k/3
  auto results = evaluate(
      kernelOfScores(
          ", %g: !attn.rows<f32, q/2>, %w: !attn.cols<f32, k/3>", "!s",
          "  %a = reduce max %m over keys by 3 : !s\n"
          "  %d = reduce max %a over queries by 2 : !attn.matrix<f32, q, k/3>\n"
          "  %n = where (%x = %s, %y = %a) : (!s, !attn.matrix<f32, q, k/3>) {\n"
          "    %l = arith.constant 0.5 : f32   %t = arith.cmpf ogt, %y, %l : f32   yield %t : i1 "
          "}\n"
          "  %o = map (%x = %n, %y = %d, %u = %g, %v = %w) : (!s, !attn.matrix<f32, q/2, k/3>, "
          "!attn.rows<f32, q/2>, !attn.cols<f32, k/3>) -> !s {\n"
          "    %t = arith.mulf %x, %y : f32   %e = math.fma %t, %u, %v : f32   yield %e : f32 }\n"
          "  return %o : !s\n"),
      s.arguments({gate, bias}));
  ASSERT_EQ(results.size(), 1u);
  auto largest = [&](auto b, auto h, auto i0, auto i1, auto c) {
    Joined value("max");
    for (int64_t i = i0; i < std::min<int64_t>(i1, 5); ++i)
      for (int64_t j = 3 * c; j < std::min<int64_t>(3 * c + 3, 7); ++j)
        value.join(s(b, h, i, j));
    return value.visible();
  };
  int64_t visible = 0;
  expectMatrix(
      results[0], {2, 4, 5, 7}, [&](auto b, auto h, auto i, auto j) -> std::optional<double> {
        auto own = largest(b, h, i, i + 1, j / 3);
        if (!own || *own <= 0.5)
          return std::nullopt;
        ++visible;
        double box = *largest(b, h, i / 2 * 2, i / 2 * 2 + 2, j / 3);
        return at(s.z, {b, h, i, j}) * box * at(gate, {0, h / 2, i / 2}) + at(bias, {b, 0, j / 3});
      });
  EXPECT_GT(visible, 50);
}

TEST(Blocks, aShortBlockHasItsOwnTokensAlone) {
  Scores s(1, 4, 5, 7);
  auto results = evaluate(
      kernelOfScores("", "!s, !r",
                     "  %a = reduce max %m over keys by 3 : !s\n"
                     "  %o = map (%x = %a) : (!attn.matrix<f32, q, k/3>) -> !s { yield %x : f32 }\n"
                     "  %n = reduce sum %o over keys : !s   return %o, %n : !s, !r\n"),
      s.arguments());
  ASSERT_EQ(results.size(), 2u);
  auto ofBlock = [&](auto b, auto h, auto i, auto j) {
    Joined value("max");
    for (int64_t other = j / 3 * 3; other < std::min<int64_t>(j / 3 * 3 + 3, 7); ++other)
      value.join(s(b, h, i, other));
    return value.visible();
  };
  ASSERT_TRUE(ofBlock(0, 3, 4, 6)); // the short one
  expectMatrix(results[0], {1, 4, 5, 7}, ofBlock);
  expectTokens(results[1], {1, 4, 5}, [&](auto b, auto h, auto i) {
    Joined sum("sum");
    for (int64_t j = 0; j < 7; ++j)
      sum.join(ofBlock(b, h, i, j));
    return sum.over();
  });
}

TEST(Blocks, eagerSumsAreF32InOrder) {
  Scores s(1, 1, 9, 9);
  auto results = evaluate(
      kernelOfScores(
          "", "!attn.matrix<f32, q, k/4>, !attn.matrix<f32, q/4, k>",
          "  %a = reduce sum %m over keys by 4 : !s\n  %c = reduce sum %m over queries by 4 : !s\n"
          "  return %a, %c : !attn.matrix<f32, q, k/4>, !attn.matrix<f32, q/4, k>\n"),
      s.arguments(), Mode::Eager);
  ASSERT_EQ(results.size(), 2u);
  for (int64_t i = 0; i < 9; ++i)
    for (int64_t c = 0; c < 3; ++c) {
      volatile float ofRow = 0, ofColumn = 0; // volatile: one rounding an operation
      for (int64_t n = 4 * c; n < std::min<int64_t>(4 * c + 4, 9); ++n) {
        ofRow = ofRow + float(s(0, 0, i, n).value_or(0));
        ofColumn = ofColumn + float(s(0, 0, n, i).value_or(0));
      }
      EXPECT_EQ(at(results[0], {0, 0, i, c}), double(ofRow));
      EXPECT_EQ(at(results[1], {0, 0, c, i}), double(ofColumn));
    }
}

/// Also where it is evaluated whole, an eager framework keeps a matrix in the type of the operands.
TEST(Blocks, eagerMatricesAreOfTheOperandsType) {
  std::mt19937_64 generator(8);
  Tensor q = normal(generator, ElementType::BF16, {1, 1, 6, 4});
  Tensor k = normal(generator, ElementType::BF16, {1, 1, 5, 4});
  auto results = evaluate(
      "attn.kernel @k(%q: !attn.rows<vector<4xbf16>>, %k: !attn.cols<vector<4xbf16>>) -> "
      "(!s, !attn.matrix<f32, q/4, k>, !attn.matrix<f32, q, k/4>) {\n"
      "  %s = dot %q, %k : !attn.rows<vector<4xbf16>>, !attn.cols<vector<4xbf16>>\n"
      "  %a = reduce sum %s over queries by 4 : !s   %c = reduce sum %s over keys by 4 : !s\n"
      "  return %s, %a, %c : !s, !attn.matrix<f32, q/4, k>, !attn.matrix<f32, q, k/4>\n}",
      {q, k}, Mode::Eager);
  ASSERT_EQ(results.size(), 3u);
  auto rounded = [](float x) {
    return attune::reference::roundTo(attune::reference::ElementType::BF16, double(x));
  };
  for (int64_t i = 0; i < 6; ++i)
    for (int64_t j = 0; j < 5; ++j) {
      volatile float ofColumn = 0, ofRow = 0; // volatile: one rounding an operation
      for (int64_t n = i / 4 * 4; n < std::min<int64_t>(i / 4 * 4 + 4, 6); ++n)
        ofColumn = ofColumn + float(at(results[0], {0, 0, n, j}));
      for (int64_t n = j / 4 * 4; n < std::min<int64_t>(j / 4 * 4 + 4, 5); ++n)
        ofRow = ofRow + float(at(results[0], {0, 0, i, n}));
      EXPECT_EQ(at(results[1], {0, 0, i / 4, j}), rounded(ofColumn));
      EXPECT_EQ(at(results[2], {0, 0, i, j / 4}), rounded(ofRow));
    }
}

} // namespace
