// SPDX-License-Identifier: Apache-2.0
// cp.async: what it copies, what its waits cover, and what is found when one is missing.
#include "test/runtime/sim/ops/AsyncHarness.h"

namespace attune::sim {
namespace {

class CopyAsyncTest : public AsyncTest {
protected:
  CopyAsyncTest() { threads = 64; }

  std::vector<uint8_t> firstBytes(size_t count) const {
    return {input.begin(), input.begin() + std::ptrdiff_t(count)};
  }
  /// The input in pieces of 16 bytes, in which thread t has the piece of t ^ 33.
  std::vector<uint8_t> exchanged() const {
    std::vector<uint8_t> bytes;
    for (size_t thread = 0; thread < threads; ++thread)
      bytes.insert(bytes.end(), input.begin() + std::ptrdiff_t((thread ^ 33) * 16),
                   input.begin() + std::ptrdiff_t((thread ^ 33) * 16 + 16));
    return bytes;
  }
};

/// %r3: where the thread's 16 bytes lie in shared memory; %rd4, %rd5: in the input and output.
const std::string places = "shl.b32 %r3, %r1, 4;\ncvt.u64.u32 %rd6, %r3;\n"
                           "add.s64 %rd4, %rd1, %rd6;\nadd.s64 %rd5, %rd2, %rd6;\n"
                           "add.s32 %r3, %r2, %r3;\n";
const std::string copy16 = "cp.async.cg.shared.global [%r3], [%rd4], 16;\n";
/// Writes the 16 bytes of thread t ^ 33, which is in the other warp.
const std::string outputOther = "xor.b32 %r4, %r1, 33;\nshl.b32 %r4, %r4, 4;\n"
                                "add.s32 %r4, %r2, %r4;\n"
                                "ld.shared.v4.b32 {%r5, %r6, %r7, %r8}, [%r4];\n"
                                "st.global.v4.b32 [%rd5], {%r5, %r6, %r7, %r8};\n";
const std::string outputOwn = "ld.shared.v4.b32 {%r5, %r6, %r7, %r8}, [%r3];\n"
                              "st.global.v4.b32 [%rd5], {%r5, %r6, %r7, %r8};\n";
const std::string commit = "cp.async.commit_group;\n";
const std::string wait = "cp.async.wait_group 0;\n";
const std::string barrier = "bar.sync 0;\n";

TEST_F(CopyAsyncTest, bytesAreThereAfterWaitAndBarrier) {
  expectOutput(kernel(places + copy16 + commit + wait + barrier + outputOther, "sm_80"),
               exchanged());
}

TEST_F(CopyAsyncTest, ownBytesAreThereAfterTheWait) {
  expectOutput(kernel(places + copy16 + commit + wait + outputOwn, "sm_80"), firstBytes(1024));
}

TEST_F(CopyAsyncTest, waitAllNeedsNoCommit) {
  expectOutput(kernel(places + copy16 + "cp.async.wait_all;\n" + barrier + outputOther, "sm_80"),
               exchanged());
}

TEST_F(CopyAsyncTest, everySizeAndCacheModifier) {
  expectOutput(kernel(places +
                          "cp.async.ca.shared.global [%r3], [%rd4], 4;\n"
                          "cp.async.ca.shared.global.L2::128B [%r3+4], [%rd4+4], 4;\n"
                          "cp.async.ca.shared::cta.global.L2::64B [%r3+8], [%rd4+8], 8;\n" +
                          commit + wait + barrier + outputOther,
                      "sm_80"),
               exchanged());
}

TEST_F(CopyAsyncTest, bytesBehindTheSourceSizeAreZeroAndNotRead) {
  // Thread t reads 4 * (t % 5) bytes; where that is 0 its address is nowhere.
  std::string sizes = "rem.u32 %r9, %r1, 5;\nshl.b32 %r9, %r9, 2;\nsetp.eq.u32 %p1, %r9, 0;\n"
                      "selp.b64 %rd4, 16, %rd4, %p1;\n";
  std::vector<uint8_t> expected = firstBytes(1024);
  for (size_t i = 0; i < expected.size(); ++i)
    if (i % 16 >= 4 * (i / 16 % 5))
      expected[i] = 0;
  expectOutput(kernel(places + sizes + "cp.async.cg.shared.global [%r3], [%rd4], 16, %r9;\n" +
                          commit + wait + outputOwn,
                      "sm_80"),
               expected);
}

TEST_F(CopyAsyncTest, sourceOfPartOfTheBytesMayEndAtTheAllocation) {
  input.resize(1024 - 12);
  std::string sizes = "setp.eq.u32 %p1, %r1, 63;\nselp.b32 %r9, 4, 16, %p1;\n";
  std::vector<uint8_t> expected = input;
  expected.resize(1024);
  expectOutput(kernel(places + sizes + "cp.async.cg.shared.global [%r3], [%rd4], 16, %r9;\n" +
                          commit + wait + outputOwn,
                      "sm_80"),
               expected);
}

TEST_F(CopyAsyncTest, ignoredSourcesAreZeroAndNotRead) {
  std::string odd = "and.b32 %r9, %r1, 1;\nsetp.ne.u32 %p1, %r9, 0;\n"
                    "selp.b64 %rd4, 16, %rd4, %p1;\n";
  std::vector<uint8_t> expected = firstBytes(1024);
  for (size_t i = 0; i < expected.size(); ++i)
    if (i / 16 % 2)
      expected[i] = 0;
  expectOutput(kernel(places + odd + "cp.async.cg.shared.global [%r3], [%rd4], 16, %p1;\n" +
                          commit + wait + outputOwn,
                      "sm_80"),
               expected);
}

/// Three groups: pieces at 0, 1024 and 2048.
const std::string threeGroups =
    places + copy16 + commit + "cp.async.cg.shared.global [%r3+1024], [%rd4+1024], 16;\n" + commit +
    "cp.async.cg.shared.global [%r3+2048], [%rd4+2048], 16;\n" + commit;
std::string outputAt(int offset) {
  std::string at = std::to_string(offset);
  return "ld.shared.v4.b32 {%r5, %r6, %r7, %r8}, [%r3+" + at + "];\nst.global.v4.b32 [%rd5+" + at +
         "], {%r5, %r6, %r7, %r8};\n";
}

TEST_F(CopyAsyncTest, waitLeavesTheMostRecentGroups) {
  expectOutput(kernel(threeGroups + "cp.async.wait_group 2;\n" + outputAt(0) +
                          "cp.async.wait_group 1;\n" + outputAt(1024) + "cp.async.wait_group 0;\n" +
                          outputAt(2048),
                      "sm_80"),
               firstBytes(3072));
}

TEST_F(CopyAsyncTest, groupsAreCountedForEachLane) {
  // Odd lanes commit twice, so that their copy is not in their most recent group.
  expectOutput(kernel(places + copy16 + commit +
                          "and.b32 %r9, %r1, 1;\nsetp.ne.u32 %p1, %r9, 0;\n"
                          "@%p1 cp.async.commit_group;\n@%p1 cp.async.wait_group 1;\n"
                          "@!%p1 cp.async.wait_group 0;\n" +
                          barrier + outputOther,
                      "sm_80"),
               exchanged());
}

TEST_F(CopyAsyncTest, missingWait) {
  expectFinding(kernel(places + copy16 + commit + outputOwn, "sm_80"), FindingKind::InFlight, "");
}

TEST_F(CopyAsyncTest, waitThatLeavesOneGroupTooMany) {
  expectFinding(kernel(threeGroups + "cp.async.wait_group 1;\n" + outputAt(2048), "sm_80"),
                FindingKind::InFlight, "");
}

TEST_F(CopyAsyncTest, missingCommit) {
  expectFinding(kernel(places + copy16 + wait + outputOwn, "sm_80"), FindingKind::InFlight, "");
}

TEST_F(CopyAsyncTest, waitOfOtherLanesDoesNotCount) {
  expectFinding(kernel(places + copy16 + commit +
                           "setp.lt.u32 %p1, %r1, 63;\n@%p1 cp.async.wait_group 0;\n" + outputOwn,
                       "sm_80"),
                FindingKind::InFlight, "");
}

// What is found depends on which warp is first: the bytes may be in flight, not yet written, or
// written by a warp that nothing orders.
const std::set<FindingKind> unordered = {FindingKind::Race, FindingKind::InFlight,
                                         FindingKind::UninitialisedRead};

TEST_F(CopyAsyncTest, missingBarrierAfterTheWait) {
  expectFindings(kernel(places + copy16 + commit + wait + outputOther, "sm_80"), unordered);
}

TEST_F(CopyAsyncTest, barrierBeforeTheWait) {
  expectFindings(kernel(places + copy16 + commit + barrier + wait + outputOther, "sm_80"),
                 unordered);
}

TEST_F(CopyAsyncTest, bytesAreOverwrittenWhileInFlight) {
  expectFinding(kernel(places + copy16 + commit + "st.shared.b32 [%r3], %r1;\n" + wait, "sm_80"),
                FindingKind::InFlight, "");
}

TEST_F(CopyAsyncTest, readsOutsideAnAllocation) {
  input.resize(1008);
  expectFinding(kernel(places + copy16 + commit + wait, "sm_80"), FindingKind::OutOfBounds, "");
}

TEST_F(CopyAsyncTest, writesOutsideSharedMemory) {
  sharedBytes = 1008;
  expectFinding(kernel(places + copy16 + commit + wait, "sm_80"), FindingKind::OutOfBounds, "");
}

TEST_F(CopyAsyncTest, misalignedInSharedMemory) {
  expectFinding(
      kernel(places + "cp.async.cg.shared.global [%r3+8], [%rd4], 16;\n" + commit + wait, "sm_80"),
      FindingKind::Misaligned, "16 bytes");
}

TEST_F(CopyAsyncTest, readsMoreThanItCopies) {
  expectFinding(kernel(places +
                           "mov.b32 %r9, 20;\ncp.async.cg.shared.global [%r3], [%rd4], 16, %r9;\n" +
                           commit + wait,
                       "sm_80"),
                FindingKind::Fault, "expected no more");
}

/// An mbarrier at 4096 that `count` arrivals complete.
std::string mbarrier(int count) {
  return "setp.eq.u32 %p2, %r1, 0;\n@%p2 mbarrier.init.shared.b64 [%r2+4096], " +
         std::to_string(count) + ";\nbar.sync 0;\n";
}
const std::string spin = "S:\nmbarrier.test_wait.parity.shared.b64 %p3, [%r2+4096], 0;\n"
                         "@!%p3 bra S;\n";

TEST_F(CopyAsyncTest, mbarrierTellsOfCopies) {
  expectOutput(kernel(places + mbarrier(64) + copy16 +
                          "cp.async.mbarrier.arrive.noinc.shared.b64 [%r2+4096];\n" + spin +
                          outputOther,
                      "sm_80"),
               exchanged());
}

TEST_F(CopyAsyncTest, mbarrierCountsCopiesApart) {
  expectOutput(kernel(places + mbarrier(64) + copy16 +
                          "cp.async.mbarrier.arrive.shared::cta.b64 [%r2+4096];\n"
                          "mbarrier.arrive.shared.b64 %rd7, [%r2+4096];\n" +
                          spin + outputOther,
                      "sm_80"),
               exchanged());
}

TEST_F(CopyAsyncTest, copiesAfterTheArrivalAreNotCovered) {
  expectFinding(kernel(places + mbarrier(64) +
                           "cp.async.mbarrier.arrive.noinc.shared.b64 [%r2+4096];\n" + copy16 +
                           spin + outputOwn,
                       "sm_80"),
                FindingKind::InFlight, "");
}

TEST_F(CopyAsyncTest, inFlightBytesAreCounted) {
  LoadedModule module(kernel(threeGroups + wait, "sm_80"));
  Options options;
  options.counters = true;
  options.schedule = Schedule::LowestFirst;
  EXPECT_EQ(run(module, options).counters.mostBytesInFlight, 3 * 512u);
}

TEST_F(CopyAsyncTest, formsThatThePtxIsaLacks) {
  expectRefused("cp.async.cg.shared.global [%r2], [%rd1], 8;\n", "16 bytes");
  expectRefused("cp.async.ca.shared.global [%r2], [%rd1], 12;\n", "4, 8 or 16");
  expectRefused("cp.async.ca.global.shared [%r2], [%rd1], 16;\n", "shared");
  expectRefused("cp.async.ca.shared.global [%r2], [%rd1], 8, 9;\n", "from 0 to 8");
  expectRefused("cp.async.wait_group %r1;\n", "how many groups");
  expectRefused("cp.async.cg.shared.global.L2::cache_hint [%r2], [%rd1], 16;\n", "operands");
}

} // namespace
} // namespace attune::sim
