// SPDX-License-Identifier: Apache-2.0
// Do masks whose tiles were counted by hand and by brute force get exactly those classes?
#include "test/compiler/mask/MaskCase.h"
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::mask;
using namespace attune::mask::test;

namespace {

struct Example {
  std::string name;
  Mask mask;
  MaskNumbers numbers;
  int64_t pairs, leastKeys, greatestKeys;
  std::string at128, at64, at128x64;
};

Mask clampedDistance(Mask a, Mask b) { return magnitude(min(max(a, 3), 28) - b) <= 3; }

std::vector<Example> examples() {
  Mask i = query(), j = key();
  MaskNumbers square{1024, 1024, {}, {}}, documents = square;
  std::vector<int64_t> starts = {0, 1, 8, 135, 136, 400, 777};
  for (int64_t token = 0; token < 1024; ++token)
    documents.tables["d"].push_back(std::upper_bound(starts.begin(), starts.end(), token) -
                                    starts.begin() - 1);
  Mask same = entry("d", i, true) == entry("d", j, true);
  Mask near = clampedDistance(i / 32, j / 32) & clampedDistance(i % 32, j % 32);
  return {
      {"causal", i >= j, square, 524800, 1, 1024, "28/8/28", "120/16/120", "56/16/56"},
      {"causal at the end",
       j <= i + keys() - queries(),
       {300, 1000, {}, {}},
       255150,
       701,
       1000,
       "1/5/18",
       "10/10/60",
       "4/8/36"},
      {"window", (i >= j) & (i - j < 256), square, 229504, 1, 256, "43/14/7", "186/28/42",
       "86/28/14"},
      {"two-sided window", magnitude(i - j) <= 256, square, 459520, 257, 513, "30/12/22",
       "132/24/100", "60/24/44"},
      {"prefix", (j < 300) | (i >= j), square, 569650, 300, 1024, "25/8/31", "110/16/130",
       "52/14/62"},
      {"sink and window", (i >= j) & ((i - j < 256) | (j < 4)), square, 232570, 1, 260, "38/19/7",
       "175/39/42", "81/33/14"},
      {"blocks", (i / 192 == j / 192) & (i >= j), square, 94720, 1, 192, "51/13/0", "225/16/15",
       "104/22/2"},
      {"documents", same, documents, 289014, 1, 377, "34/24/6", "160/52/44", "74/38/16"},
      {"causal documents", same & (i >= j), documents, 145019, 1, 377, "45/18/1", "200/40/16",
       "90/32/6"},
      {"neighbourhood", near, square, 50176, 49, 49, "42/22/0", "180/76/0", "84/44/0"},
  };
}

} // namespace

TEST(ScheduleExamples, HaveTheirCountsInBothDirectionsFromRangesAlone) {
  for (const Example &example : examples()) {
    ParsedMask parsed(example.mask);
    ASSERT_TRUE(bool(parsed.program)) << example.name;
    VisiblePairs visible(example.mask, example.numbers);
    EXPECT_EQ(visible.count(), example.pairs) << example.name;
    EXPECT_EQ(visible.keysOfQueries(), std::pair(example.leastKeys, example.greatestKeys));
    Problem problem = parsed.problem(example.numbers);
    for (Level level : {Level::Ranges, Level::Pieces})
      for (Direction direction : {Direction::Forward, Direction::Transposed})
        for (auto [queryTile, keyTile, counts] :
             {std::tuple(128, 128, example.at128), std::tuple(64, 64, example.at64),
              std::tuple(128, 64, example.at128x64)}) {
          Schedule schedule = parsed.schedule(direction, queryTile, keyTile, level);
          Verification found = verify(schedule, example.numbers, problem, visible);
          EXPECT_EQ(toString(found), counts)
              << example.name << ", level " << int(level) << ", "
              << (direction == Direction::Forward ? "forward " : "transposed ") << queryTile
              << " x " << keyTile;
          EXPECT_EQ(firstContradiction(found, schedule), "none") << example.name;
        }
  }
}
