// SPDX-License-Identifier: Apache-2.0
// Do lanes of a warp tell each other what the ISA says, and is it told when a lane is missing?
#include "test/runtime/sim/KernelRun.h"

#include <gtest/gtest.h>

#include <bit>
#include <functional>

namespace attune::sim::test {
namespace {

KernelOutcome run(const std::string &body, uint32_t threads = 32) {
  KernelRun kernel;
  kernel.body = body + "\nst.global.b32 [%rd2], %r10;";
  kernel.threads = threads;
  return runKernel(kernel);
}

void expectLanes(const std::string &body, const std::function<uint32_t(uint32_t)> &expected) {
  KernelOutcome outcome = run(body);
  EXPECT_EQ(outcome.report, "") << body;
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(outcome.output[lane], expected(lane)) << body << ", lane " << lane;
}

TEST(WarpOperations, ShuffleWholeWarps) {
  expectLanes("shfl.sync.bfly.b32 %r10, %r0, 5, 31, -1;", [](uint32_t l) { return l ^ 5; });
  expectLanes("shfl.sync.idx.b32 %r10, %r0, 9, 31, -1;", [](uint32_t) { return 9; });
  expectLanes("shfl.sync.up.b32 %r10, %r0, 3, 0, -1;",
              [](uint32_t l) { return l < 3 ? l : l - 3; });
  expectLanes("shfl.sync.down.b32 %r10, %r0, 3, 31, -1;",
              [](uint32_t l) { return l + 3 > 31 ? l : l + 3; });
}

TEST(WarpOperations, ShuffleWithinSegments) {
  // c = (32 - width) << 8 | clamp: segments of 8 lanes.
  expectLanes("shfl.sync.idx.b32 %r10, %r0, 2, 0x181f, -1;",
              [](uint32_t l) { return (l & 24) + 2; });
  expectLanes("shfl.sync.up.b32 %r10, %r0, 2, 0x1800, -1;",
              [](uint32_t l) { return (l & 7) < 2 ? l : l - 2; });
  expectLanes("shfl.sync.down.b32 %r10, %r0, 2, 0x181f, -1;",
              [](uint32_t l) { return (l & 7) + 2 > 7 ? l : l + 2; });
  expectLanes("shfl.sync.bfly.b32 %r10, %r0, 4, 0x181f, -1;", [](uint32_t l) { return l ^ 4; });
}

TEST(WarpOperations, ShuffleSaysWhatIsInRange) {
  expectLanes("shfl.sync.down.b32 %r5|%p1, %r0, 3, 31, -1;\nselp.b32 %r10, 1, 0, %p1;",
              [](uint32_t l) { return l + 3 <= 31; });
}

TEST(WarpOperations, Votes) {
  std::string below = "setp.lt.u32 %p1, %r0, 9;\n";
  expectLanes(below + "vote.sync.ballot.b32 %r10, %p1, -1;", [](uint32_t) { return 0x1ff; });
  expectLanes(below + "vote.sync.ballot.b32 %r10, !%p1, -1;", [](uint32_t) { return ~0x1ffu; });
  expectLanes(below + "vote.sync.any.pred %p2, %p1, -1;\nselp.b32 %r10, 1, 0, %p2;",
              [](uint32_t) { return 1; });
  expectLanes(below + "vote.sync.all.pred %p2, %p1, -1;\nselp.b32 %r10, 1, 0, %p2;",
              [](uint32_t) { return 0; });
  expectLanes(below + "vote.sync.uni.pred %p2, %p1, -1;\nselp.b32 %r10, 1, 0, %p2;",
              [](uint32_t) { return 0; });
}

TEST(WarpOperations, Matches) {
  expectLanes("and.b32 %r5, %r0, 3;\nmatch.any.sync.b32 %r10, %r5, -1;",
              [](uint32_t l) { return 0x11111111u << (l & 3); });
  expectLanes("mov.b64 %rd5, 7;\nmatch.all.sync.b64 %r10|%p1, %rd5, -1;",
              [](uint32_t) { return ~0u; });
  expectLanes("match.all.sync.b32 %r10|%p1, %r0, -1;", [](uint32_t) { return 0; });
}

TEST(WarpOperations, Reductions) {
  expectLanes("redux.sync.add.u32 %r10, %r0, -1;", [](uint32_t) { return 496; });
  expectLanes("redux.sync.max.u32 %r10, %r0, -1;", [](uint32_t) { return 31; });
  expectLanes("sub.s32 %r5, 10, %r0;\nredux.sync.min.s32 %r10, %r5, -1;",
              [](uint32_t) { return uint32_t(-21); });
  expectLanes("sub.s32 %r5, 10, %r0;\nredux.sync.max.s32 %r10, %r5, -1;",
              [](uint32_t) { return 10; });
  expectLanes("redux.sync.xor.b32 %r10, %r0, -1;", [](uint32_t) { return 0; });
  expectLanes("or.b32 %r5, %r0, 64;\nredux.sync.and.b32 %r10, %r5, -1;",
              [](uint32_t) { return 64; });
  expectLanes("redux.sync.or.b32 %r10, %r0, -1;", [](uint32_t) { return 31; });
}

TEST(WarpOperations, ElectAndActiveMask) {
  expectLanes("elect.sync %r5|%p1, -1;\nselp.b32 %r10, 1, 0, %p1;",
              [](uint32_t l) { return l == 0; });
  expectLanes("activemask.b32 %r10;", [](uint32_t) { return ~0u; });
  expectLanes("mov.u32 %r10, 0;\nsetp.ge.u32 %p1, %r0, 30;\n@%p1 elect.sync %r10|%p2, 0xc0000000;",
              [](uint32_t l) { return l >= 30 ? 30 : 0; });
}

TEST(WarpOperations, PartsOfAWarpByThemselves) {
  expectLanes(R"(
    setp.lt.u32 %p1, %r0, 8;
    mov.u32 %r10, 77;
    @%p1 shfl.sync.bfly.b32 %r10, %r0, 1, 31, 0xff;)",
              [](uint32_t l) { return l < 8 ? l ^ 1 : 77; });
}

TEST(WarpOperations, MissingLanes) {
  struct Case {
    const char *body, *message;
  };
  for (const Case &wrong :
       {Case{"setp.lt.u32 %p1, %r0, 8;\n@%p1 shfl.sync.bfly.b32 %r10, %r0, 1, 31, -1;",
             "names these lanes, which are elsewhere"},
        Case{"shfl.sync.bfly.b32 %r10, %r0, 1, 31, 0xff;", "does not name these lanes"},
        Case{"vote.sync.ballot.b32 %r10, 1, %r0;", "different member masks"},
        Case{"setp.lt.u32 %p1, %r0, 8;\n@%p1 shfl.sync.idx.b32 %r10, %r0, 9, 31, 0xff;",
             "a lane that does not take part"}}) {
    KernelOutcome outcome = run(wrong.body);
    EXPECT_NE(outcome.report.find(wrong.message), std::string::npos) << wrong.body << "\n"
                                                                     << outcome.report;
  }
}

} // namespace
} // namespace attune::sim::test
