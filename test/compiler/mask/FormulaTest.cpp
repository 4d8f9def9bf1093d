// SPDX-License-Identifier: Apache-2.0
// Which normal form do masks get? A few lines of MLIR a rule, and the text of what becomes of them.
#include "test/compiler/mask/MaskProgram.h"
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::mask;
using attune::mask::test::MaskProgram;
using attune::mask::test::MaskText;

namespace {
struct Texts {
  std::string visible, hidden;
};
} // namespace

static const char *const operands = "%w: index, %n: index, %m: index, %H: index, %W: index, "
                                    "%t: tensor<?xi32>, %f: tensor<?xi1>, %g: tensor<?x?xi32>";

/// The formulas of a region that defines %y. Constants %c0 to %c9 may be used.
static Texts formulasOf(const std::string &lines) {
  std::string body;
  for (int number = 0; number < 10; ++number)
    if (lines.find("%c" + std::to_string(number)) != std::string::npos)
      body += "%c" + std::to_string(number) + " = arith.constant " + std::to_string(number) +
              " : index\n";
  MaskProgram program({operands, body + lines + "\nyield %y : i1"});
  FormulaBuilder formulas(program.expressions());
  MaskFormula mask = formulas.build(program.domain());
  return {toString(mask.visible), toString(mask.hidden)};
}

static std::string visibleOf(const std::string &lines) { return formulasOf(lines).visible; }

/// `expression` of i, j (dims) and w, n, m, H, W (symbols) <= 0.
static std::string atMostZero(const std::string &expression) {
  return visibleOf("%a = affine.apply affine_map<(i, j)[w, n, m, H, W] -> (" + expression +
                   ")>(%i, %j)[%w, %n, %m, %H, %W] %y = arith.cmpi sle, %a, %c0 : index");
}
static std::string equalsZero(const std::string &expression) {
  return visibleOf("%a = affine.apply affine_map<(i, j)[w, n, m, H, W] -> (" + expression +
                   ")>(%i, %j)[%w, %n, %m, %H, %W] %y = arith.cmpi eq, %a, %c0 : index");
}

//===--- literals -----------------------------------------------------------------------------===//

TEST(FormulaTest, BothPolaritiesOfAnOrder) {
  Texts texts = formulasOf("%y = arith.cmpi slt, %j, %i : index");
  EXPECT_EQ(texts.visible, "j - i + 1 <= 0");
  EXPECT_EQ(texts.hidden, "i - j <= 0");
}

TEST(FormulaTest, BothPolaritiesOfAnEquality) {
  Texts texts = formulasOf("%y = arith.cmpi eq, %j, %i : index");
  EXPECT_EQ(texts.visible, "i - j == 0");
  EXPECT_EQ(texts.hidden, "j - i + 1 <= 0 or i - j + 1 <= 0");
}

TEST(FormulaTest, UnsignedOrdersWhereNothingIsNegative) {
  EXPECT_EQ(visibleOf("%y = arith.cmpi ule, %j, %i : index"), "j - i <= 0");
  EXPECT_EQ(visibleOf("%a = arith.subi %i, %j : index %y = arith.cmpi ult, %a, %c5 : index"),
            "unknown");
}

TEST(FormulaTest, CommonFactorsAreDividedOut) {
  EXPECT_EQ(atMostZero("2 * i - 4 * j + 3"), "i - 2 * j + 2 <= 0");
  EXPECT_EQ(equalsZero("2 * i - 2 * j + 6"), "i - j + 3 == 0");
}

TEST(FormulaTest, AnEqualityOfEvenAndOddIsFalse) {
  EXPECT_EQ(equalsZero("2 * i - 2 * j - 1"), "false");
}

TEST(FormulaTest, WhatRangesDecideIsATruth) {
  EXPECT_EQ(atMostZero("-i - j"), "true");
  EXPECT_EQ(atMostZero("i + j + 1"), "false");
  EXPECT_EQ(equalsZero("i + 1"), "false");
}

TEST(FormulaTest, EqualAtomsCancel) {
  // start + w - start
  EXPECT_EQ(visibleOf("%d = arith.floordivsi %i, %c7 : index %e = arith.addi %d, %w : index "
                      "%a = arith.subi %e, %d : index %y = arith.cmpi sle, %a, %c0 : index"),
            "w <= 0");
}

TEST(FormulaTest, NumbersOf32BitsThatMayWrapAreUnknown) {
  std::string cast = "%a = arith.index_cast %i : index to i32 %e = arith.index_cast %j : index to "
                     "i32 %z = arith.constant 0 : i32 ";
  EXPECT_EQ(visibleOf(cast + "%d = arith.subi %a, %e : i32 %y = arith.cmpi sle, %d, %z : i32"),
            "i - j <= 0");
  EXPECT_EQ(visibleOf(cast + "%d = arith.muli %a, %e : i32 %y = arith.cmpi sle, %d, %z : i32"),
            "unknown");
}

TEST(FormulaTest, NumbersThatMayLeave62BitsAreUnknown) {
  EXPECT_EQ(visibleOf("%a = arith.muli %i, %w : index %e = arith.muli %a, %j : index "
                      "%y = arith.cmpi sle, %e, %c0 : index"),
            "unknown");
}

//===--- conjunctions and disjunctions --------------------------------------------------------===//

static std::string joined(const std::string &first, const std::string &second,
                          const std::string &kind) {
  return visibleOf("%p = arith.cmpi " + first + " : index %q = arith.cmpi " + second +
                   " : index %y = arith." + kind + " %p, %q : i1");
}

TEST(FormulaTest, TheTighterOfTwoBoundsIsKept) {
  std::string shifted = "%a = arith.addi %i, %c3 : index ";
  std::string loose = "%p = arith.cmpi sle, %j, %a : index ";
  std::string both = shifted + loose + "%q = arith.cmpi sle, %j, %i : index ";
  EXPECT_EQ(visibleOf(both + "%y = arith.andi %p, %q : i1"), "j - i <= 0");
  EXPECT_EQ(visibleOf(both + "%y = arith.ori %p, %q : i1"), "j - i - 3 <= 0");
}

TEST(FormulaTest, TwoBoundsThatMeetAreAnEquality) {
  EXPECT_EQ(joined("sle, %i, %j", "sge, %i, %j", "andi"), "i - j == 0");
}

TEST(FormulaTest, ALiteralAndItsNegationFold) {
  EXPECT_EQ(joined("slt, %i, %j", "sge, %i, %j", "andi"), "false");
  EXPECT_EQ(joined("slt, %i, %j", "sge, %i, %j", "ori"), "true");
  EXPECT_EQ(joined("eq, %i, %j", "ne, %i, %j", "andi"), "false");
  EXPECT_EQ(joined("eq, %i, %j", "ne, %i, %j", "ori"), "true");
}

/// A mask with several literals, in %m.
static const char *const window = "%d = arith.subi %i, %j : index "
                                  "%p = arith.cmpi sge, %d, %c0 : index "
                                  "%q = arith.cmpi sle, %d, %w : index "
                                  "%r = arith.cmpi slt, %j, %c4 : index "
                                  "%s = arith.ori %q, %r : i1 %z = arith.andi %p, %s : i1 "
                                  "%true = arith.constant true %no = arith.xori %z, %true : i1 ";

TEST(FormulaTest, AMaskOrItsNegationIsFull) {
  EXPECT_EQ(visibleOf(std::string(window) + "%y = arith.ori %z, %no : i1"), "true");
  EXPECT_EQ(visibleOf(std::string(window) + "%y = arith.andi %z, %no : i1"), "false");
}

TEST(FormulaTest, DoubleNegationIsTheMask) {
  std::string mask = "j - i <= 0 and (i - j - w <= 0 or j - 3 <= 0)";
  EXPECT_EQ(visibleOf(std::string(window) + "%y = arith.xori %no, %true : i1"), mask);
  EXPECT_EQ(formulasOf(std::string(window) + "%y = arith.ori %no, %no : i1").hidden, mask);
}

TEST(FormulaTest, ATruthComparedWithATruth) {
  std::string two = "%p = arith.cmpi sle, %j, %i : index %q = arith.cmpi slt, %j, %w : index ";
  EXPECT_EQ(visibleOf(two + "%y = arith.cmpi ne, %p, %q : i1"),
            "(j - i <= 0 and w - j <= 0) or (i - j + 1 <= 0 and j - w + 1 <= 0)");
  // Implication: p is at most q, as unsigned numbers.
  EXPECT_EQ(visibleOf(two + "%y = arith.cmpi ule, %p, %q : i1"),
            "i - j + 1 <= 0 or j - w + 1 <= 0");
  EXPECT_EQ(visibleOf(two + "%y = arith.select %p, %q, %p : i1"), "j - i <= 0 and j - w + 1 <= 0");
}

TEST(FormulaTest, TruthsAsNumbers) {
  // At least two of three.
  std::string three = "%p = arith.cmpi sle, %j, %i : index %q = arith.cmpi slt, %j, %w : index "
                      "%a = arith.extui %p : i1 to i32 %e = arith.extui %q : i1 to i32 "
                      "%s = arith.addi %a, %e : i32 %two = arith.constant 2 : i32 ";
  EXPECT_EQ(visibleOf(three + "%y = arith.cmpi sge, %s, %two : i32"),
            "2 - (j - i <= 0 ? 1 : 0) - (j - w + 1 <= 0 ? 1 : 0) <= 0");
}

/// %y<length - 1>: a chain of exclusive ors.
static std::string exclusiveOrs(int length) {
  std::string lines = "%y0 = arith.cmpi sle, %j, %i : index\n";
  for (int step = 1; step < length; ++step) {
    std::string number = std::to_string(step), last = std::to_string(step - 1);
    lines += "%k" + number + " = arith.constant " + std::to_string(3 * step) + " : index %o" +
             number + " = arith.cmpi slt, %" + (step % 2 ? "i" : "j") + ", %k" + number +
             " : index %y" + number + " = arith.xori %y" + last + ", %o" + number + " : i1\n";
  }
  return lines + "yield %y" + std::to_string(length - 1) + " : i1";
}

TEST(FormulaTest, LongExclusiveOrsDoNotGrowWithoutEnd) {
  for (int length : {4, 8, 40}) {
    MaskProgram program({operands, exclusiveOrs(length)});
    FormulaBuilder formulas(program.expressions());
    MaskFormula mask = formulas.build(program.domain());
    EXPECT_LT(toString(mask.visible).size(), 100000u);
    attune::mask::test::Problem problem(program, 200, 200);
    for (int64_t query : {0, 7, 61, 150})
      for (int64_t key : {0, 8, 62, 140}) {
        bool expected = problem.visible(query, key);
        std::optional<bool> visible = holds(mask.visible, query, key, problem);
        EXPECT_TRUE(visible == expected || (length == 40 && !visible)) << length;
        std::optional<bool> hidden = holds(mask.hidden, query, key, problem);
        EXPECT_TRUE(hidden == !expected || (length == 40 && !hidden)) << length;
      }
  }
}

//===--- quotients and remainders -------------------------------------------------------------===//

static std::string quotientOf(const std::string &dividend, const std::string &divisor) {
  return visibleOf(dividend + "%r = arith.floordivsi %a, " + divisor +
                   " : index %y = arith.cmpi sle, %r, %j : index");
}

TEST(FormulaTest, MultiplesOfTheDivisorLeaveTheQuotient) {
  EXPECT_EQ(quotientOf("%p = arith.muli %n, %i : index %q = arith.addi %p, %w : index "
                       "%a = arith.addi %q, %n : index ",
                       "%n"),
            "i + w // n - j + 1 <= 0");
  EXPECT_EQ(quotientOf("%p = arith.muli %i, %c8 : index %q = arith.addi %p, %w : index "
                       "%a = arith.addi %q, %c9 : index ",
                       "%c4"),
            "2 * i + (w + 1) // 4 - j + 2 <= 0");
}

TEST(FormulaTest, ARestInsideOfTheDivisorIsNoQuotient) {
  EXPECT_EQ(quotientOf("%p = arith.muli %i, %c8 : index %a = arith.addi %p, %c7 : index ", "%c8"),
            "i - j <= 0");
  // n i + w % n
  EXPECT_EQ(quotientOf("%p = arith.muli %n, %i : index "
                       "%q = affine.apply affine_map<(a)[n] -> (a mod n)>(%w)[%n] "
                       "%a = arith.addi %p, %q : index ",
                       "%n"),
            "i - j <= 0");
}

TEST(FormulaTest, ARestThatMayReachTheDivisorStays) {
  std::string size = "%z = arith.muli %n, %c8 : index ";
  std::string rest = "%e = arith.constant 9 : index %a = affine.apply "
                     "affine_map<(i)[n] -> (i mod n)>(%i)[";
  EXPECT_EQ(quotientOf(size + rest + "%e] ", "%z"), "(i % 9) // (8 * n) - j <= 0");
  EXPECT_EQ(quotientOf(size + rest + "%c8] ", "%z"), "true");
}

TEST(FormulaTest, AMultipleOfAQuotientMayBeZero) {
  EXPECT_EQ(visibleOf("%q = arith.floordivsi %i, %n : index %a = arith.muli %q, %n : index "
                      "%y = arith.cmpi sle, %a, %c0 : index"),
            "n * (i // n) <= 0");
}

TEST(FormulaTest, BitsOfTwoNumbersMayExceedBoth) {
  std::string both = "%p = affine.apply affine_map<(i) -> (i mod 5)>(%i) "
                     "%q = affine.apply affine_map<(i) -> (i mod 5)>(%j) "
                     "%a = arith.ori %p, %q : index ";
  EXPECT_EQ(visibleOf(both + "%y = arith.cmpi sle, %a, %c6 : index"),
            "((i % 5) | (j % 5)) - 6 <= 0");
  EXPECT_EQ(visibleOf(both + "%y = arith.cmpi sle, %a, %c7 : index"), "true");
}

TEST(FormulaTest, ConstantsLeaveTheQuotient) {
  EXPECT_EQ(quotientOf("%p = arith.constant 130 : index %a = arith.addi %w, %p : index %z = "
                       "arith.constant 128 : index ",
                       "%z"),
            "(w + 2) // 128 - j + 1 <= 0");
}

TEST(FormulaTest, CommonFactorsLeaveTheQuotient) {
  EXPECT_EQ(quotientOf("%p = arith.muli %w, %c6 : index %a = arith.addi %p, %c5 : index ", "%c9"),
            "(2 * w + 1) // 3 - j <= 0");
  EXPECT_EQ(quotientOf("%a = arith.muli %n, %w : index %z = arith.muli %n, %c3 : index ", "%z"),
            "w // 3 - j <= 0");
}

TEST(FormulaTest, NestedQuotientsAreOne) {
  EXPECT_EQ(
      quotientOf("%p = arith.floordivsi %w, %c4 : index %a = arith.addi %p, %c1 : index ", "%c3"),
      "(w + 4) // 12 - j <= 0");
}

TEST(FormulaTest, AQuotientOfARemainderIsARemainder) {
  EXPECT_EQ(quotientOf("%a = affine.apply affine_map<(i) -> (i mod 24)>(%w) ", "%c4"),
            "(w // 4) % 6 - j <= 0");
}

TEST(FormulaTest, ARemainderOfARemainderIsOne) {
  EXPECT_EQ(visibleOf("%a = affine.apply affine_map<(i) -> (i mod 24)>(%w) "
                      "%e = arith.addi %a, %c1 : index "
                      "%r = affine.apply affine_map<(i) -> (i mod 8)>(%e) "
                      "%y = arith.cmpi sle, %r, %j : index"),
            "(w + 1) % 8 - j <= 0");
}

TEST(FormulaTest, MultiplesOfTheDivisorLeaveTheRemainder) {
  EXPECT_EQ(visibleOf("%p = arith.muli %n, %i : index %a = arith.addi %p, %w : index "
                      "%r = affine.apply affine_map<(i)[n] -> (i mod n)>(%a)[%n] "
                      "%y = arith.cmpi sle, %r, %j : index"),
            "w % n - j <= 0");
}

TEST(FormulaTest, QuotientAndRemainderTogetherAreTheDividend) {
  for (const std::string size : {"%n", "%c7"})
    EXPECT_EQ(visibleOf("%q = arith.floordivsi %i, " + size + " : index %p = arith.muli %q, " +
                        size + " : index %r = affine.apply affine_map<(i)[n] -> (i mod n)>(%i)[" +
                        size +
                        "] %a = arith.addi %p, %r : index "
                        "%y = arith.cmpi sle, %a, %j : index"),
              "i - j <= 0");
}

TEST(FormulaTest, ADividendWithoutItsMultiplesIsARemainder) {
  for (const std::string size : {"n", "c7"})
    EXPECT_EQ(visibleOf("%q = arith.floordivsi %i, %" + size + " : index %p = arith.muli %q, %" +
                        size +
                        " : index %a = arith.subi %i, %p : index "
                        "%y = arith.cmpi sle, %a, %j : index"),
              "i % " + (size == "n" ? size : "7") + " - j <= 0");
}

TEST(FormulaTest, ShiftsAndMasksOfBitsAreQuotientsAndRemainders) {
  EXPECT_EQ(quotientOf("%z = arith.shrsi %w, %c3 : index %a = arith.addi %z, %c0 : index ", "%c1"),
            "w // 8 - j <= 0");
  EXPECT_EQ(visibleOf("%a = arith.andi %w, %c7 : index %y = arith.cmpi sle, %a, %j : index"),
            "w % 8 - j <= 0");
  EXPECT_EQ(visibleOf("%a = arith.andi %w, %c6 : index %y = arith.cmpi sle, %a, %j : index"),
            "2 * ((w // 2) % 4) - j <= 0");
  EXPECT_EQ(visibleOf("%a = arith.shli %i, %c2 : index %y = arith.cmpi sle, %a, %j : index"),
            "4 * i - j <= 0");
  EXPECT_EQ(visibleOf("%p = arith.shli %i, %c2 : index %q = arith.andi %j, %c3 : index "
                      "%a = arith.ori %p, %q : index %y = arith.cmpi sle, %a, %w : index"),
            "4 * i + j % 4 - w <= 0");
}

TEST(FormulaTest, ABoundOfAQuotientIsOneOfItsDividend) {
  EXPECT_EQ(visibleOf("%a = arith.floordivsi %i, %c8 : index %y = arith.cmpi sle, %a, %c3 : index"),
            "i - 31 <= 0");
  EXPECT_EQ(visibleOf("%d = arith.subi %i, %j : index %a = arith.floordivsi %d, %n : index "
                      "%y = arith.cmpi sge, %a, %c2 : index"),
            "j + 2 * n - i <= 0");
  EXPECT_EQ(visibleOf("%a = arith.floordivsi %i, %c8 : index %y = arith.cmpi eq, %a, %c3 : index"),
            "24 - i <= 0 and i - 31 <= 0");
}

TEST(FormulaTest, ACongruenceIsWrittenBySides) {
  std::string difference = "%d = arith.subi %i, %j : index %e = arith.addi %d, %c3 : index "
                           "%a = affine.apply affine_map<(i)[n] -> (i mod n)>(%e)[%n] ";
  Texts texts = formulasOf(difference + "%y = arith.cmpi eq, %a, %c0 : index");
  EXPECT_EQ(texts.visible, "(i + 3) % n - j % n == 0");
  EXPECT_EQ(texts.hidden, "j % n - (i + 3) % n + 1 <= 0 or (i + 3) % n - j % n + 1 <= 0");
}

TEST(FormulaTest, CeilingsAreFloors) {
  EXPECT_EQ(visibleOf("%a = arith.ceildivsi %i, %n : index %y = arith.cmpi sle, %a, %j : index"),
            "(i - 1) // n - j + 1 <= 0");
}

TEST(FormulaTest, ADivisorThatDependsOnASideIsLeftToItsNode) {
  EXPECT_EQ(visibleOf("%z = arith.addi %j, %c1 : index %a = arith.floordivsi %i, %z : index "
                      "%y = arith.cmpi sle, %a, %c4 : index"),
            "unknown");
  EXPECT_EQ(visibleOf("%a = arith.floordivsi %i, %m : index %z = attn.load %t[%j] : tensor<?xi32> "
                      "-> index %y = arith.cmpi sle, %a, %z : index"),
            "i // m - t[j] <= 0");
}

//===--- extrema, absolute values, choices ----------------------------------------------------===//

static std::string operation(const std::string &text) {
  return visibleOf(text + " %y = arith.cmpi sle, %a, %j : index");
}

TEST(FormulaTest, ExtremaThatRangesDecideAreGone) {
  EXPECT_EQ(operation("%a = arith.maxsi %i, %c0 : index"), "i - j <= 0");
  EXPECT_EQ(operation("%d = arith.subi %c0, %i : index %a = arith.minsi %d, %j : index"), "true");
}

TEST(FormulaTest, CommonTermsLeaveExtrema) {
  EXPECT_EQ(operation("%p = arith.addi %i, %w : index %q = arith.addi %i, %n : index "
                      "%a = arith.maxsi %p, %q : index"),
            "i + max(w, n) - j <= 0");
}

TEST(FormulaTest, AMaximumWithItsNegationIsAnAbsoluteValue) {
  EXPECT_EQ(operation("%p = arith.subi %i, %w : index %q = arith.subi %w, %i : index "
                      "%a = arith.maxsi %p, %q : index"),
            "abs(i - w) - j <= 0");
  EXPECT_EQ(operation("%p = arith.subi %w, %i : index %q = arith.muli %p, %c2 : index "
                      "%a = math.absi %q : index"),
            "2 * abs(i - w) - j <= 0");
}

TEST(FormulaTest, AChoiceOfTheGreaterIsAMaximum) {
  EXPECT_EQ(operation("%p = arith.cmpi slt, %i, %w : index "
                      "%a = arith.select %p, %w, %i : index"),
            "max(i, w) - j <= 0");
  EXPECT_EQ(operation("%p = arith.cmpi slt, %i, %w : index "
                      "%a = arith.select %p, %i, %n : index"),
            "(i - w + 1 <= 0 ? i : n) - j <= 0");
}

//===--- tables and elements ------------------------------------------------------------------===//

TEST(FormulaTest, EntriesAtOneSideAreAtoms) {
  EXPECT_EQ(operation("%p = attn.load %t[%i] : tensor<?xi32> -> index "
                      "%a = attn.load %t[%p] : tensor<?xi32> -> index"),
            "t[t[i]] - j <= 0");
  EXPECT_EQ(operation("%a = attn.load %g[%h, %i] : tensor<?x?xi32> -> index"), "g[h, i] - j <= 0");
}

TEST(FormulaTest, EntriesAtBothSidesAreUnknown) {
  EXPECT_EQ(operation("%p = arith.subi %i, %j : index "
                      "%a = attn.load %t[%p] : tensor<?xi32> -> index"),
            "unknown");
  EXPECT_EQ(operation("%a = attn.load %g[%i, %j] : tensor<?x?xi32> -> index"), "unknown");
}

TEST(FormulaTest, TruthsOfTables) {
  Texts texts = formulasOf("%y = attn.load %f[%j] : tensor<?xi1>");
  EXPECT_EQ(texts.visible, "1 - f[j] <= 0");
  EXPECT_EQ(texts.hidden, "f[j] <= 0");
}

TEST(FormulaTest, WhatIsUnknownLeavesTheRest) {
  Texts texts = formulasOf("%p = attn.load %g[%i, %j] : tensor<?x?xi32> -> index "
                           "%q = arith.cmpi eq, %p, %c1 : index "
                           "%r = arith.cmpi sle, %j, %i : index %y = arith.andi %q, %r : i1");
  EXPECT_EQ(texts.visible, "j - i <= 0 and unknown");
  EXPECT_EQ(texts.hidden, "i - j + 1 <= 0 or unknown");
}
