// SPDX-License-Identifier: Apache-2.0
// Bulk copies and reductions of contiguous bytes: what they move, and what is found when a wait, a
// fence or an announcement is missing.
#include "test/runtime/sim/ops/AsyncHarness.h"

#include <bit>
#include <cmath>

namespace attune::sim {
namespace {

class BulkCopyTest : public AsyncTest {
protected:
  BulkCopyTest() { threads = 64; }

  std::vector<uint8_t> firstBytes(size_t count) const {
    return {input.begin(), input.begin() + std::ptrdiff_t(count)};
  }
};

const std::string isFirst = "setp.eq.u32 %p1, %r1, 0;\n";
std::string on(const std::string &instruction) { return "@%p1 " + instruction + "\n"; }
/// An mbarrier for one arrival at 16384, fit for copies.
const std::string prepare = isFirst + on("mbarrier.init.shared.b64 [%r2+16384], 1;") +
                            on("fence.mbarrier_init.release.cluster;") + "bar.sync 0;\n";
std::string expect(int bytes) {
  return on("mbarrier.arrive.expect_tx.shared.b64 _, [%r2+16384], " + std::to_string(bytes) + ";");
}
const std::string load1024 =
    on("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r2], [%rd1], 1024, "
       "[%r2+16384];");
const std::string wait = waitParity("%r2+16384", "0", "0");
/// Each of 64 threads writes its 16 of the 1024 bytes in shared memory.
const std::string output = "shl.b32 %r3, %r1, 4;\nadd.s32 %r4, %r2, %r3;\ncvt.u64.u32 %rd6, %r3;\n"
                           "add.s64 %rd5, %rd2, %rd6;\n"
                           "ld.shared.v4.b32 {%r5, %r6, %r7, %r8}, [%r4];\n"
                           "st.global.v4.b32 [%rd5], {%r5, %r6, %r7, %r8};\n";

//===-- Into shared memory ---===//

TEST_F(BulkCopyTest, bytesAreThereAfterTheWait) {
  expectOutput(kernel(prepare + expect(1024) + load1024 + wait + output), firstBytes(1024));
}

TEST_F(BulkCopyTest, bytesMayBeAnnouncedAfterTheCopy) {
  expectOutput(kernel(prepare + load1024 + expect(1024) + wait + output), firstBytes(1024));
}

TEST_F(BulkCopyTest, ownBlockAndCacheHint) {
  std::string load = on("cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes."
                        "L2::cache_hint [%r2], [%rd1], 1024, [%r2+16384], %rd4;");
  expectOutput(kernel(prepare + "mov.b64 %rd4, 0;\n" + expect(1024) + load + wait + output),
               firstBytes(1024));
}

/// Warp 0 loads 16 pieces of 256 bytes through 3 stages, warp 1 adds them up word by word.
std::string ringOfStages() {
  std::string barriers = isFirst;
  for (int stage = 0; stage < 3; ++stage)
    barriers += on("mbarrier.init.shared.b64 [%r2+" + std::to_string(4096 + 8 * stage) + "], 1;") +
                on("mbarrier.init.shared.b64 [%r2+" + std::to_string(4128 + 8 * stage) + "], 32;");
  barriers += on("fence.mbarrier_init.release.cluster;") + "bar.sync 0;\n";
  std::string turn = "add.s32 %r4, %r4, 1;\nsetp.eq.u32 %p2, %r4, 3;\n@%p2 mov.b32 %r4, 0;\n"
                     "@%p2 xor.b32 %r5, %r5, 1;\nadd.s32 %r3, %r3, 1;\n"
                     "setp.lt.u32 %p3, %r3, 16;\n";
  std::string places = "shl.b32 %r6, %r4, 8;\nadd.s32 %r6, %r2, %r6;\nshl.b32 %r7, %r4, 3;\n"
                       "add.s32 %r7, %r2, %r7;\n";
  return kernel(
      barriers +
      "mov.b32 %r3, 0;\nmov.b32 %r4, 0;\nmov.b32 %r5, 0;\nmov.b32 %r9, 0;\n"
      "setp.ge.u32 %p4, %r1, 32;\n@%p4 bra CONSUMER;\nsetp.ne.u32 %p4, %r1, 0;\n@%p4 bra DONE;\n"
      "PRODUCER:\n" +
      places + "xor.b32 %r8, %r5, 1;\n" + waitParity("%r7+4128", "%r8", "0") +
      "mbarrier.arrive.expect_tx.shared.b64 _, [%r7+4096], 256;\n"
      "mul.wide.u32 %rd6, %r3, 256;\nadd.s64 %rd6, %rd1, %rd6;\n"
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r6], [%rd6], 256, "
      "[%r7+4096];\n" +
      turn + "@%p3 bra PRODUCER;\nbra DONE;\nCONSUMER:\n" + places +
      waitParity("%r7+4096", "%r5", "1") +
      "and.b32 %r10, %r1, 31;\nshl.b32 %r10, %r10, 3;\nadd.s32 %r11, %r6, %r10;\n"
      "ld.shared.v2.b32 {%r12, %r13}, [%r11];\nadd.s32 %r9, %r9, %r12;\n"
      "mad.lo.s32 %r9, %r13, 5, %r9;\nmbarrier.arrive.shared.b64 _, [%r7+4128];\n" +
      turn +
      "@%p3 bra CONSUMER;\nshr.u32 %r10, %r10, 1;\ncvt.u64.u32 %rd6, %r10;\n"
      "add.s64 %rd6, %rd2, %rd6;\nst.global.b32 [%rd6], %r9;\nDONE:\n");
}

TEST_F(BulkCopyTest, ringOfStagesUnderLoad) {
  std::vector<uint32_t> expected(32), words(1024);
  std::memcpy(words.data(), input.data(), 4096);
  for (size_t piece = 0; piece < 16; ++piece)
    for (size_t lane = 0; lane < 32; ++lane)
      expected[lane] += words[piece * 64 + 2 * lane] + 5 * words[piece * 64 + 2 * lane + 1];
  expectValues(ringOfStages(), expected);
}

/// The ring with the text from `part` to behind the next `end` replaced.
std::string changedRing(const std::string &part, const std::string &end,
                        const std::string &instead = "") {
  std::string text = ringOfStages();
  size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return text.replace(at, text.find(end, at) + end.size() - at, instead);
}

TEST_F(BulkCopyTest, ringWithoutOneOfItsParts) {
  // The consumer does not wait; the producer does not wait; nobody says that a stage is empty; the
  // mbarrier of another stage is told; the wait is for the other parity.
  for (const std::string &text :
       {changedRing("W1:", "bra W1;"), changedRing("W0:", "bra W0;"),
        changedRing("mbarrier.arrive.shared.b64 _, [%r7+4128]", ";"),
        changedRing("256, [%r7+4096];\nadd", "add", "256, [%r2+4096];\nadd"),
        changedRing("[%r7+4128], %r8", ";", "[%r7+4128], %r5;")}) {
    LoadedModule module(text);
    for (const Options &options : allPolicies())
      ASSERT_FALSE(run(module, options).findings.empty()) << text;
  }
}

TEST_F(BulkCopyTest, waitThatDoesNotTryAgainIsFoundByChance) {
  // try_wait may give up; then the program goes on too early.
  LoadedModule module(changedRing("@!%p7 bra W1", ";"));
  bool isFound = false;
  for (const Options &options : allPolicies())
    isFound |= !run(module, options).findings.empty();
  EXPECT_TRUE(isFound);
}

TEST_F(BulkCopyTest, missingWait) {
  // The block exits before anyone waits, which is found too.
  expectFindings(kernel(prepare + expect(1024) + load1024 + "bar.sync 0;\n" + output),
                 {FindingKind::InFlight, FindingKind::Race, FindingKind::BarrierMisuse});
  expectAmongFindings(kernel(prepare + expect(1024) + load1024 + "bar.sync 0;\n" + output),
                      "asynchronous");
}

// A phase that a warp misses is a deadlock where the warp is slow, and a race where it is fast.
const std::set<FindingKind> missedPhase = {FindingKind::Race, FindingKind::InFlight,
                                           FindingKind::UninitialisedRead, FindingKind::Deadlock,
                                           FindingKind::BarrierMisuse};

TEST_F(BulkCopyTest, waitForThePhaseBefore) {
  // Parity 1 passes at once.
  expectFindings(
      kernel(prepare + expect(1024) + load1024 + waitParity("%r2+16384", "1", "0") + output),
      missedPhase);
}

TEST_F(BulkCopyTest, nobodyWaitsForACopy) {
  expectFinding(kernel(prepare + expect(1024) + load1024), FindingKind::BarrierMisuse,
                "has exited");
}

TEST_F(BulkCopyTest, fewerBytesAnnouncedThanCopied) {
  expectAmongFindings(kernel(prepare + expect(512) + load1024 + wait),
                      "512 bytes more than expect_tx");
}

TEST_F(BulkCopyTest, moreBytesAnnouncedThanCopied) {
  expectFinding(kernel(prepare + expect(1040) + load1024 + wait), FindingKind::Deadlock,
                "16 bytes still expected");
}

TEST_F(BulkCopyTest, noFenceAfterInit) {
  std::string text = isFirst + on("mbarrier.init.shared.b64 [%r2+16384], 1;") + "bar.sync 0;\n";
  expectFinding(kernel(text + expect(1024) + load1024 + wait + output), FindingKind::BarrierMisuse,
                "visible to the async proxy");
  std::string fenced = isFirst + on("mbarrier.init.shared.b64 [%r2+16384], 1;") +
                       on("fence.proxy.async.shared::cta;") + "bar.sync 0;\n";
  expectOutput(kernel(fenced + expect(1024) + load1024 + wait + output), firstBytes(1024));
}

TEST_F(BulkCopyTest, loadsOverBytesThatAreStillRead) {
  // The second copy does not wait until all have read the first.
  std::string again = isFirst + on("mbarrier.arrive.expect_tx.shared.b64 _, [%r2+16384], 1024;") +
                      load1024 + waitParity("%r2+16384", "1", "1");
  expectFindings(kernel(prepare + expect(1024) + load1024 + wait + output + again), missedPhase);
  expectOutput(kernel(prepare + expect(1024) + load1024 + wait + output + "bar.sync 0;\n" + again),
               firstBytes(1024));
}

TEST_F(BulkCopyTest, mbarrierOfAnotherBlockThanTheBytes) {
  grid = cluster = {2, 1, 1};
  std::string clusterBarrier = "barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;\n";
  expectFinding(
      kernel(prepare + clusterBarrier + "mapa.shared::cluster.u32 %r9, %r2, 1;\n" +
             "mov.u32 %r10, %cluster_ctarank;\nsetp.ne.u32 %p1, %r10, 0;\n@%p1 bra DONE;\n" +
             isFirst +
             on("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r9], [%rd1], "
                "1024, [%r2+16384];") +
             "DONE:\n" + clusterBarrier),
      FindingKind::BarrierMisuse, "in the block that its bytes go to");
}

TEST_F(BulkCopyTest, prefetchesChangeNothing) {
  expectOutput(kernel("cp.async.bulk.prefetch.L2.global [%rd1], 1024;\n"
                      "mov.b64 %rd4, 0;\n"
                      "cp.async.bulk.prefetch.L2.global.L2::cache_hint [%rd1], 64, %rd4;\n"),
               std::vector<uint8_t>(1024));
}

TEST_F(BulkCopyTest, misaligned) {
  auto load = [](const std::string &operands) {
    return kernel(prepare + "mov.b32 %r3, 1032;\n" +
                  on("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes " +
                     operands + ", [%r2+16384];"));
  };
  expectFinding(load("[%r2+8], [%rd1], 1024"), FindingKind::Misaligned, "shared memory");
  expectFinding(load("[%r2], [%rd1+8], 1024"), FindingKind::Misaligned, "global memory");
  expectFinding(load("[%r2], [%rd1], %r3"), FindingKind::Misaligned,
                "the size to be a multiple of 16, but it is 1032");
}

TEST_F(BulkCopyTest, outsideOfMemory) {
  std::string text = prepare + expect(1024);
  expectFinding(
      kernel(text +
             on("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r2], "
                "[%rd1+65024], 1024, [%r2+16384];") +
             wait),
      FindingKind::OutOfBounds, "");
  expectFinding(
      kernel(text +
             on("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r2+32256], "
                "[%rd1], 1024, [%r2+16384];") +
             wait),
      FindingKind::OutOfBounds, "");
}

TEST_F(BulkCopyTest, invalidatedUnderACopy) {
  threads = 32;
  LoadedModule module(
      kernel(prepare + expect(1024) + load1024 + on("mbarrier.inval.shared.b64 [%r2+16384];")));
  Options options;
  Run result = run(module, options);
  ASSERT_EQ(result.findings.size(), 2u) << textOf(result.findings);
  for (const Finding &finding : result.findings)
    EXPECT_EQ(finding.kind, FindingKind::BarrierMisuse);
}

//===-- Between blocks ---===//

TEST_F(BulkCopyTest, multicastReachesTheBlocksOfItsMask) {
  // Block 0 sends 1024 bytes to blocks 0, 1 and 3; each writes what it got; block 2 gets nothing.
  grid = cluster = {4, 1, 1};
  std::string clusterBarrier = "barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;\n";
  std::string text =
      isFirst + on("mbarrier.init.shared.b64 [%r2+16384], 1;") +
      on("fence.mbarrier_init.release.cluster;") + clusterBarrier + expect(1024) +
      "mov.u32 %r10, %cluster_ctarank;\nmov.b16 %h1, 11;\nsetp.eq.u32 %p2, %r10, 0;\n"
      "and.pred %p3, %p1, %p2;\n"
      "@%p3 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
      "[%r2], [%rd1], 1024, [%r2+16384], %h1;\n"
      "setp.eq.u32 %p2, %r10, 2;\nand.pred %p3, %p1, %p2;\n"
      "@%p3 mbarrier.complete_tx.shared.b64 [%r2+16384], 1024;\n" +
      wait +
      "setp.eq.u32 %p2, %r10, 2;\n@%p2 bra DONE;\nmul.wide.u32 %rd7, %r10, 1024;\n"
      "add.s64 %rd2, %rd2, %rd7;\n" +
      output + "DONE:\n" + clusterBarrier;
  std::vector<uint8_t> expected(4096);
  for (size_t block : {0, 1, 3})
    std::copy_n(input.begin(), 1024, expected.begin() + std::ptrdiff_t(1024 * block));
  expectOutput(kernel(text), expected);
}

TEST_F(BulkCopyTest, copiesToAnotherBlock) {
  // Each of 2 blocks writes its shared memory and sends it to the other.
  grid = cluster = {2, 1, 1};
  threads = 32;
  std::string clusterBarrier = "barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;\n";
  std::string text =
      isFirst + on("mbarrier.init.shared.b64 [%r2+16384], 1;") +
      on("fence.mbarrier_init.release.cluster;") +
      "mov.u32 %r10, %cluster_ctarank;\nshl.b32 %r3, %r1, 2;\nadd.s32 %r4, %r2, %r3;\n"
      "mad.lo.s32 %r5, %r10, 1000, %r1;\nst.shared.b32 [%r4], %r5;\n"
      "fence.proxy.async.shared::cta;\n" +
      clusterBarrier + expect(128) +
      "xor.b32 %r11, %r10, 1;\nmapa.shared::cluster.u32 %r12, %r2, %r11;\n" +
      on("cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%r12+1024], "
         "[%r2], 128, [%r12+16384];") +
      wait +
      "ld.shared.b32 %r6, [%r4+1024];\nshl.b32 %r13, %r10, 7;\nadd.s32 %r13, %r13, %r3;\n"
      "cvt.u64.u32 %rd6, %r13;\nadd.s64 %rd6, %rd2, %rd6;\nst.global.b32 [%rd6], %r6;\n" +
      clusterBarrier;
  std::vector<uint32_t> expected;
  for (uint32_t i = 0; i < 64; ++i)
    expected.push_back((i < 32 ? 1000 : 0) + i % 32);
  expectValues(kernel(text), expected);
}

//===-- Out of shared memory ---===//

/// Each of 64 threads writes its number, 4 times, to shared memory.
const std::string fillShared = "shl.b32 %r3, %r1, 4;\nadd.s32 %r4, %r2, %r3;\n"
                               "st.shared.v4.b32 [%r4], {%r1, %r1, %r1, %r1};\n";
const std::string fence = "fence.proxy.async.shared::cta;\n";
const std::string barrier = "bar.sync 0;\n";
const std::string store1024 =
    isFirst + on("cp.async.bulk.global.shared::cta.bulk_group [%rd2], [%r2], 1024;");
const std::string commit = on("cp.async.bulk.commit_group;");
const std::string waitRead = on("cp.async.bulk.wait_group.read 0;");
const std::string waitDone = on("cp.async.bulk.wait_group 0;");

std::vector<uint32_t> threadNumbers() {
  std::vector<uint32_t> numbers;
  for (uint32_t i = 0; i < 256; ++i)
    numbers.push_back(i / 4);
  return numbers;
}

TEST_F(BulkCopyTest, storesWhatSharedMemoryHeld) {
  std::string text = fillShared + fence + barrier + store1024 + commit;
  expectValues(kernel(text + waitRead), threadNumbers());
  expectValues(kernel(text + waitDone), threadNumbers());
}

TEST_F(BulkCopyTest, sourceMayBeReusedAfterItWasRead) {
  expectValues(kernel(fillShared + fence + barrier + store1024 + commit + waitRead + barrier +
                      "mov.b32 %r5, 77;\nst.shared.b32 [%r4], %r5;\n"),
               threadNumbers());
}

TEST_F(BulkCopyTest, waitThatLeavesARecentGroup) {
  // Two stores; the first source is reused while the second may be under way.
  std::string second =
      on("cp.async.bulk.global.shared::cta.bulk_group [%rd2+1024], [%r2], 512;") + commit;
  expectValues(kernel(fillShared + fence + barrier + store1024 + commit +
                      on("cp.async.bulk.commit_group;") + second +
                      on("cp.async.bulk.wait_group.read 2;") + waitRead),
               [] {
                 std::vector<uint32_t> numbers = threadNumbers();
                 numbers.resize(384);
                 for (uint32_t i = 0; i < 128; ++i)
                   numbers[256 + i] = i / 4;
                 return numbers;
               }());
}

TEST_F(BulkCopyTest, missingProxyFence) {
  expectFinding(kernel(fillShared + barrier + store1024 + commit + waitRead),
                FindingKind::MissingProxyFence, "");
}

TEST_F(BulkCopyTest, fenceAfterTheBarrierIsTooLateForOtherWarps) {
  LoadedModule module(kernel(fillShared + barrier + fence + store1024 + commit + waitRead));
  // The storing warp has fenced all that it knows of, as the memory model of proxies has it.
  EXPECT_EQ(textOf(run(module, {}).findings), "");
}

TEST_F(BulkCopyTest, sourceIsOverwrittenBeforeItWasRead) {
  expectFinding(kernel(fillShared + fence + barrier + store1024 + commit + barrier +
                       "st.shared.b32 [%r4], %r1;\n" + waitRead),
                FindingKind::Race, "");
}

TEST_F(BulkCopyTest, waitCoversTooFewGroups) {
  expectFinding(kernel(fillShared + fence + barrier + store1024 + commit +
                       on("cp.async.bulk.wait_group.read 1;") + barrier +
                       "st.shared.b32 [%r4], %r1;\n" + waitRead),
                FindingKind::Race, "");
}

TEST_F(BulkCopyTest, exitWithoutAWait) {
  expectFinding(kernel(fillShared + fence + barrier + store1024 + commit), FindingKind::InFlight,
                "expected cp.async.bulk.wait_group.read 0");
  expectFinding(kernel(fillShared + fence + barrier + store1024), FindingKind::InFlight,
                "without committing");
}

//===-- Reductions ---===//

template <typename T> class Values {
public:
  static std::vector<uint8_t> bytes(const std::vector<T> &values) {
    std::vector<uint8_t> result(values.size() * sizeof(T));
    std::memcpy(result.data(), values.data(), result.size());
    return result;
  }
};

/// The kernel loads `source` into shared memory and reduces it into the output, which held `before`.
class BulkReductionTest : public BulkCopyTest {
protected:
  template <typename T>
  void expectReduced(const std::string &operation, const std::vector<T> &before,
                     const std::vector<T> &source, const std::vector<T> &after) {
    ASSERT_EQ(before.size() * sizeof(T) % 16, 0u);
    input = Values<T>::bytes(source);
    std::vector<uint8_t> old = Values<T>::bytes(before);
    input.insert(input.end(), old.begin(), old.end());
    std::string size = std::to_string(old.size());
    auto copy = [&](const std::string &from, const std::string &to, const std::string &parity) {
      return on("mbarrier.arrive.expect_tx.shared.b64 _, [%r2+16384], " + size + ";") +
             on("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [" + to +
                "], [" + from + "], " + size + ", [%r2+16384];") +
             waitParity("%r2+16384", parity, parity);
    };
    threads = 32;
    std::string text =
        prepare + copy("%rd1", "%r2", "0") + copy("%rd1+" + size, "%r2+4096", "1") +
        on("cp.async.bulk.global.shared::cta.bulk_group [%rd2], [%r2+4096], " + size + ";") +
        commit + waitDone +
        on("cp.reduce.async.bulk.global.shared::cta.bulk_group." + operation + " [%rd2], [%r2], " +
           size + ";") +
        commit + waitDone;
    expectOutput(kernel(text), Values<T>::bytes(after));
  }
};

TEST_F(BulkReductionTest, integers) {
  expectReduced<uint32_t>("add.u32", {1, 2, 0xffffffff, 4}, {10, 20, 2, 40}, {11, 22, 1, 44});
  expectReduced<uint64_t>("add.u64", {1, ~uint64_t(0)}, {1ull << 40, 2}, {(1ull << 40) + 1, 1});
  expectReduced<int32_t>("min.s32", {-5, 5, 0, 7}, {3, -3, 1, 7}, {-5, -3, 0, 7});
  expectReduced<uint32_t>("max.u32", {~0u, 5, 0, 7}, {3, 9, 1, 7}, {~0u, 9, 1, 7});
  expectReduced<int64_t>("max.s64", {-1, 5}, {3, -9}, {3, 5});
  expectReduced<uint32_t>("and.b32", {12, 1, ~0u, 0}, {10, 3, 7, 9}, {8, 1, 7, 0});
  expectReduced<uint64_t>("xor.b64", {12, ~uint64_t(0)}, {10, 1}, {6, ~uint64_t(1)});
  expectReduced<uint32_t>("inc.u32", {0, 5, 6, 7}, {6, 6, 6, 6}, {1, 6, 0, 0});
  expectReduced<uint32_t>("dec.u32", {0, 5, 6, 7}, {6, 6, 6, 6}, {6, 4, 5, 6});
}

TEST_F(BulkReductionTest, floatsFlushSubnormals) {
  float least = std::bit_cast<float>(1u), normal = std::bit_cast<float>(0x00800000u);
  expectReduced<float>("add.f32", {1.5f, -0.0f, normal, least},
                       {2.25f, -0.0f, -1.5f * normal, least}, {3.75f, -0.0f, -0.0f, 0.0f});
  expectReduced<double>("add.f64", {1.5, 1e-310}, {2.25, 1e-310}, {3.75, 2e-310});
}

TEST_F(BulkReductionTest, halvesRoundToNearestEvenAndKeepSubnormals) {
  // f16: 1 + 2^-11 is a tie (to 1), 1 + 3 * 2^-11 is one (to 1 + 2 * 2^-10); the least subnormal
  // doubled; 65504 + 32 overflows.
  expectReduced<uint16_t>("add.noftz.f16",
                          {0x3c00, 0x3c01, 0x0001, 0x7bff, 0x7bff, 0xbc00, 0x7c00, 0x03ff},
                          {0x1000, 0x1000, 0x0001, 0x5000, 0x0001, 0x3c00, 0xfc00, 0x0001},
                          {0x3c00, 0x3c02, 0x0002, 0x7c00, 0x7bff, 0x0000, 0x7fff, 0x0400});
  // bf16: 1 + 2^-8 is a tie.
  expectReduced<uint16_t>("add.noftz.bf16",
                          {0x3f80, 0x3f81, 0x0001, 0x7f7f, 0x4040, 0xbf80, 0x7f80, 0x007f},
                          {0x3b80, 0x3b80, 0x0001, 0x7f7f, 0x4080, 0x3f80, 0xff80, 0x0001},
                          {0x3f80, 0x3f82, 0x0002, 0x7f80, 0x40e0, 0x0000, 0x7fff, 0x0080});
  expectReduced<uint16_t>("max.f16",
                          {0x3c00, 0x7e00, 0x8000, 0xc000, 0x7c00, 0x0001, 0x3c00, 0x0000},
                          {0x4000, 0x3c00, 0x0000, 0xbc00, 0xfc00, 0x0000, 0x7e00, 0x8000},
                          {0x4000, 0x3c00, 0x0000, 0xbc00, 0x7c00, 0x0001, 0x3c00, 0x0000});
  expectReduced<uint16_t>("min.bf16",
                          {0x3f80, 0x7fc0, 0x8000, 0xc000, 0x7f80, 0x0001, 0x3f80, 0x0000},
                          {0x4000, 0x3f80, 0x0000, 0xbf80, 0xff80, 0x0000, 0x7fc0, 0x8000},
                          {0x3f80, 0x3f80, 0x8000, 0xc000, 0xff80, 0x0000, 0x3f80, 0x8000});
}

TEST_F(BulkReductionTest, blocksReduceIntoTheSameWords) {
  // 8 blocks add 1 to 256 words: no lost update, and no finding about who writes.
  grid = {8, 1, 1};
  threads = 64;
  std::string text = "mov.b32 %r5, 1;\nshl.b32 %r3, %r1, 4;\nadd.s32 %r4, %r2, %r3;\n"
                     "st.shared.v4.b32 [%r4], {%r5, %r5, %r5, %r5};\n" +
                     fence + barrier + isFirst +
                     on("cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%rd2], [%r2], "
                        "1024;") +
                     commit + waitRead;
  LoadedModule module(kernel(text));
  Options options;
  options.threads = 2;
  Run result = run(module, options);
  ASSERT_EQ(textOf(result.findings), "");
  std::vector<uint32_t> found(256);
  std::memcpy(found.data(), result.output.data(), 1024);
  EXPECT_EQ(found, std::vector<uint32_t>(256, 8));
}

TEST_F(BulkReductionTest, formsThatThePtxIsaLacks) {
  std::string reduce = "cp.reduce.async.bulk.global.shared::cta.bulk_group.";
  std::string operands = " [%rd2], [%r2], 16;\n";
  expectRefused(reduce + "add.f16" + operands, "noftz");
  expectRefused(reduce + "add.noftz.f32" + operands, "noftz");
  expectRefused(reduce + "max.f32" + operands, "no such reduction");
  expectRefused(reduce + "and.u32" + operands, "no such reduction");
  expectRefused(reduce + "inc.s32" + operands, "no such reduction");
  expectRefused("cp.async.bulk.global.shared::cta.bulk_group [%rd2], [%r2], 24;\n",
                "multiple of 16");
  expectRefused("cp.async.bulk.global.shared::cta [%rd2], [%r2], 16;\n", "bulk_group");
  expectRefused("cp.async.bulk.shared::cta.shared::cta.mbarrier::complete_tx::bytes [%r2], [%r2], "
                "16, [%r2];\n",
                ".shared::cta goes to");
}

} // namespace
} // namespace attune::sim
