// SPDX-License-Identifier: Apache-2.0
// Over many masks: is no claim wrong, and how many tiles that are empty or full are known to be?
// `--tokens N` tries longer sequences, `--level N` that level instead of the
// chosen one, `--verbose` prints every mask.
#include "test/compiler/mask/MaskCase.h"
#include "test/compiler/mask/MaskSuite.h"
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::mask;
using namespace attune::mask::test;

namespace {

int64_t tokens = 512;
bool isVerbose = false;
std::optional<Level> level;

struct Totals {
  int64_t schedules = 0, exact = 0, partial = 0, bestPartial = 0;
};

struct Outcome {
  Schedule schedule;
  Verification found;
};

/// Prints and counts one row of the table.
void report(const SuiteMask &mask, const std::vector<Outcome> &runs, Totals &totals) {
  std::string line = mask.name;
  line.resize(std::max<size_t>(line.size(), 44), ' ');
  bool isExact = true;
  for (const Outcome &run : runs) {
    ++totals.schedules;
    bool exact = run.found.tight == run.found.tiles;
    totals.exact += exact;
    isExact &= exact;
    totals.partial += run.found.partialTiles;
    totals.bestPartial += run.found.bestPartialTiles;
    line += " " + std::to_string(int(run.schedule.level)) +
            (run.schedule.summaries.empty() ? "" : "s") + " " + mask::test::toString(run.found) +
            (exact ? "" : "(" + std::to_string(run.found.bestPartialTiles) + ")");
  }
  if (isVerbose || !isExact)
    printf("%s\n", line.c_str());
}

} // namespace

TEST(ScheduleSuite, IsSoundAndAlmostAlwaysExact) {
  std::vector<SuiteMask> masks = maskSuite(tokens);
  EXPECT_GE(masks.size(), 100u);
  Totals totals;
  int64_t exactMasks = 0;
  printf("level and empty/partial/full of 128x128, 64x64, 128x64, forward then transposed; in "
         "brackets "
         "how many have to be partial\n");
  for (const SuiteMask &mask : masks) {
    ParsedMask parsed(mask.mask);
    ASSERT_TRUE(bool(parsed.program)) << mask.name;
    VisiblePairs visible(mask.mask, mask.numbers);
    Problem problem = parsed.problem(mask.numbers);
    std::vector<Outcome> runs;
    for (Direction direction : {Direction::Forward, Direction::Transposed})
      for (auto [queryTile, keyTile] :
           {std::pair(128, 128), std::pair(64, 64), std::pair(128, 64)}) {
        Outcome run{parsed.schedule(direction, queryTile, keyTile, level), {}};
        run.found = verify(run.schedule, mask.numbers, problem, visible);
        ASSERT_EQ(firstContradiction(run.found, run.schedule), "none") << mask.name;
        runs.push_back(std::move(run));
      }
    exactMasks +=
        llvm::all_of(runs, [](const Outcome &run) { return run.found.tight == run.found.tiles; });
    report(mask, runs, totals);
  }
  printf("%lld of %zu masks exact in every tile, shape and direction; %lld of %lld schedules; %lld "
         "partial tiles for %lld\n",
         (long long)exactMasks, masks.size(), (long long)totals.exact, (long long)totals.schedules,
         (long long)totals.partial, (long long)totals.bestPartial);
  EXPECT_GE(exactMasks * 100, int64_t(masks.size()) * 95);
  EXPECT_LE((totals.partial - totals.bestPartial) * 1000, totals.bestPartial * 5);
}

TEST(ScheduleSuite, WhatIsNotUnderstoodIsVisitedAndMasked) {
  Mask i = query(), j = key();
  for (const Mask &mask : {i * j * i * j <= 90000, Mask((i - 300) * (i - 300) * i <= j * j * j)}) {
    ParsedMask parsed(mask);
    MaskNumbers numbers{300, 300, {}, {}};
    Schedule schedule = parsed.schedule(Direction::Forward, 64, 64);
    Verification found =
        verify(schedule, numbers, parsed.problem(numbers), VisiblePairs(mask, numbers));
    EXPECT_EQ(found.partialTiles, found.tiles);
    EXPECT_TRUE(found.contradictions.empty());
  }
}

int main(int count, char **arguments) {
  testing::InitGoogleTest(&count, arguments);
  for (int index = 1; index < count; ++index) {
    std::string option = arguments[index];
    if (option == "--verbose")
      isVerbose = true;
    else if (option == "--tokens" && index + 1 < count)
      tokens = std::stoll(arguments[++index]);
    else if (option == "--level" && index + 1 < count)
      level = Level(std::stoi(arguments[++index]));
  }
  return RUN_ALL_TESTS();
}
