// SPDX-License-Identifier: Apache-2.0
// Do atom and red compute what the PTX ISA says, also when blocks run on several threads?
#include "test/runtime/sim/KernelRun.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

using namespace attune::sim;
using namespace attune::sim::test;

/// What one thread leaves in the two words of output that begin as `before`, and what it got.
static std::vector<uint32_t> one(const std::string &operation, uint64_t before) {
  KernelRun run{"st.global.b32 [%rd0], " + std::to_string(uint32_t(before)) +
                ";\nst.global.b32 [%rd0+4], " + std::to_string(uint32_t(before >> 32)) + ";\n" +
                operation};
  run.threads = 1;
  run.outputWords = 4;
  KernelOutcome outcome = runKernel(run);
  EXPECT_EQ(outcome.report, "") << operation;
  return outcome.output;
}

static uint32_t after(const std::string &operation, uint32_t before) {
  return one(operation, before)[0];
}

TEST(Atomics, integers) {
  EXPECT_EQ(after("red.global.add.u32 [%rd0], 3;", 0xffffffff), 2u);
  EXPECT_EQ(after("red.global.min.s32 [%rd0], -3;", 5), 0xfffffffd);
  EXPECT_EQ(after("red.global.min.u32 [%rd0], -3;", 5), 5u);
  EXPECT_EQ(after("red.global.max.s32 [%rd0], -3;", 5), 5u);
  EXPECT_EQ(after("red.relaxed.gpu.global.and.b32 [%rd0], 12;", 10), 8u);
  EXPECT_EQ(after("red.global.or.b32 [%rd0], 12;", 10), 14u);
  EXPECT_EQ(after("red.global.xor.b32 [%rd0], 12;", 10), 6u);
  EXPECT_EQ(after("red.global.inc.u32 [%rd0], 7;", 6), 7u);
  EXPECT_EQ(after("red.global.inc.u32 [%rd0], 7;", 7), 0u);
  EXPECT_EQ(after("red.global.dec.u32 [%rd0], 7;", 0), 7u);
  EXPECT_EQ(after("red.global.dec.u32 [%rd0], 7;", 9), 7u);
  EXPECT_EQ(after("red.global.dec.u32 [%rd0], 7;", 3), 2u);
  std::vector<uint32_t> wide = one("red.global.add.u64 [%rd0], 1;", 0xffffffff);
  EXPECT_EQ(wide[0], 0u);
  EXPECT_EQ(wide[1], 1u);
}

TEST(Atomics, the_old_value_is_returned) {
  auto returned = [](const std::string &operation) {
    return one(operation + "st.global.b32 [%rd0+8], %r4;", 10);
  };
  std::vector<uint32_t> exchanged = returned("atom.acq_rel.gpu.global.exch.b32 %r4, [%rd0], 7;");
  EXPECT_EQ(exchanged[0], 7u);
  EXPECT_EQ(exchanged[2], 10u);
  std::vector<uint32_t> swapped = returned("atom.global.cas.b32 %r4, [%rd0], 10, 9;");
  EXPECT_EQ(swapped[0], 9u);
  EXPECT_EQ(swapped[2], 10u);
  std::vector<uint32_t> kept = returned("atom.global.cas.b32 %r4, [%rd0], 11, 9;");
  EXPECT_EQ(kept[0], 10u);
  EXPECT_EQ(kept[2], 10u);
  EXPECT_EQ(after("atom.global.add.u32 _, [%rd0], 5;", 10), 15u);
  EXPECT_EQ(one("atom.global.exch.b64 %rd4, [%rd0], -1; st.global.b64 [%rd0+8], %rd4;",
                0x123456789abcdef0)[3],
            0x12345678u);
}

TEST(Atomics, floats) {
  uint32_t third = std::bit_cast<uint32_t>(1.5f);
  EXPECT_EQ(after("red.global.add.f32 [%rd0], 0f3F800000;", third), std::bit_cast<uint32_t>(2.5f));
  EXPECT_EQ(after("red.global.add.f32 [%rd0], 0f00000001;", 1), 0u)
      << "global memory: subnormal numbers are zeros";
  EXPECT_EQ(one("red.global.add.f64 [%rd0], 0d3FF0000000000000;", 0x3ff0000000000000)[1],
            0x40000000u);
}

TEST(Atomics, packed_halves) {
  // 0x3c00 and 0x3f80 are 1, 0x4000 and 0x4000 are 2.
  EXPECT_EQ(after("mov.b32 %r4, 0x3c003c00; red.global.add.noftz.f16x2 [%rd0], %r4;", 0x3c00),
            0x3c004000u);
  EXPECT_EQ(after("mov.b32 %r4, 0x3f803f80; red.global.add.noftz.bf16x2 [%rd0], %r4;", 0x3f80),
            0x3f804000u);
}

TEST(Atomics, vectors_of_floats) {
  EXPECT_EQ(
      one("mov.b32 %r4, 0f3F800000; red.global.add.v2.f32 [%rd0], {%r4, %r4};", 0x3f80000000000000),
      (std::vector<uint32_t>{0x3f800000, 0x40000000, 0xcdcdcdcd, 0xcdcdcdcd}));
}

TEST(Atomics, shared_memory_keeps_subnormal_numbers) {
  KernelRun run{"mov.u64 %rd4, smem; st.shared.b32 [%rd4], 1;"
                "red.shared.add.f32 [%rd4], 0f00000001; ld.shared.b32 %r4, [%rd4];"
                "st.global.b32 [%rd0], %r4;"};
  run.threads = 1;
  EXPECT_EQ(runKernel(run).output[0], 2u);
}

TEST(Atomics, every_lane_and_block_counts) {
  KernelRun run{"atom.global.add.u32 %r4, [%rd1], 1;\n"
                // Each gets its own number.
                "mul.wide.u32 %rd4, %r4, 4; add.u64 %rd4, %rd4, %rd0; red.global.add.u32 [%rd4], "
                "1;\n"};
  run.input = {0};
  run.threads = 96;
  run.blocks = 64;
  run.options.threads = 4;
  KernelOutcome outcome = runKernel(run);
  EXPECT_EQ(outcome.report, "");
  EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), 0xcdcdcdceu), 96 * 64);
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

TEST(Atomics, what_ptx_does_not_have_is_refused) {
  for (const char *line :
       {"red.global.exch.b32 [%rd0], %r4;", "red.global.add.b32 [%rd0], %r4;",
        "red.global.and.u32 [%rd0], %r4;", "red.global.min.f32 [%rd0], %r4;",
        "red.global.inc.s32 [%rd0], %r4;", "red.global.add.f16x2 [%rd0], %r4;",
        "red.local.add.u32 [%rd0], %r4;", "atom.global.cas.b32 %r4, [%rd0], %r5;",
        "red.global.add.v4.u32 [%rd0], {%r4, %r5, %r6, %r7};",
        "red.global.add.noftz.f32 [%rd0], %r4;"})
    EXPECT_EQ(refused(line), line);
}

TEST(Atomics, local_memory_and_parameters_have_none) {
  KernelRun run{".local .align 4 .b8 stack[8];\nmov.u64 %rd4, stack; cvta.local.u64 %rd4, %rd4;"
                "red.add.u32 [%rd4], 1;"};
  EXPECT_EQ(runKernel(run).kinds(), "fault");
  run.body = "mov.b64 %rd4, input; cvta.param.u64 %rd4, %rd4; red.add.u32 [%rd4], 1;";
  EXPECT_EQ(runKernel(run).kinds(), "fault");
}

TEST(Atomics, a_barrier_counter_between_blocks) {
  // The last block to come reads what all have left.
  KernelRun run{"setp.eq.u32 %p1, %r0, 0;\n@!%p1 bra end;\nred.release.gpu.global.add.u32 [%rd1], "
                "%r1;\nmembar.gl;\natom.acq_rel.gpu.global.inc.u32 %r4, [%rd1+4], 7;\n"
                "setp.ne.u32 %p2, %r4, 7;\n@%p2 bra end;\nfence.acq_rel.gpu;\n"
                "ld.relaxed.gpu.global.u32 %r5, [%rd1];\nst.global.b32 [%rd0], %r5;\nend:\n"};
  run.input = {0, 0};
  run.blocks = 8;
  run.options.threads = 2;
  KernelOutcome outcome = runKernel(run);
  EXPECT_EQ(outcome.report, "");
  EXPECT_EQ(outcome.output[0], 28u);
}
