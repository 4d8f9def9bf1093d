// SPDX-License-Identifier: Apache-2.0
// Bank conflicts and sectors of accesses that can be counted by hand.
#include "runtime/sim/memory/Traffic.h"

#include <gtest/gtest.h>

#include <functional>

using namespace attune::sim;

static LineCounters shared(uint32_t bytes, const std::function<uint32_t(uint32_t)> &address,
                           Mask mask = allLanes) {
  uint32_t addresses[warpSize];
  for (uint32_t lane = 0; lane < warpSize; ++lane)
    addresses[lane] = 1024 + address(lane);
  LineCounters counters;
  countShared(counters, mask, addresses, bytes);
  return counters;
}

static LineCounters global(uint32_t bytes, const std::function<uint64_t(uint64_t)> &address,
                           Mask mask = allLanes) {
  uint64_t addresses[warpSize];
  for (uint64_t lane = 0; lane < warpSize; ++lane)
    addresses[lane] = 0x7000000000 + address(lane);
  LineCounters counters;
  countGlobal(counters, mask, addresses, bytes);
  return counters;
}

TEST(BankConflicts, words_with_a_stride) {
  auto conflicts = [](uint32_t stride) {
    return shared(4, [=](uint32_t lane) { return lane * stride * 4; }).bankConflicts;
  };
  EXPECT_EQ(conflicts(0), 0u) << "one word for all";
  EXPECT_EQ(conflicts(1), 0u);
  EXPECT_EQ(conflicts(2), 1u);
  EXPECT_EQ(conflicts(3), 0u);
  EXPECT_EQ(conflicts(8), 7u);
  EXPECT_EQ(conflicts(32), 31u);
  EXPECT_EQ(conflicts(33), 0u) << "padded";
}

TEST(BankConflicts, halves_of_one_word_are_one) {
  LineCounters counters = shared(2, [](uint32_t lane) { return lane * 2; });
  EXPECT_EQ(counters.sharedPasses, 1u);
  EXPECT_EQ(counters.bankConflicts, 0u);
  EXPECT_EQ(counters.sharedBytes, 64u);
}

TEST(BankConflicts, wide_accesses_go_in_phases) {
  auto inOrder = [](uint32_t bytes) {
    return shared(bytes, [=](uint32_t lane) { return lane * bytes; });
  };
  EXPECT_EQ(inOrder(8).sharedPasses, 2u);
  EXPECT_EQ(inOrder(16).sharedPasses, 4u);
  EXPECT_EQ(inOrder(16).bankConflicts, 0u);
  // Eight rows of 128 bytes, each phase the same four banks.
  LineCounters column = shared(16, [](uint32_t lane) { return lane * 128; });
  EXPECT_EQ(column.sharedPasses, 32u);
  EXPECT_EQ(column.bankConflicts, 28u);
  LineCounters swizzled = shared(16, [](uint32_t lane) { return lane * 128 + (lane % 8) * 16; });
  EXPECT_EQ(swizzled.bankConflicts, 0u);
}

TEST(BankConflicts, lanes_that_are_off_count_nothing) {
  LineCounters counters = shared(4, [](uint32_t lane) { return lane * 128; }, 0x3);
  EXPECT_EQ(counters.sharedPasses, 2u);
  EXPECT_EQ(counters.sharedBytes, 8u);
  EXPECT_EQ(shared(4, [](uint32_t) { return 0; }, 0).sharedPasses, 0u);
}

TEST(Sectors, in_order_and_with_a_stride) {
  LineCounters inOrder = global(4, [](uint64_t lane) { return lane * 4; });
  EXPECT_EQ(inOrder.sectors, 4u);
  EXPECT_EQ(inOrder.idealSectors, 4u);
  LineCounters strided = global(4, [](uint64_t lane) { return lane * 32; });
  EXPECT_EQ(strided.sectors, 32u);
  EXPECT_EQ(strided.idealSectors, 4u);
  LineCounters shifted = global(4, [](uint64_t lane) { return lane * 4 + 16; });
  EXPECT_EQ(shifted.sectors, 5u);
  LineCounters wide = global(16, [](uint64_t lane) { return lane * 16; });
  EXPECT_EQ(wide.sectors, 16u);
  EXPECT_EQ(wide.globalBytes, 512u);
}

TEST(Sectors, lanes_at_one_address_need_one) {
  LineCounters counters = global(4, [](uint64_t) { return 64; });
  EXPECT_EQ(counters.sectors, 1u);
  EXPECT_EQ(counters.idealSectors, 1u);
}

TEST(Sectors, the_order_of_lanes_does_not_matter) {
  LineCounters counters = global(4, [](uint64_t lane) { return (31 - lane) * 4; });
  EXPECT_EQ(counters.sectors, 4u);
}

TEST(Sectors, a_piece) {
  LineCounters counters;
  countGlobal(counters, 0x7000000010, 64);
  EXPECT_EQ(counters.sectors, 3u);
  EXPECT_EQ(counters.idealSectors, 2u);
  EXPECT_EQ(counters.globalBytes, 64u);
}
