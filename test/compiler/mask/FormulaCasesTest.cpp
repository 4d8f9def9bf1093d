// SPDX-License-Identifier: Apache-2.0
// Which clauses are bounds read off from? Cases of extrema and choices, and what literals imply.
#include "test/compiler/mask/MaskProgram.h"
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::mask;
using attune::mask::test::MaskProgram;

static const char *const operands = "%w: index, %n: index, %m: index, %t: tensor<?xi32>";

/// The cases of a region that defines %y, with c0 as 0.
static std::string casesOf(const std::string &lines, std::optional<Side> inverted = std::nullopt) {
  MaskProgram program(
      {operands, "%c0 = arith.constant 0 : index\n" + lines + "\nyield %y : i1", "", "", ""});
  FormulaBuilder formulas(program.expressions());
  return toString(formulas.splitCases(formulas.build(program.domain()).visible, inverted));
}

/// One line a clause.
static std::string clausesOf(const std::string &lines, size_t limit = 32) {
  MaskProgram program({operands, lines + "\nyield %y : i1", "", "", ""});
  FormulaBuilder formulas(program.expressions());
  auto clauses = formulas.clauses(formulas.build(program.domain()).visible, limit);
  if (!clauses)
    return "too many";
  std::string text;
  for (const auto &clause : *clauses)
    text += toString(Formula{FormulaKind::And, {}, clause}) + "\n";
  return text;
}

static const char *const difference = "%d = arith.subi %i, %j : index ";

TEST(FormulaCasesTest, AnUpperBoundOfAMixedMaximumIsBoth) {
  EXPECT_EQ(casesOf(std::string(difference) + "%a = math.absi %d : index "
                                              "%y = arith.cmpi sle, %a, %w : index"),
            "j - i - w <= 0 and i - j - w <= 0");
}

TEST(FormulaCasesTest, ALowerBoundOfAMixedMaximumIsEither) {
  EXPECT_EQ(casesOf(std::string(difference) + "%a = math.absi %d : index "
                                              "%y = arith.cmpi sge, %a, %w : index"),
            "j + w - i <= 0 or i + w - j <= 0");
}

TEST(FormulaCasesTest, AMixedChoiceIsItsSidesWhereTheyApply) {
  EXPECT_EQ(casesOf("%p = arith.cmpi sle, %j, %i : index %s = arith.select %p, %w, %n : index "
                    "%y = arith.cmpi sle, %j, %s : index"),
            "(j - i <= 0 and j - w <= 0) or (i - j + 1 <= 0 and j - n <= 0)");
}

TEST(FormulaCasesTest, InsideOfAQuotientTheGreaterOneDecides) {
  EXPECT_EQ(casesOf("%a = arith.maxsi %i, %j : index %q = arith.floordivsi %a, %n : index "
                    "%r = arith.floordivsi %i, %m : index %y = arith.cmpi eq, %q, %r : index"),
            "(j - i <= 0 and i // m - i // n == 0) or (i - j + 1 <= 0 and i // m - j // n == 0)");
}

TEST(FormulaCasesTest, OneSidedExtremaStay) {
  std::string mask = "%a = arith.maxsi %j, %w : index %y = arith.cmpi sge, %a, %i : index";
  EXPECT_EQ(casesOf(mask), "i - max(j, w) <= 0");
  EXPECT_EQ(casesOf(mask, Side::Query), "i - max(j, w) <= 0");
}

TEST(FormulaCasesTest, OneSidedExtremaThatBoundNothingAreSplitOnTheInvertedSide) {
  EXPECT_EQ(
      casesOf("%a = arith.maxsi %j, %w : index %y = arith.cmpi sge, %a, %i : index", Side::Key),
      "i - j <= 0 or i - w <= 0");
  // From above a maximum bounds both of its operands.
  EXPECT_EQ(
      casesOf("%a = arith.maxsi %j, %w : index %y = arith.cmpi sle, %a, %i : index", Side::Key),
      "max(j, w) - i <= 0");
}

TEST(FormulaCasesTest, ClausesAreTheDisjunctiveForm) {
  EXPECT_EQ(clausesOf("%p = arith.cmpi sle, %j, %i : index %q = arith.cmpi slt, %j, %w : index "
                      "%r = arith.cmpi sge, %j, %n : index %s = arith.ori %q, %r : i1 "
                      "%y = arith.andi %p, %s : i1"),
            "j - i <= 0 and n - j <= 0\nj - i <= 0 and j - w + 1 <= 0\n");
}

TEST(FormulaCasesTest, TooManyClausesAreNone) {
  EXPECT_EQ(clausesOf("%p = arith.cmpi sle, %j, %i : index %q = arith.cmpi slt, %j, %w : index "
                      "%y = arith.ori %p, %q : i1",
                      1),
            "too many");
}

TEST(FormulaCasesTest, ClausesThatContradictThemselvesAreGone) {
  EXPECT_EQ(clausesOf("%p = arith.cmpi slt, %j, %i : index %q = arith.cmpi slt, %i, %j : index "
                      "%r = arith.cmpi slt, %j, %w : index %s = arith.ori %q, %r : i1 "
                      "%y = arith.andi %p, %s : i1"),
            "j - i + 1 <= 0 and j - w + 1 <= 0\n");
}

static const char *const coordinates =
    "%iq = arith.floordivsi %i, %n : index %jq = arith.floordivsi %j, %n : index "
    "%ir = affine.apply affine_map<(i)[n] -> (i mod n)>(%i)[%n] "
    "%jr = affine.apply affine_map<(i)[n] -> (i mod n)>(%j)[%n] ";

TEST(FormulaCasesTest, EqualQuotientsBoundTheDifference) {
  EXPECT_EQ(clausesOf(std::string(coordinates) + "%y = arith.cmpi eq, %iq, %jq : index"),
            "j - i - n + 1 <= 0 and i - j - n + 1 <= 0 and i // n - j // n == 0\n");
}

TEST(FormulaCasesTest, EqualQuotientsAndOrderedRemaindersOrderTheTokens) {
  EXPECT_EQ(clausesOf(std::string(coordinates) + "%p = arith.cmpi eq, %iq, %jq : index "
                                                 "%q = arith.cmpi sge, %ir, %jr : index "
                                                 "%y = arith.andi %p, %q : i1"),
            "j - i <= 0 and i - j - n + 1 <= 0 and j % n - i % n <= 0 and i // n - j // n == 0\n");
}
