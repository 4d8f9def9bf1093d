// SPDX-License-Identifier: Apache-2.0
// Does each op of a region compute what it says? One case an op: a map of rows, its operand values
// and the values expected.
#include "test/compiler/reference/Cases.h"

#include "compiler/Pipeline.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace attune::test;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Case {
  const char *name;
  /// Computes %y of type `out` from %x and %z of type `in` and the index %n.
  const char *in, *out, *body;
  std::vector<double> x, z, expected;
};

ElementType elementType(std::string type) {
  if (type.starts_with("vector<"))
    type = type.substr(type.rfind('x') + 1, type.size() - type.rfind('x') - 2);
  return *attune::bundle::parseElementType(type);
}

int64_t lanes(const std::string &type) {
  return type.starts_with("vector<") ? std::stoll(type.substr(7)) : 1;
}

class Region : public testing::TestWithParam<Case> {};

TEST_P(Region, computes) {
  const Case &c = GetParam();
  std::string in = c.in, out = c.out;
  auto tokens = [&](const std::vector<double> &values) {
    int64_t width = lanes(in), count = int64_t(values.size()) / width;
    std::vector<int64_t> shape = {1, 1, count};
    if (in.starts_with("vector"))
      shape.push_back(width);
    return tensorOf(elementType(in), shape, values);
  };
  std::string rowsIn = "!attn.rows<" + in + ">", rowsOut = "!attn.rows<" + out + ">";
  auto results = evaluate("attn.kernel @k(%p: " + rowsIn + ", %r: " + rowsIn + ") -> " + rowsOut +
                              " {\n  %m = map (%x = %p, %z = %r) at (%b, %h, %n) : (" + rowsIn +
                              ", " + rowsIn + ") -> " + rowsOut + " {\n" + c.body +
                              "\n    yield %y : " + out + " }\n  return %m : " + rowsOut + "\n}",
                          {tokens(c.x), tokens(c.z)});
  ASSERT_EQ(results.size(), 1u);
  ASSERT_EQ(results[0].numElements(), int64_t(c.expected.size()));
  for (size_t i = 0; i < c.expected.size(); ++i) {
    double found = results[0].real(int64_t(i)), expected = c.expected[i];
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(found)) << i << ": " << found;
    else if (std::isinf(expected))
      EXPECT_EQ(found, expected) << i;
    else
      EXPECT_NEAR(found, expected, 1e-14 * std::max(1.0, std::abs(expected))) << i;
  }
}

/// 0 and 1 at each place, for ops that need one operand.
const std::vector<double> two = {0, 1};

const Case floats[] = {
    {"addf", "f32", "f32", "%y = arith.addf %x, %z : f32", {1, 2}, {3, -5}, {4, -3}},
    {"subf",
     "f32",
     "f32",
     "%y = arith.subf %x, %z : f32",
     {1, -infinity},
     {3, -infinity},
     {-2, nan}},
    {"mulf", "f32", "f32", "%y = arith.mulf %x, %z : f32", {2, 0}, {3, infinity}, {6, nan}},
    {"divf",
     "f32",
     "f32",
     "%y = arith.divf %x, %z : f32",
     {1, 0, 1},
     {4, 0, 0},
     {0.25, nan, infinity}},
    {"remf", "f32", "f32", "%y = arith.remf %x, %z : f32", {5.5, -5.5}, {2, 2}, {1.5, -1.5}},
    {"negf", "f32", "f32", "%y = arith.negf %x : f32", {5.5, -1}, two, {-5.5, 1}},
    {"maximumf",
     "f32",
     "f32",
     "%y = arith.maximumf %x, %z : f32",
     {1, nan, 2},
     {2, 1, nan},
     {2, nan, nan}},
    {"minimumf",
     "f32",
     "f32",
     "%y = arith.minimumf %x, %z : f32",
     {1, nan, 2},
     {2, 1, nan},
     {1, nan, nan}},
    {"maxnumf",
     "f32",
     "f32",
     "%y = arith.maxnumf %x, %z : f32",
     {1, nan, 2},
     {2, 1, nan},
     {2, 1, 2}},
    {"minnumf",
     "f32",
     "f32",
     "%y = arith.minnumf %x, %z : f32",
     {1, nan, 2},
     {2, 1, nan},
     {1, 1, 2}},
    {"exactModeKeepsDouble",
     "f32",
     "bf16",
     "%y = arith.truncf %x : f32 to bf16",
     {1.0078125, 1.001953125},
     two,
     {1.0078125, 1.001953125}},
    {"cmpfOrdered",
     "f32",
     "i1",
     "%y = arith.cmpf olt, %x, %z : f32",
     {1, 2, nan},
     {2, 1, 1},
     {1, 0, 0}},
    {"cmpfUnordered",
     "f32",
     "i1",
     "%y = arith.cmpf uge, %x, %z : f32",
     {1, 2, nan},
     {2, 1, 1},
     {0, 1, 1}},
    {"cmpfNotEqual",
     "f32",
     "i1",
     "%y = arith.cmpf one, %x, %z : f32",
     {1, 2, nan},
     {1, 1, 1},
     {0, 1, 0}},
    {"select",
     "f32",
     "f32",
     "%c = arith.cmpf ogt, %x, %z : f32 %y = arith.select %c, %x, %z : f32",
     {1, 5},
     {2, 3},
     {2, 5}},
    {"fma", "f32", "f32", "%y = math.fma %x, %z, %x : f32", {2, 3}, {5, 0.5}, {12, 4.5}},
    {"powf", "f32", "f32", "%y = math.powf %x, %z : f32", {2, 9}, {10, 0.5}, {1024, 3}},
    {"atan2", "f32", "f32", "%y = math.atan2 %x, %z : f32", {1, -1}, {1, 1}, {M_PI / 4, -M_PI / 4}},
    {"copysign", "f32", "f32", "%y = math.copysign %x, %z : f32", {2, 3}, {-1, 1}, {-2, 3}},
    {"exp", "f32", "f32", "%y = math.exp %x : f32", {0, 1, -infinity}, {0, 0, 0}, {1, M_E, 0}},
    {"exp2", "f32", "f32", "%y = math.exp2 %x : f32", {3, -1}, two, {8, 0.5}},
    {"expm1", "f32", "f32", "%y = math.expm1 %x : f32", {0, 1}, two, {0, M_E - 1}},
    {"log", "f32", "f32", "%y = math.log %x : f32", {1, 0}, two, {0, -infinity}},
    {"log2", "f32", "f32", "%y = math.log2 %x : f32", {8, -1}, two, {3, nan}},
    {"log10", "f32", "f32", "%y = math.log10 %x : f32", {1000, 1}, two, {3, 0}},
    {"log1p", "f32", "f32", "%y = math.log1p %x : f32", {0, 1}, two, {0, M_LN2}},
    {"sqrt", "f32", "f32", "%y = math.sqrt %x : f32", {9, -1}, two, {3, nan}},
    {"rsqrt", "f32", "f32", "%y = math.rsqrt %x : f32", {16, 0}, two, {0.25, infinity}},
    {"cbrt", "f32", "f32", "%y = math.cbrt %x : f32", {-8, 27}, two, {-2, 3}},
    {"sin", "f32", "f32", "%y = math.sin %x : f32", {0, 1}, two, {0, 0.8414709848078965}},
    {"cos", "f32", "f32", "%y = math.cos %x : f32", {0, 1}, two, {1, 0.5403023058681398}},
    {"tan", "f32", "f32", "%y = math.tan %x : f32", {0, 1}, two, {0, 1.5574077246549023}},
    {"asin", "f32", "f32", "%y = math.asin %x : f32", {0, 1}, two, {0, M_PI / 2}},
    {"acos", "f32", "f32", "%y = math.acos %x : f32", {1, -1}, two, {0, M_PI}},
    {"atan", "f32", "f32", "%y = math.atan %x : f32", {0, 1}, two, {0, M_PI / 4}},
    {"sinh", "f32", "f32", "%y = math.sinh %x : f32", {0, 1}, two, {0, 1.1752011936438014}},
    {"cosh", "f32", "f32", "%y = math.cosh %x : f32", {0, 1}, two, {1, 1.5430806348152437}},
    {"tanh", "f32", "f32", "%y = math.tanh %x : f32", {0, infinity}, two, {0, 1}},
    {"asinh", "f32", "f32", "%y = math.asinh %x : f32", {0, 1}, two, {0, 0.881373587019543}},
    {"acosh", "f32", "f32", "%y = math.acosh %x : f32", {1, 2}, two, {0, 1.3169578969248166}},
    {"atanh", "f32", "f32", "%y = math.atanh %x : f32", {0, 0.5}, two, {0, 0.5493061443340549}},
    {"erf", "f32", "f32", "%y = math.erf %x : f32", {0, 1}, two, {0, 0.8427007929497149}},
    {"erfc", "f32", "f32", "%y = math.erfc %x : f32", {0, 1}, two, {1, 0.15729920705028513}},
    {"absf", "f32", "f32", "%y = math.absf %x : f32", {-2, 3}, two, {2, 3}},
    {"floor", "f32", "f32", "%y = math.floor %x : f32", {-2.5, 3.5}, two, {-3, 3}},
    {"ceil", "f32", "f32", "%y = math.ceil %x : f32", {-2.5, 3.5}, two, {-2, 4}},
    {"round", "f32", "f32", "%y = math.round %x : f32", {-2.5, 2.5}, two, {-3, 3}},
    {"roundeven", "f32", "f32", "%y = math.roundeven %x : f32", {-2.5, 3.5}, two, {-2, 4}},
    {"trunc", "f32", "f32", "%y = math.trunc %x : f32", {-2.5, 3.5}, two, {-2, 3}},
    {"isnan", "f32", "i1", "%y = math.isnan %x : f32", {nan, 1}, two, {1, 0}},
    {"isinf", "f32", "i1", "%y = math.isinf %x : f32", {-infinity, 1}, two, {1, 0}},
    {"isfinite", "f32", "i1", "%y = math.isfinite %x : f32", {nan, 1}, two, {0, 1}},
    {"sincos",
     "f32",
     "f32",
     "%s, %c = math.sincos %x : f32 %y = arith.subf %s, %c : f32",
     {0, M_PI},
     two,
     {-1, std::sin(double(float(M_PI))) - std::cos(double(float(M_PI)))}},
    {"fpowi",
     "f32",
     "f32",
     "%e = arith.constant 3 : i32 %y = math.fpowi %x, %e : f32, i32",
     {2, -1},
     two,
     {8, -1}},
};

const Case integers[] = {
    {"addi",
     "i32",
     "i32",
     "%y = arith.addi %x, %z : i32",
     {2147483647, 1},
     {1, 2},
     {-2147483648.0, 3}},
    {"subi",
     "i32",
     "i32",
     "%y = arith.subi %x, %z : i32",
     {1, -2147483648.0},
     {3, 1},
     {-2, 2147483647}},
    {"muli", "i32", "i32", "%y = arith.muli %x, %z : i32", {65536, 7}, {65536, -3}, {0, -21}},
    {"floordivsi",
     "i32",
     "i32",
     "%y = arith.floordivsi %x, %z : i32",
     {-7, 7, 7, -2147483648.0},
     {2, -2, 2, -1},
     {-4, -4, 3, -2147483648.0}},
    {"ceildivsi",
     "i32",
     "i32",
     "%y = arith.ceildivsi %x, %z : i32",
     {-7, 7, 6},
     {2, 2, 2},
     {-3, 4, 3}},
    {"divui", "i32", "i32", "%y = arith.divui %x, %z : i32", {-2, 7}, {2, 2}, {2147483647, 3}},
    {"remui", "i32", "i32", "%y = arith.remui %x, %z : i32", {-1, 7}, {2, 4}, {1, 3}},
    {"ceildivui", "i32", "i32", "%y = arith.ceildivui %x, %z : i32", {7, 8}, {4, 4}, {2, 2}},
    {"andi", "i32", "i32", "%y = arith.andi %x, %z : i32", {12, -1}, {10, 5}, {8, 5}},
    {"ori", "i32", "i32", "%y = arith.ori %x, %z : i32", {12, -1}, {10, 5}, {14, -1}},
    {"xori", "i32", "i32", "%y = arith.xori %x, %z : i32", {12, -1}, {10, 5}, {6, -6}},
    {"shli", "i32", "i32", "%y = arith.shli %x, %z : i32", {1, 3}, {31, 32}, {-2147483648.0, 0}},
    {"shrsi", "i32", "i32", "%y = arith.shrsi %x, %z : i32", {-8, -8}, {1, 40}, {-4, -1}},
    {"shrui", "i32", "i32", "%y = arith.shrui %x, %z : i32", {-8, 8}, {1, 40}, {2147483644, 0}},
    {"maxsi", "i32", "i32", "%y = arith.maxsi %x, %z : i32", {-8, 8}, {1, 4}, {1, 8}},
    {"minsi", "i32", "i32", "%y = arith.minsi %x, %z : i32", {-8, 8}, {1, 4}, {-8, 4}},
    {"maxui", "i32", "i32", "%y = arith.maxui %x, %z : i32", {-8, 8}, {1, 4}, {-8, 8}},
    {"minui", "i32", "i32", "%y = arith.minui %x, %z : i32", {-8, 8}, {1, 4}, {1, 4}},
    {"cmpiSigned", "i32", "i1", "%y = arith.cmpi slt, %x, %z : i32", {-8, 8}, {1, 4}, {1, 0}},
    {"cmpiUnsigned", "i32", "i1", "%y = arith.cmpi ult, %x, %z : i32", {-8, 3}, {1, 4}, {0, 1}},
    {"booleansAreMinusOneWhenSigned",
     "i1",
     "i32",
     "%y = arith.extsi %x : i1 to i32",
     {1, 0},
     two,
     {-1, 0}},
    {"booleansAreOneWhenUnsigned",
     "i1",
     "i32",
     "%y = arith.extui %x : i1 to i32",
     {1, 0},
     two,
     {1, 0}},
    {"xorWithTrueIsNot",
     "i1",
     "i1",
     "%t = arith.constant true %y = arith.xori %x, %t : i1",
     {1, 0},
     two,
     {0, 1}},
    {"trunci", "i32", "i8", "%y = arith.trunci %x : i32 to i8", {200, -1}, two, {-56, -1}},
    {"extui", "i8", "i32", "%y = arith.extui %x : i8 to i32", {-1, 5}, two, {255, 5}},
    {"sitofp", "i32", "f32", "%y = arith.sitofp %x : i32 to f32", {-3, 5}, two, {-3, 5}},
    {"uitofp", "i8", "f32", "%y = arith.uitofp %x : i8 to f32", {-1, 5}, two, {255, 5}},
    {"fptosiSaturates",
     "f32",
     "i8",
     "%y = arith.fptosi %x : f32 to i8",
     {-3.9, 300, -300, nan},
     {0, 0, 0, 0},
     {-3, 127, -128, 0}},
    {"fptouiSaturates",
     "f32",
     "i8",
     "%y = arith.fptoui %x : f32 to i8",
     {3.9, 300, -300, nan},
     {0, 0, 0, 0},
     {3, -1, 0, 0}},
    {"fptosiOf64Bits",
     "f32",
     "i64",
     "%y = arith.fptosi %x : f32 to i64",
     {1e30, -7.5},
     two,
     {9223372036854775807.0, -7}},
    {"indexCast", "i32", "index", "%y = arith.index_cast %x : i32 to index", {-3, 5}, two, {-3, 5}},
    {"bitcast",
     "f32",
     "i32",
     "%y = arith.bitcast %x : f32 to i32",
     {1, -2},
     two,
     {1065353216, -1073741824}},
    {"bitcastBack",
     "i32",
     "f32",
     "%y = arith.bitcast %x : i32 to f32",
     {1065353216, -1073741824},
     two,
     {1, -2}},
    {"absi", "i32", "i32", "%y = math.absi %x : i32", {-3, 5}, two, {3, 5}},
    {"ctpop", "i32", "i32", "%y = math.ctpop %x : i32", {-1, 5}, two, {32, 2}},
    {"ctlz", "i32", "i32", "%y = math.ctlz %x : i32", {0, 1}, two, {32, 31}},
    {"cttz", "i32", "i32", "%y = math.cttz %x : i32", {0, 8}, two, {32, 3}},
    {"ipowi", "i32", "i32", "%y = math.ipowi %x, %z : i32", {3, -1, 2}, {4, -3, -1}, {81, -1, 0}},
};

const Case indices[] = {
    {"applyFloorsDivision",
     "index",
     "index",
     "%y = affine.apply affine_map<(x) -> (x floordiv 4)>(%x)",
     {-1, 7},
     two,
     {-1, 1}},
    {"applyFloorsModulo",
     "index",
     "index",
     "%y = affine.apply affine_map<(x) -> (x mod 4)>(%x)",
     {-1, 7},
     two,
     {3, 3}},
    {"applyCeilsDivision",
     "index",
     "index",
     "%y = affine.apply affine_map<(x) -> (x ceildiv 4)>(%x)",
     {-1, 5},
     two,
     {0, 2}},
    {"applyOfSymbols",
     "index",
     "index",
     "%y = affine.apply affine_map<(x)[z] -> (3 * x - z)>(%x)[%z]",
     {2, 5},
     {1, 7},
     {5, 8}},
    {"affineMin",
     "index",
     "index",
     "%y = affine.min affine_map<(x, z) -> (x, z + 1)>(%x, %z)",
     {2, 5},
     {3, 3},
     {2, 4}},
    {"affineMax",
     "index",
     "index",
     "%y = affine.max affine_map<(x, z) -> (x, z + 1)>(%x, %z)",
     {2, 5},
     {3, 3},
     {4, 5}},
    {"holds",
     "index",
     "i1",
     "%y = holds affine_set<(x)[z] : (x - z >= 0, x mod 2 == 0)>(%x)[%z]",
     {4, 5, 2},
     {3, 3, 3},
     {1, 0, 0}},
    {"delinearize",
     "index",
     "index",
     "%t, %u, %y = affine.delinearize_index %x into (2, 3, 4) : index, index, index",
     {23, 6},
     two,
     {3, 2}},
    {"delinearizeFirstTakesTheRest",
     "index",
     "index",
     "%y, %q = affine.delinearize_index %x into (4) : index, index",
     {23, -1},
     two,
     {5, -1}},
    {"linearize",
     "index",
     "index",
     "%y = affine.linearize_index [%x, %z] by (5, 3) : index",
     {2, 1},
     {1, 2},
     {7, 5}},
    {"ownIndex", "index", "index", "%y = arith.addi %x, %n : index", {10, 10}, two, {10, 11}},
};

const Case vectors[] = {
    {"broadcast",
     "f32",
     "vector<3xf32>",
     "%y = vector.broadcast %x : f32 to vector<3xf32>",
     {1, 2},
     two,
     {1, 1, 1, 2, 2, 2}},
    {"step",
     "f32",
     "vector<3xindex>",
     "%y = vector.step : vector<3xindex>",
     {1, 2},
     two,
     {0, 1, 2, 0, 1, 2}},
    {"extract",
     "vector<3xf32>",
     "f32",
     "%y = vector.extract %x[2] : f32 from vector<3xf32>",
     {1, 2, 3, 4, 5, 6},
     {0, 0, 0, 0, 0, 0},
     {3, 6}},
    {"extractDynamic",
     "vector<3xf32>",
     "f32",
     "%y = vector.extract %x[%n] : f32 from vector<3xf32>",
     {1, 2, 3, 4, 5, 6},
     {0, 0, 0, 0, 0, 0},
     {1, 5}},
    {"extractStridedSlice",
     "vector<4xf32>",
     "vector<2xf32>",
     "%y = vector.extract_strided_slice %x {offsets = [1], sizes = [2], strides = [1]} : "
     "vector<4xf32> to vector<2xf32>",
     {1, 2, 3, 4},
     {0, 0, 0, 0},
     {2, 3}},
    {"insertStridedSlice",
     "vector<3xf32>",
     "vector<5xf32>",
     "%o = vector.shuffle %z, %z [0, 1, 2, 0, 1] : vector<3xf32>, vector<3xf32> %y = "
     "vector.insert_strided_slice %x, %o {offsets = [2], strides = [1]} : vector<3xf32> into "
     "vector<5xf32>",
     {1, 2, 3},
     {7, 8, 9},
     {7, 8, 1, 2, 3}},
    {"shuffle",
     "vector<2xf32>",
     "vector<3xf32>",
     "%y = vector.shuffle %x, %z [3, 0, 2] : vector<2xf32>, vector<2xf32>",
     {1, 2},
     {3, 4},
     {4, 1, 3}},
    {"interleave",
     "vector<2xf32>",
     "vector<4xf32>",
     "%y = vector.interleave %x, %z : vector<2xf32> -> vector<4xf32>",
     {1, 2},
     {3, 4},
     {1, 3, 2, 4}},
    {"deinterleave",
     "vector<4xf32>",
     "vector<2xf32>",
     "%e, %y = vector.deinterleave %x : vector<4xf32> -> vector<2xf32>",
     {1, 2, 3, 4},
     {0, 0, 0, 0},
     {2, 4}},
    {"shapeCast",
     "vector<4xf32>",
     "f32",
     "%c = vector.shape_cast %x : vector<4xf32> to vector<2x2xf32> %y = vector.extract %c[1, 0] : "
     "f32 from vector<2x2xf32>",
     {1, 2, 3, 4},
     {0, 0, 0, 0},
     {3}},
    {"reductionAdd",
     "vector<3xf32>",
     "f32",
     "%y = vector.reduction <add>, %x : vector<3xf32> into f32",
     {1, 2, 3},
     {0, 0, 0},
     {6}},
    {"reductionMul",
     "vector<3xi32>",
     "i32",
     "%y = vector.reduction <mul>, %x : vector<3xi32> into i32",
     {4, 2, 3},
     {0, 0, 0},
     {24}},
    {"reductionMaximum",
     "vector<3xf32>",
     "f32",
     "%y = vector.reduction <maximumf>, %x : vector<3xf32> into f32",
     {1, nan, 3, 1, 3, 2},
     {0, 0, 0, 0, 0, 0},
     {nan, 3}},
    {"reductionOr",
     "vector<2xi1>",
     "i1",
     "%y = vector.reduction <or>, %x : vector<2xi1> into i1",
     {0, 1, 0, 0},
     {0, 0, 0, 0},
     {1, 0}},
    {"contains",
     "vector<3xi32>",
     "i1",
     "%y = contains %x, %n : vector<3xi32>",
     {0, 2, -1, 5, 1, 1, 3, 0, 1, -1, -1, -1},
     {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
     {1, 1, 0, 0}},
    {"containsNoNumberBeyondItsBits",
     "vector<2xi32>",
     "i1",
     "%c = arith.constant 4294967296 : index %m = arith.addi %n, %c : index "
     "%y = contains %x, %m : vector<2xi32>",
     {0, 1, 1, 2},
     {0, 0, 0, 0},
     {0, 0}},
    {"rotateHalves",
     "vector<4xf32>",
     "vector<4xf32>",
     "%a = vector.extract_strided_slice %z {offsets = [1], sizes = [2], strides = [1]} : "
     "vector<4xf32> to vector<2xf32> %y = rotate %x by %a halves : vector<4xf32>",
     {1, 2, 3, 4, 5, 6, 7, 8},
     {9, 0.5, 2, 9, 9, 0, -1, 9},
     {std::cos(0.5) - 3 * std::sin(0.5), 2 * std::cos(2.0) - 4 * std::sin(2.0),
      std::sin(0.5) + 3 * std::cos(0.5), 2 * std::sin(2.0) + 4 * std::cos(2.0), 5,
      6 * std::cos(1.0) + 8 * std::sin(1.0), 7, 8 * std::cos(1.0) - 6 * std::sin(1.0)}},
    {"rotatePairs",
     "vector<4xf32>",
     "vector<4xf32>",
     "%a = vector.extract_strided_slice %z {offsets = [1], sizes = [2], strides = [1]} : "
     "vector<4xf32> to vector<2xf32> %y = rotate %x by %a pairs : vector<4xf32>",
     {1, 2, 3, 4, 5, 6, 7, 8},
     {9, 0.5, 2, 9, 9, 0, -1, 9},
     {std::cos(0.5) - 2 * std::sin(0.5), std::sin(0.5) + 2 * std::cos(0.5),
      3 * std::cos(2.0) - 4 * std::sin(2.0), 3 * std::sin(2.0) + 4 * std::cos(2.0), 5, 6,
      7 * std::cos(1.0) + 8 * std::sin(1.0), 8 * std::cos(1.0) - 7 * std::sin(1.0)}},
    {"vectorArithmetic",
     "vector<2xf32>",
     "vector<2xf32>",
     "%y = math.fma %x, %z, %z : vector<2xf32>",
     {1, 2},
     {3, 4},
     {6, 12}},
    {"vectorConstant",
     "vector<2xf32>",
     "vector<2xf32>",
     "%c = arith.constant dense<[1.0, 2.0]> : vector<2xf32> %y = arith.addf %x, %c : vector<2xf32>",
     {1, 2},
     {0, 0},
     {2, 4}},
    {"selectOfVectorsByOneCondition",
     "vector<2xf32>",
     "vector<2xf32>",
     "%c0 = arith.constant 0 : index %c = arith.cmpi eq, %n, %c0 : index %y = arith.select %c, %x, "
     "%z : vector<2xf32>",
     {1, 2, 3, 4},
     {5, 6, 7, 8},
     {1, 2, 7, 8}},
};

auto nameOf = [](const testing::TestParamInfo<Case> &info) { return std::string(info.param.name); };
INSTANTIATE_TEST_SUITE_P(Float, Region, testing::ValuesIn(floats), nameOf);
INSTANTIATE_TEST_SUITE_P(Integer, Region, testing::ValuesIn(integers), nameOf);
INSTANTIATE_TEST_SUITE_P(Index, Region, testing::ValuesIn(indices), nameOf);
INSTANTIATE_TEST_SUITE_P(Vector, Region, testing::ValuesIn(vectors), nameOf);

/// A turn is one rounding of its number to bf16, whichever way it is written.
TEST(Rotate, isWhatItStandsFor) {
  std::mt19937_64 generator(4);
  Tensor x = normal(generator, ElementType::BF16, {1, 2, 5, 6});
  Tensor angle = normal(generator, ElementType::F32, {5, 3});
  for (const char *pairing : {"halves", "pairs"})
    for (auto mode : {attune::reference::Mode::Exact, attune::reference::Mode::Eager}) {
      auto module = parse("attn.kernel @k(%x: !attn.cols<vector<6xbf16>>, %a: tensor<?x3xf32>) -> "
                          "!attn.cols<vector<6xbf16>> {\n"
                          "  %y = map (%u = %x) at (%b, %h, %n) : (!attn.cols<vector<6xbf16>>) -> "
                          "!attn.cols<vector<6xbf16>> {\n    %t = load %a[%n] : tensor<?x3xf32>\n"
                          "    %w = rotate %u by %t " +
                          std::string(pairing) +
                          " : vector<6xbf16>   yield %w : vector<6xbf16> }\n"
                          "  return %y : !attn.cols<vector<6xbf16>>\n}");
      ASSERT_TRUE(module);
      auto written = attune::reference::evaluate(kernelOf(*module), {x, angle}, {.mode = mode});
      mlir::PassManager manager(&context());
      attune::buildPrimitivesPipeline(manager);
      ASSERT_TRUE(mlir::succeeded(manager.run(*module)));
      auto expanded = attune::reference::evaluate(kernelOf(*module), {x, angle}, {.mode = mode});
      ASSERT_TRUE(bool(written));
      ASSERT_TRUE(bool(expanded));
      for (int64_t i = 0; i < 60; ++i)
        EXPECT_EQ((*written)[0].real(i), (*expanded)[0].real(i)) << pairing << " " << i;
    }
}

std::string mapOfScores(const std::string &body) {
  return "attn.kernel @k(%q: !q, %k: !k, %n: index) -> !s {\n  %s = dot %q, %k : !q, !k\n"
         "  %m = map (%x = %s) at (%b, %h, %i, %j) : (!s) -> !s {\n" +
         body + "    yield %x : f32 }\n  return %m : !s\n}";
}

std::vector<Argument> scoreArguments(int64_t keys) {
  return {Tensor::zeros(ElementType::F32, {1, 1, 2, 4}),
          Tensor::zeros(ElementType::F32, {1, 1, keys, 4}), int64_t(0)};
}

TEST(RegionErrors, divisionByZeroAtAVisiblePlace) {
  std::string divides = mapOfScores("    %d = arith.floordivsi %i, %n : index\n");
  EXPECT_EQ(failure(divides, scoreArguments(2)),
            "'arith.floordivsi' divides by zero at a visible place");
  evaluate(divides, scoreArguments(0)); // no pair, no division
  EXPECT_EQ(failure(mapOfScores("    %d = affine.apply affine_map<(i)[n] -> (i mod n)>(%i)[%n]\n"),
                    scoreArguments(2)),
            "'affine.apply' divides by zero or less at a visible place");
}

TEST(RegionErrors, gridOfZero) {
  EXPECT_EQ(
      failure(mapOfScores("    %y, %z = affine.delinearize_index %i into (%n) : index, index\n"),
              scoreArguments(2)),
      "'affine.delinearize_index': a grid size is zero or less at a visible place");
}

TEST(RegionErrors, recursionEnds) {
  std::string recursive = "func.func private @f(%x: f32) -> f32 {\n"
                          "  %y = func.call @f(%x) : (f32) -> f32\n  return %y : f32 }\n";
  std::string why = failure(recursive + mapOfScores("    %y = func.call @f(%x) : (f32) -> f32\n"),
                            scoreArguments(2));
  EXPECT_NE(why.find("calls @f more than 64 calls deep"), std::string::npos) << why;
}

} // namespace
