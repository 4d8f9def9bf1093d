// SPDX-License-Identifier: Apache-2.0
// mbarriers: whom they let pass and when, against a reference that is written from the PTX ISA, and
// what is found when they are used against their rules.
#include "test/runtime/sim/ops/AsyncHarness.h"

#include <random>

namespace attune::sim {
namespace {

class MbarrierTest : public AsyncTest {
protected:
  MbarrierTest() { threads = 64; }
};

/// Thread 0 initialises the mbarrier at [smem + offset].
std::string init(int offset, int count) {
  return "{\n.reg .pred %q;\nsetp.eq.u32 %q, %r1, 0;\n@%q mbarrier.init.shared.b64 [%r2+" +
         std::to_string(offset) + "], " + std::to_string(count) + ";\n}\n";
}
const std::string barrier = "bar.sync 0;\n";
const std::string isFirst = "setp.eq.u32 %p1, %r1, 0;\n";
std::string on(const std::string &instruction) { return "@%p1 " + instruction + "\n"; }

//===-- What works ---===//

/// Warp 0 writes 8 rounds of values to one buffer, warp 1 reads them: "full" at 1024 and "empty" at
/// 1032 take turns.
const std::string pingPong =
    init(1024, 32) + init(1032, 32) + barrier +
    "mov.b32 %r3, 0;\nmov.b32 %r9, 0;\nand.b32 %r4, %r1, 31;\nshl.b32 %r5, %r4, 2;\n"
    "add.s32 %r6, %r2, %r5;\nsetp.ge.u32 %p1, %r1, 32;\n@%p1 bra CONSUMER;\n"
    "PRODUCER:\nand.b32 %r7, %r3, 1;\nxor.b32 %r8, %r7, 1;\n" +
    waitParity("%r2+1032", "%r8", "0") +
    "mad.lo.s32 %r10, %r3, 100, %r4;\nst.shared.b32 [%r6], %r10;\n"
    "mbarrier.arrive.shared.b64 _, [%r2+1024];\n"
    "add.s32 %r3, %r3, 1;\nsetp.lt.u32 %p2, %r3, 8;\n@%p2 bra PRODUCER;\nbra DONE;\n"
    "CONSUMER:\nand.b32 %r7, %r3, 1;\n" +
    waitParity("%r2+1024", "%r7", "1") +
    "ld.shared.b32 %r10, [%r6];\nmbarrier.arrive.shared.b64 _, [%r2+1032];\n"
    "mad.lo.s32 %r9, %r9, 3, %r10;\n"
    "add.s32 %r3, %r3, 1;\nsetp.lt.u32 %p2, %r3, 8;\n@%p2 bra CONSUMER;\n"
    "cvt.u64.u32 %rd6, %r5;\nadd.s64 %rd6, %rd2, %rd6;\nst.global.b32 [%rd6], %r9;\nDONE:\n";

TEST_F(MbarrierTest, producerAndConsumerTakeTurns) {
  std::vector<uint32_t> expected(32);
  for (uint32_t lane = 0; lane < 32; ++lane)
    for (uint32_t round = 0; round < 8; ++round)
      expected[lane] = expected[lane] * 3 + round * 100 + lane;
  expectValues(kernel(pingPong), expected);
}

TEST_F(MbarrierTest, stateSaysWhichPhaseToWaitFor) {
  // Each thread arrives once; thread t reads what t ^ 32 wrote before it arrived.
  std::vector<uint32_t> expected(64);
  for (uint32_t i = 0; i < 64; ++i)
    expected[i] = i ^ 32;
  expectValues(
      kernel(init(1024, 64) + barrier +
                 "shl.b32 %r3, %r1, 2;\nadd.s32 %r4, %r2, %r3;\nst.shared.b32 [%r4], %r1;\n"
                 "mbarrier.arrive.shared.b64 %rd4, [%r2+1024];\n"
                 "W:\nmbarrier.test_wait.shared.b64 %p2, [%r2+1024], %rd4;\n@!%p2 bra W;\n"
                 "xor.b32 %r5, %r3, 128;\nadd.s32 %r5, %r2, %r5;\n"
                 "ld.shared.b32 %r6, [%r5];\ncvt.u64.u32 %rd6, %r3;\n"
                 "add.s64 %rd6, %rd2, %rd6;\nst.global.b32 [%rd6], %r6;\n",
             "sm_80"),
      expected);
}

TEST_F(MbarrierTest, pendingCountIsThatBeforeTheArrival) {
  threads = 1;
  expectValues<uint32_t>(kernel(init(1024, 5) + "mbarrier.arrive.shared.b64 %rd4, [%r2+1024], 2;\n"
                                                "mbarrier.arrive.shared.b64 %rd5, [%r2+1024];\n"
                                                "mbarrier.pending_count.b64 %r3, %rd4;\n"
                                                "mbarrier.pending_count.b64 %r4, %rd5;\n"
                                                "st.global.v2.b32 [%rd2], {%r3, %r4};\n"),
                         {5, 3});
}

TEST_F(MbarrierTest, genericAddressesAndNoCompletion) {
  threads = 1;
  expectValues<uint32_t>(
      kernel(init(1024, 3) +
             "cvt.u64.u32 %rd4, %r2;\ncvta.shared.u64 %rd4, %rd4;\n"
             "mbarrier.arrive.noComplete.b64 %rd5, [%rd4+1024], 2;\n"
             "mbarrier.test_wait.b64 %p2, [%rd4+1024], %rd5;\nselp.b32 %r3, 1, 0, %p2;\n"
             "mbarrier.arrive.release.cta.b64 %rd5, [%rd4+1024];\n"
             "mbarrier.test_wait.acquire.cta.b64 %p2, [%rd4+1024], %rd5;\n"
             "selp.b32 %r4, 1, 0, %p2;\nst.global.v2.b32 [%rd2], {%r3, %r4};\n"),
      {0, 1});
}

TEST_F(MbarrierTest, invalidatedMemoryIsOrdinaryAgain) {
  threads = 1;
  expectValues<uint32_t>(kernel(init(1024, 1) +
                                "mbarrier.inval.shared.b64 [%r2+1024];\n"
                                "st.shared.b32 [%r2+1024], 7;\nld.shared.b32 %r3, [%r2+1024];\n"
                                "st.global.b32 [%rd2], %r3;\n"),
                         {7});
}

TEST_F(MbarrierTest, blocksOfAClusterArriveAtEachOther) {
  // Block 0 waits until all 4 blocks have arrived at its mbarrier, then reads what they wrote to it.
  grid = cluster = {4, 1, 1};
  threads = 32;
  expectValues<uint32_t>(
      kernel(init(1024, 128) +
             "barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;\n"
             "mov.u32 %r3, %cluster_ctarank;\nmapa.shared::cluster.u32 %r4, %r2, 0;\n"
             "shl.b32 %r5, %r3, 5;\nadd.s32 %r5, %r5, %r1;\nshl.b32 %r6, %r5, 2;\n"
             "add.s32 %r6, %r4, %r6;\nst.shared::cluster.b32 [%r6], %r5;\n"
             "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r4+1024];\n"
             "setp.ne.u32 %p1, %r3, 0;\n@%p1 bra DONE;\n"
             "W:\nmbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %p2, [%r2+1024], 0;\n"
             "@!%p2 bra W;\nshl.b32 %r7, %r1, 2;\nadd.s32 %r8, %r2, %r7;\n"
             "ld.shared.b32 %r9, [%r8+384];\ncvt.u64.u32 %rd6, %r7;\nadd.s64 %rd6, %rd2, %rd6;\n"
             "st.global.b32 [%rd6], %r9;\nDONE:\n"
             "barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;\n"),
      [] {
        std::vector<uint32_t> last;
        for (uint32_t i = 96; i < 128; ++i)
          last.push_back(i);
        return last;
      }());
}

//===-- Against a reference ---===//

/// What the PTX ISA says of an mbarrier ("Contents", "Phases" and "Phase completion of the mbarrier
/// object"), with the checks that a program has to keep to.
struct Reference {
  int64_t expected, pending, bytes = 0;
  int phase = 0;
  bool seen = true;

  explicit Reference(int count) : expected(count), pending(count) {}
  void settle() {
    if (pending == 0 && bytes == 0) {
      ++phase;
      pending = expected;
      seen = false;
    }
  }
  void arrive(int64_t count) {
    pending -= count;
    settle();
  }
  void change(int64_t by) {
    bytes += by;
    settle();
  }
  bool done(int parity) {
    bool complete = phase % 2 != parity;
    seen |= complete;
    return complete;
  }
};

/// A program of one thread that does random things to an mbarrier, and what it should write.
class RandomProtocol {
public:
  explicit RandomProtocol(unsigned seed)
      : random(seed), count(1 + int(random() % 6)), reference(count) {
    text = init(1024, count);
    for (int step = 0; step < 60; ++step)
      add();
    // Nothing may be left half done.
    if (reference.bytes != 0)
      change(-reference.bytes);
    wait(1 - reference.phase % 2);
    wait(reference.phase % 2);
  }

  std::string text;
  std::vector<uint32_t> expected;

private:
  void store(const std::string &value, uint32_t result) {
    text += "st.global.b32 [%rd2+" + std::to_string(4 * expected.size()) + "], " + value + ";\n";
    expected.push_back(result);
  }
  void wait(int parity) {
    text += "mbarrier.test_wait.parity.shared.b64 %p2, [%r2+1024], " + std::to_string(parity) +
            ";\nselp.b32 %r3, 1, 0, %p2;\n";
    store("%r3", reference.done(parity));
  }
  void arrive(int64_t arrivals, int64_t bytes, bool drop) {
    std::string name = drop ? "mbarrier.arrive_drop" : "mbarrier.arrive";
    if (bytes)
      text += name + ".expect_tx.shared.b64 %rd4, [%r2+1024], " + std::to_string(bytes) + ";\n";
    else
      text += name + ".shared.b64 %rd4, [%r2+1024], " + std::to_string(arrivals) + ";\n";
    text += "mbarrier.pending_count.b64 %r3, %rd4;\n";
    store("%r3", uint32_t(reference.pending));
    int phase = reference.phase;
    if (drop)
      reference.expected -= arrivals;
    reference.bytes += bytes;
    reference.arrive(arrivals);
    text += "mbarrier.test_wait.shared.b64 %p2, [%r2+1024], %rd4;\nselp.b32 %r3, 1, 0, %p2;\n";
    store("%r3", reference.phase != phase);
    reference.seen |= reference.phase != phase;
  }
  void change(int64_t by) {
    text += (by > 0 ? "mbarrier.expect_tx" : "mbarrier.complete_tx") +
            std::string(".relaxed.cta.shared::cta.b64 [%r2+1024], ") +
            std::to_string(by > 0 ? by : -by) + ";\n";
    reference.change(by);
  }
  void add() {
    // Only what the rules allow: no arrival before a wait saw the phase before, no bytes too many
    // when nobody is left to arrive.
    if (!reference.seen)
      return wait(1 - reference.phase % 2);
    int64_t most = reference.pending;
    switch (random() % 6) {
    case 0: return wait(int(random() % 2));
    case 1:
      if (most > 0)
        return change(16 * int64_t(1 + random() % 4));
      break;
    case 2:
      if (reference.bytes > 0)
        return change(-int64_t(1 + random() % uint64_t(reference.bytes)));
      break;
    case 3:
      if (most > 0)
        return arrive(1, 16 * int64_t(1 + random() % 4), false);
      break;
    case 4:
      if (most > 0 && reference.expected > 1 && random() % 4 == 0)
        return arrive(1, 0, true);
      break;
    default:
      if (most > 0)
        return arrive(1 + int64_t(random() % uint64_t(most)), 0, false);
    }
    if (reference.bytes > 0)
      change(-reference.bytes);
  }

  std::mt19937 random;
  int count;
  Reference reference;
};

TEST_F(MbarrierTest, randomProtocolsAgreeWithTheReference) {
  threads = 1;
  for (unsigned seed = 0; seed < 60; ++seed) {
    RandomProtocol protocol(seed);
    LoadedModule module(kernel(protocol.text));
    Options options;
    Run result = run(module, options);
    ASSERT_EQ(textOf(result.findings), "") << "seed " << seed << "\n" << protocol.text;
    std::vector<uint32_t> found(protocol.expected.size());
    std::memcpy(found.data(), result.output.data(), 4 * found.size());
    ASSERT_EQ(found, protocol.expected) << "seed " << seed << "\n" << protocol.text;
  }
}

TEST_F(MbarrierTest, randomTeamsPassTheirPhasesTogether) {
  // Each warp writes its round number, arrives, waits, and reads what the next warp wrote; two
  // mbarriers take turns, so that nobody writes before all have read.
  for (unsigned warps : {2u, 3u, 5u}) {
    threads = warps * 32;
    std::string count = std::to_string(threads);
    std::string neighbour =
        "shr.u32 %r4, %r1, 5;\nadd.s32 %r5, %r4, 1;\nrem.u32 %r5, %r5, " + std::to_string(warps) +
        ";\nshl.b32 %r4, %r4, 2;\nshl.b32 %r5, %r5, 2;\nadd.s32 %r4, %r2, %r4;\n"
        "add.s32 %r5, %r2, %r5;\nand.b32 %r6, %r1, 31;\nsetp.eq.u32 %p1, %r6, 0;\n";
    std::string loop = "L:\n@%p1 st.shared.b32 [%r4], %r3;\nand.b32 %r7, %r3, 1;\n"
                       "mbarrier.arrive.shared.b64 _, [%r2+1024];\n" +
                       waitParity("%r2+1024", "%r7", "A") +
                       "ld.shared.b32 %r8, [%r5];\nadd.s32 %r9, %r9, %r8;\n"
                       "mbarrier.arrive.shared.b64 _, [%r2+1032];\n" +
                       waitParity("%r2+1032", "%r7", "B") +
                       "add.s32 %r3, %r3, 1;\nsetp.lt.u32 %p2, %r3, 10;\n@%p2 bra L;\n";
    expectValues(
        kernel(init(1024, int(threads)) + init(1032, int(threads)) + barrier +
               "mov.b32 %r3, 0;\nmov.b32 %r9, 0;\n" + neighbour + loop +
               "shl.b32 %r10, %r1, 2;\ncvt.u64.u32 %rd6, %r10;\nadd.s64 %rd6, %rd2, %rd6;\n"
               "st.global.b32 [%rd6], %r9;\n"),
        std::vector<uint32_t>(threads, 45));
  }
}

//===-- What is found ---===//

TEST_F(MbarrierTest, useBeforeInit) {
  threads = 32;
  expectFinding(kernel(isFirst + on("mbarrier.arrive.shared.b64 _, [%r2+1024];")),
                FindingKind::BarrierMisuse, "before mbarrier.init");
}

TEST_F(MbarrierTest, useAfterInvalidation) {
  threads = 1;
  expectFinding(kernel(init(1024, 1) + "mbarrier.inval.shared.b64 [%r2+1024];\n"
                                       "mbarrier.arrive.shared.b64 _, [%r2+1024];\n"),
                FindingKind::BarrierMisuse, "after mbarrier.inval");
}

TEST_F(MbarrierTest, secondInit) {
  threads = 1;
  expectFinding(kernel(init(1024, 1) + init(1024, 1)), FindingKind::BarrierMisuse,
                "without mbarrier.inval");
}

TEST_F(MbarrierTest, countOutOfRange) {
  threads = 1;
  expectFinding(kernel("mov.b32 %r3, 0;\nmbarrier.init.shared.b64 [%r2], %r3;\n"),
                FindingKind::BarrierMisuse, "expected a count of 1 to 2^20 - 1, but it is 0");
  expectFinding(kernel("mov.b32 %r3, 1048576;\nmbarrier.init.shared.b64 [%r2], %r3;\n"),
                FindingKind::BarrierMisuse, "but it is 1048576");
}

TEST_F(MbarrierTest, moreThreadsArriveThanItWasMadeFor) {
  // All 32 lanes arrive at an mbarrier for 8.
  threads = 32;
  expectFinding(kernel(init(1024, 8) + "bar.warp.sync -1;\n"
                                       "mbarrier.arrive.shared.b64 _, [%r2+1024];\n"),
                FindingKind::BarrierMisuse, "either more threads arrive than the 8");
}

TEST_F(MbarrierTest, arrivesWithACountThatIsTooLarge) {
  threads = 1;
  expectFinding(kernel(init(1024, 2) + "mbarrier.arrive.shared.b64 _, [%r2+1024], 3;\n"),
                FindingKind::BarrierMisuse, "too many arrivals: 3 arrive, but only 2 are pending");
}

TEST_F(MbarrierTest, arrivalWithoutCompletionCompletes) {
  threads = 1;
  expectFinding(
      kernel(init(1024, 2) + "mbarrier.arrive.noComplete.shared.b64 %rd4, [%r2+1024], 2;\n"),
      FindingKind::BarrierMisuse, "noComplete");
}

TEST_F(MbarrierTest, bytesThatNobodyExpected) {
  threads = 1;
  expectFinding(kernel(init(1024, 1) + "mbarrier.complete_tx.shared.b64 [%r2+1024], 16;\n"
                                       "mbarrier.arrive.shared.b64 _, [%r2+1024];\n"),
                FindingKind::BarrierMisuse, "16 bytes more than");
}

TEST_F(MbarrierTest, bytesOverflow) {
  threads = 1;
  expectFinding(kernel(init(1024, 1) + "mbarrier.expect_tx.shared.b64 [%r2+1024], 1048575;\n"
                                       "mbarrier.expect_tx.shared.b64 [%r2+1024], 1;\n"
                                       "mbarrier.complete_tx.shared.b64 [%r2+1024], 1048576;\n"),
                FindingKind::BarrierMisuse, "");
}

TEST_F(MbarrierTest, phaseIsPendingAtExit) {
  threads = 1;
  LoadedModule module(
      kernel(init(1024, 1) + "mbarrier.arrive.expect_tx.shared.b64 _, [%r2+1024], 64;\n"));
  Run result = run(module, {});
  ASSERT_EQ(result.findings.size(), 1u) << textOf(result.findings);
  EXPECT_EQ(result.findings[0].severity, Severity::Warning);
  EXPECT_NE(result.findings[0].message.find("64 bytes still expected"), std::string::npos)
      << result.findings[0].message;
}

TEST_F(MbarrierTest, noBarrierAfterInit) {
  expectFinding(kernel(init(1024, 64) + "mbarrier.arrive.shared.b64 _, [%r2+1024];\n"),
                FindingKind::BarrierMisuse, "");
}

TEST_F(MbarrierTest, wrongParityIsADeadlockThatNamesTheBarrier) {
  LoadedModule module(kernel(init(1024, 64) + barrier +
                             "mbarrier.arrive.shared.b64 _, [%r2+1024];\n" +
                             waitParity("%r2+1024", "0", "0") + waitParity("%r2+1024", "1", "1")));
  for (const Options &options : allPolicies()) {
    Run result = run(module, options);
    ASSERT_EQ(result.findings.size(), 1u) << textOf(result.findings);
    ASSERT_EQ(result.findings[0].kind, FindingKind::Deadlock);
    ASSERT_NE(result.findings[0].message.find("phase 1 (parity 1), 64 of 64 arrivals pending"),
              std::string::npos)
        << result.findings[0].message;
  }
}

TEST_F(MbarrierTest, missingArrivalIsADeadlock) {
  LoadedModule module(kernel(init(1024, 65) + barrier +
                             "mbarrier.arrive.shared.b64 _, [%r2+1024];\n" +
                             waitParity("%r2+1024", "0", "0")));
  for (const Options &options : allPolicies()) {
    Run result = run(module, options);
    ASSERT_EQ(result.findings.size(), 1u) << textOf(result.findings);
    ASSERT_EQ(result.findings[0].kind, FindingKind::Deadlock);
    ASSERT_NE(result.findings[0].message.find("1 of 65 arrivals pending"), std::string::npos)
        << result.findings[0].message;
  }
}

TEST_F(MbarrierTest, ordinaryStoreToAnMbarrier) {
  threads = 1;
  expectFinding(kernel(init(1024, 1) + "st.shared.b32 [%r2+1024], 7;\n"),
                FindingKind::BarrierMisuse, "only mbarrier instructions");
}

TEST_F(MbarrierTest, misalignedOrOutside) {
  threads = 1;
  expectFinding(kernel("mbarrier.init.shared.b64 [%r2+4], 1;\n"), FindingKind::Misaligned, "");
  expectFinding(kernel("mbarrier.init.shared.b64 [%r2+32768], 1;\n"), FindingKind::OutOfBounds, "");
  expectFinding(kernel("mbarrier.arrive.shared.b64 _, [%r2+32768];\n"), FindingKind::OutOfBounds,
                "");
}

TEST_F(MbarrierTest, stateOfAnotherBarrier) {
  threads = 1;
  expectFinding(kernel(init(1024, 1) + init(1032, 1) +
                       "mbarrier.arrive.shared.b64 %rd4, [%r2+1024];\n"
                       "mbarrier.test_wait.shared.b64 %p2, [%r2+1032], %rd4;\n"),
                FindingKind::BarrierMisuse, "expected the state of an arrival");
}

TEST_F(MbarrierTest, relaxedArrivalOrdersNothing) {
  std::string text = pingPong;
  std::string arrival = "mbarrier.arrive.shared.b64 _, [%r2+1024]";
  text.replace(text.find(arrival), arrival.size(),
               "mbarrier.arrive.relaxed.cta.shared::cta.b64 _, [%r2+1024]");
  expectFinding(kernel(text), FindingKind::Race, "");
}

TEST_F(MbarrierTest, formsThatThePtxIsaLacks) {
  expectRefused("mbarrier.arrive.shared::cluster.b64 %rd4, [%r2];\n", "write _");
  expectRefused("mbarrier.test_wait.shared::cluster.b64 %p1, [%r2], %rd4;\n", "own block");
  expectRefused("mbarrier.init.shared.b32 [%r2], 1;\n", "b64");
  expectRefused("mbarrier.test_wait.parity.shared.b64 %p1, [%r2], %rd4;\n", "32 bits");
  expectRefused("mbarrier.arrive.noComplete.relaxed.cta.shared.b64 _, [%r2], 1;\n", "b64");
  expectRefused("mbarrier.arrive.noComplete.shared::cluster.b64 _, [%r2], 1;\n", "own block");
  expectRefused("mbarrier.init.shared::cluster.b64 [%r2], 1;\n", "own block");
  expectRefused("mbarrier.pending_count.b64 _, %rd4;\n", "needs a register");
  expectRefused("mbarrier.frob.shared.b64 [%r2], 1;\n", "mbarrier operation");
}

} // namespace
} // namespace attune::sim
