// SPDX-License-Identifier: Apache-2.0
// Do scan, fold and stencil mean what the language says? Each test writes the meaning out as loops
// over (h, i, j), without the evaluator.
#include "test/compiler/reference/Cases.h"

#include <cmath>
#include <functional>
#include <gtest/gtest.h>

using namespace attune::test;
using attune::reference::Mode;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Scores z[b][h][i][j] of which the pairs (i + j + h) mod 3 == 1 are hidden, and all of query 4.
struct Scores {
  Tensor z;
  int64_t batch = 2, heads = 4, queries = 6, keys = 7;

  explicit Scores(unsigned seed) {
    std::mt19937_64 generator(seed);
    z = normal(generator, ElementType::F32, {batch, heads, queries, keys});
  }
  static bool hides(int64_t h, int64_t i, int64_t j) { return (i + j + h) % 3 == 1 || i == 4; }
  bool sees(int64_t h, int64_t i, int64_t j) const {
    return i >= 0 && i < queries && j >= 0 && j < keys && !hides(h, i, j);
  }
  double operator()(int64_t b, int64_t h, int64_t i, int64_t j) const {
    return at(z, {b, h, i, j});
  }
  std::vector<Argument> arguments() const {
    return {Tensor::zeros(ElementType::F32, {batch, heads, queries}),
            Tensor::zeros(ElementType::F32, {1, 1, keys}), z};
  }
  void forEach(const std::function<void(int64_t, int64_t, int64_t, int64_t)> &visit) const {
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t i = 0; i < queries; ++i)
          for (int64_t j = 0; j < keys; ++j)
            visit(b, h, i, j);
  }
};

/// The kernel of these scores, %m the masked ones.
std::string kernel(const std::string &extra, const std::string &results, const std::string &body) {
  return "attn.kernel @k(%q: !r, %k: !c, %z: tensor<?x?x?x?xf32>" + extra + ") -> (" + results +
         ") {\n"
         "  %s = map (%x = %q) at (%b, %h, %i, %j) : (!r) -> !s { %y = load %z[%b, %h, %i, %j] : "
         "tensor<?x?x?x?xf32>   yield %y : f32 }\n"
         "  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {\n"
         "    %c1 = arith.constant 1 : index   %c4 = arith.constant 4 : index\n"
         "    %n = affine.apply affine_map<(h, i, j) -> ((i + j + h) mod 3)>(%h, %i, %j)\n"
         "    %u = arith.cmpi ne, %n, %c1 : index   %v = arith.cmpi ne, %i, %c4 : index\n"
         "    %w = arith.andi %u, %v : i1   yield %w : i1 }\n" +
         body + "}\n";
}

//===--- scan, fold ---------------------------------------------------------------------------===//

struct Direction {
  bool queries, reverse, exclusive;
  std::string text() const {
    return std::string(queries ? "queries" : "keys") + (reverse ? " reverse" : "") +
           (exclusive ? " exclusive" : "");
  }
  /// Does a scan at `here` include `there`?
  bool includes(int64_t here, int64_t there) const {
    return (reverse ? there >= here : there <= here) && !(exclusive && here == there);
  }
};

std::vector<Direction> directions() {
  std::vector<Direction> all;
  for (int bits = 0; bits < 8; ++bits)
    all.push_back({(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0});
  return all;
}

TEST(Running, sumMaxAndMinOfAMatrixInEveryDirection) {
  Scores scores(1);
  for (Direction direction : directions())
    for (const char *kind : {"sum", "max", "min"}) {
      auto results = evaluate(kernel("", "!s",
                                     std::string("  %o = scan ") + kind + " %m over " +
                                         direction.text() + " : !s\n  return %o : !s\n"),
                              scores.arguments());
      ASSERT_EQ(results.size(), 1u);
      scores.forEach([&](int64_t b, int64_t h, int64_t i, int64_t j) {
        double sum = 0, least = infinity, greatest = -infinity;
        for (int64_t t = 0; t < (direction.queries ? scores.queries : scores.keys); ++t) {
          int64_t row = direction.queries ? t : i, key = direction.queries ? j : t;
          if (!scores.sees(h, row, key) || !direction.includes(direction.queries ? i : j, t))
            continue;
          double x = scores(b, h, row, key);
          sum += x, least = std::min(least, x), greatest = std::max(greatest, x);
        }
        double expected = kind[0] == 's' ? sum : kind[1] == 'a' ? greatest : least;
        // Hidden pairs are 0 in a result.
        expected = scores.sees(h, i, j) ? expected : 0;
        double found = at(results[0], {b, h, i, j});
        if (std::isinf(expected))
          EXPECT_EQ(found, expected) << direction.text() << kind << b << h << i << j;
        else
          EXPECT_NEAR(found, expected, 1e-13) << direction.text() << kind << b << h << i << j;
      });
    }
}

TEST(Running, aFrameworkKeepsSumsInF32) {
  // 2^24 + 1 + 1 is 2^24 in f32, in which the sum of exact evaluation is 2^24 + 2.
  double big = 16777216;
  Tensor z = tensorOf(ElementType::F32, {1, 1, 3, 3}, {0, big, 0, big, 1, 1, 0, 1, 0});
  std::string text =
      "attn.kernel @k(%q: !r, %k: !c, %z: tensor<?x?x?x?xf32>) -> (!s, !s) {\n"
      "  %s = map (%x = %q) at (%b, %h, %i, %j) : (!r) -> !s { %y = load %z[%b, %h, %i, %j] : "
      "tensor<?x?x?x?xf32>   yield %y : f32 }\n"
      "  %a = scan sum %s over keys : !s   %c = scan sum %s over queries : !s\n"
      "  return %a, %c : !s, !s }\n";
  std::vector<Argument> arguments = {Tensor::zeros(ElementType::F32, {1, 1, 3}),
                                     Tensor::zeros(ElementType::F32, {1, 1, 3}), z};
  auto exact = evaluate(text, arguments), eager = evaluate(text, arguments, Mode::Eager);
  EXPECT_EQ(at(exact[0], {0, 0, 1, 2}), 16777218);
  EXPECT_EQ(at(eager[0], {0, 0, 1, 2}), 16777216);
  EXPECT_EQ(at(exact[1], {0, 0, 2, 1}), 16777218);
  EXPECT_EQ(at(eager[1], {0, 0, 2, 1}), 16777216);
}

TEST(Running, scansOfTokens) {
  std::mt19937_64 generator(2);
  Tensor r = normal(generator, ElementType::F32, {2, 2, 5, 4}),
         c = tensorOf(ElementType::I8, {1, 1, 4}, {100, 100, -7, 1});
  for (Direction direction : directions()) {
    if (direction.queries)
      continue;
    Direction ofRows = direction;
    ofRows.queries = true;
    auto results = evaluate(
        "attn.kernel @k(%r: !q, %c: !attn.cols<i8>) -> (!q, !attn.cols<i8>, !q) {\n"
        "  %n = map (%x = %r) : (!q) -> !q { %y = arith.negf %x : vector<4xf32>   yield %y : "
        "vector<4xf32> }\n"
        "  %a = scan sum %r over " +
            ofRows.text() +
            " : !q\n"
            "  %d = scan sum %c over " +
            direction.text() +
            " : !attn.cols<i8>\n"
            "  %m = scan max %n over " +
            ofRows.text() +
            " : !q\n"
            "  return %a, %d, %m : !q, !attn.cols<i8>, !q }",
        {r, c});
    ASSERT_EQ(results.size(), 3u);
    for (int64_t plane = 0; plane < 4; ++plane)
      for (int64_t i = 0; i < 5; ++i)
        for (int64_t t = 0; t < 4; ++t) {
          double sum = 0, greatest = -infinity;
          for (int64_t n = 0; n < 5; ++n)
            if (direction.includes(i, n)) {
              sum += at(r, {plane / 2, plane % 2, n, t});
              greatest = std::max(greatest, -at(r, {plane / 2, plane % 2, n, t}));
            }
          EXPECT_NEAR(at(results[0], {plane / 2, plane % 2, i, t}), sum, 1e-13);
          EXPECT_EQ(at(results[2], {plane / 2, plane % 2, i, t}), greatest);
        }
    for (int64_t j = 0; j < 4; ++j) {
      int64_t sum = 0;
      for (int64_t n = 0; n < 4; ++n)
        sum += direction.includes(j, n) ? int64_t(c.integer(n)) : 0;
      EXPECT_EQ(results[1].integer(j), int64_t(int8_t(sum))) << direction.text() << j;
    }
  }
}

TEST(Running, scannedTokensAreReadByProductsAndSums) {
  // Keys and values that are running sums, and a row value that is one.
  std::mt19937_64 generator(3);
  Tensor q = normal(generator, ElementType::F32, {1, 2, 3, 4}),
         k = normal(generator, ElementType::F32, {1, 1, 5, 4});
  auto results = evaluate("attn.kernel @k(%q: !q, %k: !k) -> (!q, !q) {\n"
                          "  %a = scan sum %k over keys : !k   %s = dot %q, %a : !q, !k\n"
                          "  %o = contract %s, %a : !s, !k -> !q\n"
                          "  %e = scan sum %o over queries exclusive : !q\n"
                          "  return %o, %e : !q, !q }",
                          {q, k});
  ASSERT_EQ(results.size(), 2u);
  auto key = [&](int64_t j, int64_t t) {
    double sum = 0;
    for (int64_t n = 0; n <= j; ++n)
      sum += at(k, {0, 0, n, t});
    return sum;
  };
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t t = 0; t < 4; ++t) {
      double before = 0;
      for (int64_t i = 0; i < 3; ++i) {
        double expected = 0;
        for (int64_t j = 0; j < 5; ++j)
          for (int64_t u = 0; u < 4; ++u)
            expected += at(q, {0, h, i, u}) * key(j, u) * key(j, t);
        EXPECT_NEAR(at(results[0], {0, h, i, t}), expected, 1e-12);
        EXPECT_NEAR(at(results[1], {0, h, i, t}), before, 1e-12);
        before += expected;
      }
    }
}

/// The affine maps x -> a x + c, composed: y_j = a_j y_(j-1) + c_j, whose combine has an order.
const std::string recurrence =
    " with (%a0, %c0), (%a1, %c1) {0} : (!s, !s) {\n"
    "    %a = arith.mulf %a0, %a1 : f32   %t = arith.mulf %a1, %c0 : f32\n"
    "    %c = arith.addf %t, %c1 : f32   yield %a, %c : f32, f32 }\n";

std::string recurrenceOf(const std::string &over) {
  std::string text = recurrence;
  return text.replace(text.find("{0}"), 3, over);
}
const std::string gates =
    "  %one = arith.constant 1.0 : f32   %zero = arith.constant 0.0 : f32\n"
    "  %g = map (%x = %s) : (!s) -> !s { %half = arith.constant 0.5 : f32   %y = arith.mulf %x, "
    "%half : f32   yield %y : f32 }\n";

TEST(Running, combineOfTwoStatesHasAnOrder) {
  Scores scores(4);
  for (Direction direction : directions()) {
    auto results = evaluate(kernel("", "!s, !s",
                                   gates + "  %a, %c = scan (%m, %g) from (%one, %zero)" +
                                       recurrenceOf("over " + direction.text()) +
                                       "  return %a, %c : !s, !s\n"),
                            scores.arguments());
    ASSERT_EQ(results.size(), 2u);
    scores.forEach([&](int64_t b, int64_t h, int64_t i, int64_t j) {
      double a = 1, c = 0;
      for (int64_t t = 0; t < (direction.queries ? scores.queries : scores.keys); ++t) {
        int64_t row = direction.queries ? t : i, key = direction.queries ? j : t;
        if (!scores.sees(h, row, key) || !direction.includes(direction.queries ? i : j, t))
          continue;
        double x = scores(b, h, row, key);
        a *= x, c = x * c + 0.5 * x;
      }
      bool visible = scores.sees(h, i, j);
      EXPECT_NEAR(at(results[0], {b, h, i, j}), visible ? a : 0, 1e-12) << direction.text();
      EXPECT_NEAR(at(results[1], {b, h, i, j}), visible ? c : 0, 1e-12) << direction.text();
    });
  }
}

TEST(Running, foldIsTheLastState) {
  Scores scores(5);
  auto results = evaluate(kernel("", "!r, !r",
                                 gates + "  %a, %c = fold (%m, %g) from (%one, %zero)" +
                                     recurrenceOf("") + "  return %a, %c : !r, !r\n"),
                          scores.arguments());
  ASSERT_EQ(results.size(), 2u);
  for (int64_t b = 0; b < scores.batch; ++b)
    for (int64_t h = 0; h < scores.heads; ++h)
      for (int64_t i = 0; i < scores.queries; ++i) {
        double a = 1, c = 0;
        for (int64_t j = 0; j < scores.keys; ++j)
          if (scores.sees(h, i, j))
            a *= scores(b, h, i, j), c = scores(b, h, i, j) * (c + 0.5);
        EXPECT_NEAR(at(results[0], {b, h, i}), a, 1e-12);
        EXPECT_NEAR(at(results[1], {b, h, i}), c, 1e-12);
      }
}

TEST(Running, aTableReadOutOfRangeInACombineIsAnError) {
  Scores scores(6);
  EXPECT_NE(failure(kernel("", "!r",
                           "  %zero = arith.constant 0.0 : f32\n"
                           "  %a = fold (%m) from (%zero) with (%x), (%y) : (!s) {\n"
                           "    %n = arith.constant 99 : index\n"
                           "    %e = load %z[%n, %n, %n, %n] : tensor<?x?x?x?xf32>\n"
                           "    yield %e : f32 }\n  return %a : !r\n"),
                    scores.arguments())
                .find("99"),
            std::string::npos);
}

//===--- stencil ------------------------------------------------------------------------------===//

TEST(Running, stencilOfPairs) {
  Scores scores(7);
  auto results = evaluate(kernel("", "!attn.matrix<vector<3x4xf32>>",
                                 "  %n = stencil %m queries [-2, 0] keys [-1, 2] : !s\n"
                                 "  return %n : !attn.matrix<vector<3x4xf32>>\n"),
                          scores.arguments());
  ASSERT_EQ(results.size(), 1u);
  scores.forEach([&](int64_t b, int64_t h, int64_t i, int64_t j) {
    for (int64_t a = 0; a < 3; ++a)
      for (int64_t c = 0; c < 4; ++c) {
        bool seen = scores.sees(h, i, j) && scores.sees(h, i - 2 + a, j - 1 + c);
        EXPECT_EQ(at(results[0], {b, h, i, j, a, c}), seen ? scores(b, h, i - 2 + a, j - 1 + c) : 0)
            << h << i << j << a << c;
      }
  });
}

TEST(Running, stencilBesideTheCentreAndByHeads) {
  // Neighbours that the centre is none of, of two heads side by side.
  Scores scores(8);
  auto results = evaluate(kernel("", "!attn.matrix<vector<2x2x1xf32>>, !attn.matrix<vector<4xf32>>",
                                 "  %n = stencil %m heads 2 queries [1, 2] keys [1, 1] : !s\n"
                                 "  %a = stencil %m heads 4 : !s\n"
                                 "  return %n, %a : !attn.matrix<vector<2x2x1xf32>>, "
                                 "!attn.matrix<vector<4xf32>>\n"),
                          scores.arguments());
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].shape, (std::vector<int64_t>{2, 2, 6, 7, 2, 2, 1}));
  EXPECT_EQ(results[1].shape, (std::vector<int64_t>{2, 1, 6, 7, 4}));
  scores.forEach([&](int64_t b, int64_t h, int64_t i, int64_t j) {
    bool centre = scores.sees(h / 2 * 2, i, j) || scores.sees(h / 2 * 2 + 1, i, j);
    for (int64_t a = 0; a < 2; ++a)
      EXPECT_EQ(at(results[0], {b, h / 2, i, j, h % 2, a, 0}),
                centre && scores.sees(h, i + 1 + a, j + 1) ? scores(b, h, i + 1 + a, j + 1) : 0);
    EXPECT_EQ(at(results[1], {b, 0, i, j, h}), scores.sees(h, i, j) ? scores(b, h, i, j) : 0);
  });
}

TEST(Running, headsThatTheGroupDoesNotDivideAreRefused) {
  Scores scores(9);
  EXPECT_NE(failure(kernel("", "!attn.matrix<vector<3xf32>>",
                           "  %n = stencil %m heads 3 : !s\n"
                           "  return %n : !attn.matrix<vector<3xf32>>\n"),
                    scores.arguments())
                .find("expected heads that 3 divides, but there are 4"),
            std::string::npos);
}

TEST(Running, stencilOfTokens) {
  std::mt19937_64 generator(10);
  Tensor q = normal(generator, ElementType::F32, {2, 2, 5, 4}),
         k = normal(generator, ElementType::F32, {1, 4, 3, 4});
  auto results = evaluate(
      "attn.kernel @k(%q: !q, %k: !k) -> (!attn.rows<vector<3x4xf32>>, "
      "!attn.cols<vector<2x2x4xf32>>) {\n"
      "  %a = stencil %q queries [-3, -1] : !q   %c = stencil %k heads 2 keys [0, 1] : !k\n"
      "  return %a, %c : !attn.rows<vector<3x4xf32>>, !attn.cols<vector<2x2x4xf32>> }",
      {q, k});
  ASSERT_EQ(results.size(), 2u);
  for (int64_t plane = 0; plane < 4; ++plane)
    for (int64_t n = 0; n < 5; ++n)
      for (int64_t a = 0; a < 3; ++a)
        for (int64_t t = 0; t < 4; ++t)
          EXPECT_EQ(at(results[0], {plane / 2, plane % 2, n, a, t}),
                    n - 3 + a >= 0 ? at(q, {plane / 2, plane % 2, n - 3 + a, t}) : 0);
  for (int64_t h = 0; h < 4; ++h)
    for (int64_t n = 0; n < 3; ++n)
      for (int64_t a = 0; a < 2; ++a)
        for (int64_t t = 0; t < 4; ++t)
          EXPECT_EQ(at(results[1], {0, h / 2, n, h % 2, a, t}),
                    n + a < 3 ? at(k, {0, h, n + a, t}) : 0);
}

TEST(Running, ofMatricesWhoseSidesAreExchanged) {
  // Along the queries of a transpose is along the keys; so are neighbours, the other way round.
  Scores scores(11);
  std::string t = "!attn.matrix<f32, k, q>";
  auto results = evaluate(
      kernel("", "!s, !s, !attn.matrix<vector<2x3xf32>, k, q>, !attn.matrix<vector<3x2xf32>>",
             "  %n = transpose %m : !s\n  %a = scan sum %n over queries : " + t +
                 "\n  %b = transpose %a : " + t +
                 "\n  %c = scan sum %m over keys : !s\n"
                 "  %d = stencil %n queries [-1, 0] keys [0, 2] : " +
                 t +
                 "\n  %e = stencil %m queries [0, 2] keys [-1, 0] : !s\n"
                 "  return %b, %c, %d, %e : !s, !s, !attn.matrix<vector<2x3xf32>, k, q>, "
                 "!attn.matrix<vector<3x2xf32>>\n"),
      scores.arguments());
  ASSERT_EQ(results.size(), 4u);
  scores.forEach([&](int64_t b, int64_t h, int64_t i, int64_t j) {
    EXPECT_EQ(at(results[0], {b, h, i, j}), at(results[1], {b, h, i, j})) << h << i << j;
    for (int64_t a = 0; a < 2; ++a)
      for (int64_t c = 0; c < 3; ++c)
        EXPECT_EQ(at(results[2], {b, h, j, i, a, c}), at(results[3], {b, h, i, j, c, a}))
            << h << i << j;
  });
}

TEST(Running, oneTokenAndNone) {
  for (int64_t keys : {0, 1}) {
    Tensor z = tensorOf(ElementType::F32, {1, 1, 1, keys}, std::vector<double>(size_t(keys), 3));
    auto results = evaluate(
        "attn.kernel @k(%q: !r, %k: !c, %z: tensor<?x?x?x?xf32>) -> (!r, !r, !r) {\n"
        "  %m = map (%x = %q) at (%b, %h, %i, %j) : (!r) -> !s { %y = load %z[%b, %h, %i, %j] : "
        "tensor<?x?x?x?xf32>   yield %y : f32 }\n"
        "  %two = arith.constant 2.0 : f32\n"
        "  %a = scan sum %m over queries reverse : !s   %u = reduce sum %a over keys : !s\n"
        "  %f = fold (%m) from (%two) with (%x), (%y) : (!s) { %n = arith.mulf %x, %y : f32   "
        "yield %n : f32 }\n"
        "  %c = stencil %m queries [-1, 1] keys [-1, 1] : !s\n"
        "  %d = map (%x = %c) : (!attn.matrix<vector<3x3xf32>>) -> !s {\n"
        "    %v = vector.shape_cast %x : vector<3x3xf32> to vector<9xf32>\n"
        "    %n = vector.reduction <add>, %v : vector<9xf32> into f32   yield %n : f32 }\n"
        "  %w = reduce sum %d over keys : !s\n"
        "  return %u, %f, %w : !r, !r, !r }",
        {Tensor::zeros(ElementType::F32, {1, 1, 1}), Tensor::zeros(ElementType::F32, {1, 1, keys}),
         z});
    ASSERT_EQ(results.size(), 3u);
    EXPECT_EQ(at(results[0], {0, 0, 0}), keys ? 3 : 0);
    EXPECT_EQ(at(results[1], {0, 0, 0}), keys ? 6 : 2);
    EXPECT_EQ(at(results[2], {0, 0, 0}), keys ? 3 : 0);
  }
}

} // namespace
