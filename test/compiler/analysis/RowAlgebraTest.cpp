// SPDX-License-Identifier: Apache-2.0
// Does each separation rule take apart what it should, into how many terms, and is the sum of the
// terms the body? What is refused, and with which words?
#include "compiler/analysis/RowAlgebra.h"
#include "test/compiler/analysis/NodeEvaluator.h"
#include "test/compiler/analysis/Planning.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace mlir;

namespace attune::test {
namespace {

/// A sum over keys of `body`, ops of %x (a score), %y (its unfinished maximum), %g (of the key), %z (of the
/// row, captured) that define %out.
struct Body {
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<ExpressionGraph> graph;
  const Node *node = nullptr;

  explicit Body(const std::string &body)
      : module(parsePrimitives(R"(attn.kernel @test(%q: !q, %k: !k, %v: !k, %u: !k, %z: !r, %g: !c,
    %slope: tensor<?xf32>, %w: index) -> !r {
  %s = dot %q, %k : !q, !k
  %r = reduce max %s over keys : !s
  %f = map (%x = %s, %y = %r, %zi = %z, %gj = %g) at (%b, %h, %i, %j) : (!s, !r, !r, !c) -> !s {
    %zero = arith.constant 0.0 : f32   %one = arith.constant 1.0 : f32   %two = arith.constant 2.0 : f32
    )" + body + R"(
    yield %out : f32
  }
  %l = reduce sum %f over keys : !s
  return %l : !r
}
)")) {
    auto built = ExpressionGraph::build(kernelOf(*module));
    EXPECT_TRUE(succeeded(built));
    graph = std::move(*built);
    node = graph->reductions().back().body;
  }
  attn::KernelOp kernel() { return kernelOf(*module); }
  Separation separation() {
    return Separation(*graph, [](unsigned) { return true; });
  }
};

struct Rule {
  std::string name, body;
  unsigned rank;
};
void PrintTo(const Rule &rule, std::ostream *out) { *out << rule.name; }

const std::string difference = "%d = arith.subf %x, %y : f32   ";
const std::string product = "%d = arith.mulf %x, %y : f32   ";

const Rule accepted[] = {
    {"NothingOpen", "%t = math.tanh %x : f32   %out = arith.addf %t, %x : f32", 1},
    {"OnlyTheRow", "%t = math.tanh %y : f32   %out = arith.addf %t, %y : f32", 1},
    {"Sum", "%out = arith.addf %x, %y : f32", 2},
    {"Difference", "%out = arith.subf %x, %y : f32", 2},
    {"Product", "%out = arith.mulf %x, %y : f32", 1},
    {"Quotient", "%out = arith.divf %x, %y : f32", 1},
    {"Exponential", difference + "%out = math.exp %d : f32", 1},
    {"ExponentialToBaseTwo", difference + "%out = math.exp2 %d : f32", 1},
    {"ExponentialOverRow", difference + "%e = math.exp %d : f32   %out = arith.divf %e, %y : f32",
     1},
    {"ScaledExponential", difference + "%e = arith.mulf %d, %zi : f32   %out = math.exp %e : f32",
     1},
    {"RootOfAProduct",
     "%a = math.exp %x : f32   %c = math.absf %y : f32   %d = arith.mulf %a, %c : f32   "
     "%out = math.sqrt %d : f32",
     1},
    {"Cosine", difference + "%out = math.cos %d : f32", 2},
    {"Sine", "%d = arith.addf %x, %y : f32   %out = math.sin %d : f32", 2},
    {"TimesItsExponential", difference + "%e = math.exp %d : f32   %out = arith.mulf %d, %e : f32",
     2},
    {"LogarithmOfAQuotient",
     difference +
         "%e = math.exp %d : f32   %a = math.absf %y : f32   %p = arith.divf %e, %a : f32   "
         "%out = math.log %p : f32",
     3},
    {"SizeOfAProduct", product + "%out = math.absf %d : f32", 1},
    {"ReluOfAProduct", product + "%out = arith.maximumf %d, %zero : f32", 2},
    {"ReluOfAProductWithAPositiveRow",
     "%a = math.absf %y : f32   %d = arith.mulf %x, %a : f32   "
     "%out = arith.maximumf %d, %zero : f32",
     1},
    {"ChoiceByTheKey",
     difference + "%c = arith.cmpf ogt, %gj, %zero : f32   %out = arith.select %c, %d, %x : f32",
     3},
    {"ChoiceByTheRow",
     "%c = arith.cmpf ogt, %y, %zero : f32   %out = arith.select %c, %x, %gj : f32", 2},
    {"ClosedSumStaysWhole",
     "%e = arith.addf %x, %gj : f32   %t = arith.mulf %e, %e : f32   %out = arith.mulf %t, %y : "
     "f32",
     1},
    {"SumOfExponentials",
     "%e = math.exp %x : f32   %f = math.exp %gj : f32   %out = arith.addf %e, %f : f32", 2},
};

class Accepted : public testing::TestWithParam<Rule> {};

/// The value of a term at a pair.
double valueOf(const Term &term, Separation &separation,
               const std::function<double(const Node *)> &at) {
  double value = term.coefficient * at(separation.product(term.pair)) *
                 at(separation.product(term.closedRow)) * at(separation.product(term.openRow));
  return term.exponent ? value * std::exp(at(term.exponent)) : value;
}

TEST_P(Accepted, SeparatesIntoTermsWhoseSumItIs) {
  Body body(GetParam().body);
  Separation separation = body.separation();
  auto terms = separation.terms(body.node);
  ASSERT_TRUE(terms.has_value()) << separation.failure();
  EXPECT_EQ(terms->size(), GetParam().rank);

  std::mt19937_64 generator(1);
  std::vector<Argument> arguments = operands(generator, 3, 4, 0);
  NodeEvaluator evaluator(body.kernel(), arguments);
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t j = 0; j < 4; ++j)
      for (double row : {-1.5, 0.25, 2.0}) {
        auto at = [&](const Node *node) {
          return evaluator(node, {0, 1, i, j}, [&](const Node *) { return row; });
        };
        double sum = 0;
        for (const Term &term : *terms) {
          EXPECT_FALSE(at(separation.product(term.pair)) != at(separation.product(term.pair)));
          sum += valueOf(term, separation, at);
        }
        EXPECT_NEAR(sum, at(body.node), 1e-12 * std::max(1.0, std::fabs(sum)));
      }
}

TEST_P(Accepted, KeepsUnfinishedValuesOutOfTheSum) {
  Body body(GetParam().body);
  Separation separation = body.separation();
  auto terms = separation.terms(body.node);
  ASSERT_TRUE(terms.has_value());
  for (const Term &term : *terms) {
    std::string pair = toString(separation.product(term.pair));
    EXPECT_EQ(pair.find("r0"), std::string::npos) << pair;
    if (term.exponent)
      EXPECT_EQ(toString(term.exponent).find("r0"), std::string::npos);
    EXPECT_FALSE(separation.product(term.openRow)->onKey);
  }
}

INSTANTIATE_TEST_SUITE_P(RowAlgebra, Accepted, testing::ValuesIn(accepted),
                         [](const auto &info) { return info.param.name; });

struct Refusal {
  std::string name, body, message;
};
void PrintTo(const Refusal &refusal, std::ostream *out) { *out << refusal.name; }

const std::string unfinished =
    " cannot be taken apart while r0, the max over keys of q.k, is unfinished";

/// The sum over n of x^n tanh(n y): each term has another row value.
std::string manyTerms(int count) {
  std::string text = "%p0 = arith.mulf %x, %one : f32   %n0 = arith.mulf %y, %one : f32\n"
                     "%s0 = arith.mulf %x, %y : f32\n";
  for (int n = 1; n <= count; ++n) {
    std::string now = std::to_string(n), last = std::to_string(n - 1);
    text += "%p" + now + " = arith.mulf %p" + last + ", %x : f32   %n" + now + " = arith.addf %n" +
            last + ", %one : f32   %t" + now + " = math.tanh %n" + now + " : f32   %a" + now +
            " = arith.mulf %p" + now + ", %t" + now + " : f32   %s" + now + " = arith.addf %s" +
            last + ", %a" + now + " : f32\n";
  }
  return text + "%out = arith.mulf %s" + std::to_string(count) + ", %one : f32";
}

const Refusal refused[] = {
    {"Tanh", difference + "%out = math.tanh %d : f32", "`tanh(q.k - r0)`" + unfinished},
    {"Erf", difference + "%out = math.erf %d : f32", "`erf(q.k - r0)`" + unfinished},
    {"Relu", difference + "%out = arith.maximumf %d, %zero : f32",
     "`max(q.k - r0, 0)`" + unfinished},
    {"Sigmoid",
     difference + "%n = arith.negf %d : f32   %e = math.exp %n : f32   "
                  "%a = arith.addf %one, %e : f32   %out = arith.divf %one, %a : f32",
     "`1 + exp(-(q.k - r0))`" + unfinished},
    {"SizeOfADifference", difference + "%out = math.absf %d : f32", "`abs(q.k - r0)`" + unfinished},
    {"RootOfADifference", difference + "%out = math.sqrt %d : f32",
     "`sqrt(q.k - r0)`" + unfinished},
    {"ExponentialOfAProduct", product + "%out = math.exp %d : f32", "`q.k * r0`" + unfinished},
    {"LogarithmOfADifference", difference + "%out = math.log %d : f32",
     "`log(q.k - r0)`" + unfinished},
    {"Minimum", "%out = arith.minimumf %x, %y : f32", "`min(q.k, r0)`" + unfinished},
    {"Power", "%out = math.powf %x, %y : f32", "`pow(q.k, r0)`" + unfinished},
    {"ChoiceByBoth", "%c = arith.cmpf ogt, %x, %y : f32   %out = arith.select %c, %x, %zero : f32",
     "`q.k > r0`" + unfinished},
    {"SquareOfADifference", difference + "%out = arith.mulf %d, %d : f32",
     "`(q.k - r0) * (q.k - r0)` would be a difference of large sums while r0, the max over keys of "
     "q.k, is unfinished"},
    {"FourthPowerOfADifference",
     "%four = arith.constant 4.0 : f32   " + difference + "%out = math.powf %d, %four : f32",
     "`(q.k - r0) * (q.k - r0)` would be a difference of large sums"},
    {"TooManyTerms", manyTerms(25), "needs more than 24 terms"},
};

class Refused : public testing::TestWithParam<Refusal> {};

TEST_P(Refused, NamesTheExpressionAndTheRowValue) {
  Body body(GetParam().body);
  Separation separation = body.separation();
  EXPECT_FALSE(separation.terms(body.node).has_value());
  EXPECT_NE(separation.failure().find(GetParam().message), std::string::npos)
      << separation.failure();
}

INSTANTIATE_TEST_SUITE_P(RowAlgebra, Refused, testing::ValuesIn(refused),
                         [](const auto &info) { return info.param.name; });

//===--- Extrema -------------------------------------------------------------------------------===//

/// The maximum of the body, with `max of E` written as top(E), `min of E` as low(E).
std::string maximumOf(const std::string &text) {
  Body body(text);
  Separation separation = body.separation();
  std::vector<std::string> bodies;
  const Node *found = separation.extremum(
      attn::ReduceKind::Max, body.node, [&](attn::ReduceKind kind, const Node *node) {
        bodies.push_back(attn::stringifyReduceKind(kind).str() + " of " + toString(node));
        return body.graph->leaf(NodeKind::AccumulatorRef, body.graph->floatType(), {},
                                bodies.size() - 1);
      });
  if (!found)
    return separation.failure();
  std::string result = toString(found);
  for (auto [index, name] : llvm::enumerate(bodies))
    result += "; a" + std::to_string(index) + " = " + name;
  return result;
}

TEST(Extremum, OfADifferenceWithARowValue) {
  EXPECT_EQ(maximumOf("%out = arith.subf %x, %y : f32"), "a0 - r0; a0 = max of q.k");
}
TEST(Extremum, OfARowValueLessAScore) {
  EXPECT_EQ(maximumOf("%out = arith.subf %y, %x : f32"), "r0 - a0; a0 = min of q.k");
}
TEST(Extremum, OfAnExponentialIsTheExponentialOfTheMaximum) {
  EXPECT_EQ(maximumOf("%out = math.exp %x : f32"), "exp(a0); a0 = max of q.k");
}
TEST(Extremum, OfAProductWithARowValueOfUnknownSign) {
  EXPECT_EQ(maximumOf("%out = arith.mulf %x, %y : f32"),
            "max(r0 * a0, r0 * a1); a0 = max of q.k; a1 = min of q.k");
}
TEST(Extremum, OfAProductWithAPositiveRowValue) {
  EXPECT_EQ(maximumOf("%a = math.exp %y : f32   %out = arith.mulf %x, %a : f32"),
            "exp(r0) * a0; a0 = max of q.k");
}
TEST(Extremum, CommutesWithIncreasingFunctions) {
  EXPECT_EQ(maximumOf(difference + "%out = math.tanh %d : f32"), "tanh(a0 - r0); a0 = max of q.k");
}
TEST(Extremum, OfAMinimumWithARowValue) {
  EXPECT_EQ(maximumOf("%out = arith.minimumf %x, %y : f32"), "min(r0, a0); a0 = max of q.k");
}
TEST(Extremum, OfASumOfTwoMixedPartsIsRefused) {
  EXPECT_EQ(
      maximumOf(difference + "%e = arith.mulf %gj, %y : f32   %out = arith.addf %d, %e : f32"),
      "`q.k - r0 + g[j] * r0`" + unfinished);
}

} // namespace
} // namespace attune::test
