// SPDX-License-Identifier: Apache-2.0
// What is a loop, what does its length count, and when are exponentials hidden? On code by hand.
#include "test/compiler/target/nvptx/CubinReport.h"

#include "gtest/gtest.h"

using namespace attune::test;

namespace {

// Predicate 7 is always true.
constexpr Instruction kNothing{0x7221, 0}, kExit{0x794d, 0x3800000}, kSpecial{0x7308, 0},
    kShared{0x79f0, 0}, kWait{uint64_t(1) << 47 | 0x79c5, 0x10000},
    kWaitForAllButOne{uint64_t(1) << 47 | 0x79c5, 0x10100};

/// A branch at `from` to `to`, taken where predicate 0 holds, or always.
Instruction branch(int64_t from, int64_t to, bool always = false) {
  uint64_t words = uint64_t(to - from - 1) * 4;
  uint64_t upper = words >> 8 & ((uint64_t(1) << 48) - 1);
  return {upper << 34 | (words & 0xff) << 16 | (always ? 0x7947 : 0x0947), upper >> 30 | 0x3800000};
}

std::vector<Loop> loopsOf(std::vector<Instruction> code) {
  auto loops = findLoops(code);
  if (!loops) {
    ADD_FAILURE() << toString(loops.takeError());
    return {};
  }
  return *loops;
}

TEST(CubinLoops, NoneInStraightCode) { EXPECT_TRUE(loopsOf({kNothing, kExit}).empty()); }

TEST(CubinLoops, OneFromHeaderToBranch) {
  auto loops = loopsOf({kNothing, kNothing, kShared, kSpecial, kWait, branch(5, 1), kExit});
  ASSERT_EQ(loops.size(), 1u);
  EXPECT_EQ(loops[0].header, 1u);
  EXPECT_EQ(loops[0].length, 5u);
  EXPECT_EQ(loops[0].aside, 0u);
  EXPECT_TRUE(loops[0].innermost);
  EXPECT_TRUE(loops[0].main);
}

TEST(CubinLoops, RetriesBehindTheEndAreAside) {
  // The wait at 1 goes to 5 when it fails, which tries again and comes back.
  auto loops = loopsOf({kNothing, branch(1, 5), kShared, branch(3, 0), kExit, kNothing,
                        branch(6, 5), branch(7, 2, true)});
  ASSERT_EQ(loops.size(), 2u);
  EXPECT_EQ(loops[0].header, 0u);
  EXPECT_EQ(loops[0].length, 4u);
  EXPECT_EQ(loops[0].aside, 3u);
  EXPECT_TRUE(loops[0].main);
  EXPECT_EQ(loops[1].header, 5u);
  EXPECT_FALSE(loops[1].main);
}

TEST(CubinLoops, TurnsMayJumpOverAMask) {
  auto loops = loopsOf({kShared, branch(1, 4), kNothing, kNothing, kSpecial, branch(5, 0), kExit});
  ASSERT_EQ(loops.size(), 1u);
  EXPECT_EQ(loops[0].shortestTurn, 4u);
  EXPECT_EQ(loops[0].longestTurn, 6u);
  EXPECT_EQ(loops[0].length, 6u);
}

TEST(CubinLoops, TurnsThatJumpOverProductsAreNone) {
  auto loops = loopsOf({kNothing, branch(1, 4), kShared, kNothing, branch(4, 0), kExit});
  ASSERT_EQ(loops.size(), 1u);
  EXPECT_EQ(loops[0].shortestTurn, 5u);
  EXPECT_EQ(loops[0].longestTurn, 5u);
}

TEST(CubinLoops, TurnsPassInnerLoopsOnce) {
  auto loops = loopsOf({kShared, kNothing, kNothing, branch(3, 1), branch(4, 0), kExit});
  ASSERT_EQ(loops.size(), 2u);
  EXPECT_EQ(loops[0].shortestTurn, 5u);
  EXPECT_EQ(loops[0].longestTurn, 5u);
  EXPECT_EQ(loops[1].longestTurn, 3u);
}

TEST(CubinLoops, TurnsDoNotRetry) {
  auto loops = loopsOf({kNothing, branch(1, 5), kShared, branch(3, 0), kExit, kNothing,
                        branch(6, 5), branch(7, 2, true)});
  ASSERT_EQ(loops.size(), 2u);
  EXPECT_EQ(loops[0].shortestTurn, 4u);
  EXPECT_EQ(loops[0].longestTurn, 4u);
}

TEST(CubinLoops, WhatComputesIsNeverAside) {
  auto loops = loopsOf({kNothing, branch(1, 5, true), kShared, branch(3, 0), kExit, kSpecial,
                        kNothing, branch(7, 2, true)});
  ASSERT_EQ(loops.size(), 1u);
  EXPECT_EQ(loops[0].length, 7u);
  EXPECT_EQ(loops[0].longestTurn, 7u);
  EXPECT_EQ(loops[0].aside, 0u);
  EXPECT_EQ(loops[0].mix[Kind::special], 1u);
}

TEST(CubinLoops, TheInnerOneIsMain) {
  auto loops = loopsOf({kShared, kNothing, kShared, branch(3, 2), branch(4, 0), kExit});
  ASSERT_EQ(loops.size(), 2u);
  EXPECT_FALSE(loops[0].main);
  EXPECT_FALSE(loops[0].innermost);
  EXPECT_EQ(loops[0].length, 5u);
  EXPECT_EQ(loops[1].length, 2u);
  EXPECT_TRUE(loops[1].main);
}

TEST(CubinLoops, AnInnerOneWithoutProductsIsNotMain) {
  auto loops = loopsOf({kShared, kNothing, branch(2, 1), branch(3, 0), kExit});
  ASSERT_EQ(loops.size(), 2u);
  EXPECT_TRUE(loops[0].main);
  EXPECT_FALSE(loops[0].innermost);
  EXPECT_FALSE(loops[1].main);
}

TEST(CubinLoops, SpecialFunctionsBeforeTheLastWait) {
  auto loops = loopsOf(
      {kShared, kWaitForAllButOne, kSpecial, kSpecial, kWait, kSpecial, branch(6, 0), kExit});
  ASSERT_EQ(loops.size(), 1u);
  EXPECT_EQ(loops[0].mix[Kind::special], 3u);
  EXPECT_EQ(loops[0].specialBeforeWait, 2u);
  EXPECT_EQ(loops[0].specialUnderProduct, 2u);
}

TEST(CubinLoops, SpecialFunctionsBeforeTheProductAreNotUnderIt) {
  auto loops = loopsOf({kSpecial, kShared, kWait, branch(3, 0), kExit});
  ASSERT_EQ(loops.size(), 1u);
  EXPECT_EQ(loops[0].specialBeforeWait, 1u);
  EXPECT_EQ(loops[0].specialUnderProduct, 0u);
}

TEST(CubinLoops, AProductMayBeInFlightRoundTheLoop) {
  auto loops = loopsOf({kSpecial, kWait, kSpecial, kShared, branch(4, 0), kExit});
  ASSERT_EQ(loops.size(), 1u);
  EXPECT_EQ(loops[0].specialUnderProduct, 1u);
}

TEST(CubinLoops, BeginWhereTheyAreEntered) {
  // Entered in the middle: the header is at 3, what runs before it stands after it.
  auto loops = loopsOf({branch(0, 3, true), kShared, kWait, kSpecial, branch(4, 1), kExit});
  ASSERT_EQ(loops.size(), 1u);
  EXPECT_EQ(loops[0].header, 3u);
  EXPECT_EQ(loops[0].length, 4u);
  EXPECT_EQ(loops[0].specialBeforeWait, 1u);
  EXPECT_EQ(loops[0].specialUnderProduct, 0u);
}

TEST(CubinLoops, BranchesStayInside) {
  std::vector<Instruction> code{kNothing, branch(1, 7), kExit};
  auto loops = findLoops(code);
  ASSERT_FALSE(bool(loops));
  EXPECT_EQ(toString(loops.takeError()),
            "the branch at 1 goes to 7, but the kernel has 3 instructions");
}

} // namespace
