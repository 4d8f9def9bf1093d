// SPDX-License-Identifier: Apache-2.0
// Do ld and st move the right bytes, in every space and width?
#include "test/runtime/sim/KernelRun.h"

#include <gtest/gtest.h>

#include <numeric>

using namespace attune::sim;
using namespace attune::sim::test;

static std::vector<uint32_t> numbers(size_t count) {
  std::vector<uint32_t> all(count);
  std::iota(all.begin(), all.end(), 0x8000fff0u);
  return all;
}

static KernelOutcome clean(KernelRun run) {
  KernelOutcome outcome = runKernel(run);
  EXPECT_EQ(outcome.report, "");
  return outcome;
}

TEST(LoadStore, words_of_global_memory) {
  KernelRun run{"add.u64 %rd4, %rd1, %rd3; ld.global.b32 %r4, [%rd4]; st.global.b32 [%rd2], %r4;"};
  run.input = numbers(64);
  run.threads = 64;
  EXPECT_EQ(clean(run).output, run.input);
}

TEST(LoadStore, vectors_and_offsets) {
  KernelRun run{"mul.wide.u32 %rd4, %r0, 16; add.u64 %rd5, %rd1, %rd4; add.u64 %rd6, %rd0, %rd4;"
                "ld.global.v4.b32 {%r4, %r5, %r6, %r7}, [%rd5+0];"
                "st.global.v2.b32 [%rd6+8], {%r6, %r7}; st.global.v2.b32 [%rd6], {%r4, %r5};"};
  run.input = numbers(128);
  run.outputWords = 128;
  EXPECT_EQ(clean(run).output, run.input);
}

TEST(LoadStore, vectors_of_wide_elements) {
  KernelRun run{"mul.wide.u32 %rd4, %r0, 16; add.u64 %rd5, %rd1, %rd4; add.u64 %rd6, %rd0, %rd4;"
                "ld.global.nc.L1::no_allocate.L2::128B.v2.b64 {%rd7, %rd8}, [%rd5];"
                "st.global.wb.v2.u64 [%rd6], {%rd7, %rd8};"};
  run.input = numbers(128);
  run.outputWords = 128;
  EXPECT_EQ(clean(run).output, run.input);
}

TEST(LoadStore, narrow_types_are_extended) {
  KernelRun run{"ld.global.s8 %r4, [%rd1]; st.global.b32 [%rd2], %r4;"
                "ld.global.u8 %r4, [%rd1]; st.global.b32 [%rd2+4], %r4;"
                "ld.global.s16 %r4, [%rd1]; st.global.b32 [%rd2+8], %r4;"
                "ld.global.b16 %rs1, [%rd1]; mov.b32 %r4, {%rs1, %rs1};"
                "st.global.b32 [%rd2+12], %r4;"
                "ld.global.s8 %rs1, [%rd1]; mov.b32 %r4, {%rs1, %rs1};"
                "st.global.b32 [%rd2+16], %r4;"
                "ld.global.s32 %rd4, [%rd1]; st.global.b64 [%rd2+24], %rd4;"
                "st.global.b8 [%rd2+20], %r4; st.global.b16 [%rd2+22], %rs1;"};
  run.threads = 1;
  run.outputWords = 8;
  run.input = {0x800081f3};
  std::vector<uint32_t> expected = {0xfffffff3, 0xf3,       0xffff81f3, 0x81f381f3,
                                    0xfff3fff3, 0xfff3cdf3, 0x800081f3, 0xffffffff};
  EXPECT_EQ(clean(run).output, expected);
}

TEST(LoadStore, shared_memory_at_32_and_64_bit_addresses) {
  KernelRun run{"mov.u64 %rd4, smem; add.u64 %rd5, %rd4, %rd3; cvt.u32.u64 %r5, %rd5;"
                "st.shared.b32 [%rd5+16], %r0; ld.shared.b32 %r6, [%r5+16];"
                "ld.volatile.shared::cta.u32 %r7, [%rd5+16]; add.u32 %r6, %r6, %r7;"
                "st.global.b32 [%rd2], %r6;"};
  std::vector<uint32_t> expected(32);
  for (uint32_t lane = 0; lane < 32; ++lane)
    expected[lane] = 2 * lane;
  EXPECT_EQ(clean(run).output, expected);
}

TEST(LoadStore, generic_addresses_reach_every_space) {
  KernelRun run{"mov.u64 %rd4, smem; add.u64 %rd5, %rd4, %rd3; cvta.shared.u64 %rd6, %rd5;"
                "mov.u64 %rd7, stack; cvta.local.u64 %rd8, %rd7;"
                "st.b32 [%rd6], %r0; add.u32 %r4, %r0, 100; st.local.b32 [%rd7+4], %r4;"
                // Even lanes read shared memory, odd ones their own local memory.
                "and.b32 %r5, %r0, 1; setp.eq.u32 %p1, %r5, 0; add.u64 %rd8, %rd8, 4;"
                "selp.b64 %rd9, %rd6, %rd8, %p1; ld.b32 %r6, [%rd9]; st.b32 [%rd2], %r6;"};
  run.body = ".local .align 4 .b8 stack[8];\n" + run.body;
  std::vector<uint32_t> expected(32);
  for (uint32_t lane = 0; lane < 32; ++lane)
    expected[lane] = lane % 2 ? lane + 100 : lane;
  EXPECT_EQ(clean(run).output, expected);
}

TEST(LoadStore, constants_and_parameters) {
  KernelRun run{"mov.u64 %rd4, table; add.u64 %rd5, %rd4, 4; ld.const.u32 %r4, [%rd5];"
                "ld.param.v2.b32 {%r5, %r6}, [input]; mov.b64 %rd6, {%r5, %r6};"
                "sub.u64 %rd7, %rd6, %rd1; cvt.u32.u64 %r7, %rd7; add.u32 %r4, %r4, %r7;"
                "st.global.b32 [%rd2], %r4;"};
  run.declarations = ".const .align 4 .u32 table[2] = {17, 23};";
  EXPECT_EQ(clean(run).output, std::vector<uint32_t>(32, 23));
}

TEST(LoadStore, shared_memory_of_another_block) {
  KernelRun run{"mov.u64 %rd4, smem; add.u64 %rd5, %rd4, %rd3; mov.u32 %r4, %cluster_ctarank;"
                "mul.wide.u32 %rd6, %r0, 4; add.u64 %rd6, %rd4, %rd6; st.shared.b32 [%rd6], %r3;"
                "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;"
                "xor.b32 %r5, %r4, 1; mapa.shared::cluster.u64 %rd7, %rd6, %r5;"
                "ld.shared::cluster.b32 %r6, [%rd7]; st.global.b32 [%rd2], %r6;"
                "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;"};
  run.blocks = run.cluster = 2;
  std::vector<uint32_t> expected(64);
  for (uint32_t thread = 0; thread < 64; ++thread)
    expected[thread] = (thread + 32) % 64;
  EXPECT_EQ(clean(run).output, expected);
}

TEST(LoadStore, hints_do_nothing) {
  KernelRun run{"prefetch.global.L2::evict_last [%rd1+4000000]; prefetchu.L1 [%rd1];"
                "prefetch.L1 [%rd1];"
                "st.global.b32 [%rd2], %r0;"};
  EXPECT_EQ(clean(run).output[31], 31u);
}

/// The statement that loading refuses, or "".
static std::string refused(const std::string &line) {
  try {
    runKernel({line});
  } catch (const LoadError &error) {
    std::string message = error.what();
    return message.find("'" + line + "'") != std::string::npos ? line : message;
  }
  return "";
}

TEST(LoadStore, what_ptx_does_not_have_is_refused) {
  for (const char *line :
       {"ld.global.f16 %rs1, [%rd1];", "ld.global.pred %p1, [%rd1];", "st.const.b32 [%rd1], %r4;",
        "ld.global.v4.b64 {%rd4, %rd5, %rd6, %rd7}, [%rd1];", "ld.global.b32 %rs1, [%rd1];",
        "ld.texture.b32 %r4, [%rd1];", "st.global.b32 [%rd1];", "ld.global.v2.b32 %r4, [%rd1];",
        "st.param.b32 [output], %r4;", "prefetch.global [%rd1];"})
    EXPECT_EQ(refused(line), line);
}
