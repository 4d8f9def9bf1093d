// SPDX-License-Identifier: Apache-2.0
// Single ops on the host: reads beyond tables, NaNs, math without calls, types, loops and branches that
// carry tiles.
#include "test/compiler/target/host/HostHarness.h"

#include "llvm/Object/ELFObjectFile.h"
#include <bit>
#include <cmath>
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::test;

namespace {

constexpr int64_t kTokens = 40;

/// A kernel over rows x [1, 1, n] of type `t` and a table y, with result o of type `u`: `body` makes %r.
std::string rowsKernel(const std::string &body, const std::string &t = "f32",
                       const std::string &u = "f32", const std::string &tableType = "f32",
                       const std::string &tableShape = "?x?",
                       const std::string &tableStrides = "?, ?") {
  return fillIn(R"(
!x = memref<?x?x?x{t}, strided<[?, ?, ?]>>
!o = memref<?x?x?x{u}, strided<[?, ?, ?]>>
!y = memref<{shape}x{table}, strided<[{strides}]>>
tile.kernel @rows(%x: !x {tile.name = "x"}, %y: !y {tile.name = "y"}, %o: !o {tile.name = "o"})
    attributes {config = #tile.config<queries = 16, keys = 16, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c16 = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %low = arith.constant 0xFF800000 : f32
  %t = tile.load %x[%b, %h, %i0] : !x -> !tile.rows<16, {t}>
  {body}
  tile.store %r, %o[%b, %h, %i0] : !tile.rows<16, {u}>, !o
  tile.return
}
)",
                {{"body", body},
                 {"t", t},
                 {"u", u},
                 {"table", tableType},
                 {"shape", tableShape},
                 {"strides", tableStrides}});
}

/// Runs `text` at every level on x and y; `expected` gives o(i).
void checkRows(const std::string &text, const Tensor &x, const Tensor &y, Dtype result,
               const std::function<double(int64_t)> &expected, double tolerance = 0) {
  for (HostLevel level : getRunnableLevels()) {
    SCOPED_TRACE(getHostFacts(level).name);
    Tensor o(result, {1, 1, x.shape[2]}, {}, 2);
    Kernel kernel(text, level);
    kernel.run({{"x", x}, {"y", y}, {"o", o}});
    for (int64_t i = 0; i < x.shape[2]; ++i) {
      double want = expected(i), got = o.get({0, 0, i});
      if (std::isnan(want) || std::isinf(want) || tolerance == 0)
        EXPECT_TRUE(got == want || (std::isnan(got) && std::isnan(want)))
            << "at " << i << ": " << got << " for " << want;
      else
        EXPECT_NEAR(got, want, tolerance * std::max(1.0, std::abs(want))) << "at " << i;
    }
  }
}

Tensor makeRows(Dtype dtype = Dtype::F32) {
  Tensor x(dtype, {1, 1, kTokens}, {}, 3);
  x.fill(5);
  return x;
}

Tensor makeTable(Dtype dtype = Dtype::F32, int64_t rows = 3, int64_t columns = 20) {
  Tensor y(dtype, {rows, columns});
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      y.set({row, column}, dtype == Dtype::I8 ? (row + column) % 3 == 0 : 32 * row + column + 1);
  return y;
}

TEST(HostOps, ReadsBeyondATableAreZeroAndTouchNothing) {
  const char *body = R"(
  %r = tile.map (%e = %t) at (%i) from (%i0) : (!tile.rows<16, {t}>) -> !tile.rows<16, f32> {
    %row = arith.constant 2 : index
    %shift = arith.constant 10 : index
    %j = arith.subi %i, %shift : index
    %z = tile.read %y[%row, %j] : !y -> {table}
    {convert}
    tile.yield %v : f32
  })";
  auto check = [&](Dtype dtype, const std::string &type, const std::string &convert) {
    SCOPED_TRACE(type);
    Tensor y = makeTable(dtype);
    checkRows(rowsKernel(fillIn(body, {{"convert", convert}}), "f32", "f32", type), makeRows(), y,
              Dtype::F32,
              [&](int64_t i) { return i - 10 >= 0 && i - 10 < 20 ? y.get({2, i - 10}) : 0.0; });
  };
  check(Dtype::F32, "f32", "%v = arith.addf %z, %zero : f32");
  check(Dtype::Bf16, "bf16", "%v = arith.extf %z : bf16 to f32");
  check(Dtype::F16, "f16", "%v = arith.extf %z : f16 to f32");
  check(Dtype::I32, "i32", "%v = arith.sitofp %z : i32 to f32");
  check(Dtype::I8, "i1", "%v = arith.uitofp %z : i1 to f32");
}

TEST(HostOps, UniformReadsBeyondATableAreZeroAndTouchNothing) {
  Tensor y = makeTable();
  for (auto [row, column] : {std::pair(1, 3), {2, 19}, {3, 0}, {0, 20}, {-1, 0}, {1 << 30, 5}}) {
    std::string text =
        rowsKernel(fillIn(R"(
  %row = arith.constant {row} : index
  %column = arith.constant {column} : index
  %z = tile.read %y[%row, %column] : !y -> f32
  %r = tile.splat %z : f32 -> !tile.rows<16, f32>)",
                          {{"row", std::to_string(row)}, {"column", std::to_string(column)}}));
    bool inside = row >= 0 && row < 3 && column >= 0 && column < 20;
    checkRows(text, makeRows(), y, Dtype::F32,
              [&](int64_t) { return inside ? y.get({row, column}) : 0.0; });
  }
}

TEST(HostOps, UniformReadsOfEveryType) {
  auto check = [&](Dtype dtype, const std::string &type, const std::string &convert) {
    SCOPED_TRACE(type);
    Tensor y = makeTable(dtype);
    checkRows(rowsKernel(fillIn(R"(
  %r = tile.map (%e = %t) : (!tile.rows<16, f32>) -> !tile.rows<16, f32> {
    %z = tile.read %y[%c1, %c4] : !y -> {table}
    {convert}
    tile.yield %v : f32
  })",
                                {{"convert", convert}}),
                         "f32", "f32", type),
              makeRows(), y, Dtype::F32, [&](int64_t) { return y.get({1, 4}); });
  };
  check(Dtype::Bf16, "bf16", "%v = arith.extf %z : bf16 to f32");
  check(Dtype::F16, "f16", "%v = arith.extf %z : f16 to f32");
  check(Dtype::I32, "i32", "%v = arith.sitofp %z : i32 to f32");
  check(Dtype::I8, "i1", "%v = arith.uitofp %z : i1 to f32");
}

/// A map of x by one line of IR from %e to %v.
std::string mapOf(const std::string &line) {
  return rowsKernel("%r = tile.map (%e = %t) : (!tile.rows<16, f32>) -> !tile.rows<16, f32> {\n" +
                    line + "\n tile.yield %v : f32\n }");
}

TEST(HostOps, ExponentialsOverTheirWholeRange) {
  Tensor x(Dtype::F32, {1, 1, 4000});
  for (int64_t i = 0; i < 3000; ++i)
    x.set({0, 0, i}, -125.9 + i * 0.0846);
  for (int64_t i = 3000; i < 4000; ++i)
    x.set({0, 0, i}, std::pow(2.0, (i - 3500) / 5.0) * (i % 2 ? -1 : 1));
  const double special[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 127.99, 128.0, 1e30, -1e30, 88.7};
  for (int64_t i = 0; i < 10; ++i)
    x.set({0, 0, 10 * i}, special[i]);
  // `slack`: how far the exponent itself may be off, as a share of it.
  auto relative = [&](const std::string &line, double (*function)(double), double slack = 0) {
    for (HostLevel level : getRunnableLevels()) {
      SCOPED_TRACE(getHostFacts(level).name);
      Tensor o(Dtype::F32, {1, 1, 4000});
      Kernel kernel(mapOf(line), level);
      kernel.run({{"x", x}, {"y", makeTable()}, {"o", o}});
      for (int64_t i = 0; i < 4000; ++i) {
        double got = o.get({0, 0, i}), want = function(x.get({0, 0, i}));
        if (std::isnan(want))
          EXPECT_TRUE(std::isnan(got)) << "at " << x.get({0, 0, i});
        else if (want >= std::ldexp(1.0, 128))
          EXPECT_EQ(got, INFINITY) << "at " << x.get({0, 0, i});
        else if (want < std::ldexp(1.0, -125))
          EXPECT_LT(std::abs(got - want), std::ldexp(1.0, -125)) << "at " << x.get({0, 0, i});
        else
          EXPECT_LT(std::abs(got / want - 1), 2.5e-7 + slack * std::abs(std::log(want)))
              << "at " << x.get({0, 0, i});
      }
    }
  };
  relative("%v = math.exp2 %e : f32", [](double value) { return std::exp2(value); });
  relative("%v = math.exp %e : f32", [](double value) { return std::exp(value); });
  relative(
      "%two = arith.constant 2.0 : f32\n %w = arith.mulf %e, %two : f32\n"
      "%v = math.exp %w : f32",
      [](double value) { return std::exp(value * 2); }, std::ldexp(1.0, -23));
}

/// The distance of two numbers in units of the last place that `want` has in f32.
double unitsApart(double got, double want) {
  return std::abs(got - want) / std::ldexp(1.0, std::max(std::ilogb(want), -126) - 23);
}

TEST(HostOps, TanhIsRightToAUnit) {
  // Every 2^10th f32 from the least to where the tangent is 1, of both signs, and all around the place
  // where one form ends and the other begins.
  std::vector<float> places = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e30f, 88.8f};
  for (uint32_t bits = 1; bits < 0x41300000; bits += 1 << 10)
    places.push_back(std::bit_cast<float>(bits | (bits >> 10) << 31));
  for (uint32_t bits = std::bit_cast<uint32_t>(0.9f) - 5000, end = bits + 10000; bits < end; ++bits)
    places.push_back(std::bit_cast<float>(bits));
  Tensor x(Dtype::F32, {1, 1, int64_t(places.size())});
  for (size_t i = 0; i < places.size(); ++i)
    x.set({0, 0, int64_t(i)}, places[i]);
  for (HostLevel level : getRunnableLevels()) {
    SCOPED_TRACE(getHostFacts(level).name);
    Tensor o(Dtype::F32, {1, 1, int64_t(places.size())});
    Kernel kernel(mapOf("%v = math.tanh %e : f32"), level);
    kernel.run({{"x", x}, {"y", makeTable()}, {"o", o}});
    double worst = 0;
    for (size_t i = 0; i < places.size(); ++i) {
      double got = o.get({0, 0, int64_t(i)}), want = std::tanh(double(places[i]));
      if (std::isnan(want)) {
        EXPECT_TRUE(std::isnan(got));
        continue;
      }
      EXPECT_EQ(std::signbit(got), std::signbit(want)) << "at " << places[i];
      EXPECT_LE(std::abs(got), 1.0) << "at " << places[i];
      if (want != 0)
        worst = std::max(worst, unitsApart(got, want));
    }
    EXPECT_LE(worst, getHostFacts(level).fused ? 1.1 : 1.4);
    EXPECT_GT(worst, 0.5) << "no rounding was seen: what was compared?";
  }
}

TEST(HostOps, MathWithoutCalls) {
  struct Case {
    const char *line;
    double (*function)(double);
    double tolerance;
  };
  const Case cases[] = {
      {"%v = math.tanh %e : f32", std::tanh, 1e-6},
      {"%v = math.sin %e : f32", std::sin, 1e-6},
      {"%v = math.cos %e : f32", std::cos, 1e-6},
      {"%v = math.erf %e : f32", std::erf, 1e-6},
      {"%v = math.floor %e : f32", std::floor, 0},
      {"%v = math.ceil %e : f32", std::ceil, 0},
      {"%v = math.trunc %e : f32", std::trunc, 0},
      {"%v = math.round %e : f32", std::round, 0},
      {"%v = math.roundeven %e : f32", std::nearbyint, 0},
      {"%v = math.absf %e : f32", std::fabs, 0},
      {"%a = math.absf %e : f32\n %v = math.log %a : f32",
       [](double x) { return std::log(std::fabs(x)); }, 1e-6},
      {"%a = math.absf %e : f32\n %v = math.log2 %a : f32",
       [](double x) { return std::log2(std::fabs(x)); }, 1e-6},
      {"%a = math.absf %e : f32\n %v = math.log1p %a : f32",
       [](double x) { return std::log1p(std::fabs(x)); }, 1e-6},
      {"%a = math.absf %e : f32\n %v = math.sqrt %a : f32",
       [](double x) { return double(std::sqrt(float(std::fabs(x)))); }, 0},
      {"%a = math.absf %e : f32\n %v = math.rsqrt %a : f32",
       [](double x) { return 1 / std::sqrt(std::fabs(x)); }, 1e-6},
      {"%a = math.absf %e : f32\n %v = math.powf %a, %e : f32",
       [](double x) { return std::pow(std::fabs(x), x); }, 3e-6},
      {"%a = math.absf %e : f32\n %v = math.log10 %a : f32",
       [](double x) { return std::log10(std::fabs(x)); }, 1e-6},
      {"%t2 = math.tan %e : f32\n %c = math.cos %e : f32\n %v = arith.mulf %t2, %c : f32", std::sin,
       1e-6}, // near the poles a tangent is only as good as the cosine
      {"%v = math.sinh %e : f32", std::sinh, 1e-6},
      {"%v = math.cbrt %e : f32", std::cbrt, 1e-6},
      {"%v = math.clampf %e to [%zero, %one] : f32",
       [](double x) { return std::min(std::max(x, 0.0), 1.0); }, 0},
      {"%v = math.expm1 %e : f32", std::expm1, 1e-6},
      {"%v = math.atan %e : f32", std::atan, 1e-6},
      {"%v = math.fma %e, %e, %one : f32", [](double x) { return x * x + 1; }, 1e-6},
  };
  Tensor x(Dtype::F32, {1, 1, 64});
  for (int64_t i = 0; i < 64; ++i)
    x.set({0, 0, i}, (i - 31.5) * 0.171);
  for (const Case &c : cases) {
    SCOPED_TRACE(c.line);
    checkRows(
        mapOf(c.line), x, makeTable(), Dtype::F32,
        [&](int64_t i) { return c.function(x.get({0, 0, i})); }, c.tolerance);
  }
}

/// As positions of many tokens make them.
TEST(HostOps, SinesOfLargeAngles) {
  const std::pair<const char *, double (*)(double)> cases[] = {
      {"%v = math.sin %e : f32", std::sin},
      {"%v = math.cos %e : f32", std::cos},
      {"%t2 = math.tan %e : f32\n %c = math.cos %e : f32\n %v = arith.mulf %t2, %c : f32",
       std::sin}};
  const double sizes[] = {1e-30, 1e-3, 1.0, 100.0, 1e4, 1e5, 1e7, 1e8};
  Tensor x(Dtype::F32, {1, 1, 64 * int64_t(std::size(sizes)) + 6});
  for (int64_t i = 0; i < x.shape[2]; ++i)
    x.set({0, 0, i}, (i % 64 - 31.3) * sizes[std::min<size_t>(i / 64, std::size(sizes) - 1)] / 32);
  const double special[] = {INFINITY, -INFINITY, NAN, 0.0, -0.0, 0x1.921fb6p+0};
  for (int64_t i = 0; i < 6; ++i)
    x.set({0, 0, x.shape[2] - 6 + i}, special[i]);
  for (auto [line, function] : cases) {
    SCOPED_TRACE(line);
    checkRows(
        mapOf(line), x, makeTable(), Dtype::F32,
        [&, function = function](int64_t i) { return function(x.get({0, 0, i})); }, 3e-7);
  }
}

/// What a double cannot reduce is at least no more than a sine can be.
TEST(HostOps, SinesOfEnormousAnglesAreBounded) {
  for (HostLevel level : getRunnableLevels()) {
    Tensor x = makeRows(), o(Dtype::F32, x.shape, {}, 2);
    for (int64_t i = 0; i < kTokens; ++i)
      x.set({0, 0, i}, 1e30 * (i + 1) * (i % 2 ? 1 : -1));
    Kernel kernel(mapOf("%v = math.sin %e : f32"), level);
    kernel.run({{"x", x}, {"y", makeTable()}, {"o", o}});
    for (int64_t i = 0; i < kTokens; ++i)
      EXPECT_LE(std::abs(o.get({0, 0, i})), 1.0) << i;
  }
}

TEST(HostOps, UniformMathIsInlineToo) {
  Tensor y = makeTable();
  checkRows(
      rowsKernel(R"(
  %z = tile.read %y[%c0, %c1] : !y -> f32
  %v = math.tanh %z : f32
  %w = math.exp %v : f32
  %r = tile.splat %w : f32 -> !tile.rows<16, f32>)"),
      makeRows(), y, Dtype::F32, [](int64_t) { return std::exp(std::tanh(2.0)); }, 1e-6);
}

TEST(HostOps, ObjectsHaveNoUndefinedSymbols) {
  std::string text = mapOf(R"(
    %a = math.tanh %e : f32
    %b2 = math.powf %a, %e : f32
    %c = math.sin %b2 : f32
    %d = math.log1p %c : f32
    %f = math.floor %d : f32
    %g = math.erf %f : f32
    %v = math.roundeven %g : f32)");
  for (const HostFacts &facts : getHostLevels()) {
    Kernel kernel(text, facts.level);
    auto buffer = llvm::MemoryBufferRef(kernel.code.elf, "kernel");
    auto file = llvm::object::ObjectFile::createELFObjectFile(buffer);
    ASSERT_TRUE(bool(file));
    auto *elf = llvm::cast<llvm::object::ELFObjectFileBase>(file->get());
    int defined = 0;
    for (llvm::object::ELFSymbolRef symbol : elf->getDynamicSymbolIterators()) {
      uint32_t flags = llvm::cantFail(symbol.getFlags());
      std::string name = llvm::cantFail(symbol.getName()).str();
      EXPECT_FALSE(flags & llvm::object::SymbolRef::SF_Undefined && !name.empty()) << name;
      defined += name == "rows";
    }
    EXPECT_EQ(defined, 1);
  }
}

TEST(HostOps, NarrowRowsAreRoundedWhereTheyAreNarrow) {
  for (Dtype dtype : {Dtype::Bf16, Dtype::F16}) {
    std::string type = getTypeName(dtype);
    Tensor x = makeRows(dtype);
    x.set({0, 0, 1}, INFINITY);
    x.set({0, 0, 2}, NAN);
    x.set({0, 0, 3}, dtype == Dtype::F16 ? std::ldexp(3.0, -24) : 0.25);
    std::string text = rowsKernel(fillIn(R"(
  %r = tile.map (%e = %t) : (!tile.rows<16, {t}>) -> !tile.rows<16, {t}> {
    %three = arith.constant 3.0 : {t}
    %z = arith.divf %e, %three : {t}
    %v = arith.addf %z, %e : {t}
    tile.yield %v : {t}
  })",
                                         {{"t", type}}),
                                  type, type);
    auto round = [&](double value) {
      Tensor cell(dtype, {1});
      if (std::isnan(value))
        return value;
      cell.set({0}, float(value));
      return cell.get({0});
    };
    checkRows(text, x, makeTable(), dtype, [&](int64_t i) {
      double e = x.get({0, 0, i});
      return std::isinf(e) ? e : round(round(float(e) / 3.0f) + e);
    });
  }
}

TEST(HostOps, IntegerRowsAndFlooredDivision) {
  Tensor x(Dtype::I32, {1, 1, kTokens});
  for (int64_t i = 0; i < kTokens; ++i)
    x.set({0, 0, i}, i * 7 - 100);
  checkRows(rowsKernel(R"(
  %r = tile.map (%e = %t) at (%i) from (%i0) : (!tile.rows<16, i32>) -> !tile.rows<16, i32> {
    %five = arith.constant 5 : i32
    %q = arith.floordivsi %e, %five : i32
    %n = arith.index_cast %i : index to i32
    %m = affine.apply affine_map<(d0) -> (d0 mod 3 + d0 floordiv 4)>(%i)
    %k = arith.index_cast %m : index to i32
    %s = arith.addi %q, %n : i32
    %v = arith.addi %s, %k : i32
    tile.yield %v : i32
  })",
                       "i32", "i32"),
            x, makeTable(), Dtype::I32,
            [&](int64_t i) { return std::floor(x.get({0, 0, i}) / 5) + i + i % 3 + i / 4; });
}

TEST(HostOps, DivisionByZeroDoesNotTrap) {
  Tensor x(Dtype::I32, {1, 1, kTokens});
  for (int64_t i = 0; i < kTokens; ++i)
    x.set({0, 0, i}, i % 3 - 1);
  checkRows(rowsKernel(R"(
  %r = tile.map (%e = %t) at (%i) from (%i0) : (!tile.rows<16, i32>) -> !tile.rows<16, i32> {
    %least = arith.constant -2147483648 : i32
    %nothing = arith.constant 0 : i32
    %q = arith.floordivsi %least, %e : i32
    %n = arith.index_cast %i : index to i32
    %m = arith.remsi %n, %e : i32
    %usable = arith.cmpi sgt, %e, %nothing : i32
    %s = arith.addi %q, %m : i32
    %v = arith.select %usable, %s, %e : i32
    tile.yield %v : i32
  })",
                       "i32", "i32"),
            x, makeTable(), Dtype::I32,
            [&](int64_t i) { return i % 3 == 2 ? -2147483648.0 : i % 3 - 1.0; });
}

/// A matrix of 16 x 16 whose (i, j) is x(i) + y(0, j), then `body`.
std::string matrixKernel(const std::string &body) {
  return rowsKernel(R"(
  %s = tile.map (%e = %t) at (%i, %j) from (%i0, %c0) : (!tile.rows<16, f32>) -> !tile.matrix<16, 16, f32> {
    %z = tile.read %y[%c0, %j] : !y -> f32
    %v = arith.addf %e, %z : f32
    tile.yield %v : f32
  }
  %low_rows = tile.splat %low : f32 -> !tile.rows<16, f32>
)" + body);
}

TEST(HostOps, MaximumOfNaNs) {
  Tensor x = makeRows(), y = makeTable();
  y.set({0, 5}, NAN);
  y.set({0, 9}, 100);
  auto reduce = [](const std::string &flag) {
    return matrixKernel("%r = tile.reduce max %s, %low_rows " + flag +
                        ": !tile.matrix<16, 16, f32>, !tile.rows<16, f32> -> !tile.rows<16, f32>");
  };
  checkRows(reduce(""), x, y, Dtype::F32, [](int64_t) { return NAN; });
  checkRows(reduce("{ignore_nan}"), x, y, Dtype::F32,
            [&](int64_t i) { return double(float(x.get({0, 0, i})) + 100.0f); });
}

TEST(HostOps, MinimaAndSumsOfOneMatrix) {
  Tensor x = makeRows(), y = makeTable();
  checkRows(
      matrixKernel(R"(
  %zeros = tile.splat %zero : f32 -> !tile.partial<16, f32>
  %high = arith.negf %low : f32
  %high_rows = tile.splat %high : f32 -> !tile.rows<16, f32>
  %m = tile.reduce min %s, %high_rows : !tile.matrix<16, 16, f32>, !tile.rows<16, f32> -> !tile.rows<16, f32>
  %l = tile.reduce sum %s, %zeros : !tile.matrix<16, 16, f32>, !tile.partial<16, f32> -> !tile.partial<16, f32>
  %k = tile.combine sum %l : !tile.partial<16, f32> -> !tile.rows<16, f32>
  %r = tile.map (%a = %m, %c = %k) : (!tile.rows<16, f32>, !tile.rows<16, f32>) -> !tile.rows<16, f32> {
    %v = arith.mulf %a, %c : f32
    tile.yield %v : f32
  })"),
      x, y, Dtype::F32,
      [&](int64_t i) {
        double e = x.get({0, 0, i}), sum = 16 * e;
        for (int64_t j = 0; j < 16; ++j)
          sum += y.get({0, j});
        return (e + y.get({0, 0})) * sum;
      },
      1e-5);
}

// Maps x -> a x + b along the keys, which do not commute: from the last key back, without the key itself, and on
// from what was carried.
TEST(HostOps, RunningStates) {
  Tensor x = makeRows(), y = makeTable();
  checkRows(
      matrixKernel(R"(
  %zeros = tile.splat %zero : f32 -> !tile.rows<16, f32>
  %half = arith.constant 0.5 : f32
  %halves = tile.splat %half : f32 -> !tile.matrix<16, 16, f32>
  %carried = tile.splat %half : f32 -> !tile.rows<16, f32>
  %u, %w, %nu, %nw = tile.scan reverse exclusive %halves, %s carry(%carried, %zeros) {
  ^bb0(%a1: f32, %b1: f32, %a2: f32, %b2: f32):
    %a3 = arith.mulf %a1, %a2 : f32
    %p = arith.mulf %a1, %b2 : f32
    %b3 = arith.addf %b1, %p : f32
    tile.yield %a3, %b3 : f32, f32
  } : !tile.matrix<16, 16, f32>, !tile.matrix<16, 16, f32> carry !tile.rows<16, f32>, !tile.rows<16, f32>
  %l = tile.reduce sum %w, %nw : !tile.matrix<16, 16, f32>, !tile.rows<16, f32> -> !tile.rows<16, f32>
  %r = tile.reduce sum %u, %l : !tile.matrix<16, 16, f32>, !tile.rows<16, f32> -> !tile.rows<16, f32>
  )"),
      x, y, Dtype::F32,
      [&](int64_t i) {
        double e = x.get({0, 0, i}), a = 0.5, b = 0, sum = 0;
        for (int64_t j = 15; j >= 0; --j) {
          sum += a + b;
          b = e + y.get({0, j}) + 0.5 * b;
          a *= 0.5;
        }
        return sum + b;
      },
      1e-5);
}

// The matrix is needed after the branch that changes it, so the branch must not work in place.
TEST(HostOps, BranchesThatMustCopy) {
  Tensor x = makeRows(), y = makeTable();
  checkRows(
      matrixKernel(R"(
  %past = arith.cmpi uge, %i0, %c16 : index
  %u = scf.if %past -> !tile.matrix<16, 16, f32> {
    %w = tile.map (%e = %s) : (!tile.matrix<16, 16, f32>) -> !tile.matrix<16, 16, f32> {
      %v = arith.negf %e : f32
      tile.yield %v : f32
    }
    scf.yield %w : !tile.matrix<16, 16, f32>
  } else {
    scf.yield %s : !tile.matrix<16, 16, f32>
  }
  %zeros = tile.splat %zero : f32 -> !tile.rows<16, f32>
  %a = tile.reduce sum %u, %zeros : !tile.matrix<16, 16, f32>, !tile.rows<16, f32> -> !tile.rows<16, f32>
  %r = tile.reduce max %s, %a : !tile.matrix<16, 16, f32>, !tile.rows<16, f32> -> !tile.rows<16, f32>)"),
      x, y, Dtype::F32,
      [&](int64_t i) {
        double sum = 0, largest = -INFINITY;
        for (int64_t j = 0; j < 16; ++j) {
          double s = x.get({0, 0, i}) + y.get({0, j});
          sum += i >= 16 ? -s : s;
          largest = std::max(largest, s);
        }
        return std::max(sum, largest);
      },
      1e-5);
}

// One initial matrix for two carried ones: one of them starts as a copy. They change in different ways.
TEST(HostOps, LoopsThatCarryMatrices) {
  Tensor x = makeRows(), y = makeTable();
  checkRows(
      matrixKernel(R"(
  %u:2 = scf.for %n = %c0 to %c4 step %c1 iter_args(%p = %s, %q = %s) -> (!tile.matrix<16, 16, f32>, !tile.matrix<16, 16, f32>) {
    %p1 = tile.map (%e = %p, %f = %q) : (!tile.matrix<16, 16, f32>, !tile.matrix<16, 16, f32>) -> !tile.matrix<16, 16, f32> {
      %v = arith.addf %e, %f : f32
      tile.yield %v : f32
    }
    scf.yield %p1, %q : !tile.matrix<16, 16, f32>, !tile.matrix<16, 16, f32>
  }
  %zeros = tile.splat %zero : f32 -> !tile.rows<16, f32>
  %a = tile.reduce sum %u#0, %zeros : !tile.matrix<16, 16, f32>, !tile.rows<16, f32> -> !tile.rows<16, f32>
  %r = tile.reduce sum %u#1, %a : !tile.matrix<16, 16, f32>, !tile.rows<16, f32> -> !tile.rows<16, f32>)"),
      x, y, Dtype::F32,
      [&](int64_t i) {
        double sum = 0;
        for (int64_t j = 0; j < 16; ++j)
          sum += 6 * (x.get({0, 0, i}) + y.get({0, j}));
        return sum;
      },
      1e-5);
}

TEST(HostOps, ColsOfEveryKind) {
  Tensor x = makeRows();
  for (Dtype dtype : {Dtype::F32, Dtype::Bf16, Dtype::F16}) {
    Tensor y(dtype, {1, 1, 13, 4});
    y.fill(9);
    std::string type = getTypeName(dtype);
    checkRows(
        rowsKernel(
            fillIn(R"(
  %vectors = tile.load %y[%c0, %c0, %c0] : !y -> !tile.cols<16, vector<4x{table}>>
  %ones = tile.splat %one : f32 -> !tile.cols<16, f32>
  %twice = tile.map (%e = %ones) at (%j) from (%c1) : (!tile.cols<16, f32>) -> !tile.cols<16, f32> {
    %n = arith.index_cast %j : index to i32
    %f = arith.sitofp %n : i32 to f32
    %v = arith.addf %e, %f : f32
    tile.yield %v : f32
  }
  %scaled = tile.map (%e = %vectors, %f = %twice) : (!tile.cols<16, vector<4x{table}>>, !tile.cols<16, f32>) -> !tile.cols<16, vector<4xf32>> {
    {widen}
    %v = arith.mulf %w, %f : f32
    tile.yield %v : f32
  }
  %weights = tile.splat %one : f32 -> !tile.matrix<16, 16, f32>
  %sums = tile.splat %zero : f32 -> !tile.rows<16, vector<4xf32>>
  %total = tile.contract %weights, %scaled, %sums : !tile.matrix<16, 16, f32>, !tile.cols<16, vector<4xf32>>, !tile.rows<16, vector<4xf32>>
  %queries = tile.splat %one : f32 -> !tile.rows<16, vector<4xf32>>
  %again = tile.splat %one : f32 -> !tile.cols<16, vector<4xf32>>
  %dots = tile.dot %total, %again : !tile.rows<16, vector<4xf32>>, !tile.cols<16, vector<4xf32>> -> !tile.matrix<16, 16, f32>
  %zeros = tile.splat %zero : f32 -> !tile.rows<16, f32>
  %r = tile.reduce max %dots, %low_rows : !tile.matrix<16, 16, f32>, !tile.rows<16, f32> -> !tile.rows<16, f32>)",
                   {{"widen", dtype == Dtype::F32 ? "%w = arith.addf %e, %zero : f32"
                                                  : "%w = arith.extf %e : " + type + " to f32"}})
                .insert(0, "%low_rows = tile.splat %low : f32 -> "
                           "!tile.rows<16, f32>\n"),
            "f32", "f32", type, "?x?x?x4", "?, ?, ?, 1"),
        x, y, Dtype::F32,
        [&](int64_t) {
          double sum = 0;
          for (int64_t j = 0; j < 13; ++j)
            for (int64_t t = 0; t < 4; ++t)
              sum += y.get({0, 0, j, t}) * (j + 2);
          return sum;
        },
        1e-5);
  }
}

// Weights are rounded for a narrow contract, also when they are used unrounded afterwards.
TEST(HostOps, ContractRoundsWeights) {
  Tensor x = makeRows(), y(Dtype::Bf16, {1, 1, 16, 1});
  y.fillWith(1);
  checkRows(
      rowsKernel(R"(
  %s = tile.map (%e = %t) : (!tile.rows<16, f32>) -> !tile.matrix<16, 16, f32> {
    tile.yield %e : f32
  }
  %ones = tile.load %y[%c0, %c0, %c0] : !y -> !tile.cols<16, vector<1xbf16>>
  %sums = tile.splat %zero : f32 -> !tile.rows<16, vector<1xf32>>
  %total = tile.contract %s, %ones, %sums : !tile.matrix<16, 16, f32>, !tile.cols<16, vector<1xbf16>>, !tile.rows<16, vector<1xf32>>
  %again = tile.splat %one : f32 -> !tile.cols<16, vector<1xf32>>
  %dots = tile.dot %total, %again : !tile.rows<16, vector<1xf32>>, !tile.cols<16, vector<1xf32>> -> !tile.matrix<16, 16, f32>
  %low_rows = tile.splat %low : f32 -> !tile.rows<16, f32>
  %m = tile.reduce max %dots, %low_rows : !tile.matrix<16, 16, f32>, !tile.rows<16, f32> -> !tile.rows<16, f32>
  %k = tile.reduce max %s, %low_rows : !tile.matrix<16, 16, f32>, !tile.rows<16, f32> -> !tile.rows<16, f32>
  %r = tile.map (%a = %m, %c = %k) : (!tile.rows<16, f32>, !tile.rows<16, f32>) -> !tile.rows<16, f32> {
    %sixteen = arith.constant 16.0 : f32
    %d = arith.divf %a, %sixteen : f32
    %v = arith.subf %d, %c : f32
    tile.yield %v : f32
  })",
                 "f32", "f32", "bf16", "?x?x?x1", "?, ?, ?, 1"),
      x, y, Dtype::F32,
      [&](int64_t i) {
        Tensor cell(Dtype::Bf16, {1});
        cell.set({0}, x.get({0, 0, i}));
        return cell.get({0}) - x.get({0, 0, i});
      },
      1e-7);
}

} // namespace
