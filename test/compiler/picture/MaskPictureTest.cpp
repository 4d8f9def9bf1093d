// SPDX-License-Identifier: Apache-2.0
// Do the drawings of a mask show its tiles and pairs, at every size?
#include "compiler/picture/MaskPicture.h"
#include "test/compiler/mask/MaskProgram.h"
#include "gtest/gtest.h"

using namespace attune;
using namespace attune::mask::test;

namespace {

/// A mask with the schedule of its tiles, and one problem of it.
class Drawn {
public:
  Drawn(const MaskText &text, int64_t queries, int64_t keys, mask::TileShape rows = {16, {}},
        mask::TileShape columns = {8, {}})
      : program(text), problem(program, queries, keys),
        formulas(program.expressions(), rows.box.empty() ? mask::TokenGrid() : program.grid("q"),
                 columns.box.empty() ? mask::TokenGrid() : program.grid("k")),
        formula(formulas.build(program.domain())) {
    mask::ScheduleOptions options;
    options.rows = rows;
    options.columns = columns;
    schedule = mask::buildSchedule(formulas, formula, options);
    sizes.rowTokens = queries;
    sizes.columnTokens = keys;
  }

  MaskScene scene() const { return {"a < b & c", formula, schedule, sizes, problem}; }

  MaskProgram program;
  Problem problem;
  mask::FormulaBuilder formulas;
  mask::MaskFormula formula;
  mask::Schedule schedule;
  mask::RowTile::Sizes sizes;
};

const MaskText causal = {"", "%y = arith.cmpi sle, %j, %i : index  yield %y : i1"};

size_t count(const std::string &text, const std::string &part) {
  size_t found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size())
    ++found;
  return found;
}

/// How many rectangles are filled with a colour, those of the legend included.
size_t countFilled(const std::string &svg, const std::string &colour) {
  size_t found = 0;
  std::string fill = "fill=\"" + colour + "\"";
  for (size_t at = 0; (at = svg.find(fill, at)) != std::string::npos; at += fill.size()) {
    size_t start = svg.rfind('<', at);
    std::string element = svg.substr(start, svg.find('>', at) - start);
    found += element.starts_with("<path") ? count(element, "M") : 1;
  }
  return found;
}

} // namespace

TEST(MaskPicture, TextShowsTheClassOfEachTile) {
  EXPECT_EQ(drawText(Drawn(causal, 48, 48).scene()), "++....\n"
                                                     "##++..\n"
                                                     "####++\n");
}

TEST(MaskPicture, TextOfManyTilesKeepsToItsWidth) {
  // 16 x 32 tiles in 8 columns and 4 rows of 4 tiles by 4 each.
  EXPECT_EQ(drawText(Drawn(causal, 256, 256).scene(), 8), "++......\n"
                                                          "##++....\n"
                                                          "####++..\n"
                                                          "######++\n");
}

TEST(MaskPicture, EmptyProblemsAreSaidToBeEmpty) {
  EXPECT_EQ(drawText(Drawn(causal, 0, 10).scene()), "(no pairs)\n");
  EXPECT_EQ(drawText(Drawn(causal, 10, 0).scene()), "(no pairs)\n");
  EXPECT_NE(drawSvg(Drawn(causal, 0, 0).scene()).find("</svg>"), std::string::npos);
}

TEST(MaskPicture, SvgHasARectangleATileAndShadesPairs) {
  std::string svg = drawSvg(Drawn(causal, 48, 48).scene());
  // 6 partial, 6 full and 6 empty tiles, and one of each in the legend.
  EXPECT_EQ(countFilled(svg, "#f6d28b"), 7u);
  EXPECT_EQ(countFilled(svg, "#a9d5a0"), 7u);
  EXPECT_EQ(countFilled(svg, "#f4f4f2"), 7u);
  // One run of visible pairs a query, and the legend's.
  EXPECT_EQ(countFilled(svg, "#1f3a5f"), 49u);
  EXPECT_NE(svg.find("a &lt; b &amp; c"), std::string::npos);
  EXPECT_NE(svg.find("queries 0 .. 47"), std::string::npos);
}

TEST(MaskPicture, MasksWithTablesAreDrawnFromTheirNumbers) {
  Drawn drawn({"%doc: tensor<?xi32> {attn.sorted}",
               "%x0 = load %doc[%i] : tensor<?xi32>  %x1 = load %doc[%j] : tensor<?xi32>\n"
               "%y = arith.cmpi eq, %x0, %x1 : i32  yield %y : i1"},
              32, 32);
  std::vector<int64_t> documents(32, 0);
  std::fill(documents.begin() + 16, documents.begin() + 28, 1);
  std::fill(documents.begin() + 28, documents.end(), 2);
  drawn.problem.set("doc", documents);
  EXPECT_EQ(drawText(drawn.scene()), "##..\n"
                                     "..++\n");
  // 32 queries see one run each, and the legend.
  EXPECT_EQ(countFilled(drawSvg(drawn.scene()), "#1f3a5f"), 33u);
}

TEST(MaskPicture, BoxesAreDrawnInTheOrderOfTokens) {
  // A token sees its own row of a grid of 4 x 8; tiles are boxes of 2 x 4, so that a box of queries
  // sees half of the keys of each box beside it.
  Drawn drawn({"%H: index, %W: index",
               "%iy, %ix = affine.delinearize_index %i into (%H, %W) : index, index\n"
               "%jy, %jx = affine.delinearize_index %j into (%H, %W) : index, index\n"
               "%y = arith.cmpi eq, %iy, %jy : index  yield %y : i1",
               "axis q grid (%H, %W)\n axis k grid (%H, %W)"},
              32, 32, {8, {2, 4}}, {8, {2, 4}});
  drawn.problem.set("H", 4);
  drawn.problem.set("W", 8);
  drawn.sizes.rowGrid = drawn.sizes.columnGrid = {4, 8};
  EXPECT_EQ(drawText(drawn.scene()), "++..\n"
                                     "++..\n"
                                     "..++\n"
                                     "..++\n");
  // In token order the upper half of the grid is the first half of the tokens: two runs a query.
  std::string svg = drawSvg(drawn.scene());
  EXPECT_EQ(countFilled(svg, "#f6d28b"), 33u);
  EXPECT_EQ(countFilled(svg, "#f4f4f2"), 33u);
  EXPECT_EQ(countFilled(svg, "#1f3a5f"), 33u);
}

TEST(MaskPicture, UnknownNumbersAreDrawnAsPartialTilesWithoutPairs) {
  struct Nothing final : mask::Environment {
    std::optional<int64_t> uniform(const Node *) const override { return std::nullopt; }
    std::optional<int64_t> at(const Node *, mask::Side, int64_t) const override {
      return std::nullopt;
    }
    std::optional<int64_t> entry(const Node *, int64_t) const override { return std::nullopt; }
    std::optional<int64_t> entries(const Node *) const override { return std::nullopt; }
  } nothing;
  Drawn drawn({"%w: index", "%e = arith.addi %i, %w : index\n"
                            "%y = arith.cmpi sle, %j, %e : index  yield %y : i1"},
              32, 16);
  MaskScene scene{"", drawn.formula, drawn.schedule, drawn.sizes, nothing};
  EXPECT_EQ(drawText(scene), "++\n++\n");
  EXPECT_EQ(count(drawSvg(scene), "#1f3a5f"), 1u);
}

TEST(MaskPicture, LongAxesGiveASmallDrawing) {
  EXPECT_LT(drawSvg(Drawn(causal, 20000, 20000).scene()).size(), size_t(8) << 20);
}
