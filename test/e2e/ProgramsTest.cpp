// SPDX-License-Identifier: Apache-2.0
// Do programs that are no example compile to what they mean? Softmax has no privilege: these are
// normalisers, reductions and epilogues written in primitives.
#include "test/e2e/Harness.h"

#include <regex>

using namespace attune::test;

namespace {

struct Program {
  std::string name;
  /// Operands after q, k, v; results; the body after %s (the scaled scores).
  std::string operands, results, body;
  std::vector<Argument> scalars = {};
};

const std::string causal = "%m = where %s in affine_set<(b, h, i, j) : (j <= i)> : !s\n";

const Program programs[] = {
    {"literalSoftmax", "", "!q",
     causal + "%x = reduce max %m over keys : !s\n"
              "%e = map (%u = %m, %w = %x) : (!s, !r) -> !s {\n"
              "  %d = arith.subf %u, %w : f32  %y = math.exp %d : f32  yield %y : f32 }\n"
              "%n = reduce sum %e over keys : !s\n"
              "%p = map (%u = %e, %w = %n) : (!s, !r) -> !s {\n"
              "  %y = arith.divf %u, %w : f32  yield %y : f32 }\n"
              "%o = contract %p, %v : !s, !k -> !q\nreturn %o : !q"},
    {"softmaxWithASinkOperand", ", %z: !r", "!q",
     causal + "%p = softmax %m sink %z : !s\n%o = contract %p, %v : !s, !k -> !q\nreturn %o : !q"},
    {"reluWeights", "", "!q",
     causal + "%p = map (%x = %m) : (!s) -> !s {\n  %c = arith.constant 0.0 : f32\n"
              "  %y = arith.maximumf %x, %c : f32  yield %y : f32 }\n"
              "%o = contract %p, %v : !s, !k -> !q\nreturn %o : !q"},
    {"weightsOverTheirSumOfMagnitudes", "", "!q",
     causal + "%a = map (%x = %m) : (!s) -> !s { %y = math.absf %x : f32  yield %y : f32 }\n"
              "%l = reduce sum %a over keys : !s\n"
              "%p = map (%x = %m, %n = %l) : (!s, !r) -> !s {\n"
              "  %y = arith.divf %x, %n : f32  yield %y : f32 }\n"
              "%o = contract %p, %v : !s, !k -> !q\nreturn %o : !q"},
    {"meanOfVisibleValues", "", "!q",
     causal + "%p = map (%x = %m) : (!s) -> !s {\n  %c = arith.constant 1.0 : f32\n"
              "  yield %c : f32 }\n"
              "%l = reduce sum %p over keys : !s\n"
              "%w = map (%x = %p, %n = %l) : (!s, !r) -> !s {\n"
              "  %y = arith.divf %x, %n : f32  yield %y : f32 }\n"
              "%o = contract %w, %v : !s, !k -> !q\nreturn %o : !q"},
    {"emptyRowsOfALiteralSoftmax", "", "(!q, !r)",
     "%m = where %s in affine_set<(b, h, i, j) : (j + 3 <= i, i - j <= 20)> : !s\n"
     "%x = reduce max %m over keys : !s\n"
     "%e = map (%u = %m, %w = %x) : (!s, !r) -> !s {\n"
     "  %d = arith.subf %u, %w : f32  %y = math.exp %d : f32  yield %y : f32 }\n"
     "%n = reduce sum %e over keys : !s\n"
     "%p = map (%u = %e, %w = %n) : (!s, !r) -> !s {\n"
     "  %y = arith.divf %u, %w : f32  yield %y : f32 }\n"
     "%o = contract %p, %v : !s, !k -> !q\n"
     "%l = map (%u = %n, %w = %x) : (!r, !r) -> !r {\n"
     "  %d = math.log %u : f32  %y = arith.addf %d, %w : f32  yield %y : f32 }\n"
     "return %o, %l : !q, !r"},
    {"emptyRowsOfStatistics", "", "(!r, !r, !r, !r, !r)",
     "%m = where %s in affine_set<(b, h, i, j) : (j + 3 <= i, i - j <= 20)> : !s\n"
     "%a = reduce max %m over keys : !s\n%c = reduce min %m over keys : !s\n"
     "%d = reduce sum %m over keys : !s\n%e = reduce mean %m over keys : !s\n"
     "%l = logsumexp %m : !s\nreturn %a, %c, %d, %e, %l : !r, !r, !r, !r, !r"},
    {"divisionAfterTheContraction", "", "!q",
     "%m = where %s in affine_set<(b, h, i, j) : (j + 3 <= i)> : !s\n"
     "%e = map (%u = %m) : (!s) -> !s { %y = math.exp %u : f32  yield %y : f32 }\n"
     "%n = reduce sum %e over keys : !s\n%f = contract %e, %v : !s, !k -> !f\n"
     "%o = map (%u = %f, %w = %n) : (!f, !r) -> !q {\n"
     "  %b = vector.broadcast %w : f32 to vector<64xf32>\n"
     "  %y = arith.divf %u, %b : vector<64xf32>\n@rounded }\nreturn %o : !q"},
    {"differenceOfTwoSoftmaxes",
     ", %f: f32",
     "!q",
     causal + "%t = map (%x = %m) : (!s) -> !s { %y = arith.mulf %x, %f : f32  yield %y : f32 }\n"
              "%p1 = softmax %m : !s\n%p2 = softmax %t : !s\n"
              "%p = map (%x = %p1, %y = %p2) : (!s, !s) -> !s {\n"
              "  %z = arith.subf %x, %y : f32  yield %z : f32 }\n"
              "%o = contract %p, %v : !s, !k -> !q\nreturn %o : !q",
     {0.5}},
    {"squaredWeights", "", "!q",
     causal + "%p1 = softmax %m : !s\n%p = map (%x = %p1) : (!s) -> !s {\n"
              "  %z = arith.mulf %x, %x : f32  yield %z : f32 }\n"
              "%o = contract %p, %v : !s, !k -> !q\nreturn %o : !q"},
    {"entropyOfARow", "", "!r",
     causal + "%p = softmax %m : !s\n%l = logsumexp %m : !s\n"
              "%e = map (%x = %p, %y = %m, %z = %l) : (!s, !s, !r) -> !s {\n"
              "  %d = arith.subf %z, %y : f32  %u = arith.mulf %x, %d : f32  yield %u : f32 }\n"
              "%r = reduce sum %e over keys : !s\nreturn %r : !r"},
    {"rowStatistics", "", "(!r, !r, !r, !r)",
     causal + "%a = reduce max %m over keys : !s\n%c = reduce min %m over keys : !s\n"
              "%d = reduce sum %m over keys : !s\n%l = logsumexp %m : !s\n"
              "return %a, %c, %d, %l : !r, !r, !r, !r"},
    {"maskByADistanceThatIsAPowerOfTwo", "", "!q",
     "%m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {\n"
     "  %d = arith.subi %i, %j : index  %n = arith.index_cast %d : index to i64\n"
     "  %ones = math.ctpop %n : i64  %c1 = arith.constant 1 : i64\n"
     "  %a = arith.cmpi sle, %ones, %c1 : i64  %c = arith.cmpi sle, %j, %i : index\n"
     "  %y = arith.andi %a, %c : i1  yield %y : i1 }\n"
     "%p = softmax %m : !s\n%o = contract %p, %v : !s, !k -> !q\nreturn %o : !q"},
    {"maskByValue",
     ", %t: f32",
     "!q",
     causal + "%n = where (%x = %m) at (%b, %h, %i, %j) : (!s) {\n"
              "  %y = arith.cmpf ogt, %x, %t : f32  yield %y : i1 }\n"
              "%p = softmax %n : !s\n%o = contract %p, %v : !s, !k -> !q\nreturn %o : !q",
     {0.25}},
    {"rowGateBeforeSoftmax", ", %g: !r", "!q",
     causal + "%t = map (%x = %m, %y = %g) : (!s, !r) -> !s {\n"
              "  %z = arith.mulf %x, %y : f32  yield %z : f32 }\n"
              "%p = softmax %t : !s\n%o = contract %p, %v : !s, !k -> !q\nreturn %o : !q"},
    {"blocksByFlooredDivision", "", "!q",
     "%m = where %s in affine_set<(b, h, i, j) : (i floordiv 24 - j floordiv 24 == 0)> : !s\n"
     "%p = softmax %m : !s\n%o = contract %p, %v : !s, !k -> !q\nreturn %o : !q"},
    {"strides", "", "!q",
     "%m = where %s in affine_set<(b, h, i, j) : ((i - j) mod 5 == 0, j <= i)> : !s\n"
     "%p = softmax %m : !s\n%o = contract %p, %v : !s, !k -> !q\nreturn %o : !q"},
};

class Programs : public testing::TestWithParam<std::tuple<Program, std::string>> {};

TEST_P(Programs, hostAgreesWithTheReference) {
  auto [program, element] = GetParam();
  std::string types =
      "!q = !attn.rows<vector<64x" + element + ">>\n!k = !attn.cols<vector<64x" + element +
      ">>\n!s = !attn.matrix<f32>\n!r = !attn.rows<f32>\n!f = !attn.rows<vector<64xf32>>\n";
  std::string token = "vector<64x" + element + ">";
  // @rounded is the vector %y in the type of a token.
  std::string narrow = "%z = arith.truncf %y : vector<64xf32> to " + token + "  yield %z";
  std::string body = std::regex_replace(program.body, std::regex("@rounded"),
                                        (element == "f32" ? "yield %y" : narrow) + " : " + token);
  std::string text = types + "attn.kernel @program(%q: !q, %k: !k, %v: !k" + program.operands +
                     ") -> " + program.results + " {\n%s = dot %q, %k scale 0.125 : !q, !k\n" +
                     body + "\n}\n";
  // Not one token alone: a difference of weights is then exactly 0 in an eager evaluation, by luck.
  for (int64_t tokens : {3, 50, 200}) {
    SCOPED_TRACE(std::to_string(tokens) + " tokens");
    Shape shape;
    shape.queries = shape.keys = tokens;
    expectRight(text, shape, program.scalars);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Host, Programs, testing::Combine(testing::ValuesIn(programs), testing::Values("f32", "bf16")),
    [](const auto &info) { return std::get<0>(info.param).name + "_" + std::get<1>(info.param); });

} // namespace
