// SPDX-License-Identifier: Apache-2.0
// Are accesses found that run out of memory, are crooked, come too early, or meet another?
#include "test/runtime/sim/KernelRun.h"

#include <gtest/gtest.h>

using namespace attune::sim;
using namespace attune::sim::test;

/// The block's shared memory is at %rd4, this thread's word of it at %rd5.
static const std::string ownWord = "mov.u64 %rd4, smem; cvt.u64.u32 %rd6, %r0; shl.b64 %rd6, %rd6, "
                                   "2; add.u64 %rd5, %rd4, %rd6;\n";

static KernelOutcome run(const std::string &body, uint32_t threads = 32) {
  KernelRun kernel{ownWord + body};
  kernel.threads = threads;
  return runKernel(kernel);
}

static Finding only(const KernelOutcome &outcome) {
  EXPECT_EQ(outcome.findings.size(), 1u) << outcome.report;
  return outcome.findings.empty() ? Finding() : outcome.findings[0];
}

TEST(SharedAccess, a_race_names_both_parties) {
  KernelOutcome outcome = run("st.shared.b32 [%rd5], %r0;\n"
                              "xor.b32 %r4, %r0, 32; mul.wide.u32 %rd7, %r4, 4;\n"
                              "add.u64 %rd7, %rd7, %rd4;\n"
                              "ld.shared.b32 %r5, [%rd7];\n",
                              64);
  bool found = false;
  for (const Finding &finding : outcome.findings) {
    if (finding.kind != FindingKind::Race)
      continue;
    found = true;
    EXPECT_EQ(finding.severity, Severity::Error);
    EXPECT_EQ(finding.party.lanes, allLanes);
    EXPECT_NE(finding.other.line, 0u);
    EXPECT_NE(finding.other.line, finding.party.line);
    EXPECT_NE(finding.other.warp, finding.party.warp);
    EXPECT_NE(finding.message.find("fix: "), std::string::npos);
  }
  EXPECT_TRUE(found) << outcome.report;
}

TEST(SharedAccess, a_barrier_orders) {
  EXPECT_EQ(run("st.shared.b32 [%rd5], %r0;\nbar.sync 0;\n"
                "xor.b32 %r4, %r0, 32; mul.wide.u32 %rd7, %r4, 4;\n"
                "add.u64 %rd7, %rd7, %rd4;\nld.shared.b32 %r5, [%rd7];\n",
                64)
                .report,
            "");
}

TEST(SharedAccess, a_missing_barrier_before_the_next_write) {
  std::string body = "st.shared.b32 [%rd5], %r0;\nbar.sync 0;\n"
                     "xor.b32 %r4, %r0, 32; mul.wide.u32 %rd7, %r4, 4;\n"
                     "add.u64 %rd7, %rd7, %rd4;\nld.shared.b32 %r5, [%rd7];\n";
  EXPECT_EQ(run(body + "st.shared.b32 [%rd5], %r5;\n", 64).kinds(), "race");
  EXPECT_EQ(run(body + "bar.sync 0;\nst.shared.b32 [%rd5], %r5;\n", 64).kinds(), "");
}

TEST(SharedAccess, lanes_of_a_warp_need_a_warp_barrier) {
  std::string reverse = "sub.u32 %r4, 31, %r0; mul.wide.u32 %rd7, %r4, 4;\n"
                        "add.u64 %rd7, %rd7, %rd4;\nld.shared.b32 %r5, [%rd7];\n";
  KernelOutcome outcome = run("st.shared.b32 [%rd5], %r0;\n" + reverse);
  EXPECT_EQ(only(outcome).kind, FindingKind::WarpHazard);
  EXPECT_EQ(only(outcome).severity, Severity::Warning);
  EXPECT_EQ(run("st.shared.b32 [%rd5], %r0;\nbar.warp.sync -1;\n" + reverse).report, "");
}

TEST(SharedAccess, never_written) {
  Finding finding = only(run("ld.shared.b32 %r4, [%rd5+128];\n"));
  EXPECT_EQ(finding.kind, FindingKind::UninitialisedRead);
  EXPECT_EQ(finding.address, 128u);
}

TEST(SharedAccess, out_of_bounds_reads_zero_and_writes_nothing) {
  KernelOutcome outcome = run("mov.b32 %r4, 77; st.shared.b32 [%rd5], %r0;\n"
                              "@%p1 bra end;\nld.shared.b32 %r4, [%rd5+4092];\nend:\n"
                              "st.global.b32 [%rd2], %r4;\n");
  EXPECT_NE(outcome.kinds().find("out of bounds"), std::string::npos) << outcome.report;
  EXPECT_EQ(outcome.output[1], 0u);
  EXPECT_EQ(only(run("st.shared.b32 [%rd4+-4], %r0;\n")).kind, FindingKind::OutOfBounds);
  EXPECT_EQ(only(run("mov.u32 %r4, 8; st.shared.b32 [%r4], %r0;\n")).kind,
            FindingKind::OutOfBounds);
  EXPECT_EQ(only(run("st.shared.b32 [%rd2], %r0;\n")).kind, FindingKind::OutOfBounds);
}

TEST(SharedAccess, misaligned) {
  Finding finding =
      only(run("setp.eq.u32 %p1, %r0, 3;\n@%p1 st.shared.v2.b32 [%rd4+12], {%r0, %r0};\n"));
  EXPECT_EQ(finding.kind, FindingKind::Misaligned);
  EXPECT_EQ(finding.party.lanes, 8u);
  EXPECT_EQ(finding.address, 12u);
}

TEST(SharedAccess, atomics_and_strong_flags_are_no_races) {
  EXPECT_EQ(run("setp.eq.u32 %p1, %r0, 0;\n@%p1 st.shared.b32 [%rd4], 0;\nbar.sync 0;\n"
                "atom.shared.add.u32 %r4, [%rd4], 1;\nbar.sync 0;\n"
                "ld.shared.b32 %r5, [%rd4];\n",
                128)
                .report,
            "");
  // Warp 1 waits for a flag of warp 0, and may then read what warp 0 wrote before.
  EXPECT_EQ(run("setp.eq.u32 %p1, %r0, 0; setp.lt.u32 %p2, %r0, 32;\n"
                "@%p1 st.shared.b32 [%rd4], 0;\nbar.sync 0;\n@!%p2 bra wait;\n"
                "st.shared.b32 [%rd5+256], %r0;\nbar.warp.sync -1;\n"
                "@%p1 st.release.cta.shared.b32 [%rd4], 1;\nbra end;\n"
                "wait:\nld.acquire.cta.shared.b32 %r4, [%rd4];\nsetp.eq.u32 %p3, %r4, 0;\n"
                "@%p3 bra wait;\nld.shared.b32 %r5, [%rd5+128];\nst.global.b32 [%rd2], %r5;\n"
                "end:\n",
                64)
                .report,
            "");
}

TEST(SharedAccess, without_checks_only_faults_are_found) {
  KernelRun kernel{ownWord + "ld.shared.b32 %r4, [%rd5];\nst.shared.b32 [%rd4], %r0;\n"
                             "ld.shared.b32 %r4, [%rd5+2];\n"};
  kernel.threads = 64;
  kernel.options.checks = false;
  EXPECT_EQ(runKernel(kernel).kinds(), "misaligned access");
}

TEST(GlobalAccess, out_of_bounds_says_where) {
  KernelOutcome outcome = run("ld.global.b32 %r4, [%rd2+8];\nst.global.b32 [%rd2], %r4;\n");
  Finding finding = only(outcome);
  EXPECT_EQ(finding.kind, FindingKind::OutOfBounds);
  EXPECT_EQ(finding.party.lanes, 0xc0000000u);
  EXPECT_NE(finding.message.find("0 bytes behind the 128 bytes at"), std::string::npos)
      << finding.message;
  EXPECT_EQ(outcome.output[31], 0u) << "what is out of bounds reads as 0";
  EXPECT_EQ(outcome.output[0], 0xcdcdcdcd);
}

TEST(GlobalAccess, misaligned) {
  Finding finding = only(run("ld.global.v2.b32 {%r4, %r5}, [%rd0+4];\n"));
  EXPECT_EQ(finding.kind, FindingKind::Misaligned);
  EXPECT_EQ(finding.party.lanes, allLanes);
}

TEST(GlobalAccess, two_blocks_that_write_one_place) {
  KernelRun kernel{"mul.wide.u32 %rd4, %r0, 4; add.u64 %rd4, %rd4, %rd0;\n"
                   "st.global.b32 [%rd4], %r0;\n"};
  kernel.blocks = 2;
  EXPECT_EQ(runKernel(kernel).kinds(), "output written by two blocks");
  kernel.options.exclusiveWriter = false;
  EXPECT_EQ(runKernel(kernel).kinds(), "");
  kernel.options.exclusiveWriter = true;
  kernel.body = "red.global.add.u32 [%rd0], 1;\n";
  EXPECT_EQ(runKernel(kernel).kinds(), "");
}

TEST(GlobalAccess, two_blocks_may_write_the_halves_of_a_word) {
  KernelRun kernel{"mul.wide.u32 %rd4, %r0, 4; add.u64 %rd4, %rd4, %rd0; cvt.u64.u32 %rd5, %r1;\n"
                   "shl.b64 %rd5, %rd5, 1; add.u64 %rd4, %rd4, %rd5; cvt.u16.u32 %rs1, %r1;\n"
                   "st.global.b16 [%rd4], %rs1;\n"};
  kernel.blocks = 2;
  KernelOutcome outcome = runKernel(kernel);
  EXPECT_EQ(outcome.report, "");
  EXPECT_EQ(outcome.output[5], 0x00010000u);
  kernel.body += "st.global.b16 [%rd0], %rs1;\n";
  EXPECT_EQ(runKernel(kernel).kinds(), "output written by two blocks");
}

TEST(GlobalAccess, a_host_address_is_no_address) {
  EXPECT_EQ(only(run("mov.u64 %rd4, 140737488355328;\nld.global.b32 %r4, [%rd4];\n")).kind,
            FindingKind::OutOfBounds);
}

TEST(GlobalMemory, what_the_host_writes_is_initialised_to_the_byte) {
  GlobalMemory memory;
  uint64_t address = memory.allocate(70);
  EXPECT_EQ(address % 256, 0u);
  std::vector<uint8_t> bytes(70, 1), back(70, 0);
  EXPECT_TRUE(memory.copyTo(address, bytes.data(), 70));
  EXPECT_TRUE(memory.copyFrom(back.data(), address, 70));
  EXPECT_EQ(back, bytes);
  EXPECT_FALSE(memory.copyTo(address + 1, bytes.data(), 70));
  EXPECT_EQ(memory.find(address + 70, 1), nullptr);
  EXPECT_EQ(memory.find(address, uint64_t(-1)), nullptr);
}

TEST(GlobalMemory, allocations_lie_apart_and_are_freed) {
  GlobalMemory memory;
  uint64_t first = memory.allocate(100), second = memory.allocate(1);
  EXPECT_GE(second, first + 100 + 4096);
  EXPECT_EQ(memory.whereabouts(first + 104), "4 bytes behind the 100 bytes at 0x7000000000");
  EXPECT_NE(memory.whereabouts(second - 8).find("8 bytes before the 1 bytes"), std::string::npos);
  EXPECT_TRUE(memory.free(first));
  EXPECT_FALSE(memory.free(first));
  EXPECT_EQ(memory.find(first, 4), nullptr);
  EXPECT_NE(memory.find(second, 1), nullptr);
  EXPECT_THROW(memory.allocate(uint64_t(1) << 60), std::bad_alloc);
}

namespace {

/// Reads `bytes` bytes of an allocation of 70 in the middle of which some were never written.
std::string readAt(uint32_t offset) {
  LoadedModule module(
      KernelRun{"ld.global.b16 %rs1, [%rd1+" + std::to_string(offset) + "];\n"}.text());
  GlobalMemory memory;
  uint64_t output = memory.allocate(128), input = memory.allocate(70);
  std::vector<uint8_t> bytes(34, 1);
  memory.copyTo(input, bytes.data(), 34);
  memory.copyTo(input + 36, bytes.data(), 34);
  auto raw = [](uint64_t value) {
    std::vector<uint8_t> all(8);
    std::memcpy(all.data(), &value, 8);
    return all;
  };
  LaunchRequest request{{1, 1, 1}, {32, 1, 1}, {1, 1, 1}, 0, {raw(output), raw(input)}};
  KernelOutcome outcome;
  outcome.findings = launch(module, *module.entry("kernel"), memory, request, {}).findings;
  return outcome.kinds();
}

} // namespace

TEST(GlobalMemory, two_bytes_that_were_never_written) {
  EXPECT_EQ(readAt(32), "");
  EXPECT_EQ(readAt(34), "uninitialised read");
  EXPECT_EQ(readAt(36), "");
  EXPECT_EQ(readAt(68), "");
  EXPECT_EQ(readAt(70), "out of bounds");
}

TEST(AccessCounters, shared_and_global_traffic_of_a_launch) {
  KernelRun kernel{"mov.u64 %rd4, smem; mul.wide.u32 %rd5, %r0, 8; add.u64 %rd5, %rd5, %rd4;\n"
                   "st.shared.b32 [%rd5], %r0;\nst.global.b32 [%rd2], %r0;\n"};
  kernel.options.counters = true;
  KernelOutcome outcome = runKernel(kernel);
  LineCounters total;
  for (const LineCounters &line : outcome.counters.lines)
    total.add(line);
  EXPECT_EQ(total.sharedPasses, 2u);
  EXPECT_EQ(total.bankConflicts, 1u);
  EXPECT_EQ(total.sharedBytes, 128u);
  EXPECT_EQ(total.sectors, 4u);
  EXPECT_EQ(total.globalBytes, 128u);
}
