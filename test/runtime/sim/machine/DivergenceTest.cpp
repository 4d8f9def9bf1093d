// SPDX-License-Identifier: Apache-2.0
// Do lanes that part ways meet again, in either order of the paths, and also where lanes do not
// reconverge by themselves?
#include "test/runtime/sim/KernelRun.h"

#include <gtest/gtest.h>

namespace attune::sim::test {
namespace {

/// Both orders of paths (by the seed's parity), with and without reconvergence.
class Divergence : public testing::TestWithParam<std::tuple<uint64_t, bool>> {
protected:
  KernelOutcome run(const std::string &body, uint32_t threads = 32) {
    KernelRun kernel;
    kernel.body = body;
    kernel.threads = threads;
    std::tie(kernel.options.seed, kernel.options.split) = GetParam();
    KernelOutcome outcome = runKernel(kernel);
    EXPECT_EQ(outcome.report, "");
    return outcome;
  }
};

TEST_P(Divergence, IfAndElse) {
  auto outcome = run(R"(
    and.b32 %r5, %r0, 1;
    setp.ne.u32 %p1, %r5, 0;
    @%p1 bra ODD;
    mul.lo.u32 %r6, %r0, 10;
    bra.uni DONE;
    ODD: add.u32 %r6, %r0, 1000;
    DONE: st.global.b32 [%rd2], %r6;)");
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(outcome.output[lane], lane % 2 ? lane + 1000 : lane * 10);
}

TEST_P(Divergence, LoopsOfDifferentLengths) {
  auto outcome = run(R"(
    mov.u32 %r5, 0;
    mov.u32 %r6, 0;
    LOOP: setp.ge.u32 %p1, %r5, %r0;
    @%p1 bra DONE;
    add.u32 %r6, %r6, %r5;
    add.u32 %r5, %r5, 1;
    bra.uni LOOP;
    DONE: st.global.b32 [%rd2], %r6;)");
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(outcome.output[lane], lane * (lane - 1) / 2 * (lane > 0));
}

TEST_P(Divergence, BranchInABranchInALoop) {
  // Collatz steps of lane + 1.
  auto outcome = run(R"(
    add.u32 %r5, %r0, 1;
    mov.u32 %r6, 0;
    LOOP: setp.eq.u32 %p1, %r5, 1;
    @%p1 bra DONE;
    add.u32 %r6, %r6, 1;
    and.b32 %r7, %r5, 1;
    setp.eq.u32 %p2, %r7, 0;
    @%p2 bra EVEN;
    mad.lo.u32 %r5, %r5, 3, 1;
    bra.uni LOOP;
    EVEN: shr.u32 %r5, %r5, 1;
    bra.uni LOOP;
    DONE: st.global.b32 [%rd2], %r6;)");
  for (uint32_t lane = 0; lane < 32; ++lane) {
    uint32_t steps = 0;
    for (uint32_t n = lane + 1; n != 1; n = n % 2 ? 3 * n + 1 : n / 2)
      ++steps;
    EXPECT_EQ(outcome.output[lane], steps) << lane;
  }
}

TEST_P(Divergence, SomeLanesExitEarly) {
  auto outcome = run(R"(
    setp.lt.u32 %p1, %r0, 7;
    st.global.b32 [%rd2], 1;
    @%p1 exit;
    st.global.b32 [%rd2], 2;
    setp.lt.u32 %p1, %r0, 20;
    @%p1 bra OUT;
    st.global.b32 [%rd2], 3;
    OUT: setp.lt.u32 %p1, %r0, 10;
    @%p1 ret;
    add.u32 %r5, %r0, 100;
    st.global.b32 [%rd2], %r5;)");
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(outcome.output[lane], lane < 7 ? 1 : lane < 10 ? 2 : lane + 100);
}

TEST_P(Divergence, TableOfTargets) {
  auto outcome = run(R"(
    and.b32 %r5, %r0, 3;
    targets: .branchtargets ZERO, ONE, TWO, ONE;
    brx.idx %r5, targets;
    ZERO: mov.u32 %r6, 10;
    bra.uni DONE;
    ONE: mov.u32 %r6, 11;
    bra.uni DONE;
    TWO: mov.u32 %r6, 12;
    DONE: st.global.b32 [%rd2], %r6;)");
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(outcome.output[lane], 10 + (lane % 4 == 2 ? 2 : lane % 4 != 0));
}

TEST_P(Divergence, LanesMeetAtASynchronisingInstruction) {
  auto outcome = run(R"(
    and.b32 %r5, %r0, 1;
    setp.ne.u32 %p1, %r5, 0;
    @%p1 bra ODD;
    mov.u32 %r6, 5;
    bra.uni DONE;
    ODD: mov.u32 %r6, 7;
    DONE: shfl.sync.bfly.b32 %r7, %r6, 1, 31, -1;
    st.global.b32 [%rd2], %r7;)");
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(outcome.output[lane], lane % 2 ? 5u : 7u);
}

TEST_P(Divergence, PartOfAWarp) {
  auto outcome = run(R"(
    vote.sync.ballot.b32 %r5, 1, 0xff;
    st.global.b32 [%rd2], %r5;)",
                     8);
  for (uint32_t value : outcome.output)
    EXPECT_EQ(value, 0xffu);
}

INSTANTIATE_TEST_SUITE_P(Orders, Divergence,
                         testing::Combine(testing::Values(0, 1, 2, 3), testing::Bool()));

TEST(DivergenceFaults, IndexBeyondTheTable) {
  KernelRun kernel;
  kernel.body = R"(
    targets: .branchtargets A, B;
    brx.idx %r0, targets;
    A: st.global.b32 [%rd2], 1;
    ret;
    B: st.global.b32 [%rd2], 2;)";
  KernelOutcome outcome = runKernel(kernel);
  EXPECT_EQ(outcome.kinds(), "fault");
  EXPECT_EQ(outcome.output[0], 1u);
  EXPECT_EQ(outcome.output[1], 2u);
  EXPECT_NE(outcome.report.find("the list has 2 targets"), std::string::npos) << outcome.report;
}

TEST(DivergenceFaults, Trap) {
  KernelRun kernel;
  kernel.body = "setp.eq.u32 %p1, %r0, 3;\n@%p1 trap;\nst.global.b32 [%rd2], %r0;";
  KernelOutcome outcome = runKernel(kernel);
  EXPECT_EQ(outcome.kinds(), "fault");
  EXPECT_EQ(outcome.findings[0].party.lanes, 8u);
  EXPECT_EQ(outcome.output[3], 0xcdcdcdcdu);
  EXPECT_EQ(outcome.output[4], 4u);
}

TEST(DivergenceFaults, LoopThatDoesNotEnd) {
  KernelRun kernel;
  kernel.body = "FOREVER: bra.uni FOREVER;";
  kernel.options.instructionLimit = 10000;
  EXPECT_EQ(runKernel(kernel).kinds(), "hang");
}

} // namespace
} // namespace attune::sim::test
