// SPDX-License-Identifier: Apache-2.0
// Do reductions into an axis, gathers and transposes mean what the language says? Each test writes the
// formula out as loops, without the evaluator.
#include "test/compiler/reference/Scores.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace attune::test;

namespace {

//===--- Buckets and gathers ------------------------------------------------------------------===//

TEST(Moves, bucketsOfKeysAndQueries) {
  Scores s(2, 4, 5, 7);
  // Buckets of fewer heads and of one sequence; some are outside of the axis.
  Tensor keyGroup =
      tensorOf(ElementType::I32, {1, 2, 7}, {0, 2, 2, -1, 1, 0, 9, 3, 3, 1, 0, 0, 2, 1});
  Tensor queryGroup = tensorOf(ElementType::I32, {1, 1, 5}, {1, 1, -5, 0, 1});
  for (std::string kind : reduceKinds) {
    auto results = evaluate(
        kernelOfScores(
            ", %kg: !attn.cols<i32>, %qg: !attn.rows<i32>, %n: index, %o: index",
            "!attn.matrix<f32, q, g>, !attn.matrix<f32, u, k>, !attn.matrix<f32, u, g>",
            "  axis g size %n   axis u size %o\n  %a = reduce " + kind +
                " (%x = %m, %y = %kg) over keys into g : (!s, !attn.cols<i32>) {\n"
                "    %c = arith.index_cast %y : i32 to index   yield %c : index }\n  %d = reduce " +
                kind +
                " (%x = %m, %y = %qg) over queries into u : (!s, !attn.rows<i32>) {\n"
                "    %c = arith.index_cast %y : i32 to index   yield %c : index }\n  %e = reduce " +
                kind +
                " (%x = %a, %y = %qg) over queries into u : (!attn.matrix<f32, q, g>, "
                "!attn.rows<i32>) {\n"
                "    %c = arith.index_cast %y : i32 to index   yield %c : index }\n"
                "  return %a, %d, %e : !attn.matrix<f32, q, g>, !attn.matrix<f32, u, k>, "
                "!attn.matrix<f32, u, g>\n"),
        s.arguments({keyGroup, queryGroup, int64_t(4), int64_t(2)}));
    ASSERT_EQ(results.size(), 3u);
    auto byKeys = [&](auto b, auto h, auto i, auto c) {
      Joined value(kind);
      for (int64_t j = 0; j < 7; ++j)
        if (at(keyGroup, {0, h / 2, j}) == double(c))
          value.join(s(b, h, i, j));
      return value.visible();
    };
    auto byQueries = [&](const MatrixFormula &of) {
      return [&, of](auto b, auto h, auto c, auto j) {
        Joined value(kind);
        for (int64_t i = 0; i < 5; ++i)
          if (at(queryGroup, {0, 0, i}) == double(c))
            value.join(of(b, h, i, j));
        return value.visible();
      };
    };
    expectMatrix(results[0], {2, 4, 5, 4}, byKeys);
    expectMatrix(results[1], {2, 4, 2, 7}, byQueries(s));
    expectMatrix(results[2], {2, 4, 2, 4}, byQueries(byKeys));
  }
}

/// What tells the bucket may have more heads than what is reduced.
TEST(Moves, bucketsOfMoreHeadsThanTheMatrix) {
  Scores s(2, 2, 4, 5);
  Tensor group = tensorOf(ElementType::I32, {2, 2, 5},
                          {0, 1, 0, 1, 2, 2, 2, 0, 0, 1, 1, 1, 1, 0, 0, 0, 3, -2, 1, 2});
  std::string region = "(!s, !attn.cols<i32>) {\n    %c = arith.index_cast %y : i32 to index   "
                       "yield %c : index }\n";
  auto results = evaluate(
      kernelOfScores(
          ", %g: !attn.cols<i32>, %n: index", "!attn.matrix<f32, q, g>, !attn.matrix<f32, g, k>",
          "  axis g size %n   %o = reduce max %m over heads : !s\n"
          "  %a = reduce sum (%x = %o, %y = %g) over keys into g : " +
              region + "  %d = reduce sum (%x = %o, %y = %g) over queries into g : " + region +
              "  return %a, %d : !attn.matrix<f32, q, g>, !attn.matrix<f32, g, k>\n"),
      s.arguments({group, int64_t(3)}));
  ASSERT_EQ(results.size(), 2u);
  auto oneHead = [&](auto b, auto i, auto j) {
    Joined value("max");
    value.join(s(b, 0, i, j));
    value.join(s(b, 1, i, j));
    return value.visible();
  };
  expectMatrix(results[0], {2, 2, 4, 3}, [&](auto b, auto h, auto i, auto c) {
    Joined value("sum");
    for (int64_t j = 0; j < 5; ++j)
      if (at(group, {b, h, j}) == double(c))
        value.join(oneHead(b, i, j));
    return value.visible();
  });
  expectMatrix(results[1], {2, 2, 3, 5}, [&](auto b, auto h, auto c, auto j) {
    Joined value("sum");
    for (int64_t i = 0; i < 4; ++i)
      if (at(group, {b, h, j}) == double(c))
        value.join(oneHead(b, i, j));
    return value.visible();
  });
}

TEST(Moves, bucketsOfTokens) {
  std::mt19937_64 generator(9);
  Tensor k = normal(generator, ElementType::F32, {2, 4, 6}),
         q = normal(generator, ElementType::F32, {2, 1, 3});
  Tensor group = tensorOf(ElementType::I32, {1, 2, 6}, {0, 2, 2, -1, 0, 7, 1, 1, 1, 0, 0, 1});
  auto results = evaluate(
      "attn.kernel @k(%q: !r, %k: !c, %g: !attn.cols<i32>, %n: index) -> (!attn.cols<f32, g>, "
      "!attn.cols<f32, g>, !attn.rows<f32, g>) {\n  axis g size %n\n"
      "  %a = reduce max (%x = %k, %y = %g) over keys into g : (!c, !attn.cols<i32>) {\n"
      "    %c = arith.index_cast %y : i32 to index   yield %c : index }\n"
      "  %d = reduce mean (%x = %k, %y = %g) over keys into g at (%b, %h, %j) : (!c, "
      "!attn.cols<i32>) {\n"
      "    %c = affine.apply affine_map<(b, h, j) -> (j - b - h)>(%b, %h, %j)   yield %c : index "
      "}\n"
      "  %e = reduce sum %q over queries into g at (%b, %h, %i) : !r {\n"
      "    %c = affine.apply affine_map<(i) -> (i * 2)>(%i)   yield %c : index }\n"
      "  return %a, %d, %e : !attn.cols<f32, g>, !attn.cols<f32, g>, !attn.rows<f32, g>\n}",
      {q, k, group, int64_t(3)});
  ASSERT_EQ(results.size(), 3u);
  auto bucket = [&](const char *kind, auto groupOf) {
    return [&, kind, groupOf](auto b, auto h, auto c) {
      Joined value(kind);
      for (int64_t j = 0; j < 6; ++j)
        if (groupOf(b, h, j) == c)
          value.join(at(k, {b, h, j}));
      return value.over();
    };
  };
  expectTokens(results[0], {2, 4, 3}, bucket("max", [&](auto, auto h, auto j) {
                 return int64_t(at(group, {0, h / 2, j}));
               }));
  expectTokens(results[1], {2, 4, 3},
               bucket("mean", [](auto b, auto h, auto j) { return j - b - h; }));
  expectTokens(results[2], {2, 1, 3},
               [&](auto b, auto, auto c) { return c % 2 ? 0 : at(q, {b, 0, c / 2}); });
}

/// Offsets i - j + 2 of an axis of 5: the scatter drops those outside, the gather hides them.
TEST(Moves, takeIsTheGatherOfTheScatter) {
  Scores s(2, 3, 5, 7);
  std::string near =
      "  %n = where %m in affine_set<(b, h, i, j) : (i - j + 2 >= 0, 2 - i + j >= 0)> : !s\n";
  auto results = evaluate(
      kernelOfScores(
          ", %size: index", "!attn.matrix<f32, q, rel>, !s, !s",
          "  axis rel size %size\n"
          "  %w = reduce sum %m over keys into rel at (%b, %h, %i, %j) : !s {\n"
          "    %d = affine.apply affine_map<(i, j) -> (i - j + 2)>(%i, %j)   yield %d : index }\n" +
              near +
              "  %a = take %w (%x = %n) at (%b, %h, %i, %j) : !attn.matrix<f32, q, rel>, (!s) -> "
              "!s {\n"
              "    %d = affine.apply affine_map<(i, j) -> (i - j + 2)>(%i, %j)   yield %d : index "
              "}\n"
              "  %c = take %w at (%b, %h, %i, %j) : !attn.matrix<f32, q, rel> -> !s {\n"
              "    %d = affine.apply affine_map<(i, j) -> ((i * 2 + j) mod 5)>(%i, %j)   yield %d "
              ": index }\n"
              "  return %w, %a, %c : !attn.matrix<f32, q, rel>, !s, !s\n"),
      s.arguments({int64_t(5)}));
  ASSERT_EQ(results.size(), 3u);
  auto scattered = [&](auto b, auto h, auto i, auto c) {
    int64_t j = i + 2 - c;
    return j >= 0 && j < 7 ? s(b, h, i, j) : std::nullopt;
  };
  expectMatrix(results[0], {2, 3, 5, 5}, scattered);
  expectMatrix(results[1], {2, 3, 5, 7}, [&](auto b, auto h, auto i, auto j) {
    return std::abs(i - j) <= 2 ? s(b, h, i, j) : std::nullopt;
  });
  expectMatrix(results[2], {2, 3, 5, 7},
               [&](auto b, auto h, auto i, auto j) { return scattered(b, h, i, (i * 2 + j) % 5); });
}

TEST(Moves, takeFromColsAndFromBlocksOfQueries) {
  Scores s(2, 4, 5, 7);
  std::mt19937_64 generator(2);
  Tensor table = normal(generator, ElementType::F32, {1, 2, 3, 2}); // cols of vectors, 2 heads
  auto results = evaluate(
      kernelOfScores(
          ", %t: !attn.cols<vector<2xf32>, t>", "!attn.matrix<vector<2xf32>>, !s",
          "  %a = take %t (%x = %m) at (%b, %h, %i, %j) : !attn.cols<vector<2xf32>, t>, (!s) -> "
          "!attn.matrix<vector<2xf32>> {\n"
          "    %c = affine.apply affine_map<(h, j) -> ((h + j) mod 3)>(%h, %j)   yield %c : "
          "index }\n"
          "  %p = reduce max %m over queries by 2 : !s\n"
          "  %d = take %p at (%b, %h, %i, %j) : !attn.matrix<f32, q/2, k> -> !s {\n"
          "    %c = affine.apply affine_map<(i, j) -> ((i + j) mod 7)>(%i, %j)   yield %c : "
          "index }\n"
          "  return %a, %d : !attn.matrix<vector<2xf32>>, !s\n"),
      s.arguments({table}));
  ASSERT_EQ(results.size(), 2u);
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t h = 0; h < 4; ++h)
      for (int64_t i = 0; i < 5; ++i)
        for (int64_t j = 0; j < 7; ++j)
          for (int64_t t = 0; t < 2; ++t)
            EXPECT_EQ(at(results[0], {b, h, i, j, t}),
                      s.sees(h, i, j) ? at(table, {0, h / 2, (h + j) % 3, t}) : 0);
  expectMatrix(results[1], {2, 4, 5, 7}, [&](auto b, auto h, auto i, auto j) {
    Joined value("max");
    for (int64_t other = i / 2 * 2; other < std::min<int64_t>(i / 2 * 2 + 2, 5); ++other)
      value.join(s(b, h, other, (i + j) % 7));
    return value.visible();
  });
}

TEST(Moves, takeOutOfRangeIsAnErrorAtVisiblePairsOnly) {
  Scores s(1, 1, 4, 4);
  auto text = [&](const char *map) {
    return kernelOfScores("", "!s",
                          "  %a = take %k (%x = %m) at (%b, %h, %i, %j) : !c, (!s) -> !s {\n"
                          "    %c = affine.apply affine_map<(i, j) -> (" +
                              std::string(map) +
                              ")>(%i, %j)   yield %c : index }\n  return %a : !s\n");
  };
  EXPECT_EQ(evaluate(text("i - j - 1"), s.arguments()).size(), 1u); // j <= i - 1 where visible
  EXPECT_EQ(failure(text("i - j - 2"), s.arguments()),
            "'attn.take' reads out of range at a visible place: entry -1 of the 4 on axis 'k'");
  EXPECT_EQ(failure(text("i - j + 3"), s.arguments()),
            "'attn.take' reads out of range at a visible place: entry 4 of the 4 on axis 'k'");
}

//===--- Sides --------------------------------------------------------------------------------===//

TEST(Moves, transposes) {
  Scores s(2, 2, 5, 3);
  auto results = evaluate(
      kernelOfScores(
          "", "!attn.matrix<f32, k, q>, !attn.rows<f32, k>, !attn.cols<f32, q>, !attn.rows<f32, k>",
          "  %t = transpose %m : !s\n  %c = reduce sum %m over queries : !s\n"
          "  %ct = transpose %c : !c\n  %r = reduce max %m over keys : !s\n"
          "  %rt = transpose %r : !r\n  %l = reduce sum %t over keys : !attn.matrix<f32, k, q>\n"
          "  return %t, %ct, %rt, %l : !attn.matrix<f32, k, q>, !attn.rows<f32, k>, "
          "!attn.cols<f32, q>, !attn.rows<f32, k>\n"),
      s.arguments());
  ASSERT_EQ(results.size(), 4u);
  expectMatrix(results[0], {2, 2, 3, 5},
               [&](auto b, auto h, auto j, auto i) { return s(b, h, i, j); });
  auto reduced = [&](const char *kind, bool ofRow) {
    return [&, kind, ofRow](auto b, auto h, auto n) {
      Joined value(kind);
      for (int64_t other = 0; other < (ofRow ? 3 : 5); ++other)
        value.join(ofRow ? s(b, h, n, other) : s(b, h, other, n));
      return value.over();
    };
  };
  expectTokens(results[1], {2, 2, 3}, reduced("sum", false));
  expectTokens(results[2], {2, 2, 5}, reduced("max", true));
  expectTokens(results[3], {2, 2, 3}, reduced("sum", false));
}

/// Rows and columns divided by their sums in turn: each step reads all rows of the one before.
TEST(Moves, columnSumsFeedBack) {
  Scores s(2, 2, 5, 4);
  std::string body =
      "  %a0 = map (%x = %m) : (!s) -> !s { %y = math.exp %x : f32   yield %y : f32 }\n";
  for (int step = 0; step < 2; ++step) {
    std::string n = std::to_string(step), next = std::to_string(step + 1);
    body += "  %c" + n + " = reduce sum %a" + n + " over queries : !s\n  %d" + n +
            " = map (%x = %a" + n + ", %y = %c" + n +
            ") : (!s, !c) -> !s { %u = arith.divf %x, %y : f32   yield %u : f32 }\n  %r" + n +
            " = reduce sum %d" + n + " over keys : !s\n  %a" + next + " = map (%x = %d" + n +
            ", %y = %r" + n +
            ") : (!s, !r) -> !s { %u = arith.divf %x, %y : f32   yield %u : f32 }\n";
  }
  auto results = evaluate(kernelOfScores("", "!s", body + "  return %a2 : !s\n"), s.arguments());
  ASSERT_EQ(results.size(), 1u);
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t h = 0; h < 2; ++h) {
      double a[5][4] = {};
      for (int64_t i = 0; i < 5; ++i)
        for (int64_t j = 0; j < 4; ++j)
          a[i][j] = s.sees(h, i, j) ? std::exp(at(s.z, {b, h, i, j})) : 0;
      for (int step = 0; step < 2; ++step) {
        for (int64_t j = 0; j < 4; ++j) {
          double sum = 0;
          for (auto &row : a)
            sum += row[j];
          for (auto &row : a)
            row[j] = sum ? row[j] / sum : 0;
        }
        for (auto &row : a) {
          double sum = row[0] + row[1] + row[2] + row[3];
          for (double &x : row)
            x = sum ? x / sum : 0;
        }
      }
      for (int64_t i = 0; i < 5; ++i)
        for (int64_t j = 0; j < 4; ++j)
          EXPECT_NEAR(at(results[0], {b, h, i, j}), a[i][j], 1e-12);
    }
}

} // namespace
