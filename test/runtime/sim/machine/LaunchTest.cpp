// SPDX-License-Identifier: Apache-2.0
// What does a launch check, what do special registers hold, and are runs repeatable?
#include "runtime/sim/Error.h"
#include "test/runtime/sim/KernelRun.h"

#include <gtest/gtest.h>

#include <set>

namespace attune::sim::test {
namespace {

TEST(Launch, SpecialRegisters) {
  KernelRun kernel;
  kernel.threads = 64;
  kernel.blocks = 6;
  kernel.cluster = 2;
  kernel.sharedBytes = 512;
  kernel.outputWords = 64 * 6 * 8;
  kernel.body = R"(
    mul.wide.u32 %rd3, %r3, 32;
    add.u64 %rd2, %rd0, %rd3;
    mov.u32 %r10, %laneid;   st.global.b32 [%rd2], %r10;
    mov.u32 %r10, %warpid;   st.global.b32 [%rd2+4], %r10;
    mov.u32 %r10, %nctaid.x; st.global.b32 [%rd2+8], %r10;
    mov.u32 %r10, %cluster_ctarank; st.global.b32 [%rd2+12], %r10;
    mov.u32 %r10, %clusterid.x; st.global.b32 [%rd2+16], %r10;
    mov.u32 %r10, %nclusterid.x; st.global.b32 [%rd2+20], %r10;
    mov.u32 %r10, %lanemask_lt; st.global.b32 [%rd2+24], %r10;
    mov.u32 %r10, %dynamic_smem_size; st.global.b32 [%rd2+28], %r10;)";
  KernelOutcome outcome = runKernel(kernel);
  EXPECT_EQ(outcome.report, "");
  for (uint32_t thread = 0; thread < 64 * 6; ++thread) {
    uint32_t block = thread / 64, lane = thread % 32;
    std::vector<uint32_t> expected = {lane, thread / 32 % 2,  6,  block % 2, block / 2,
                                      3,    (1u << lane) - 1, 512};
    std::vector<uint32_t> found(outcome.output.begin() + thread * 8,
                                outcome.output.begin() + thread * 8 + 8);
    EXPECT_EQ(found, expected) << thread;
  }
}

TEST(Launch, EndsAtTheFirstError) {
  KernelRun kernel;
  kernel.blocks = 2;
  kernel.body = R"(
    setp.ne.u32 %p1, %r1, 0;
    @%p1 bra SECOND;
    st.global.b32 [%rd2+4096], %r0;
    ret;
    SECOND: st.global.b32 [%rd2+8192], %r0;)";
  kernel.options.threads = 1;
  EXPECT_EQ(runKernel(kernel).findings.size(), 2u);
  kernel.options.stopAtFirst = true;
  EXPECT_EQ(runKernel(kernel).findings.size(), 1u);
}

TEST(Launch, ClocksGrow) {
  KernelRun kernel;
  kernel.body = R"(
    mov.u64 %rd5, %clock64;
    mov.u64 %rd6, %clock64;
    setp.gt.u64 %p1, %rd6, %rd5;
    selp.b32 %r10, 1, 0, %p1;
    st.global.b32 [%rd2], %r10;)";
  EXPECT_EQ(runKernel(kernel).output[0], 1u);
}

TEST(Launch, EqualSeedsGiveEqualRuns) {
  // Warps take numbers from a counter: the order is that of the schedule.
  KernelRun kernel;
  kernel.threads = 256;
  kernel.declarations = ".global .align 4 .u32 counter = 5;\n";
  kernel.body = R"(
    mov.u64 %rd5, counter;
    atom.global.add.u32 %r10, [%rd5], 1;
    st.global.b32 [%rd2], %r10;)";
  kernel.options.schedule = Schedule::Random;
  std::set<std::vector<uint32_t>> orders;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    kernel.options.seed = seed;
    std::vector<uint32_t> first = runKernel(kernel).output;
    EXPECT_EQ(runKernel(kernel).output, first);
    std::set<uint32_t> numbers(first.begin(), first.end());
    EXPECT_EQ(numbers.size(), 256u);
    EXPECT_EQ(*numbers.begin(), 5u);
    orders.insert(first);
  }
  EXPECT_GT(orders.size(), 1u);
}

TEST(Launch, ManyBlocksOverThreads) {
  KernelRun kernel;
  kernel.blocks = 1000;
  kernel.options.threads = 4;
  kernel.body = "st.global.b32 [%rd2], %r3;";
  KernelOutcome outcome = runKernel(kernel);
  EXPECT_EQ(outcome.report, "");
  for (uint32_t i = 0; i < outcome.output.size(); ++i)
    ASSERT_EQ(outcome.output[i], i);
}

TEST(Launch, WhatDoesNotFitIsRefused) {
  auto message = [](const KernelRun &kernel) -> std::string {
    try {
      runKernel(kernel);
    } catch (const std::invalid_argument &error) {
      return error.what();
    }
    return "nothing was refused";
  };
  KernelRun kernel;
  kernel.directives = ".reqntid 64";
  EXPECT_EQ(message(kernel),
            "entry 'kernel': its .reqntid demands blocks of 64 x 1 x 1 threads, found 32 x 1 x 1");
  kernel.directives = ".maxntid 16";
  EXPECT_EQ(message(kernel), "entry 'kernel': its .maxntid allows 16 threads, found 32 x 1 x 1");
  kernel.directives = "";
  kernel.threads = 1025;
  EXPECT_EQ(message(kernel),
            "entry 'kernel': expected from 1 to 1024 threads a block, found 1025 x 1 x 1");
  kernel.threads = 32;
  kernel.sharedBytes = 228 * 1024;
  EXPECT_EQ(message(kernel), "entry 'kernel': needs 233472 bytes of shared memory, but a block of "
                             "sm_90 has at most 232448");
  kernel.sharedBytes = 0;
  kernel.blocks = 3;
  kernel.cluster = 2;
  EXPECT_EQ(message(kernel), "entry 'kernel': expected the grid to be a multiple of the cluster in "
                             "every direction, found 3 x 1 x 1 and 2 x 1 x 1");
  kernel.blocks = 4;
  kernel.target = "sm_80";
  EXPECT_EQ(message(kernel),
            "entry 'kernel': clusters of more than one block need sm_90, the code is for sm_80");
}

TEST(Launch, ParametersOfTheWrongSize) {
  KernelRun kernel;
  LoadedModule module(kernel.text());
  GlobalMemory memory;
  LaunchRequest request;
  request.parameters = {std::vector<uint8_t>(8)};
  auto message = [&] {
    try {
      launch(module, *module.entry("kernel"), memory, request, {});
    } catch (const std::invalid_argument &error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message(), "entry 'kernel': expected 2 parameters, found 1");
  request.parameters.push_back(std::vector<uint8_t>(4));
  EXPECT_EQ(message(), "entry 'kernel': parameter 1 ('input') has 8 bytes, found 4");
}

TEST(Launch, UnknownEntriesAndInstructions) {
  KernelRun kernel;
  EXPECT_EQ(LoadedModule(kernel.text()).entry("other"), nullptr);
  kernel.body = "tcgen05.fence::before_thread_sync;";
  try {
    LoadedModule module(kernel.text());
    FAIL();
  } catch (const LoadError &error) {
    EXPECT_NE(std::string(error.what()).find("tcgen05.fence::before_thread_sync"),
              std::string::npos)
        << error.what();
  }
}

} // namespace
} // namespace attune::sim::test
