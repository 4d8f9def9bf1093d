// SPDX-License-Identifier: Apache-2.0
// Do barriers order what they should, and is their misuse told?
#include "test/runtime/sim/KernelRun.h"

#include <gtest/gtest.h>

namespace attune::sim::test {
namespace {

KernelRun kernelOf(const std::string &body, uint32_t threads) {
  KernelRun kernel;
  kernel.body = body;
  kernel.threads = threads;
  return kernel;
}

/// Each thread writes its number to shared memory and reads that of the thread `distance` on.
std::string exchange(const std::string &between) {
  return R"(
    mul.wide.u32 %rd5, %r0, 4;
    mov.b64 %rd6, smem;
    add.u64 %rd7, %rd6, %rd5;
    st.shared.b32 [%rd7], %r0;
    )" + between +
         R"(
    xor.b32 %r5, %r0, 32;
    mul.wide.u32 %rd5, %r5, 4;
    add.u64 %rd7, %rd6, %rd5;
    ld.shared.b32 %r6, [%rd7];
    st.global.b32 [%rd2], %r6;)";
}

void expectExchanged(const KernelOutcome &outcome) {
  for (uint32_t thread = 0; thread < outcome.output.size(); ++thread)
    EXPECT_EQ(outcome.output[thread], thread ^ 32) << thread;
}

TEST(Barriers, OrderWhatWarpsDo) {
  for (const char *barrier :
       {"bar.sync 0;", "barrier.sync 3;", "barrier.cta.sync.aligned 15, 128;", "bar.sync 7, 128;"})
    for (Options options : everyOrder()) {
      KernelRun kernel = kernelOf(exchange(barrier), 128);
      kernel.options = options;
      KernelOutcome outcome = runKernel(kernel);
      ASSERT_EQ(outcome.report, "") << barrier;
      expectExchanged(outcome);
    }
}

TEST(Barriers, WithoutOneThereIsARace) {
  for (Options options : everyOrder()) {
    KernelRun kernel = kernelOf(exchange(""), 128);
    kernel.options = options;
    KernelOutcome outcome = runKernel(kernel);
    // The order decides whether the reader even finds something written.
    EXPECT_FALSE(outcome.findings.empty());
    for (const Finding &finding : outcome.findings)
      EXPECT_TRUE(finding.kind == FindingKind::Race ||
                  finding.kind == FindingKind::UninitialisedRead)
          << outcome.report;
  }
}

TEST(Barriers, ProducersArriveAndConsumersWait) {
  std::string body = R"(
    mov.b64 %rd6, smem;
    setp.ge.u32 %p1, %r0, 32;
    @%p1 bra CONSUMER;
    mul.wide.u32 %rd5, %r0, 4;
    add.u64 %rd7, %rd6, %rd5;
    st.shared.b32 [%rd7], %r0;
    bar.arrive 1, 64;
    ret;
    CONSUMER: bar.sync 1, 64;
    sub.u32 %r5, 63, %r0;
    mul.wide.u32 %rd5, %r5, 4;
    add.u64 %rd7, %rd6, %rd5;
    ld.shared.b32 %r6, [%rd7];
    st.global.b32 [%rd2], %r6;)";
  for (Options options : everyOrder()) {
    KernelRun kernel = kernelOf(body, 64);
    kernel.options = options;
    KernelOutcome outcome = runKernel(kernel);
    ASSERT_EQ(outcome.report, "");
    for (uint32_t thread = 32; thread < 64; ++thread)
      EXPECT_EQ(outcome.output[thread], 63 - thread);
  }
}

TEST(Barriers, Reductions) {
  KernelOutcome outcome = runKernel(kernelOf(R"(
    setp.lt.u32 %p1, %r0, 40;
    bar.red.popc.u32 %r5, 0, %p1;
    bar.red.and.pred %p2, 0, %p1;
    bar.red.or.pred %p3, 0, !%p1;
    selp.b32 %r6, 100, 0, %p2;
    selp.b32 %r7, 1000, 0, %p3;
    add.u32 %r5, %r5, %r6;
    add.u32 %r5, %r5, %r7;
    st.global.b32 [%rd2], %r5;)",
                                             64));
  EXPECT_EQ(outcome.report, "");
  for (uint32_t value : outcome.output)
    EXPECT_EQ(value, 1040u);
}

TEST(Barriers, ExitedWarpsAreNotWaitedFor) {
  KernelOutcome outcome = runKernel(kernelOf(R"(
    setp.lt.u32 %p1, %r0, 32;
    @%p1 exit;
    bar.sync 0;
    st.global.b32 [%rd2], 1;)",
                                             96));
  EXPECT_EQ(outcome.report, "");
  EXPECT_EQ(outcome.output[95], 1u);
}

TEST(Barriers, Deadlock) {
  KernelOutcome outcome = runKernel(kernelOf(R"(
    setp.lt.u32 %p1, %r0, 32;
    @%p1 bra FIRST;
    bar.sync 1;
    ret;
    FIRST: bar.sync 2;)",
                                             64));
  ASSERT_EQ(outcome.kinds(), "deadlock") << outcome.report;
  EXPECT_NE(outcome.report.find("bar.sync 1"), std::string::npos) << outcome.report;
  EXPECT_NE(outcome.report.find("bar.sync 2"), std::string::npos) << outcome.report;
}

TEST(Barriers, Misuse) {
  struct Case {
    const char *body, *message;
  };
  for (const Case &wrong :
       {Case{"mov.u32 %r5, 48; bar.sync 1, %r5;", "expected a thread count that is a multiple"},
        Case{"mov.u32 %r5, 16; bar.sync %r5;", "expected a number below 16"},
        Case{"setp.lt.u32 %p1, %r0, 5;\n@%p1 bar.sync 0;", "executed by 5 of 32"},
        Case{"bar.arrive 1, 96; bar.arrive 1, 96;", "arrives twice"},
        Case{"setp.lt.u32 %p1, %r0, 32; selp.b32 %r5, 64, 96, %p1; bar.arrive 1, %r5;",
             "this warp counts"}}) {
    KernelOutcome outcome = runKernel(kernelOf(wrong.body, 64));
    EXPECT_NE(outcome.report.find(wrong.message), std::string::npos) << wrong.body << "\n"
                                                                     << outcome.report;
    EXPECT_NE(outcome.kinds().find("barrier misuse"), std::string::npos) << outcome.kinds();
  }
}

TEST(Barriers, OfAWarp) {
  // Lanes exchange numbers through shared memory: a warp hazard without bar.warp.sync.
  std::string body = R"(
    mul.wide.u32 %rd5, %r0, 4;
    mov.b64 %rd6, smem;
    add.u64 %rd7, %rd6, %rd5;
    st.shared.b32 [%rd7], %r0;
    BETWEEN
    xor.b32 %r5, %r0, 1;
    mul.wide.u32 %rd5, %r5, 4;
    add.u64 %rd7, %rd6, %rd5;
    ld.shared.b32 %r6, [%rd7];
    st.global.b32 [%rd2], %r6;)";
  std::string with = body, without = body;
  with.replace(with.find("BETWEEN"), 7, "bar.warp.sync -1;");
  without.replace(without.find("BETWEEN"), 7, "");
  EXPECT_EQ(runKernel(kernelOf(with, 32)).report, "");
  KernelOutcome outcome = runKernel(kernelOf(without, 32));
  ASSERT_EQ(outcome.kinds(), "hazard within a warp") << outcome.report;
  EXPECT_EQ(outcome.findings[0].severity, Severity::Warning);
}

TEST(Barriers, OfACluster) {
  // Each block reads what its neighbour wrote.
  std::string body = R"(
    mov.b64 %rd6, smem;
    add.u32 %r5, %r1, 100;
    st.shared.b32 [%rd6], %r5;
    barrier.cluster.arrive.aligned;
    barrier.cluster.wait.aligned;
    mov.u32 %r6, %cluster_ctarank;
    xor.b32 %r6, %r6, 1;
    mapa.shared::cluster.u64 %rd7, %rd6, %r6;
    ld.shared::cluster.b32 %r7, [%rd7];
    st.global.b32 [%rd2], %r7;
    barrier.cluster.arrive;
    barrier.cluster.wait;)";
  for (Options options : everyOrder()) {
    KernelRun kernel = kernelOf(body, 1);
    kernel.blocks = 4;
    kernel.cluster = 2;
    kernel.options = options;
    KernelOutcome outcome = runKernel(kernel);
    ASSERT_EQ(outcome.report, "");
    EXPECT_EQ(outcome.output, (std::vector<uint32_t>{101, 100, 103, 102}));
  }
}

TEST(Barriers, OfAClusterMisused) {
  KernelRun kernel = kernelOf("barrier.cluster.wait;", 32);
  EXPECT_NE(runKernel(kernel).report.find("without barrier.cluster.arrive"), std::string::npos);
  kernel.body = "barrier.cluster.arrive;\nbarrier.cluster.arrive;\nbarrier.cluster.wait;";
  EXPECT_NE(runKernel(kernel).report.find("arrive twice"), std::string::npos);
}

} // namespace
} // namespace attune::sim::test
