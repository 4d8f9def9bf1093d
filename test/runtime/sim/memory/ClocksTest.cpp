// SPDX-License-Identifier: Apache-2.0
// What do agents know of each other?
#include "runtime/sim/memory/Clocks.h"

#include <gtest/gtest.h>

#include <utility>

using namespace attune::sim;

TEST(Clocks, an_agent_knows_itself_and_nobody_else) {
  Clocks clocks;
  Agent a = clocks.add(), b = clocks.add();
  EXPECT_TRUE(clocks.of(a).happened.covers(clocks.epoch(a)));
  EXPECT_FALSE(clocks.of(b).happened.covers(clocks.epoch(a)));
  EXPECT_TRUE(clocks.of(b).happened.covers(0)) << "never comes before everything";
}

TEST(Clocks, what_is_released_covers_the_past_and_not_the_future) {
  Clocks clocks;
  Agent a = clocks.add(), b = clocks.add();
  Epoch before = clocks.epoch(a);
  Knowledge barrier;
  clocks.release(a, barrier);
  Epoch after = clocks.epoch(a);
  clocks.acquire(b, barrier);
  EXPECT_TRUE(clocks.of(b).happened.covers(before));
  EXPECT_FALSE(clocks.of(b).happened.covers(after));
}

TEST(Clocks, knowledge_is_handed_on) {
  Clocks clocks;
  Agent a = clocks.add(), b = clocks.add(), c = clocks.add();
  Epoch before = clocks.epoch(a);
  Knowledge first, second;
  clocks.release(a, first);
  clocks.acquire(b, first);
  clocks.release(b, second);
  clocks.acquire(c, second);
  EXPECT_TRUE(clocks.of(c).happened.covers(before));
}

TEST(Clocks, an_epoch_alone_hands_on_nothing) {
  Clocks clocks;
  Agent a = clocks.add(), b = clocks.add(), c = clocks.add();
  Knowledge barrier;
  Epoch before = clocks.epoch(a);
  clocks.release(a, barrier);
  clocks.acquire(b, barrier);
  clocks.acquire(c, clocks.epoch(b));
  EXPECT_TRUE(clocks.of(c).happened.covers(clocks.epoch(b)));
  EXPECT_FALSE(clocks.of(c).happened.covers(before));
}

TEST(Clocks, a_proxy_fence_covers_what_came_before_it) {
  Clocks clocks;
  Agent a = clocks.add(), b = clocks.add();
  Epoch before = clocks.epoch(a);
  EXPECT_FALSE(clocks.of(a).fenced.covers(before));
  clocks.fenceProxy(a);
  EXPECT_TRUE(clocks.of(a).fenced.covers(before));
  EXPECT_FALSE(clocks.of(a).fenced.covers(clocks.epoch(a)));
  Knowledge barrier;
  clocks.release(a, barrier);
  clocks.acquire(b, barrier);
  EXPECT_TRUE(clocks.of(b).fenced.covers(before));
}

TEST(Clocks, a_fence_covers_what_others_published_before) {
  Clocks clocks;
  Agent a = clocks.add(), b = clocks.add();
  Epoch before = clocks.epoch(a);
  Knowledge barrier;
  clocks.release(a, barrier);
  clocks.acquire(b, barrier);
  clocks.fenceProxy(b);
  EXPECT_TRUE(clocks.of(b).fenced.covers(before));
}

TEST(Clocks, the_version_tells_of_every_change) {
  Clocks clocks;
  Agent a = clocks.add(), b = clocks.add();
  uint64_t version = clocks.version(a);
  auto changed = [&] {
    uint64_t before = std::exchange(version, clocks.version(a));
    return before != version;
  };
  EXPECT_FALSE(changed());
  clocks.tick(a);
  EXPECT_TRUE(changed());
  clocks.acquire(a, clocks.epoch(b));
  EXPECT_TRUE(changed());
  clocks.fenceProxy(a);
  EXPECT_TRUE(changed());
  Knowledge barrier;
  clocks.release(a, barrier);
  EXPECT_TRUE(changed());
  clocks.tick(b);
  EXPECT_FALSE(changed());
}

TEST(Clocks, a_clock_at_its_end_stands_still) {
  Clocks clocks;
  Agent a = clocks.add();
  for (uint32_t i = 0; i < maximumClock + 2; ++i)
    clocks.tick(a);
  EXPECT_EQ(clocks.now(a), maximumClock);
  EXPECT_EQ(agentOf(clocks.epoch(a)), a);
}

TEST(Clocks, past_the_most_agents_numbers_are_used_again) {
  Clocks clocks;
  for (unsigned i = 0; i < 3u * maximumAgents; ++i)
    EXPECT_LT(clocks.add(), maximumAgents);
}
