// SPDX-License-Identifier: Apache-2.0
// Are the classes right where tiles are boxes of a grid?
#include "test/compiler/mask/MaskCase.h"
#include "test/compiler/mask/MaskSuite.h"
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::mask;
using namespace attune::mask::test;

namespace {

using Sizes = llvm::SmallVector<int64_t, 3>;

struct Canvas {
  Sizes grid, queryBox, keyBox;
};

int64_t product(const Sizes &sizes) {
  int64_t all = 1;
  for (int64_t size : sizes)
    all *= size;
  return all;
}

/// A mask on a canvas whose sizes are scalars g0, g1, ..., both sides or the keys alone in boxes.
class BoxedMask {
public:
  BoxedMask(const Mask &mask, const Canvas &canvas, bool isQueryBoxed)
      : mask(mask), canvas(canvas), program(textOf(mask, canvas)),
        formulas(program.expressions(), isQueryBoxed ? program.grid("q") : TokenGrid(),
                 program.grid("k")),
        formula(formulas.build(program.domain())), isQueryBoxed(isQueryBoxed) {}

  static MaskText textOf(const Mask &mask, const Canvas &canvas) {
    MaskText text = toText(mask);
    std::string names;
    for (size_t dim = 0; dim < canvas.grid.size(); ++dim) {
      std::string name = "%" + operandName("g" + std::to_string(dim));
      names += (dim ? ", " : "") + name;
      if (text.operands.find(name + ":") == std::string::npos)
        text.operands += (text.operands.empty() ? "" : ", ") + name + ": index";
    }
    text.prologue = "axis q grid (" + names + ")\naxis k grid (" + names + ")";
    return text;
  }

  void check(const std::string &name, Direction direction, Level level, int64_t &extra) {
    SCOPED_TRACE(name + ", level " + std::to_string(int(level)));
    ASSERT_TRUE(bool(program));
    MaskNumbers numbers{product(canvas.grid), product(canvas.grid), {}, {}};
    for (size_t dim = 0; dim < canvas.grid.size(); ++dim)
      numbers.scalars["g" + std::to_string(dim)] = canvas.grid[dim];
    Problem problem(program, numbers.queries, numbers.keys);
    for (const auto &[scalar, value] : numbers.scalars)
      problem.set(operandName(scalar), value);
    VisiblePairs visible(mask, numbers);

    TileShape queries{product(canvas.queryBox), isQueryBoxed ? canvas.queryBox : Sizes()};
    TileShape keys{product(canvas.keyBox), canvas.keyBox};
    bool isForward = direction == Direction::Forward;
    ScheduleOptions options{direction, isForward ? queries : keys, isForward ? keys : queries,
                            level};
    Schedule schedule = buildSchedule(formulas, formula, options);
    RowTile::Sizes sizes = sizesOf(direction, numbers);
    if (isForward || isQueryBoxed)
      sizes.columnGrid = canvas.grid;
    if (!isForward || isQueryBoxed)
      sizes.rowGrid = canvas.grid;
    Verification found = verifySchedule(schedule, sizes, problem, visible.bits());
    EXPECT_EQ(firstContradiction(found, schedule), "none");
    extra += found.partialTiles - found.bestPartialTiles;
  }

private:
  Mask mask;
  Canvas canvas;
  MaskProgram program;
  FormulaBuilder formulas;
  MaskFormula formula;
  bool isQueryBoxed;
};

std::vector<std::pair<std::string, Mask>> canvasMasks() {
  Mask columns = scalar("g1"), i = query(), j = key(), rows = scalar("g0");
  Mask y = i / columns, x = i % columns, v = j / columns, u = j % columns;
  auto near = [](Mask a, Mask b, Mask size, int64_t window) {
    Mask start = max(min(a - window / 2, size - window), 0);
    return (b >= start) & (b < start + window);
  };
  return {{"window", (magnitude(y - v) <= 3) & (magnitude(x - u) <= 4)},
          {"neighborhood", near(y, v, rows, 7) & near(x, u, columns, 5)},
          {"causal rows", (v <= y) & (magnitude(x - u) <= 2)},
          {"axial", (y == v) | (x == u)},
          {"raster", j <= i},
          {"corner or window", ((v < 2) & (u < 3)) | ((magnitude(y - v) <= 2) & (x >= u))},
          {"dilated", (y % 2 == v % 2) & (magnitude(y - v) <= 6) & (x == u)},
          {"nothing", (v > y) & (y > v)}};
}

} // namespace

TEST(ScheduleBox, BoxesOfCanvasesAreClassifiedRight) {
  int64_t extra = 0, extraOfHull = 0;
  for (const Canvas &canvas : {Canvas{{16, 24}, {4, 8}, {4, 4}}, Canvas{{13, 17}, {8, 4}, {2, 8}},
                               Canvas{{9, 40}, {2, 16}, {4, 8}}})
    for (const auto &[name, mask] : canvasMasks())
      for (bool isQueryBoxed : {true, false})
        for (Direction direction : {Direction::Forward, Direction::Transposed}) {
          BoxedMask boxed(mask, canvas, isQueryBoxed);
          boxed.check(name, direction, Level::Ranges, extraOfHull);
          boxed.check(name, direction, Level::Pieces, isQueryBoxed ? extra : extraOfHull);
        }
  EXPECT_EQ(extra, 0);
}

TEST(ScheduleBox, BoxesOfVolumesAreClassifiedRight) {
  Mask i = query(), j = key(), h = scalar("g1"), w = scalar("g2");
  Mask z = i / (h * w), y = i / w % h, x = i % w, c = j / (h * w), v = j / w % h, u = j % w;
  Mask window = (c <= z) & (z - c <= 2) & (magnitude(y - v) <= 2) & (magnitude(x - u) <= 3);
  int64_t extra = 0;
  for (const Canvas &canvas :
       {Canvas{{4, 8, 12}, {2, 4, 4}, {2, 2, 4}}, Canvas{{3, 7, 11}, {2, 2, 8}, {1, 4, 4}}})
    for (Direction direction : {Direction::Forward, Direction::Transposed})
      for (Level level : {Level::Ranges, Level::Test})
        BoxedMask(window, canvas, true).check("window of a volume", direction, level, extra);
  EXPECT_EQ(extra, 0);
}
