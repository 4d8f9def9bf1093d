// SPDX-License-Identifier: Apache-2.0
// Do the drawings of a mask show its tiles and pairs, at every size?
#include "compiler/picture/MaskPicture.h"
#include "test/compiler/analysis/MaskProgram.h"
#include "gtest/gtest.h"

using namespace attune;

namespace {

/// A scene of a mask; the program must outlive it.
MaskScene sceneOf(MaskProgram &program, MaskFormulas &formulas, const Node *mask, int64_t queries,
                  int64_t keys) {
  MaskScene scene;
  scene.title = "a < b & c";
  scene.mask = formulas.build({mask});
  scene.queries = queries;
  scene.keys = keys;
  scene.tileQueries = 16;
  scene.tileKeys = 8;
  scene.uniform = [&program](const Node *node) { return program.uniform(node); };
  return scene;
}

MaskScene causal(MaskProgram &program, MaskFormulas &formulas, int64_t queries, int64_t keys) {
  return sceneOf(program, formulas, program.atMost(program.j(), program.i()), queries, keys);
}

size_t count(const std::string &text, const std::string &part) {
  size_t found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size())
    ++found;
  return found;
}

} // namespace

TEST(MaskPicture, TextShowsTheClassOfEachTile) {
  MaskProgram program;
  MaskFormulas formulas;
  EXPECT_EQ(drawText(causal(program, formulas, 48, 48)), "++....\n"
                                                         "##++..\n"
                                                         "####++\n");
}

TEST(MaskPicture, TextOfManyTilesKeepsToItsWidth) {
  MaskProgram program;
  MaskFormulas formulas;
  // 16 x 32 tiles in 8 columns and 4 rows of 4 tiles by 4 each.
  EXPECT_EQ(drawText(causal(program, formulas, 256, 256), 8), "++......\n"
                                                              "##++....\n"
                                                              "####++..\n"
                                                              "######++\n");
}

TEST(MaskPicture, EmptyProblemsAreSaidToBeEmpty) {
  MaskProgram program;
  MaskFormulas formulas;
  EXPECT_EQ(drawText(causal(program, formulas, 0, 10)), "(no pairs)\n");
  EXPECT_EQ(drawText(causal(program, formulas, 10, 0)), "(no pairs)\n");
  EXPECT_NE(drawSvg(causal(program, formulas, 0, 0)).find("</svg>"), std::string::npos);
}

TEST(MaskPicture, SvgHasARectangleATileAndShadesPairs) {
  MaskProgram program;
  MaskFormulas formulas;
  std::string svg = drawSvg(causal(program, formulas, 48, 48));
  EXPECT_EQ(count(svg, "stroke-width"), 18u);
  // 6 partial, 6 full and 6 empty tiles, and one of each in the legend.
  EXPECT_EQ(count(svg, "#f6d28b"), 7u);
  EXPECT_EQ(count(svg, "#a9d5a0"), 7u);
  EXPECT_EQ(count(svg, "#f4f4f2"), 7u);
  // One run of visible pairs a query, and the legend's.
  EXPECT_EQ(count(svg, "#1f3a5f"), 49u);
  EXPECT_NE(svg.find("a &lt; b &amp; c"), std::string::npos);
  EXPECT_NE(svg.find("queries 0 .. 47"), std::string::npos);
}

TEST(MaskPicture, UnknownNumbersAreDrawnAsPartialTilesWithoutPairs) {
  MaskProgram program;
  MaskFormulas formulas;
  MaskScene scene =
      sceneOf(program, formulas,
              program.atMost(program.j(), program.add(program.i(), program.scalar(3))), 32, 16);
  scene.uniform = [](const Node *) { return std::optional<int64_t>(); };
  EXPECT_EQ(drawText(scene), "++\n++\n");
  EXPECT_EQ(count(drawSvg(scene), "#1f3a5f"), 1u);
}

TEST(MaskPicture, LongAxesGiveASmallDrawing) {
  MaskProgram program;
  MaskFormulas formulas;
  EXPECT_LT(drawSvg(causal(program, formulas, 20000, 20000)).size(), size_t(8) << 20);
}
