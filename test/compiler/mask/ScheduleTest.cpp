// SPDX-License-Identifier: Apache-2.0
// What is a schedule made of, what does it cost, and what stays the same when a mask is written
// otherwise?
#include "compiler/mask/Arithmetic.h"
#include "test/compiler/mask/MaskCase.h"
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::mask;
using namespace attune::mask::test;

namespace {

const Mask i = query(), j = key();

Mask window() { return (j <= i) & (i - j <= scalar("w")); }

/// Operations by kind that `roots` take.
std::map<Opcode, int> operations(const Program &program, llvm::ArrayRef<Value> roots) {
  std::map<Opcode, int> count;
  for (int id : program.needed(roots))
    if (!isLeafOrConstant(program[Value{id}].opcode))
      ++count[program[Value{id}].opcode];
  return count;
}

std::vector<TileClass> classes(const Mask &mask, const MaskNumbers &numbers, Direction direction,
                               int64_t queryTile, int64_t keyTile, Level level = Level::Pieces) {
  ParsedMask parsed(mask);
  Schedule schedule = parsed.schedule(direction, queryTile, keyTile, level);
  Problem problem = parsed.problem(numbers);
  RowTile::Sizes sizes = sizesOf(direction, numbers);
  std::vector<TileClass> found;
  int64_t rows = countTiles(schedule.rows, sizes.rowTokens, {});
  int64_t columns = countTiles(schedule.columns, sizes.columnTokens, {});
  for (int64_t row = 0; row < rows; ++row) {
    RowTile tile(schedule, sizes, problem, row);
    for (int64_t column = 0; column < columns; ++column)
      found.push_back(tile.classify(column));
  }
  return found;
}

MaskNumbers documents(int64_t tokens) {
  MaskNumbers numbers{tokens, tokens, {{"w", 90}}, {}};
  for (int64_t token = 0; token < tokens; ++token) {
    numbers.tables["d"].push_back(token / 77);
    numbers.tables["start"].push_back(token / 77 * 77);
  }
  return numbers;
}

} // namespace

TEST(Schedule, CausalTakesTwoSubtractionsAndTwoCompares) {
  Schedule schedule = ParsedMask(j <= i).schedule(Direction::Forward, 128, 128, Level::Test);
  auto found = operations(schedule.program, {schedule.mayVisible, schedule.mayHidden});
  EXPECT_EQ(found, (std::map<Opcode, int>{{Opcode::Subtract, 2}, {Opcode::LessEqual, 2}}));
}

TEST(Schedule, WindowTakesTwoSubtractionsAndFourCompares) {
  Schedule schedule = ParsedMask(window()).schedule(Direction::Forward, 128, 128, Level::Test);
  auto found = operations(schedule.program, {schedule.mayVisible, schedule.mayHidden});
  EXPECT_EQ(found[Opcode::Subtract], 2);
  EXPECT_EQ(found[Opcode::LessEqual], 4);
  // The width by itself, once a launch.
  EXPECT_EQ(found[Opcode::Add], 1);
  Schedule twoSided = ParsedMask(magnitude(i - j) <= scalar("w"))
                          .schedule(Direction::Forward, 128, 128, Level::Test);
  EXPECT_EQ(
      operations(twoSided.program, {twoSided.mayVisible, twoSided.mayHidden})[Opcode::Maximum], 0);
}

TEST(Schedule, CostsStayNearThoseOfThePrototype) {
  Mask same = entry("d", i) == entry("d", j);
  struct Budget {
    Mask mask;
    int64_t pair;
  };
  // One and a half times the operations of a pair in the prototype.
  for (const auto &[mask, pair] :
       {Budget{j <= i, 7}, Budget{window(), 16}, Budget{(j < 300) | (j <= i), 21},
        Budget{(i / 64 == j / 64) & (j <= i), 25}, Budget{same & (j <= i), 28}}) {
    Schedule schedule = ParsedMask(mask).schedule(Direction::Forward, 128, 128, Level::Test);
    EXPECT_LE(schedule.program.cost({schedule.mayVisible, schedule.mayHidden}), pair);
  }
  EXPECT_LE(ParsedMask(window()).schedule(Direction::Forward, 128, 128).costs().rowTile, 20);
}

TEST(Schedule, RangesAreEnoughForWindowsAndSortedDocuments) {
  Mask same = entry("d", i, true) == entry("d", j, true);
  for (const Mask &mask : {Mask(j <= i), window(), same & (j <= i), (i / 64 == j / 64) & (j <= i)})
    for (Direction direction : {Direction::Forward, Direction::Transposed}) {
      Schedule schedule = ParsedMask(mask).schedule(direction, 128, 128);
      EXPECT_EQ(schedule.level, Level::Ranges) << schedule.reason;
      EXPECT_TRUE(schedule.summaries.empty());
      EXPECT_TRUE(schedule.folds.empty());
    }
}

TEST(Schedule, RangesThatShareAnEndAreOne) {
  for (const Mask &mask : {Mask((j < scalar("n")) | (j <= i)), Mask((j >= scalar("n")) | (j >= i)),
                           Mask((j >= i) & ((j < i + scalar("n")) | (j < 2 * i)))})
    for (Direction direction : {Direction::Forward, Direction::Transposed})
      for (int64_t n : {-200, 0, 1, 64, 130, 400}) {
        ParsedMask parsed(mask);
        Schedule schedule = parsed.schedule(direction, 64, 64, Level::Ranges);
        if (direction == Direction::Forward) {
          EXPECT_EQ(schedule.visible.size(), 1u);
          EXPECT_FALSE(schedule.seek);
        }
        MaskNumbers numbers{333, 300, {{"n", n}}, {}};
        Verification found =
            verify(schedule, numbers, parsed.problem(numbers), VisiblePairs(mask, numbers));
        EXPECT_EQ(firstContradiction(found, schedule), "none");
        EXPECT_EQ(found.tight, found.tiles) << "n = " << n;
      }
}

TEST(Schedule, NothingIsClaimedOfSortedTablesThatEndEarly) {
  Mask mask = (entry("d", i, true) == entry("d", j, true)) & (j <= i);
  MaskNumbers numbers = documents(300);
  for (int64_t length : {0, 1, 130, 299, 300}) {
    numbers.tables["d"].resize(300, 3);
    numbers.tables["d"].resize(size_t(length));
    for (Level level : {Level::Ranges, Level::Test, Level::Pieces}) {
      ParsedMask parsed(mask);
      Schedule schedule = parsed.schedule(Direction::Forward, 64, 32, level);
      Verification found =
          verify(schedule, numbers, parsed.problem(numbers), VisiblePairs(mask, numbers));
      EXPECT_EQ(firstContradiction(found, schedule), "none") << length;
      EXPECT_TRUE(length < 300 || found.tight == found.tiles);
    }
  }
}

TEST(Schedule, UnsortedDocumentsAreSummarisedOnlyWhereThatIsAllowed) {
  Mask same = entry("d", i) == entry("d", j);
  EXPECT_FALSE(ParsedMask(same).schedule(Direction::Forward, 128, 128).summaries.empty());
  ParsedMask parsed(same);
  EXPECT_TRUE(parsed.schedule(Direction::Forward, 128, 128, std::nullopt, false).summaries.empty());
}

TEST(Schedule, LengthsDoNotMakeItDependOnTheSequence) {
  Schedule causal = ParsedMask(j <= i).schedule(Direction::Forward, 128, 128);
  EXPECT_FALSE(causal.onBatch);
  EXPECT_FALSE(causal.onHead);
  Mask same = entry("d", i) == entry("d", j);
  Schedule documents = ParsedMask(same).schedule(Direction::Forward, 128, 128);
  EXPECT_FALSE(documents.summaries.empty());
  for (const TileFold &summary : documents.summaries)
    EXPECT_FALSE(summary.onBatch);
}

TEST(Schedule, WhatIsVisibleEverywhereHasNoTest) {
  Schedule schedule = ParsedMask(j >= 0).schedule(Direction::Forward, 128, 128);
  EXPECT_EQ(schedule.level, Level::All);
  EXPECT_FALSE(schedule.mayVisible);
}

TEST(Schedule, UnknownNumbersLeaveTilesPartial) {
  class Nothing final : public Environment {
    std::optional<int64_t> uniform(const Node *) const override { return std::nullopt; }
    std::optional<int64_t> at(const Node *, Side, int64_t) const override { return std::nullopt; }
    std::optional<int64_t> entry(const Node *, int64_t) const override { return std::nullopt; }
    std::optional<int64_t> entries(const Node *) const override { return std::nullopt; }
  };
  ParsedMask parsed(window());
  Schedule schedule = parsed.schedule(Direction::Forward, 64, 64);
  Nothing nothing;
  RowTile tile(schedule, {256, 256, {}, {}}, nothing, 1);
  EXPECT_EQ(tile.first(), 0);
  EXPECT_EQ(tile.end(), 4);
  for (int64_t column = 0; column < 4; ++column)
    EXPECT_EQ(tile.classify(column), TileClass::Partial);
  EXPECT_FALSE(
      predictWork(schedule, parsed.formula, {256, 256, {}, {}}, nothing).visiblePairs.has_value());
}

TEST(Schedule, ValuesBeyondTheNeutralElementAreNoLessSound) {
  // Products reach 2^62, twice what folds over nothing yield; some tiles have no token that is asked.
  constexpr int64_t most = (int64_t(1) << 31) - 1;
  MaskNumbers numbers{200, 230, {}, {}};
  for (int64_t token = 0; token < 230; ++token) {
    numbers.tables["a"].push_back(token < 64 ? most : token % 3 ? -most : token - 100);
    numbers.tables["c"].push_back(token < 64 || token % 5 ? most : 1);
    numbers.tables["f"].push_back(token / 32 != 3 && token % 7 != 0);
    numbers.tables["g"].push_back(token / 32 != 2 && token % 4 != 1);
    numbers.tables["b"].push_back(token % 2 ? -most : most - token);
  }
  auto wide = [](Mask x) { return max(entry("a", x), -most) * max(entry("c", x), -most); };
  Mask guards = flag("f", i) & flag("g", j);
  for (const Mask &mask : {guards & (wide(i) <= entry("b", j)), guards & (wide(j) >= entry("b", i)),
                           guards & (min(wide(i), entry("b", j)) + j <= 0),
                           (guards & (wide(i) == j)) | (wide(j) <= i)})
    for (Direction direction : {Direction::Forward, Direction::Transposed})
      for (Level level : {Level::Ranges, Level::Test, Level::Pieces}) {
        ParsedMask parsed(mask);
        Schedule schedule = parsed.schedule(direction, 32, 16, level);
        Verification found =
            verify(schedule, numbers, parsed.problem(numbers), VisiblePairs(mask, numbers));
        EXPECT_EQ(firstContradiction(found, schedule), "none");
        if (level != Level::Ranges)
          EXPECT_GT(found.emptyTiles, 0);
      }
}

TEST(Schedule, WorkIsCounted) {
  MaskNumbers numbers{1000, 1000, {{"w", 99}}, {}};
  ParsedMask parsed(window());
  MaskWork work = predictWork(parsed.schedule(Direction::Forward, 128, 128), parsed.formula,
                              sizesOf(Direction::Forward, numbers), parsed.problem(numbers));
  EXPECT_EQ(work.visiblePairs, VisiblePairs(window(), numbers).count());
  EXPECT_EQ(work.computedPairs, 15 * 128 * 128);
  EXPECT_EQ(work.partialTiles, 15);
  EXPECT_EQ(work.emptyTiles, 64 - 15);
}

TEST(ScheduleMetamorphic, SpellingsOfOneMaskHaveTheSameClasses) {
  MaskNumbers numbers = documents(500);
  Mask a = j <= i, b = i - j <= scalar("w"), d = entry("d", i) == entry("d", j);
  auto expectSame = [&](const Mask &left, const Mask &right) {
    EXPECT_EQ(classes(left, numbers, Direction::Forward, 64, 64),
              classes(right, numbers, Direction::Forward, 64, 64));
  };
  expectSame(a & b & d, d & b & a);
  expectSame(!!(a & b), a & b);
  expectSame(!(!a | !b), a & b);
  expectSame((j < 100) | a, !((j >= 100) & (j > i)));
  expectSame(d & a, (entry("start", i) <= j) & a);
}

TEST(ScheduleMetamorphic, TautologiesAreFullAndContradictionsEmpty) {
  MaskNumbers numbers = documents(300);
  for (const Mask &mask : {window(), Mask(entry("d", i) == entry("d", j)), (i / 7 + j) % 5 <= 2}) {
    for (TileClass found : classes(mask | !mask, numbers, Direction::Forward, 64, 64))
      EXPECT_EQ(found, TileClass::Full);
    for (TileClass found : classes(mask & !mask, numbers, Direction::Forward, 64, 64))
      EXPECT_EQ(found, TileClass::Empty);
  }
}

TEST(ScheduleMetamorphic, TransposedMasksHaveTransposedClasses) {
  MaskNumbers numbers = documents(320);
  for (auto [mask, transposed] : {std::pair(window(), (i <= j) & (j - i <= scalar("w"))),
                                  std::pair(Mask(j / 50 <= i / 50), Mask(i / 50 <= j / 50))})
    EXPECT_EQ(classes(mask, numbers, Direction::Forward, 64, 32),
              classes(transposed, numbers, Direction::Transposed, 32, 64));
}

TEST(ScheduleMetamorphic, SmallTilesRefineLargeOnes) {
  MaskNumbers numbers = documents(512);
  for (const Mask &mask : {window(), Mask(entry("d", i) == entry("d", j)), (j < 70) | (j <= i)}) {
    auto large = classes(mask, numbers, Direction::Forward, 128, 128);
    auto small = classes(mask, numbers, Direction::Forward, 64, 64);
    for (int64_t row = 0; row < 8; ++row)
      for (int64_t column = 0; column < 8; ++column) {
        TileClass whole = large[row / 2 * 4 + column / 2];
        if (whole != TileClass::Partial)
          EXPECT_EQ(small[row * 8 + column], whole);
      }
  }
}
