// SPDX-License-Identifier: Apache-2.0
// What becomes of masks on grids, in coordinates and in flat tokens, and of declared facts?
#include "test/compiler/mask/MaskProgram.h"
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::mask;
using attune::mask::test::MaskProgram;
using attune::mask::test::MaskText;

static const char *const operands = "%T: index, %H: index, %W: index, %n: index";
/// What the `count` numbers are that `lines` define from i, %a0, %a1, .., where queries are on a grid.
static std::vector<std::string> coordinatesOf(const std::string &lines, const std::string &sizes,
                                              unsigned count, bool onGrid) {
  std::vector<std::string> texts;
  for (unsigned dim = 0; dim < count; ++dim) {
    MaskText text{operands, lines + "\n%y = arith.cmpi sle, %a" + std::to_string(dim) +
                                ", %n : index\nyield %y : i1"};
    text.prologue = "%c4 = arith.constant 4 : index %c6 = arith.constant 6 : index "
                    "%c8 = arith.constant 8 : index\naxis q grid (" +
                    sizes + ")";
    MaskProgram program(text);
    FormulaBuilder formulas(program.expressions(), onGrid ? program.grid("q") : TokenGrid());
    std::string found = toString(formulas.build(program.domain()).visible);
    texts.push_back(found.substr(0, found.find(" - n <= 0")));
  }
  return texts;
}

using Texts = std::vector<std::string>;

static const std::string split2 = "%a0, %a1 = affine.delinearize_index %i into (%H, %W) : index, "
                                  "index";
static const std::string split3 = "%a0, %a1, %a2 = affine.delinearize_index %i into (%T, %H, %W) "
                                  ": index, index, index";
static const std::string divide2 = "%a0 = arith.floordivsi %i, %W : index "
                                   "%a1 = affine.apply affine_map<(i)[w] -> (i mod w)>(%i)[%W]";
static const std::string divide3 =
    "%s = arith.muli %H, %W : index %a0 = arith.floordivsi %i, %s : index "
    "%r = arith.floordivsi %i, %W : index "
    "%a1 = affine.apply affine_map<(i)[h] -> (i mod h)>(%r)[%H] "
    "%a2 = affine.apply affine_map<(i)[w] -> (i mod w)>(%i)[%W]";

TEST(FormulaGridTest, CoordinatesOfTwoDimensions) {
  for (const std::string &lines : {split2, divide2})
    EXPECT_EQ(coordinatesOf(lines, "%H, %W", 2, true), (Texts{"i.0", "i.1"}));
}

TEST(FormulaGridTest, CoordinatesOfThreeDimensions) {
  for (const std::string &lines : {split3, divide3})
    EXPECT_EQ(coordinatesOf(lines, "%T, %H, %W", 3, true), (Texts{"i.0", "i.1", "i.2"}));
}

TEST(FormulaGridTest, CoordinatesOfConstantSizes) {
  std::string split = "%a0, %a1, %a2 = affine.delinearize_index %i into (4, 6, 8) : index, index, "
                      "index";
  std::string divide = "%a0 = affine.apply affine_map<(i) -> (i floordiv 48)>(%i) "
                       "%a1 = affine.apply affine_map<(i) -> ((i floordiv 8) mod 6)>(%i) "
                       "%a2 = affine.apply affine_map<(i) -> (i mod 8)>(%i)";
  for (const std::string &lines : {split, divide})
    EXPECT_EQ(coordinatesOf(lines, "%c4, %c6, %c8", 3, true), (Texts{"i.0", "i.1", "i.2"}));
}

TEST(FormulaGridTest, ARemainderOfAPlaneIsTheRest) {
  std::string rest = "%s = arith.muli %W, %H : index "
                     "%a0 = affine.apply affine_map<(i)[n] -> (i mod n)>(%i)[%s]";
  EXPECT_EQ(coordinatesOf(rest, "%T, %H, %W", 1, true), (Texts{"i.2 + W * i.1"}));
}

TEST(FormulaGridTest, CoordinatesJoinedAgainAreTheToken) {
  std::string join = split2 + " %a2 = affine.linearize_index [%a0, %a1] by (%H, %W) : index";
  EXPECT_EQ(coordinatesOf(join, "%H, %W", 3, false)[2], "i");
}

TEST(FormulaGridTest, FlatTokensHaveQuotientsAndRemainders) {
  EXPECT_EQ(coordinatesOf(split3, "%T, %H, %W", 3, false),
            (Texts{"i // (W * H)", "(i // W) % H", "i % W"}));
  EXPECT_EQ(coordinatesOf(divide3, "%T, %H, %W", 3, false),
            (Texts{"i // (H * W)", "(i // W) % H", "i % W"}));
}

TEST(FormulaGridTest, TokensAndLengths) {
  MaskText text{operands, "%y = arith.cmpi sle, %i, %j : index yield %y : i1"};
  text.prologue = "axis q grid (%H, %W)\naxis k like q";
  MaskProgram program(text);
  FormulaBuilder flat(program.expressions());
  EXPECT_EQ(toString(flat.token(Side::Query)), "i");
  EXPECT_EQ(flat.length(Side::Query), flat.length(Side::Key));
  FormulaBuilder boxes(program.expressions(), program.grid("q"));
  EXPECT_EQ(toString(boxes.token(Side::Query)), "i.1 + W * i.0");
  EXPECT_EQ(toString(boxes.token(Side::Key)), "j");
  EXPECT_EQ(toString(*boxes.length(Side::Query)), "H * W");
}

//===--- facts --------------------------------------------------------------------------------===//

/// The one atom on the key side of `atom` <= %i.
static const Atom *keyAtom(FormulaBuilder &formulas, const MaskProgram &program) {
  Formula visible = formulas.build(program.domain()).visible;
  for (auto &term : visible.literal.terms)
    if (term.first->onKey)
      return term.first;
  return nullptr;
}

TEST(FormulaGridTest, DeclaredFactsOfATable) {
  MaskText text{"%t: tensor<?xi64> {attn.sorted, attn.range = [2, 9]}",
                "%a = attn.load %t[%j] : tensor<?xi64> -> index "
                "%y = arith.cmpi sle, %a, %i : index yield %y : i1"};
  MaskProgram program(text);
  FormulaBuilder formulas(program.expressions());
  const Atom *atom = keyAtom(formulas, program);
  ASSERT_TRUE(atom);
  EXPECT_EQ(atom->kind, AtomKind::OneSided);
  EXPECT_TRUE(atom->isSorted);
  // What is read beyond its end is 0.
  EXPECT_EQ(atom->low, 0);
  EXPECT_EQ(atom->high, 9);
  ASSERT_EQ(atom->operands.size(), 1u);
  EXPECT_EQ(toString(atom->operands[0]), "j");
}

TEST(FormulaGridTest, NumbersOf64BitsWithoutARangeAreUnknown) {
  MaskProgram program({"%t: tensor<?xi64>", "%a = attn.load %t[%j] : tensor<?xi64> -> index "
                                            "%y = arith.cmpi sle, %a, %i : index yield %y : i1"});
  FormulaBuilder formulas(program.expressions());
  EXPECT_EQ(formulas.build(program.domain()).visible.kind, FormulaKind::Unknown);
}

TEST(FormulaGridTest, DeclaredFactsOfElements) {
  MaskText text{"%es: !attn.cols<i32> {attn.sorted, attn.range = [2, 9]}",
                "%a = arith.index_cast %e : i32 to index "
                "%y = arith.cmpi sle, %a, %i : index yield %y : i1"};
  text.bindings = ", %e = %es";
  text.bindingTypes = ", !attn.cols<i32>";
  MaskProgram program(text);
  FormulaBuilder formulas(program.expressions());
  const Atom *atom = keyAtom(formulas, program);
  ASSERT_TRUE(atom);
  EXPECT_TRUE(atom->isSorted && atom->readsMemory);
  EXPECT_EQ(atom->low, 2);
  EXPECT_EQ(atom->high, 9);
}

TEST(FormulaGridTest, AssumptionsKeepSumsFromWrapping) {
  MaskText text{"%w: i32", "%d = arith.index_cast %i : index to i32 "
                           "%s = arith.addi %d, %w : i32 %z = arith.index_cast %j : index to i32 "
                           "%y = arith.cmpi sle, %z, %s : i32 yield %y : i1"};
  MaskProgram wild(text);
  FormulaBuilder mayWrap(wild.expressions());
  // What may wrap is a number of its side, evaluated as written.
  EXPECT_EQ(toString(mayWrap.build(wild.domain()).visible), "j - (i + w) <= 0");
  text.prologue = "%c0 = arith.constant 0 : i32 %low = arith.constant -100 : i32 "
                  "%p = arith.cmpi sle, %w, %c0 : i32 %q = arith.cmpi sge, %w, %low : i32 "
                  "%b0 = arith.andi %p, %q : i1 assume %b0";
  MaskProgram tame(text);
  FormulaBuilder formulas(tame.expressions());
  EXPECT_EQ(toString(formulas.build(tame.domain()).visible), "j - i - w <= 0");
}
