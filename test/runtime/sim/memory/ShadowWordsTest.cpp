// SPDX-License-Identifier: Apache-2.0
// Are the conflicts found that there are, and no others? Small cases by hand, and random programs
// against a model that remembers every access of every byte.
#include "runtime/sim/memory/ShadowWords.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

using namespace attune::sim;

namespace {

/// Shared memory of 1024 bytes and some warps.
struct Machine {
  explicit Machine(unsigned warps = 4) {
    for (unsigned i = 0; i < warps; ++i)
      agents.push_back(clocks.add());
  }
  ShadowAccess access(unsigned warp, AccessKind kind, uint32_t instruction) {
    Epoch now = clocks.epoch(agents[warp]);
    return {kind, clocks.of(agents[warp]), clocks.version(agents[warp]), now, now, instruction};
  }
  std::vector<Conflict> take() {
    std::vector<Conflict> all = words.found();
    words.clearFound();
    return all;
  }
  std::vector<Conflict> lane(unsigned warp, AccessKind kind, uint32_t offset, uint32_t bytes = 4,
                             unsigned lane = 0, uint32_t instruction = 1) {
    ShadowWords::Pass pass(words, access(warp, kind, instruction));
    writes(kind) ? pass.write(offset, bytes, lane) : pass.read(offset, bytes, lane);
    return take();
  }
  std::vector<Conflict> read(unsigned warp, uint32_t offset, uint32_t bytes = 4,
                             unsigned lane = 0) {
    return this->lane(warp, AccessKind::Read, offset, bytes, lane, 100 + warp);
  }
  std::vector<Conflict> write(unsigned warp, uint32_t offset, uint32_t bytes = 4,
                              unsigned lane = 0) {
    return this->lane(warp, AccessKind::Write, offset, bytes, lane, 200 + warp);
  }
  /// Every lane its own `bytes`, from `offset` on.
  std::vector<Conflict> all(unsigned warp, AccessKind kind, uint32_t offset, uint32_t bytes = 4,
                            bool together = false) {
    ShadowAccess whole = access(warp, kind, 300 + warp);
    whole.together = together;
    ShadowWords::Pass pass(words, whole);
    uint32_t addresses[warpSize];
    for (unsigned lane = 0; lane < warpSize; ++lane)
      addresses[lane] = 4096 + offset + lane * bytes;
    writes(kind) ? pass.write(allLanes, addresses, 4096, bytes)
                 : pass.read(allLanes, addresses, 4096, bytes);
    return take();
  }
  void barrier() {
    Knowledge all;
    for (Agent agent : agents)
      clocks.release(agent, all);
    for (Agent agent : agents)
      clocks.acquire(agent, all);
  }

  Clocks clocks;
  std::vector<Agent> agents;
  ShadowWords words{1024};
};

::testing::AssertionResult isOne(const std::vector<Conflict> &found, FindingKind kind,
                                 Hazard hazard) {
  if (found.size() != 1)
    return ::testing::AssertionFailure() << found.size() << " conflicts";
  if (found[0].kind != kind || found[0].hazard != hazard)
    return ::testing::AssertionFailure()
           << describe(found[0].kind) << ", hazard " << int(found[0].hazard);
  return ::testing::AssertionSuccess();
}

} // namespace

TEST(ShadowWords, a_read_of_what_was_never_written) {
  Machine machine;
  EXPECT_TRUE(isOne(machine.read(0, 8), FindingKind::UninitialisedRead, Hazard::ReadAfterWrite));
  machine.write(0, 8, 2);
  EXPECT_TRUE(machine.read(0, 8, 2).empty());
  auto found = machine.read(0, 8, 4);
  EXPECT_TRUE(isOne(found, FindingKind::UninitialisedRead, Hazard::ReadAfterWrite));
  EXPECT_EQ(found[0].offset, 8u);
}

TEST(ShadowWords, read_after_write_without_a_barrier) {
  Machine machine;
  machine.all(0, AccessKind::Write, 0);
  auto found = machine.all(1, AccessKind::Read, 0);
  ASSERT_TRUE(isOne(found, FindingKind::Race, Hazard::ReadAfterWrite));
  EXPECT_EQ(found[0].lanes, allLanes);
  EXPECT_EQ(found[0].offset, 0u);
  EXPECT_EQ(agentOf(found[0].other), machine.agents[0]);
  EXPECT_EQ(found[0].otherInstruction, 300u);
}

TEST(ShadowWords, read_after_write_with_a_barrier) {
  Machine machine;
  machine.all(0, AccessKind::Write, 0);
  machine.barrier();
  EXPECT_TRUE(machine.all(1, AccessKind::Read, 0).empty());
}

TEST(ShadowWords, write_after_read_names_the_reader_that_is_not_ordered) {
  Machine machine;
  machine.all(0, AccessKind::Write, 0);
  machine.barrier();
  machine.all(1, AccessKind::Read, 0);
  machine.all(2, AccessKind::Read, 0);
  Knowledge done;
  machine.clocks.release(machine.agents[1], done);
  machine.clocks.acquire(machine.agents[3], done);
  auto found = machine.all(3, AccessKind::Write, 0);
  ASSERT_TRUE(isOne(found, FindingKind::Race, Hazard::WriteAfterRead));
  EXPECT_EQ(agentOf(found[0].other), machine.agents[2]);
  EXPECT_EQ(found[0].otherInstruction, 302u);
}

TEST(ShadowWords, write_after_write) {
  Machine machine;
  machine.write(0, 16);
  EXPECT_TRUE(isOne(machine.write(1, 16), FindingKind::Race, Hazard::WriteAfterWrite));
  machine.barrier();
  EXPECT_TRUE(machine.write(2, 16).empty());
}

TEST(ShadowWords, halves_of_a_word_are_apart) {
  Machine machine;
  EXPECT_TRUE(machine.write(0, 16, 2).empty());
  EXPECT_TRUE(machine.write(1, 18, 2).empty());
  machine.barrier();
  EXPECT_TRUE(machine.read(0, 16, 2).empty());
  EXPECT_TRUE(machine.write(1, 18, 2).empty());
  EXPECT_TRUE(isOne(machine.read(2, 18, 2), FindingKind::Race, Hazard::ReadAfterWrite));
}

TEST(ShadowWords, vectors_take_every_word) {
  Machine machine;
  machine.write(0, 32, 16);
  auto found = machine.read(1, 44);
  EXPECT_TRUE(isOne(found, FindingKind::Race, Hazard::ReadAfterWrite));
  machine.barrier();
  EXPECT_TRUE(machine.read(1, 32, 16).empty());
}

TEST(ShadowWords, a_warp_is_ordered_with_itself_but_its_lanes_are_not) {
  Machine machine;
  machine.write(0, 0, 4, 3);
  EXPECT_TRUE(machine.read(0, 0, 4, 3).empty());
  auto found = machine.read(0, 0, 4, 4);
  ASSERT_TRUE(isOne(found, FindingKind::WarpHazard, Hazard::ReadAfterWrite));
  EXPECT_EQ(found[0].otherLane, 3u);
  machine.clocks.tick(machine.agents[0]);
  EXPECT_TRUE(machine.read(0, 0, 4, 5).empty());
}

TEST(ShadowWords, a_lane_writes_what_another_has_read) {
  Machine machine;
  machine.write(0, 0);
  machine.barrier();
  machine.read(0, 0, 4, 7);
  EXPECT_TRUE(machine.write(0, 0, 4, 7).empty());
  machine.barrier();
  machine.read(0, 0, 4, 7);
  EXPECT_TRUE(isOne(machine.write(0, 0, 4, 8), FindingKind::WarpHazard, Hazard::WriteAfterRead));
  machine.barrier();
  machine.read(0, 0, 4, 7);
  machine.read(0, 0, 4, 8);
  EXPECT_TRUE(isOne(machine.write(0, 0, 4, 8), FindingKind::WarpHazard, Hazard::WriteAfterRead));
}

TEST(ShadowWords, collective_accesses_are_no_hazards_of_their_lanes) {
  Machine machine;
  EXPECT_TRUE(machine.all(0, AccessKind::Write, 0, 16, true).empty());
  EXPECT_TRUE(machine.all(0, AccessKind::Read, 0, 16, true).empty());
  EXPECT_TRUE(machine.all(0, AccessKind::Write, 0, 4).empty());
  EXPECT_TRUE(isOne(machine.all(0, AccessKind::Read, 0, 4, true), FindingKind::WarpHazard,
                    Hazard::ReadAfterWrite));
}

TEST(ShadowWords, lanes_that_fill_a_word_together_read_their_own_part) {
  Machine machine;
  EXPECT_TRUE(machine.all(0, AccessKind::Write, 0, 2).empty());
  EXPECT_TRUE(machine.all(0, AccessKind::Read, 0, 2).empty());
}

TEST(ShadowWords, atomics_are_ordered_with_atomics_alone) {
  Machine machine;
  machine.write(0, 0);
  machine.barrier();
  EXPECT_TRUE(machine.lane(0, AccessKind::Atomic, 0).empty());
  EXPECT_TRUE(machine.lane(1, AccessKind::Atomic, 0).empty());
  EXPECT_TRUE(machine.lane(2, AccessKind::AtomicRead, 0).empty());
  EXPECT_TRUE(machine.lane(3, AccessKind::AtomicWrite, 0).empty());
  EXPECT_TRUE(isOne(machine.read(0, 0), FindingKind::Race, Hazard::ReadAfterWrite));
  EXPECT_EQ(machine.write(1, 0).size(), 2u) << "the plain read and the atomic write";
}

TEST(ShadowWords, bytes_in_flight_may_not_be_touched) {
  Machine machine;
  ShadowAccess copy = machine.access(0, AccessKind::Write, 9);
  copy.current = 0;
  machine.words.beginWrite(copy, 5, 64, 32);
  EXPECT_TRUE(machine.take().empty());
  auto found = machine.read(1, 92);
  ASSERT_TRUE(isOne(found, FindingKind::InFlight, Hazard::ReadAfterWrite));
  EXPECT_EQ(found[0].flight, 5);
  EXPECT_TRUE(isOne(machine.write(1, 64), FindingKind::InFlight, Hazard::WriteAfterWrite));
  EXPECT_TRUE(isOne(machine.read(1, 96), FindingKind::UninitialisedRead, Hazard::ReadAfterWrite));
  machine.words.land(5, 64, 32, machine.clocks.epoch(machine.agents[0]), 9, false);
  EXPECT_TRUE(machine.read(0, 92).empty());
  EXPECT_TRUE(isOne(machine.read(1, 92), FindingKind::Race, Hazard::ReadAfterWrite));
}

TEST(ShadowWords, a_copy_needs_the_readers_of_what_it_overwrites) {
  Machine machine;
  machine.all(0, AccessKind::Write, 0);
  machine.barrier();
  machine.all(1, AccessKind::Read, 0);
  ShadowAccess copy = machine.access(0, AccessKind::Write, 9);
  copy.current = 0;
  machine.words.beginWrite(copy, 5, 0, 128);
  EXPECT_TRUE(isOne(machine.take(), FindingKind::Race, Hazard::WriteAfterRead));
}

TEST(ShadowWords, two_copies_to_one_place) {
  Machine machine;
  ShadowAccess copy = machine.access(0, AccessKind::Write, 9);
  machine.words.beginWrite(copy, 5, 0, 64);
  machine.words.beginWrite(copy, 5, 64, 64);
  EXPECT_TRUE(machine.take().empty());
  machine.words.beginWrite(copy, 6, 32, 16);
  EXPECT_TRUE(isOne(machine.take(), FindingKind::InFlight, Hazard::WriteAfterWrite));
}

TEST(ShadowWords, the_async_proxy_needs_a_fence_after_ordinary_writes) {
  Machine machine;
  Agent tensor = machine.clocks.add();
  machine.all(0, AccessKind::Write, 0);
  machine.barrier();
  auto asyncRead = [&] {
    ShadowAccess read = machine.access(1, AccessKind::Read, 9);
    read.current = 0;
    read.epoch = machine.clocks.epoch(tensor);
    read.asyncProxy = true;
    ShadowWords::Pass(machine.words, read).read(0, 128, ShadowWords::anyLane);
    return machine.take();
  };
  EXPECT_TRUE(isOne(asyncRead(), FindingKind::MissingProxyFence, Hazard::ReadAfterWrite));
  machine.clocks.fenceProxy(machine.agents[0]);
  EXPECT_FALSE(asyncRead().empty()) << "the fence has not been published";
  machine.barrier();
  EXPECT_TRUE(asyncRead().empty());
  // The tensor core has not said that it is done.
  EXPECT_TRUE(isOne(machine.write(1, 0), FindingKind::Race, Hazard::WriteAfterRead));
  machine.clocks.acquire(machine.agents[1], machine.clocks.epoch(tensor));
  EXPECT_TRUE(machine.write(1, 4).empty());
}

TEST(ShadowWords, the_async_proxy_reads_what_it_wrote_without_a_fence) {
  Machine machine;
  Agent copies = machine.clocks.add();
  Epoch written = machine.clocks.epoch(copies);
  machine.words.beginWrite(machine.access(0, AccessKind::Write, 9), 5, 0, 128);
  machine.words.land(5, 0, 128, written, 9, true);
  machine.clocks.acquire(machine.agents[1], written);
  ShadowAccess read = machine.access(1, AccessKind::Read, 10);
  read.asyncProxy = true;
  ShadowWords::Pass(machine.words, read).read(0, 128, ShadowWords::anyLane);
  EXPECT_TRUE(machine.take().empty());
}

TEST(ShadowWords, only_mbarrier_instructions_touch_an_mbarrier) {
  Machine machine;
  machine.words.reserve(8, 8, true);
  EXPECT_TRUE(isOne(machine.read(0, 12), FindingKind::BarrierMisuse, Hazard::ReadAfterWrite));
  EXPECT_TRUE(isOne(machine.write(0, 8), FindingKind::BarrierMisuse, Hazard::WriteAfterWrite));
  EXPECT_TRUE(machine.write(0, 16).empty());
  machine.words.reserve(8, 8, false);
  EXPECT_TRUE(machine.write(0, 8).empty());
}

TEST(ShadowWords, long_runs_forget_old_sets_and_nothing_else) {
  Machine machine;
  machine.all(0, AccessKind::Write, 0);
  machine.all(0, AccessKind::Write, 512);
  machine.barrier();
  machine.all(1, AccessKind::Read, 512);
  // Each round makes new sets: more than are kept.
  for (unsigned i = 0; i < 20000; ++i) {
    for (unsigned warp = 0; warp < 4; ++warp)
      ASSERT_TRUE(machine.read(warp, 4 * (i % 32)).empty());
    machine.barrier();
  }
  EXPECT_TRUE(machine.write(2, 512).empty());
  machine.read(1, 516);
  EXPECT_TRUE(isOne(machine.write(2, 516), FindingKind::Race, Hazard::WriteAfterRead));
}

namespace {

/// Every access of every byte, and who knew what then: whole-word accesses of a random program are
/// judged by it.
class Model {
public:
  bool conflicts(const Knowledge &known, bool write, uint32_t word, Epoch epoch) {
    bool bad = !known.happened.covers(lastWrite[word]);
    if (write)
      for (Epoch read : readers[word])
        bad |= !known.happened.covers(read);
    if (write) {
      lastWrite[word] = epoch;
      readers[word].clear();
    } else {
      readers[word].push_back(epoch);
    }
    return bad;
  }

private:
  std::map<uint32_t, Epoch> lastWrite;
  std::map<uint32_t, std::vector<Epoch>> readers;
};

} // namespace

TEST(ShadowWords, random_programs_agree_with_a_model) {
  std::mt19937 random(1);
  unsigned conflicts = 0, clean = 0;
  for (unsigned round = 0; round < 100; ++round) {
    Machine machine;
    Model model;
    machine.all(0, AccessKind::Write, 0, 16);
    for (uint32_t word = 0; word < 128; ++word)
      model.conflicts(machine.clocks.of(machine.agents[0]), true, word,
                      machine.clocks.epoch(machine.agents[0]));
    machine.barrier();
    for (unsigned step = 0; step < 100; ++step) {
      unsigned warp = random() % 4;
      Agent agent = machine.agents[warp];
      if (random() % 4 == 0) {
        Knowledge handed;
        machine.clocks.release(agent, handed);
        machine.clocks.acquire(machine.agents[random() % 4], handed);
        continue;
      }
      bool write = random() % 3 == 0;
      uint32_t first = random() % 120, count = 1 + random() % 8;
      bool expected = false;
      for (uint32_t word = first; word < first + count; ++word)
        expected |=
            model.conflicts(machine.clocks.of(agent), write, word, machine.clocks.epoch(agent));
      auto found = write ? machine.write(warp, first * 4, count * 4)
                         : machine.read(warp, first * 4, count * 4);
      ASSERT_EQ(!found.empty(), expected) << "round " << round << ", step " << step;
      ++(expected ? conflicts : clean);
    }
  }
  EXPECT_GT(conflicts, 1000u);
  EXPECT_GT(clean, 1000u);
}
