// SPDX-License-Identifier: Apache-2.0
// Does every operator and function of the C++ frontend compute what its C++ namesake does?
#include "test/frontend/cpp/Harness.h"

using namespace attn;

namespace {

/// Expressions as results of one kernel, a matrix each, beside what they should be.
class Sheet {
public:
  using Expected = std::function<double(double x, int64_t i, int64_t j)>;

  void add(const std::string &name, const Number &expression, Expected expected) {
    lines.push_back({name, expression, std::move(expected)});
  }
  void add(const std::string &name, const Index &expression,
           std::function<int64_t(int64_t i, int64_t j)> expected) {
    add(name, Number(expression),
        [=](double, int64_t i, int64_t j) { return double(expected(i, j)); });
  }
  void add(const std::string &name, const Logic &expression, Expected expected) {
    add(name, number(expression), std::move(expected));
  }

  /// x, a number of each pair, is the product of a query and a key of one component.
  void check(const Matrix &x, double tolerance) {
    Program program("sheet");
    std::vector<std::vector<float>> results(lines.size(), std::vector<float>(rows * columns));
    std::vector<float> q(rows), k(columns);
    for (size_t n = 0; n < rows; ++n)
      q[n] = 0.25f * float(n) - 1;
    for (size_t n = 0; n < columns; ++n)
      k[n] = 0.5f * float(n) - 2.25f;
    std::vector<attune::TensorView> views = {view(q.data(), {1, 1, rows, 1}),
                                             view(k.data(), {1, 1, columns, 1})};
    for (size_t line = 0; line < lines.size(); ++line) {
      program.result(lines[line].name, map(lines[line].expression, x));
      views.push_back(view(results[line].data(), {1, 1, rows, columns}));
    }
    attune::Device device("host:1");
    attune::Kernel loaded(device, compile(program), "sheet");
    loaded.launch(std::vector<attune::Argument>(views.begin(), views.end()));
    for (size_t line = 0; line < lines.size(); ++line)
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j) {
          double expected = lines[line].expected(double(q[size_t(i)] * k[size_t(j)]), i, j);
          double found = results[line][size_t(i * columns + j)];
          if (std::isnan(expected))
            EXPECT_TRUE(std::isnan(found)) << lines[line].name << " " << i << " " << j;
          else if (std::isinf(expected))
            EXPECT_EQ(found, expected) << lines[line].name << " " << i << " " << j;
          else
            EXPECT_NEAR(found, expected, tolerance * std::max(1.0, std::abs(expected)))
                << lines[line].name << " " << i << " " << j;
        }
  }

  static constexpr int64_t rows = 9, columns = 11;

private:
  struct Line {
    std::string name;
    Number expression;
    Expected expected;
  };
  std::vector<Line> lines;
};

Matrix product() { return dot(RowTokens("q", 1, Dtype::f32), ColTokens("k", 1, Dtype::f32)); }

TEST(CppOperators, Numbers) {
  Matrix x = product();
  Sheet sheet;
  sheet.add("add", x + 2, [](double x, auto, auto) { return x + 2; });
  sheet.add("subtract", 1.5 - x, [](double x, auto, auto) { return 1.5 - x; });
  sheet.add("multiply", x * x, [](double x, auto, auto) { return x * x; });
  sheet.add("divide", 1 / (x - 0.3), [](double x, auto, auto) { return 1 / (x - 0.3); });
  sheet.add("negate", -x, [](double x, auto, auto) { return -x; });
  sheet.add("with_index", x * i - j,
            [](double x, auto i, auto j) { return x * double(i) - double(j); });
  sheet.add("less", x < 0.5, [](double x, auto, auto) { return x < 0.5; });
  sheet.add("less_equal", x <= 0, [](double x, auto, auto) { return x <= 0; });
  sheet.add("greater", x > 0.5, [](double x, auto, auto) { return x > 0.5; });
  sheet.add("greater_equal", x >= 0, [](double x, auto, auto) { return x >= 0; });
  sheet.add("equal", x == 0, [](double x, auto, auto) { return x == 0; });
  sheet.add("not_equal", x != 0, [](double x, auto, auto) { return x != 0; });
  sheet.add("nan_is_unlike", sqrt(x) != sqrt(x), [](double x, auto, auto) { return x < 0; });
  sheet.add("select", select(x > 0, x, -2 * x),
            [](double x, auto, auto) { return x > 0 ? x : -2 * x; });
  sheet.add("infinite", x + INFINITY, [](double, auto, auto) { return INFINITY; });
  sheet.add("least_constant", x * 0 + 1e-44f, [](double, auto, auto) { return double(1e-44f); });
  sheet.check(x, 1e-6);
}

TEST(CppOperators, FunctionsOfNumbers) {
  Matrix x = product();
  Sheet sheet;
  sheet.add("exp", exp(x), [](double x, auto, auto) { return std::exp(x); });
  sheet.add("exp2", exp2(x), [](double x, auto, auto) { return std::exp2(x); });
  sheet.add("expm1", expm1(x), [](double x, auto, auto) { return std::expm1(x); });
  sheet.add("log", log(x), [](double x, auto, auto) { return std::log(x); });
  sheet.add("log2", log2(x), [](double x, auto, auto) { return std::log2(x); });
  sheet.add("log1p", log1p(x * x), [](double x, auto, auto) { return std::log1p(x * x); });
  sheet.add("tanh", tanh(x), [](double x, auto, auto) { return std::tanh(x); });
  sheet.add("sin", sin(x), [](double x, auto, auto) { return std::sin(x); });
  sheet.add("cos", cos(x), [](double x, auto, auto) { return std::cos(x); });
  sheet.add("erf", erf(x), [](double x, auto, auto) { return std::erf(x); });
  sheet.add("sqrt", sqrt(x * x + 1), [](double x, auto, auto) { return std::sqrt(x * x + 1); });
  sheet.add("rsqrt", rsqrt(x * x + 1),
            [](double x, auto, auto) { return 1 / std::sqrt(x * x + 1); });
  sheet.add("abs", abs(x), [](double x, auto, auto) { return std::abs(x); });
  sheet.add("floor", floor(x), [](double x, auto, auto) { return std::floor(x); });
  sheet.add("ceil", ceil(x), [](double x, auto, auto) { return std::ceil(x); });
  sheet.add("round", round(x), [](double x, auto, auto) { return std::nearbyint(x); });
  sheet.add("pow", pow(abs(x) + 1, x),
            [](double x, auto, auto) { return std::pow(std::abs(x) + 1, x); });
  sheet.add("min", min(x, 0.5), [](double x, auto, auto) { return std::min(x, 0.5); });
  sheet.add("max", max(x, 0.5), [](double x, auto, auto) { return std::max(x, 0.5); });
  sheet.add("clamp", clamp(x, -1, 1),
            [](double x, auto, auto) { return std::clamp(x, -1.0, 1.0); });
  sheet.add("sigmoid", sigmoid(x), [](double x, auto, auto) { return 1 / (1 + std::exp(-x)); });
  sheet.add("relu", relu(x), [](double x, auto, auto) { return std::max(x, 0.0); });
  sheet.add("silu", silu(x), [](double x, auto, auto) { return x / (1 + std::exp(-x)); });
  sheet.add("gelu", gelu(x),
            [](double x, auto, auto) { return x * (1 + std::erf(x / std::sqrt(2.0))) / 2; });
  sheet.add("softplus", softplus(x * 30), [](double x, auto, auto) {
    return x * 30 > 50 ? x * 30 : std::log1p(std::exp(x * 30));
  });
  sheet.add("index", index(x * 3), [](double x, auto, auto) { return std::trunc(x * 3); });
  sheet.check(x, 2e-6);
}

TEST(CppOperators, WholeNumbers) {
  Matrix x = product();
  Sheet sheet;
  Index n = i - j, d = i + 1; // of both signs, and a divisor that is known late
  sheet.add("add", i + j + 1, [](auto i, auto j) { return i + j + 1; });
  sheet.add("subtract", 3 - n, [](auto i, auto j) { return 3 - (i - j); });
  sheet.add("multiply", n * n, [](auto i, auto j) { return (i - j) * (i - j); });
  sheet.add("negate", -i, [](auto i, auto) { return -i; });
  sheet.add("divide", n / 3, [](auto i, auto j) { return floorDivide(i - j, 3); });
  sheet.add("modulo", n % 3, [](auto i, auto j) { return floorModulo(i - j, 3); });
  sheet.add("divide_late", n / d, [](auto i, auto j) { return floorDivide(i - j, i + 1); });
  sheet.add("modulo_late", n % d, [](auto i, auto j) { return floorModulo(i - j, i + 1); });
  sheet.add("ceil_divide", ceilDivide(n, 4), [](auto i, auto j) { return -floorDivide(j - i, 4); });
  sheet.add("and", i & 5, [](auto i, auto) { return i & 5; });
  sheet.add("or", i | j, [](auto i, auto j) { return i | j; });
  sheet.add("xor", i ^ j, [](auto i, auto j) { return i ^ j; });
  sheet.add("shift_left", i << 2, [](auto i, auto) { return i << 2; });
  sheet.add("shift_right", n >> 1, [](auto i, auto j) { return floorDivide(i - j, 2); });
  sheet.add("min", min(i, j), [](auto i, auto j) { return std::min(i, j); });
  sheet.add("max", max(i, j), [](auto i, auto j) { return std::max(i, j); });
  sheet.add("abs", abs(n), [](auto i, auto j) { return std::abs(i - j); });
  sheet.add("clamp", clamp(n, -2, 2),
            [](auto i, auto j) { return std::clamp<int64_t>(i - j, -2, 2); });
  sheet.add("select", select(i < j, i, Index(7)), [](auto i, auto j) { return i < j ? i : 7; });
  sheet.add("length", length("k") - length("q"), [](auto, auto) { return 2; });
  sheet.check(x, 0);
}

TEST(CppOperators, ComparisonsAndLogic) {
  Matrix x = product();
  Sheet sheet;
  sheet.add("less", i < j, [](double, auto i, auto j) { return i < j; });
  sheet.add("less_equal", i <= j, [](double, auto i, auto j) { return i <= j; });
  sheet.add("greater", i > j, [](double, auto i, auto j) { return i > j; });
  sheet.add("greater_equal", i >= j, [](double, auto i, auto j) { return i >= j; });
  sheet.add("equal", i == j, [](double, auto i, auto j) { return i == j; });
  sheet.add("not_equal", i != j, [](double, auto i, auto j) { return i != j; });
  sheet.add("and", i < j && j < 7, [](double, auto i, auto j) { return i < j && j < 7; });
  sheet.add("or", i < j || j > 7, [](double, auto i, auto j) { return i < j || j > 7; });
  sheet.add("not", !(i < j), [](double, auto i, auto j) { return i >= j; });
  sheet.add("unlike", (i < j) != (j > 7),
            [](double, auto i, auto j) { return (i < j) != (j > 7); });
  sheet.add("like", (i < j) == (j > 7), [](double, auto i, auto j) { return (i < j) == (j > 7); });
  sheet.add("constant", Logic(true) && !Logic(false), [](double, auto, auto) { return true; });
  sheet.check(x, 0);
}

} // namespace
