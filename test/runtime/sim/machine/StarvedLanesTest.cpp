// SPDX-License-Identifier: Apache-2.0
// Is it found when lanes of a warp rely on each other without saying so? Where some of them are kept
// back until nothing else can run.
#include "test/runtime/sim/KernelRun.h"

#include <gtest/gtest.h>

namespace attune::sim::test {
namespace {

/// All lanes of the first warp wait for the first phase of a barrier, the first lane then asks the
/// second warp to begin the next one: a lane that looks only now waits for ever.
std::string kindsFound(const std::string &behindTheWait, uint64_t seed) {
  KernelRun kernel;
  kernel.threads = 64;
  kernel.body = R"(
    setp.ne.u32 %p1, %r0, 0;
    @%p1 bra READY;
    mbarrier.init.shared.b64 [smem], 1;
    mbarrier.init.shared.b64 [smem+8], 1;
    fence.mbarrier_init.release.cluster;
    READY: bar.sync 0;
    setp.ge.u32 %p2, %r0, 32;
    @%p2 bra SECOND;
    FULL: mbarrier.try_wait.parity.shared.b64 %p3, [smem], 0;
    @!%p3 bra FULL;
    )" + behindTheWait +
                R"(
    @%p1 bra DONE;
    mbarrier.arrive.shared.b64 %rd5, [smem+8];
    bra.uni DONE;
    SECOND: setp.ne.u32 %p4, %r0, 32;
    @%p4 bra DONE;
    mbarrier.arrive.shared.b64 %rd5, [smem];
    READ: mbarrier.try_wait.parity.shared.b64 %p5, [smem+8], 0;
    @!%p5 bra READ;
    mbarrier.arrive.shared.b64 %rd5, [smem];
    DONE:)";
  kernel.options.split = true;
  kernel.options.schedule = Schedule::StarveOne;
  kernel.options.seed = seed;
  return runKernel(kernel).kinds();
}

TEST(StarvedLanes, MissAPhase) { EXPECT_EQ(kindsFound("", 1), "deadlock"); }

TEST(StarvedLanes, MissNoneWhereTheyGoOnTogether) {
  EXPECT_EQ(kindsFound("bar.warp.sync -1;", 1), "");
  EXPECT_EQ(kindsFound("bar.warp.sync -1;", 2), "");
}

TEST(StarvedLanes, AreThoseWithTheLowestIfTheSeedIsEven) { EXPECT_EQ(kindsFound("", 2), ""); }

/// The lanes that are ahead wait where lanes of a branch meet, the others come when all else is done.
TEST(StarvedLanes, MeetAtASynchronisingInstruction) {
  for (uint64_t seed : {1, 2}) {
    KernelRun kernel;
    kernel.threads = 96;
    kernel.body = R"(
      and.b32 %r5, %r0, 3;
      setp.ne.u32 %p1, %r5, 0;
      @%p1 bra OTHERS;
      mov.u32 %r6, 5;
      bra.uni MEET;
      OTHERS: mov.u32 %r6, 7;
      MEET: shfl.sync.bfly.b32 %r7, %r6, 1, 31, -1;
      bar.sync 0;
      st.global.b32 [%rd2], %r7;)";
    kernel.options.split = true;
    kernel.options.schedule = Schedule::StarveOne;
    kernel.options.seed = seed;
    KernelOutcome outcome = runKernel(kernel);
    EXPECT_EQ(outcome.report, "");
    for (uint32_t thread = 0; thread < 96; ++thread)
      EXPECT_EQ(outcome.output[thread], thread % 4 == 1 ? 5u : 7u) << thread;
  }
}

/// What all lanes know is stored by all of them: if all accesses are strong, one may have read it by
/// then.
TEST(StarvedLanes, StoreWhatOthersHaveRead) {
  for (std::string strength : {"", ".volatile"}) {
    KernelRun kernel;
    kernel.body = "setp.ne.u32 %p1, %r0, 0; @%p1 bra OTHERS; st" + strength +
                  ".shared.b32 [smem], 7; ld" + strength +
                  ".shared.b32 %r5, [smem]; bra.uni DONE; OTHERS: st" + strength +
                  ".shared.b32 [smem], 7; ld" + strength +
                  ".shared.b32 %r5, [smem]; DONE: st.global.b32 [%rd2], %r5;";
    kernel.options.split = true;
    kernel.options.schedule = Schedule::StarveOne;
    kernel.options.seed = 1;
    EXPECT_EQ(runKernel(kernel).kinds(), strength.empty() ? "hazard within a warp" : "");
  }
}

} // namespace
} // namespace attune::sim::test
