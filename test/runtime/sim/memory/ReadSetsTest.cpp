// SPDX-License-Identifier: Apache-2.0
// Are sets of reads kept once, with what matters of each agent?
#include "runtime/sim/memory/ReadSets.h"

#include <gtest/gtest.h>

using namespace attune::sim;
using Read = ReadSets::Read;

static Read readOf(Agent agent, uint32_t clock, unsigned bytes = 15, uint32_t instruction = 7) {
  return {makeEpoch(agent, clock), instruction, bytes, 0};
}

TEST(ReadSets, equal_sets_are_one) {
  ReadSets sets;
  ReadSets::Set first = sets.add(sets.add(0, readOf(1, 1)), readOf(2, 1));
  for (uint32_t clock = 2; clock < 200; ++clock)
    sets.add(0, readOf(3, clock));
  ReadSets::Set second = sets.add(sets.add(0, readOf(1, 1)), readOf(2, 1));
  EXPECT_EQ(first, second);
  EXPECT_NE(first, sets.add(0, readOf(1, 1)));
}

TEST(ReadSets, of_an_agent_the_last_epoch_is_kept) {
  ReadSets sets;
  ReadSets::Set set = sets.add(sets.add(sets.add(0, readOf(1, 1)), readOf(2, 5)), readOf(1, 3));
  auto reads = sets.of(set);
  ASSERT_EQ(reads.size(), 2u);
  EXPECT_EQ(reads[0], readOf(2, 5));
  EXPECT_EQ(reads[1], readOf(1, 3));
}

TEST(ReadSets, a_read_that_adds_nothing_changes_nothing) {
  ReadSets sets;
  ReadSets::Set set = sets.add(0, readOf(1, 1, 15, 7));
  EXPECT_EQ(sets.add(set, readOf(1, 1, 3, 9)), set);
}

TEST(ReadSets, bytes_of_one_epoch_add_up) {
  ReadSets sets;
  ReadSets::Set set = sets.add(sets.add(0, readOf(1, 1, 3)), readOf(1, 1, 12));
  ASSERT_EQ(sets.of(set).size(), 1u);
  EXPECT_EQ(sets.of(set)[0].bytes, 15u);
}

TEST(ReadSets, a_plain_read_is_not_hidden_by_an_atomic_one) {
  ReadSets sets;
  Read atomic = readOf(1, 1);
  atomic.atomic = 1;
  ReadSets::Set set = sets.add(sets.add(0, atomic), readOf(1, 1));
  ASSERT_EQ(sets.of(set).size(), 1u);
  EXPECT_EQ(sets.of(set)[0].atomic, 0u);
}

TEST(ReadSets, many_sets_keep_their_content) {
  ReadSets sets;
  std::vector<std::pair<ReadSets::Set, Read>> all;
  for (uint32_t clock = 1; clock < 5000; ++clock) {
    Read read = readOf(Agent(clock % 16), clock, 1 + clock % 15, clock);
    all.emplace_back(sets.add(0, read), read);
  }
  for (auto &[set, read] : all) {
    ASSERT_EQ(sets.of(set).size(), 1u);
    EXPECT_EQ(sets.of(set)[0], read);
  }
}
