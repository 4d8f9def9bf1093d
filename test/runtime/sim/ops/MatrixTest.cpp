// SPDX-License-Identifier: Apache-2.0
// ldmatrix, stmatrix and mma.sync as PTX: each element in its place, products like those of plain
// matrices, and what is refused or reported.
#include "test/runtime/sim/KernelRun.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

using namespace attune::sim;
using attune::sim::test::expectRefused;
using attune::sim::test::KernelOutcome;
using attune::sim::test::KernelRun;
using attune::sim::test::runKernel;

namespace {

std::string number(uint64_t value) { return std::to_string(value); }

/// Copies the input to shared memory, 32 threads.
std::string copyInput(unsigned words) {
  std::string text = "mul.wide.u32 %rd4, %r0, 4;\nadd.u64 %rd5, %rd1, %rd4;\n"
                     "mov.u64 %rd6, smem;\nadd.u64 %rd7, %rd6, %rd4;\n";
  for (unsigned first = 0; first < words; first += 32)
    text += "ld.global.b32 %r10, [%rd5+" + number(first * 4) + "];\nst.shared.b32 [%rd7+" +
            number(first * 4) + "], %r10;\n";
  return text + "bar.warp.sync 0xffffffff;\n";
}

/// "{%r<first>, ...}"
std::string registers(unsigned first, unsigned count) {
  std::string text = "{";
  for (unsigned i = 0; i < count; ++i)
    text += (i ? ", " : "") + std::string("%r") + number(first + i);
  return text + "}";
}

std::string storeRegisters(unsigned first, unsigned count) {
  std::string text =
      "mul.wide.u32 %rd10, %r0, " + number(4 * count) + ";\nadd.u64 %rd10, %rd10, %rd0;\n";
  for (unsigned i = 0; i < count; ++i)
    text += "st.global.b32 [%rd10+" + number(4 * i) + "], %r" + number(first + i) + ";\n";
  return text;
}

//===-- ldmatrix and stmatrix ---===//

/// Four 8 x 8 matrices; element (row, column) of matrix m is 64 m + 8 row + column. Row r of matrix
/// m lies at 16 * ((8 m + r) * 5 % 32), so that no order helps.
unsigned unitOf(unsigned line) { return line * 5 % 32; }

std::vector<uint32_t> scatteredMatrices() {
  std::vector<uint32_t> words(128);
  for (unsigned line = 0; line < 32; ++line)
    for (unsigned pair = 0; pair < 4; ++pair)
      words[unitOf(line) * 4 + pair] = (line * 8 + 2 * pair) | (line * 8 + 2 * pair + 1) << 16;
  return words;
}

/// %rd8: the address of the row of matrix lane / 8 that a lane gives.
const std::string rowAddress = "mul.lo.u32 %r11, %r0, 5;\nand.b32 %r11, %r11, 31;\n"
                               "mul.wide.u32 %rd8, %r11, 16;\nadd.u64 %rd8, %rd8, %rd6;\n";

class MatrixMoves : public testing::TestWithParam<std::tuple<unsigned, bool>> {};

/// The element that a lane has in the low or high half of register m: PTX ISA, "ldmatrix".
uint32_t elementOf(unsigned matrix, unsigned lane, unsigned half, bool transposed) {
  unsigned row = lane / 4, column = 2 * (lane % 4) + half;
  if (transposed)
    std::swap(row, column);
  return matrix * 64 + row * 8 + column;
}

TEST_P(MatrixMoves, LoadDistributesElements) {
  auto [count, transposed] = GetParam();
  KernelRun run;
  run.input = scatteredMatrices();
  run.outputWords = 32 * count;
  run.body = copyInput(128) + rowAddress + "ldmatrix.sync.aligned.m8n8.x" + number(count) +
             (transposed ? ".trans" : "") + ".shared.b16 " + registers(20, count) + ", [%rd8];\n" +
             storeRegisters(20, count);
  KernelOutcome outcome = runKernel(run);
  EXPECT_EQ(outcome.report, "");
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < count; ++i)
      for (unsigned half = 0; half < 2; ++half)
        ASSERT_EQ(outcome.output[lane * count + i] >> 16 * half & 0xffff,
                  elementOf(i, lane, half, transposed));
}

TEST_P(MatrixMoves, StoreIsTheInverse) {
  auto [count, transposed] = GetParam();
  // Each lane makes its elements from their formula, and reads rows back as words.
  std::string body = copyInput(0);
  std::string make;
  KernelRun run;
  run.input.resize(32 * count);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < count; ++i)
      run.input[lane * count + i] =
          elementOf(i, lane, 0, transposed) | elementOf(i, lane, 1, transposed) << 16;
  body += rowAddress + "mul.wide.u32 %rd9, %r0, " + number(4 * count) +
          ";\nadd.u64 %rd9, %rd9, %rd1;\n";
  for (unsigned i = 0; i < count; ++i)
    body += "ld.global.b32 %r" + number(20 + i) + ", [%rd9+" + number(4 * i) + "];\n";
  body += "stmatrix.sync.aligned.m8n8.x" + number(count) + (transposed ? ".trans" : "") +
          ".shared.b16 [%rd8], " + registers(20, count) + ";\nbar.warp.sync 0xffffffff;\n";
  // The lanes that gave addresses read their rows.
  body += "setp.ge.u32 %p1, %r0, " + number(8 * count) +
          ";\n@%p1 bra DONE;\n"
          "ld.shared.v4.b32 {%r30, %r31, %r32, %r33}, [%rd8];\n" +
          storeRegisters(30, 4) + "DONE:\n";
  run.body = body;
  run.outputWords = 32 * count;
  KernelOutcome outcome = runKernel(run);
  EXPECT_EQ(outcome.report, "");
  for (unsigned line = 0; line < 8 * count; ++line)
    for (unsigned pair = 0; pair < 4; ++pair)
      ASSERT_EQ(outcome.output[line * 4 + pair], (line * 8 + 2 * pair) | (line * 8 + 2 * pair + 1)
                                                                             << 16)
          << line;
}

INSTANTIATE_TEST_SUITE_P(Moves, MatrixMoves,
                         testing::Combine(testing::Values(1u, 2u, 4u), testing::Bool()),
                         [](const auto &test) {
                           return "X" + number(std::get<0>(test.param)) +
                                  (std::get<1>(test.param) ? "Transposed" : "");
                         });

TEST(MatrixMoves, OtherLanesNeedNoAddress) {
  KernelRun run;
  run.input = scatteredMatrices();
  // Lanes from 8 on point nowhere.
  run.body =
      copyInput(128) + rowAddress +
      "setp.ge.u32 %p1, %r0, 8;\n@%p1 mov.b64 %rd8, 3;\n"
      "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r20}, [%rd8];\nst.global.b32 [%rd2], %r20;\n";
  EXPECT_EQ(runKernel(run).report, "");
}

TEST(MatrixMoves, GenericAddressesReachSharedMemory) {
  KernelRun run;
  run.input = scatteredMatrices();
  run.body = copyInput(128) + rowAddress +
             "cvta.shared.u64 %rd8, %rd8;\n"
             "ldmatrix.sync.aligned.m8n8.x1.b16 {%r20}, [%rd8];\nst.global.b32 [%rd2], %r20;\n";
  KernelOutcome outcome = runKernel(run);
  EXPECT_EQ(outcome.report, "");
  EXPECT_EQ(outcome.output[5], elementOf(0, 5, 0, false) | elementOf(0, 5, 1, false) << 16);
}

TEST(MatrixMoves, RowsOutOfBoundsAreReportedAndZero) {
  KernelRun run;
  run.input = scatteredMatrices();
  run.body =
      copyInput(128) + rowAddress +
      "setp.eq.u32 %p1, %r0, 3;\n@%p1 add.u64 %rd8, %rd6, 4096;\n"
      "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r20}, [%rd8];\nst.global.b32 [%rd2], %r20;\n";
  KernelOutcome outcome = runKernel(run);
  EXPECT_EQ(outcome.kinds(), describe(FindingKind::OutOfBounds));
  EXPECT_EQ(outcome.output[12], 0u);
  EXPECT_NE(outcome.output[11], 0u);
}

TEST(MatrixMoves, RowsHaveToBeAligned) {
  KernelRun run;
  run.input = scatteredMatrices();
  run.body =
      copyInput(128) +
      "add.u64 %rd8, %rd6, 8;\n"
      "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r20}, [%rd8];\nst.global.b32 [%rd2], %r20;\n";
  EXPECT_EQ(runKernel(run).kinds(), describe(FindingKind::Misaligned));
}

TEST(MatrixMoves, WholeWarpsAreNeeded) {
  KernelRun run;
  run.threads = 16;
  run.input = scatteredMatrices();
  run.body = "mov.b32 %r20, 0;\nmma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 "
             "{%r21, %r22, %r23, %r24}, {%r20, %r20}, {%r20}, {%r20, %r20, %r20, %r20};\n";
  EXPECT_EQ(runKernel(run).kinds(), describe(FindingKind::BarrierMisuse));
}

//===-- mma ---===//

struct Mma {
  const char *name, *shape, *types;
  const char *target;
  unsigned bits, k;
  /// How small integers are spelled in the element type.
  uint32_t (*encode)(int);
  /// 'f': f32, 'h': f16, 's': s32.
  char result;
};

uint32_t asHalf(int value) {
  if (value == 0)
    return 0;
  int exponent = std::ilogb(float(std::abs(value)));
  uint32_t fraction = uint32_t(std::abs(value)) << (10 - exponent) & 0x3ff;
  return uint32_t(value < 0) << 15 | uint32_t(exponent + 15) << 10 | fraction;
}
uint32_t asBFloat(int value) { return std::bit_cast<uint32_t>(float(value)) >> 16; }
uint32_t asSingle(int value) { return std::bit_cast<uint32_t>(float(value)); }
uint32_t asE5M2(int value) { return asHalf(value) >> 8; }
uint32_t asE4M3(int value) {
  uint32_t half = asHalf(value);
  if ((half & 0x7fff) == 0)
    return 0;
  return (half >> 8 & 0x80) | ((half >> 10 & 31) - 15 + 7) << 3 | (half >> 7 & 7);
}
uint32_t asByte(int value) { return uint32_t(value) & 0xff; }

const Mma shapes[] = {
    {"F16", "m16n8k16", "f32.f16.f16.f32", "sm_80", 16, 16, asHalf, 'f'},
    {"F16K8", "m16n8k8", "f32.f16.f16.f32", "sm_80", 16, 8, asHalf, 'f'},
    {"F16ToF16", "m16n8k16", "f16.f16.f16.f16", "sm_80", 16, 16, asHalf, 'h'},
    {"F16K8ToF16", "m16n8k8", "f16.f16.f16.f16", "sm_90a", 16, 8, asHalf, 'h'},
    {"BF16", "m16n8k16", "f32.bf16.bf16.f32", "sm_90a", 16, 16, asBFloat, 'f'},
    {"BF16K8", "m16n8k8", "f32.bf16.bf16.f32", "sm_80", 16, 8, asBFloat, 'f'},
    {"TF32", "m16n8k8", "f32.tf32.tf32.f32", "sm_80", 32, 8, asSingle, 'f'},
    {"TF32K4", "m16n8k4", "f32.tf32.tf32.f32", "sm_80", 32, 4, asSingle, 'f'},
    {"E4M3", "m16n8k32", "f32.e4m3.e4m3.f32", "sm_89", 8, 32, asE4M3, 'f'},
    {"E5M2", "m16n8k32", "f32.e5m2.e5m2.f32", "sm_89", 8, 32, asE5M2, 'f'},
    {"S8", "m16n8k32", "s32.s8.s8.s32", "sm_80", 8, 32, asByte, 's'},
    {"S8K16", "m16n8k16", "s32.s8.s8.s32", "sm_80", 8, 16, asByte, 's'},
};

struct MmaProducts : testing::TestWithParam<Mma> {};

TEST_P(MmaProducts, AreThoseOfMatrices) {
  const Mma &mma = GetParam();
  std::mt19937 random(mma.k);
  int a[16][32], b[32][8], c[16][8];
  for (auto &row : a)
    for (int &value : row)
      value = int(random() % 7) - 3;
  for (auto &row : b)
    for (int &value : row)
      value = int(random() % 7) - 3;
  for (auto &row : c)
    for (int &value : row)
      value = int(random() % 31) - 15;
  // Element e of register r of A: rows l/4 and 8 on, k from the lane's place in its quad.
  const unsigned per = 32 / mma.bits, registersA = mma.k / (2 * per), registersB = registersA / 2;
  const unsigned registersC = mma.result == 'h' ? 2 : 4;
  const unsigned all = registersA + registersB + registersC;
  KernelRun run;
  run.target = mma.target;
  run.input.resize(32 * all);
  for (unsigned lane = 0; lane < 32; ++lane) {
    uint32_t *mine = &run.input[lane * all];
    for (unsigned r = 0; r < registersA; ++r)
      for (unsigned e = 0; e < per; ++e)
        mine[r] |= mma.encode(a[lane / 4 + 8 * (r % 2)][lane % 4 * per + e + r / 2 * 4 * per])
                   << e * mma.bits;
    for (unsigned r = 0; r < registersB; ++r)
      for (unsigned e = 0; e < per; ++e)
        mine[registersA + r] |= mma.encode(b[lane % 4 * per + e + r * 4 * per][lane / 4])
                                << e * mma.bits;
    for (unsigned i = 0; i < 4; ++i) {
      int value = c[lane / 4 + 8 * (i / 2)][2 * (lane % 4) + i % 2];
      uint32_t *to = mine + registersA + registersB;
      if (mma.result == 'h')
        to[i / 2] |= asHalf(value) << 16 * (i % 2);
      else
        to[i] = mma.result == 's' ? uint32_t(value) : asSingle(value);
    }
  }
  run.outputWords = 32 * registersC;
  run.body = "mul.wide.u32 %rd9, %r0, " + number(4 * all) + ";\nadd.u64 %rd9, %rd9, %rd1;\n";
  for (unsigned i = 0; i < all; ++i)
    run.body += "ld.global.b32 %r" + number(20 + i) + ", [%rd9+" + number(4 * i) + "];\n";
  // The result overwrites C.
  run.body += std::string("mma.sync.aligned.") + mma.shape + ".row.col." + mma.types + " " +
              registers(20 + registersA + registersB, registersC) + ", " +
              registers(20, registersA) + ", " + registers(20 + registersA, registersB) + ", " +
              registers(20 + registersA + registersB, registersC) + ";\n" +
              storeRegisters(20 + registersA + registersB, registersC);
  for (Numerics numerics : {Numerics::Exact, Numerics::Fast, Numerics::F64}) {
    run.options.numerics = numerics;
    KernelOutcome outcome = runKernel(run);
    EXPECT_EQ(outcome.report, "");
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned i = 0; i < 4; ++i) {
        unsigned row = lane / 4 + 8 * (i / 2), column = 2 * (lane % 4) + i % 2;
        int sum = c[row][column];
        for (unsigned k = 0; k < mma.k; ++k)
          sum += a[row][k] * b[k][column];
        const uint32_t *mine = &outcome.output[lane * registersC];
        if (mma.result == 'h')
          ASSERT_EQ(mine[i / 2] >> 16 * (i % 2) & 0xffff, asHalf(sum));
        else
          ASSERT_EQ(mine[i], mma.result == 's' ? uint32_t(sum) : asSingle(sum));
      }
  }
}

INSTANTIATE_TEST_SUITE_P(Products, MmaProducts, testing::ValuesIn(shapes),
                         [](const auto &test) { return test.param.name; });

TEST(Mma, CountsFlops) {
  KernelRun run;
  run.options.counters = true;
  run.body = "mov.b32 %r20, 0;\nmma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 "
             "{%r21, %r22, %r23, %r24}, {%r20, %r20}, {%r20}, {%r20, %r20, %r20, %r20};\n";
  uint64_t flops = 0;
  for (const LineCounters &line : runKernel(run).counters.lines)
    flops += line.tensorFlops;
  EXPECT_EQ(flops, 2u * 16 * 8 * 8);
}

TEST(Mma, RefusesWhatTensorCoresLack) {
  const std::string operands = " {%r0, %r1, %r2, %r3}, {%r4, %r5, %r6, %r7}, {%r8, %r9}, "
                               "{%r0, %r1, %r2, %r3};\n";
  expectRefused("sm_80", "mma.sync.aligned.m16n8k32.row.col.f32.bf16.bf16.f32" + operands,
                "expected a shape of mma with these types: .m16n8k16 or .m16n8k8");
  expectRefused("sm_80", "mma.sync.aligned.m16n8k16.row.col.f16.bf16.bf16.f16" + operands,
                "only products of .f16, .e4m3 and .e5m2 can be .f16");
  expectRefused("sm_80", "mma.sync.aligned.m16n8k16.row.col.f32.f16.bf16.f32" + operands,
                "expected A and B of one type");
  expectRefused("sm_80", "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32" + operands,
                "needs .target sm_89");
  expectRefused("sm_75", "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32" + operands,
                "needs .target sm_80");
  expectRefused("sm_80",
                "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%r0, %r1, %r2, %r3}, "
                "{%r4, %r5}, {%r8, %r9}, {%r0, %r1, %r2, %r3};\n",
                "expected 4 values in braces");
  expectRefused("sm_80", "stmatrix.sync.aligned.m8n8.x1.shared.b16 [%rd0], {%r0};\n",
                "needs .target sm_90");
  expectRefused("sm_90", "ldmatrix.sync.aligned.m16n16.x1.trans.shared.b8 {%r0, %r1}, [%rd0];\n",
                "m8n8");
}

} // namespace
