// SPDX-License-Identifier: Apache-2.0
// Is any claim about random masks wrong? Against brute force; `--seed`, `--count` and `--seconds` say
// how many and which.
#include "test/compiler/mask/MaskCase.h"
#include "test/compiler/mask/RandomPredicates.h"
#include <chrono>
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::mask;
using namespace attune::mask::test;

namespace {

uint64_t firstSeed = std::random_device()();
int64_t maskCount = 1 << 30;
double secondsToRun = 8;

struct Tally {
  int64_t tiles = 0, empty = 0, full = 0, provedEmpty = 0, provedFull = 0;
};

/// One random mask at several levels, shapes and directions.
bool check(uint64_t seed, Tally &tally) {
  RandomPredicates random(seed);
  Mask mask = random.pick(0, 2) ? random.predicate() : random.family();
  if (random.pick(0, 4) == 0)
    mask = random.flipped(mask);
  ParsedMask parsed(mask);
  if (!parsed.program)
    return false;
  VisiblePairs visible(mask, random.numbers);
  Problem problem = parsed.problem(random.numbers);
  for (Direction direction : {Direction::Forward, Direction::Transposed}) {
    int64_t queryTile = random.oneOf({1, 3, 8, 13, 16, 32, 40});
    int64_t keyTile = random.oneOf({2, 5, 8, 16, 24, 32, 40});
    Level level = random.pick(0, 2) ? Level::Pieces : Level(random.pick(1, 2));
    bool allowSummaries = random.pick(0, 3) != 0;
    std::optional<Level> wanted = random.pick(0, 3) ? std::optional(level) : std::nullopt;
    Schedule schedule = parsed.schedule(direction, queryTile, keyTile, wanted, allowSummaries);
    Verification found = verify(schedule, random.numbers, problem, visible);
    EXPECT_EQ(firstContradiction(found, schedule), "none")
        << "seed " << seed << ", " << random.numbers.queries << " x " << random.numbers.keys
        << ", level " << int(schedule.level)
        << (direction == Direction::Forward ? "" : ", transposed") << ", "
        << attune::mask::toString(parsed.formula.visible) << "\n"
        << toText(mask).operands << "\n"
        << toText(mask).body;
    if (!found.contradictions.empty())
      return false;
    if (schedule.level != Level::Pieces || !allowSummaries)
      continue;
    tally.tiles += found.tiles;
    tally.provedEmpty += found.emptyTiles;
    tally.provedFull += found.fullTiles;
    tally.empty += found.bestEmptyTiles;
    tally.full += found.tiles - found.bestPartialTiles - found.bestEmptyTiles;
  }
  return true;
}

} // namespace

TEST(ScheduleFuzz, NoClaimIsWrong) {
  auto begin = std::chrono::steady_clock::now();
  auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  Tally tally;
  int64_t masks = 0;
  printf("seed %llu\n", (unsigned long long)firstSeed);
  for (; masks < maskCount && seconds() < secondsToRun; ++masks)
    if (!check(firstSeed + uint64_t(masks), tally))
      break;
  auto share = [](int64_t part, int64_t whole) { return whole ? 100.0 * part / whole : 100; };
  printf(
      "%lld masks in %.1f s, %lld tiles: %.1f %% of %lld empty and %.1f %% of %lld full proved\n",
      (long long)masks, seconds(), (long long)tally.tiles, share(tally.provedEmpty, tally.empty),
      (long long)tally.empty, share(tally.provedFull, tally.full), (long long)tally.full);
  EXPECT_GE(share(tally.provedEmpty, tally.empty), 80);
  EXPECT_GE(share(tally.provedFull, tally.full), 80);
}

int main(int count, char **arguments) {
  testing::InitGoogleTest(&count, arguments);
  for (int index = 1; index + 1 < count; index += 2) {
    std::string option = arguments[index];
    if (option == "--seed")
      firstSeed = std::stoull(arguments[index + 1]);
    else if (option == "--count")
      maskCount = std::stoll(arguments[index + 1]), secondsToRun = 1e9;
    else if (option == "--seconds")
      secondsToRun = std::stod(arguments[index + 1]);
  }
  return RUN_ALL_TESTS();
}
