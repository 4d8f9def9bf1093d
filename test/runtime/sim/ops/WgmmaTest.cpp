// SPDX-License-Identifier: Apache-2.0
// wgmma as PTX: products from every layout of shared memory, in every order of events, and what is
// found when fences, waits or warps are missing.
#include "test/runtime/sim/KernelRun.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

using namespace attune::sim;
using attune::sim::test::everyOrder;
using attune::sim::test::expectRefused;
using attune::sim::test::KernelOutcome;
using attune::sim::test::KernelRun;
using attune::sim::test::runKernel;

namespace {

std::string number(uint64_t value) { return std::to_string(value); }

std::string registers(const std::string &name, unsigned first, unsigned count) {
  std::string text = "{";
  for (unsigned i = 0; i < count; ++i)
    text += (i ? ", %" : "%") + name + number(first + i);
  return text + "}";
}

//===-- Elements ---===//

struct Type {
  const char *name;
  unsigned bits;
  /// How small integers are spelled.
  uint32_t (*encode)(int);
};

uint32_t asHalf(int value) {
  if (value == 0)
    return 0;
  int exponent = std::ilogb(float(std::abs(value)));
  uint32_t fraction = uint32_t(std::abs(value)) << (10 - exponent) & 0x3ff;
  return uint32_t(value < 0) << 15 | uint32_t(exponent + 15) << 10 | fraction;
}
uint32_t asSingle(int value) { return std::bit_cast<uint32_t>(float(value)); }
uint32_t asBFloat(int value) { return asSingle(value) >> 16; }
uint32_t asE5M2(int value) { return asHalf(value) >> 8; }
uint32_t asE4M3(int value) {
  uint32_t half = asHalf(value);
  if ((half & 0x7fff) == 0)
    return 0;
  return (half >> 8 & 0x80) | ((half >> 10 & 31) - 15 + 7) << 3 | (half >> 7 & 7);
}
uint32_t asByte(int value) { return uint32_t(value) & 0xff; }

constexpr Type f16{"f16", 16, asHalf}, bf16{"bf16", 16, asBFloat}, tf32{"tf32", 32, asSingle},
    e4m3{"e4m3", 8, asE4M3}, e5m2{"e5m2", 8, asE5M2}, s8{"s8", 8, asByte};

//===-- Matrices in shared memory ---===//

/// Bits 62-63 of a descriptor, the address bits that a swizzle takes part in, bytes of a row.
struct Mode {
  const char *name;
  unsigned bits;
  uint32_t mask;
  unsigned rowBytes;
};
constexpr Mode plain{"None", 0, 0, 16}, swizzle128{"Bytes128", 1, 0x380, 128},
    swizzle64{"Bytes64", 2, 0x180, 64}, swizzle32{"Bytes32", 3, 0x080, 32};

/// A matrix of `lines` rows of A (or columns of B) and 32 bytes along k, at byte `start` of smem.
struct Operand {
  Type type;
  Mode mode;
  bool kMajor;
  unsigned lines;
  uint32_t start;

  unsigned terms() const { return 256 / type.bits; }
  /// Room between parts that do not touch.
  uint32_t leading() const {
    if (kMajor)
      return mode.bits == 0 ? lines * 16 + 128 : 0;
    // Without a swizzle between groups of eight k, else between groups of a row's elements.
    return mode.bits == 0 ? lines * 16 + 256 : 16 * mode.rowBytes + 1024;
  }
  uint32_t stride() const {
    if (kMajor)
      return mode.bits == 0 ? 128 : 8 * mode.rowBytes;
    return mode.bits == 0 ? 128 : 8 * mode.rowBytes;
  }
  /// The table of canonical layouts: K-major ((8,m),(T,2)) : ((row,SBO),(1,LBO or T)), MN-major
  /// ((T,row/16,m),(8,k)) : ((1,T,LBO),(row,SBO)), without a swizzle ((1,-,SBO),(16,LBO)).
  uint32_t byteOf(unsigned mn, unsigned k) const {
    unsigned size = type.bits / 8, t = 16 / size, inRow = mode.rowBytes / size;
    uint32_t byte = start;
    if (kMajor)
      byte += mn % 8 * mode.rowBytes + mn / 8 * stride() + k % t * size +
              k / t * (mode.bits == 0 ? leading() : 16);
    else if (mode.bits == 0)
      byte += mn % t * size + mn / t * stride() + k % 8 * 16 + k / 8 * leading();
    else
      byte += mn % inRow * size + mn / inRow * leading() + k % 8 * mode.rowBytes + k / 8 * stride();
    return byte ^ (byte & mode.mask) >> 3;
  }
  /// Without the address.
  uint64_t descriptor() const {
    return uint64_t(mode.bits) << 62 | uint64_t(stride() >> 4) << 32 |
           uint64_t(leading() >> 4) << 16;
  }
};

using Matrix = std::vector<std::vector<int>>;

Matrix randomMatrix(std::mt19937 &random, unsigned rows, unsigned columns) {
  Matrix matrix(rows, std::vector<int>(columns));
  for (auto &row : matrix)
    for (int &value : row)
      value = int(random() % 7) - 3;
  return matrix;
}

/// `matrix` [mn][k] where the operand lies, as words of the input.
void place(std::vector<uint32_t> &words, const Operand &operand, const Matrix &matrix) {
  for (unsigned mn = 0; mn < operand.lines; ++mn)
    for (unsigned k = 0; k < operand.terms(); ++k) {
      uint32_t byte = operand.byteOf(mn, k);
      if (words.size() <= byte / 4)
        words.resize(byte / 4 + 1);
      words[byte / 4] |= operand.type.encode(matrix[mn][k]) << byte % 4 * 8;
    }
}

/// 128 threads copy the input to shared memory.
std::string copyInput(size_t words) {
  std::string text = "mul.wide.u32 %rd4, %r0, 4;\nadd.u64 %rd5, %rd1, %rd4;\n"
                     "mov.u64 %rd6, smem;\nadd.u64 %rd7, %rd6, %rd4;\n";
  for (size_t first = 0; first < words; first += 128)
    text += "ld.global.b32 %r10, [%rd5+" + number(first * 4) + "];\nst.shared.b32 [%rd7+" +
            number(first * 4) + "], %r10;\n";
  return text + "fence.proxy.async.shared::cta;\nbar.sync 0;\n";
}

/// The descriptor of an operand in %rd<into>.
std::string makeDescriptor(const Operand &operand, unsigned into) {
  std::string name = "%rd" + number(into);
  return "add.u64 " + name + ", %rd6, " + number(operand.start) + ";\nshr.u64 " + name + ", " +
         name + ", 4;\nand.b64 " + name + ", " + name + ", 16383;\nor.b64 " + name + ", " + name +
         ", " + std::to_string(int64_t(operand.descriptor())) + ";\n";
}

std::string storeRegisters(const std::string &name, unsigned count) {
  std::string text =
      "mul.wide.u32 %rd10, %r0, " + number(4 * count) + ";\nadd.u64 %rd10, %rd10, %rd0;\n";
  for (unsigned i = 0; i < count; ++i)
    text += "st.global.b32 [%rd10+" + number(4 * i) + "], %" + name + number(i) + ";\n";
  return text;
}

const std::string fence = "wgmma.fence.sync.aligned;\n",
                  commit = "wgmma.commit_group.sync.aligned;\n";
std::string waitFor(unsigned groups) {
  return "wgmma.wait_group.sync.aligned " + number(groups) + ";\n";
}

/// A product of m64nNk32 bytes.
struct Product {
  Type a = bf16, b = bf16;
  unsigned n = 32;
  Mode modeA = swizzle128, modeB = swizzle128;
  bool kMajorA = true, kMajorB = true, registersA = false;
  /// 'f': f32, 'h': f16, 's': s32.
  char result = 'f';
  int signA = 1, signB = 1;

  Operand operandA() const { return {a, modeA, kMajorA, 64, 0}; }
  Operand operandB() const { return {b, modeB, kMajorB, n, 24 * 1024}; }
  unsigned accumulators() const { return result == 'h' ? n / 4 : n / 2; }
  std::string resultName() const { return result == 'f' ? "f32" : result == 'h' ? "f16" : "s32"; }
  std::string instruction(const std::string &scale = "%p1", const std::string &d = "d") const {
    std::string text = "wgmma.mma_async.sync.aligned.m64n" + number(n) + "k" +
                       number(operandA().terms()) + "." + resultName() + "." + a.name + "." +
                       b.name + " " + registers(d, 0, accumulators()) + ", " +
                       (registersA ? registers("a", 0, 4) : "%rd20") + ", %rd21, " + scale;
    if (result != 's')
      text += ", " + std::to_string(signA) + ", " + std::to_string(signB);
    if (a.bits == 16)
      text += (registersA ? "" : std::string(", ") + (kMajorA ? "0" : "1")) + std::string(", ") +
              (kMajorB ? "0" : "1");
    return text + ";\n";
  }
};

struct Kernel {
  KernelRun run;
  Matrix a, b;
};

/// A kernel that has operands in shared memory (and A in %a0 to %a3), descriptors in %rd20 and %rd21,
/// and %p1 false; `middle` follows, then the accumulators are stored.
Kernel kernel(const Product &product, const std::string &middle) {
  std::mt19937 random(product.n);
  Kernel made;
  made.a = randomMatrix(random, 64, product.operandA().terms());
  made.b = randomMatrix(random, product.n, product.operandB().terms());
  std::vector<uint32_t> &words = made.run.input;
  words.resize(128 * 4);
  if (!product.registersA)
    place(words, product.operandA(), made.a);
  place(words, product.operandB(), made.b);
  words.resize((words.size() + 127) / 128 * 128);
  std::string body = ".reg .b32 %d<256>;\n.reg .b32 %e<256>;\n.reg .b32 %a<4>;\n";
  body += copyInput(words.size());
  if (product.registersA) {
    // Behind the operands: four registers of each thread.
    size_t first = words.size();
    unsigned per = 32 / product.a.bits;
    words.resize(first + 512);
    for (unsigned thread = 0; thread < 128; ++thread)
      for (unsigned r = 0; r < 4; ++r)
        for (unsigned e = 0; e < per; ++e) {
          unsigned row = thread / 32 * 16 + thread % 32 / 4 + r % 2 * 8;
          unsigned k = thread % 4 * per + e + r / 2 * 4 * per;
          words[first + thread * 4 + r] |= product.a.encode(made.a[row][k]) << e * product.a.bits;
        }
    body += "mul.wide.u32 %rd8, %r0, 16;\nadd.u64 %rd8, %rd8, %rd1;\n";
    for (unsigned r = 0; r < 4; ++r)
      body += "ld.global.b32 %a" + number(r) + ", [%rd8+" + number(first * 4 + 4 * r) + "];\n";
  }
  body += makeDescriptor(product.operandA(), 20) + makeDescriptor(product.operandB(), 21) +
          "setp.ne.u32 %p1, 0, 0;\n" + middle + storeRegisters("d", product.accumulators());
  made.run.body = body;
  made.run.threads = 128;
  made.run.sharedBytes = 64 * 1024;
  made.run.outputWords = size_t(128) * product.accumulators();
  return made;
}

/// Element i of the accumulator of a thread: PTX ISA, "Accumulator D".
void expectProduct(const Product &product, const Kernel &made, const KernelOutcome &outcome,
                   int factor = 1) {
  const unsigned count = product.n / 2;
  for (unsigned thread = 0; thread < 128; ++thread)
    for (unsigned i = 0; i < count; ++i) {
      unsigned row = thread / 32 * 16 + thread % 32 / 4 + i / 2 % 2 * 8;
      unsigned column = i / 4 * 8 + thread % 4 * 2 + i % 2;
      int sum = 0;
      for (size_t k = 0; k < made.a[row].size(); ++k)
        sum += made.a[row][k] * made.b[column][k];
      sum *= factor;
      const uint32_t *mine = &outcome.output[thread * product.accumulators()];
      if (product.result == 'h')
        ASSERT_EQ(mine[i / 2] >> 16 * (i % 2) & 0xffff, asHalf(sum)) << row << ", " << column;
      else
        ASSERT_EQ(mine[i], product.result == 's' ? uint32_t(sum) : asSingle(sum))
            << row << ", " << column;
    }
}

//===-- Products ---===//

class WgmmaLayouts : public testing::TestWithParam<std::tuple<Mode, bool, Mode, bool>> {};

TEST_P(WgmmaLayouts, MultiplyLikeMatrices) {
  Product product;
  std::tie(product.modeA, product.kMajorA, product.modeB, product.kMajorB) = GetParam();
  product.n = 136;
  Kernel made = kernel(product, fence + product.instruction() + commit + waitFor(0));
  KernelOutcome outcome = runKernel(made.run);
  EXPECT_EQ(outcome.report, "");
  expectProduct(product, made, outcome);
}

std::string nameOf(const testing::TestParamInfo<WgmmaLayouts::ParamType> &test) {
  auto [modeA, kMajorA, modeB, kMajorB] = test.param;
  return std::string("A") + modeA.name + (kMajorA ? "K" : "M") + "B" + modeB.name +
         (kMajorB ? "K" : "N");
}

INSTANTIATE_TEST_SUITE_P(Wgmma, WgmmaLayouts,
                         testing::Combine(testing::Values(plain, swizzle32, swizzle64, swizzle128),
                                          testing::Bool(),
                                          testing::Values(plain, swizzle32, swizzle64, swizzle128),
                                          testing::Bool()),
                         nameOf);

class WgmmaTypes : public testing::TestWithParam<Product> {};

TEST_P(WgmmaTypes, MultiplyLikeMatrices) {
  Product product = GetParam();
  for (bool inRegisters : {false, true})
    for (Numerics numerics : {Numerics::Exact, Numerics::Fast, Numerics::F64}) {
      product.registersA = inRegisters;
      Kernel made = kernel(product, fence + product.instruction() + commit + waitFor(0));
      made.run.options.numerics = numerics;
      KernelOutcome outcome = runKernel(made.run);
      EXPECT_EQ(outcome.report, "");
      expectProduct(product, made, outcome, product.signA * product.signB);
    }
}

Product withTypes(Type a, Type b, char result, unsigned n, int signA = 1, int signB = 1) {
  Product product;
  product.a = a;
  product.b = b;
  product.result = result;
  product.n = n;
  product.signA = signA;
  product.signB = signB;
  return product;
}

INSTANTIATE_TEST_SUITE_P(
    Wgmma, WgmmaTypes,
    testing::Values(withTypes(bf16, bf16, 'f', 256), withTypes(f16, f16, 'f', 8),
                    withTypes(f16, f16, 'h', 40), withTypes(tf32, tf32, 'f', 64),
                    withTypes(e4m3, e5m2, 'f', 96), withTypes(e5m2, e4m3, 'h', 16),
                    withTypes(s8, s8, 's', 48), withTypes(bf16, bf16, 'f', 16, -1, 1),
                    withTypes(f16, f16, 'f', 16, 1, -1), withTypes(tf32, tf32, 'f', 16, -1, -1)),
    [](const auto &test) {
      const Product &product = test.param;
      return std::string(product.a.name) + product.b.name + product.resultName() + "N" +
             number(product.n) + (product.signA < 0 ? "MinusA" : "") +
             (product.signB < 0 ? "MinusB" : "");
    });

TEST(Wgmma, ProductsOfOneShapeAccumulateWithoutFences) {
  Product product;
  std::string twice = product.instruction();
  twice += "setp.eq.u32 %p1, 0, 0;\n" + product.instruction() + product.instruction("1");
  Kernel made = kernel(product, fence + twice + commit + waitFor(0));
  for (const Options &options : everyOrder()) {
    made.run.options = options;
    KernelOutcome outcome = runKernel(made.run);
    EXPECT_EQ(outcome.report, "");
    expectProduct(product, made, outcome, 3);
  }
}

TEST(Wgmma, GroupsAreWaitedForInOrder) {
  Product product;
  // The second group goes on while the first is read.
  Kernel made =
      kernel(product, fence + product.instruction() + commit + product.instruction("0", "e") +
                          commit + waitFor(1) + "add.f32 %d0, %d0, 0f00000000;\n" + waitFor(0) +
                          "add.f32 %e0, %e0, 0f00000000;\n");
  for (const Options &options : everyOrder()) {
    made.run.options = options;
    KernelOutcome outcome = runKernel(made.run);
    EXPECT_EQ(outcome.report, "");
    expectProduct(product, made, outcome);
  }
}

TEST(Wgmma, SwizzledOperandsOfSeveralStepsAlongK) {
  // Four steps of k in rows of 128 bytes: descriptors advance by 32 bytes.
  std::mt19937 random(2);
  Matrix a = randomMatrix(random, 64, 64), b = randomMatrix(random, 32, 64);
  KernelRun run;
  auto put = [&](const Matrix &matrix, uint32_t start) {
    for (unsigned line = 0; line < matrix.size(); ++line)
      for (unsigned k = 0; k < 64; ++k) {
        uint32_t byte = start + line * 128 + k * 2;
        byte ^= (byte & 0x380) >> 3;
        if (run.input.size() <= byte / 4)
          run.input.resize(byte / 4 + 1);
        run.input[byte / 4] |= asBFloat(matrix[line][k]) << byte % 4 * 8;
      }
  };
  put(a, 0);
  put(b, 8192);
  Product product;
  product.n = 32;
  Operand left{bf16, swizzle128, true, 64, 0}, right{bf16, swizzle128, true, 32, 8192};
  run.body = ".reg .b32 %d<16>;\n" + copyInput(run.input.size()) + makeDescriptor(left, 20) +
             makeDescriptor(right, 21) + fence;
  for (unsigned step = 0; step < 4; ++step)
    run.body += product.instruction(step ? "1" : "0") +
                "add.s64 %rd20, %rd20, 2;\nadd.s64 %rd21, %rd21, 2;\n";
  run.body += commit + waitFor(0) + storeRegisters("d", 16);
  run.threads = 128;
  run.sharedBytes = 16 * 1024;
  run.outputWords = 128 * 16;
  Kernel made{run, a, b};
  KernelOutcome outcome = runKernel(run);
  EXPECT_EQ(outcome.report, "");
  expectProduct(product, made, outcome);
}

TEST(Wgmma, CountsFlopsAndBytes) {
  Product product;
  Kernel made = kernel(product, fence + product.instruction() + commit + waitFor(0));
  made.run.options.counters = true;
  KernelOutcome outcome = runKernel(made.run);
  uint64_t flops = 0, bytes = 0;
  for (const LineCounters &line : outcome.counters.lines)
    if (line.tensorFlops) {
      flops += line.tensorFlops;
      bytes += line.sharedBytes;
    }
  EXPECT_EQ(flops, 2u * 64 * 32 * 16);
  EXPECT_EQ(bytes, (64u + 32) * 32);
}

//===-- Findings ---===//

/// What every order of events finds.
void expectAlways(const Kernel &made, const std::string &kinds) {
  Kernel copy = made;
  for (const Options &options : everyOrder()) {
    copy.run.options = options;
    EXPECT_EQ(runKernel(copy.run).kinds(), kinds);
  }
}

const std::string busy = describe(FindingKind::BusyRegister);
const std::string misuse = describe(FindingKind::WarpgroupMisuse);

TEST(WgmmaRegisters, AccumulatorsReadBeforeTheWaitAreBusy) {
  Product product;
  expectAlways(kernel(product, fence + product.instruction() + commit + "add.f32 %e0, %d3, %d4;\n" +
                                   waitFor(0)),
               busy);
  expectAlways(kernel(product, fence + product.instruction() + commit + waitFor(1)),
               busy + "; " + misuse);
}

TEST(WgmmaRegisters, AccumulatorsWrittenBeforeTheWaitAreBusy) {
  Product product;
  expectAlways(
      kernel(product, fence + product.instruction() + commit + "mov.b32 %d3, 0;\n" + waitFor(0)),
      busy);
}

TEST(WgmmaRegisters, FragmentsMayBeReadButNotWritten) {
  Product product;
  product.registersA = true;
  std::string begin = fence + product.instruction() + commit;
  expectAlways(kernel(product, begin + "add.u32 %e0, %a0, %a1;\n" + waitFor(0)), "");
  expectAlways(kernel(product, begin + "mov.b32 %a1, 0;\n" + waitFor(0)), busy);
}

TEST(WgmmaRegisters, AFenceIsNeededBehindOrdinaryInstructions) {
  Product product;
  product.registersA = true;
  std::string multiply = product.instruction() + commit + waitFor(0);
  // Never one.
  expectAlways(kernel(product, multiply), busy);
  // None since an accumulator, or a register of A, was written or read.
  expectAlways(
      kernel(product, fence + "mov.b32 %d3, 0;\n" + product.instruction("1") + commit + waitFor(0)),
      busy);
  expectAlways(kernel(product, fence + "mov.b32 %a3, 0;\n" + multiply), busy);
  expectAlways(kernel(product, fence + multiply + "add.f32 %e0, %d3, %d4;\n" + multiply), busy);
  expectAlways(kernel(product, fence + multiply + "add.f32 %e0, %d3, %d4;\n" + fence + multiply),
               "");
}

TEST(WgmmaRegisters, AccumulatorsOfAnotherShapeHaveToBeWaitedFor) {
  Product wide, narrow;
  wide.n = 32;
  narrow.n = 16;
  expectAlways(
      kernel(wide, fence + wide.instruction() + narrow.instruction("1") + commit + waitFor(0)),
      busy);
}

TEST(WgmmaOperands, OverwrittenBeforeTheWaitAreARace) {
  Product product;
  Kernel made = kernel(product, fence + product.instruction() + commit +
                                    "st.shared.b32 [%rd7+24576], %r0;\n" + waitFor(0));
  expectAlways(made, describe(FindingKind::Race));
}

TEST(WgmmaOperands, MayBeOverwrittenAfterTheWait) {
  Product product;
  // A wait covers the shares of all four warps.
  Kernel made = kernel(product, fence + product.instruction() + commit + waitFor(0) +
                                    "st.shared.b32 [%rd7+24576], %d0;\n");
  expectAlways(made, "");
  // A warp that has waited tells one that has not.
  Kernel handedOn = kernel(product, fence + product.instruction() + commit +
                                        "setp.lt.u32 %p2, %r0, 32;\n@%p2 bar.sync 1, 64;\n"
                                        "@%p2 st.shared.b32 [%rd7+24576], %r0;\n"
                                        "setp.ge.u32 %p3, %r0, 96;\n" +
                                        waitFor(0) + "@%p3 bar.arrive 1, 64;\n");
  expectAlways(handedOn, "");
}

TEST(WgmmaOperands, HaveToBeOrderedBeforeEveryWarp) {
  Product product;
  // Warp 1 writes a part of B; only warps 0 and 1 meet behind that.
  std::string write = "setp.lt.u32 %p2, %r0, 64;\nsetp.ge.u32 %p3, %r0, 32;\n"
                      "and.pred %p4, %p2, %p3;\n@%p4 st.shared.b32 [%rd6+24576], %r0;\n"
                      "fence.proxy.async.shared::cta;\n";
  std::string multiply = fence + product.instruction() + commit + waitFor(0);
  for (const Options &options : everyOrder()) {
    Kernel some = kernel(product, write + "@%p2 bar.sync 1, 64;\n" + multiply);
    some.run.options = options;
    EXPECT_NE(runKernel(some.run).kinds().find(describe(FindingKind::Race)), std::string::npos);
    Kernel all = kernel(product, write + "bar.sync 0;\n" + multiply);
    all.run.options = options;
    EXPECT_EQ(runKernel(all.run).kinds(), "");
  }
}

TEST(WgmmaOperands, NeedAProxyFence) {
  Product product;
  Kernel made = kernel(product, fence + product.instruction() + commit + waitFor(0));
  std::string text = "fence.proxy.async.shared::cta;\n";
  made.run.body.erase(made.run.body.find(text), text.size());
  expectAlways(made, describe(FindingKind::MissingProxyFence));
}

TEST(WgmmaOperands, HaveToLieInSharedMemory) {
  Product product;
  Kernel made = kernel(product, "add.s64 %rd21, %rd21, 3500;\n" + fence + product.instruction() +
                                    commit + waitFor(0));
  expectAlways(made, describe(FindingKind::OutOfBounds));
}

TEST(WgmmaOperands, DescriptorsHaveNoOtherBits) {
  Product product;
  Kernel made = kernel(product, "or.b64 %rd21, %rd21, 16384;\n" + fence + product.instruction() +
                                    commit + waitFor(0));
  expectAlways(made, describe(FindingKind::BadDescriptor));
}

TEST(WgmmaWarps, HaveToExecuteTheSame) {
  Product product;
  // Warp 0 takes another path to an equal instruction.
  std::string multiply = product.instruction() + commit + waitFor(0);
  Kernel made = kernel(product, "setp.lt.u32 %p2, %r0, 32;\n@%p2 bra OTHER;\n" + fence + multiply +
                                    "bra JOIN;\nOTHER:\n" + fence + multiply + "JOIN:\n");
  expectAlways(made, misuse);
}

TEST(WgmmaWarps, HaveToBeThereAllFour) {
  Product product;
  std::string multiply = fence + product.instruction() + commit;
  Kernel absent = kernel(product, "setp.lt.u32 %p2, %r0, 32;\n@%p2 bra JOIN;\n" + multiply +
                                      waitFor(0) + "JOIN:\n");
  for (const Options &options : everyOrder()) {
    absent.run.options = options;
    KernelOutcome outcome = runKernel(absent.run);
    EXPECT_EQ(outcome.kinds(), describe(FindingKind::Deadlock));
    EXPECT_NE(outcome.report.find("warpgroup 0: warps 0 have not executed"), std::string::npos)
        << outcome.report;
  }
  Kernel few = kernel(product, multiply + waitFor(0));
  few.run.threads = 96;
  EXPECT_EQ(runKernel(few.run).kinds().substr(0, misuse.size()), misuse);
}

TEST(WgmmaWarps, DescriptorsAreTheSameInAllOfThem) {
  Product product;
  Kernel made = kernel(product, "setp.lt.u32 %p2, %r0, 32;\n@%p2 add.s64 %rd20, %rd20, 2;\n" +
                                    fence + product.instruction() + commit + waitFor(0));
  expectAlways(made, misuse);
}

TEST(WgmmaWarps, LeaveNothingBehind) {
  Product product;
  // Not the accumulators that are stored: that is another finding.
  std::string left = product.instruction("0", "e");
  for (const std::string &end : {std::string(), commit}) {
    Kernel made = kernel(product, fence + product.instruction() + commit + waitFor(0) + left + end);
    for (const Options &options : everyOrder()) {
      made.run.options = options;
      KernelOutcome outcome = runKernel(made.run);
      ASSERT_EQ(outcome.findings.size(), 1u) << outcome.report;
      EXPECT_EQ(outcome.findings[0].kind, FindingKind::WarpgroupMisuse);
      EXPECT_EQ(outcome.findings[0].severity, Severity::Warning);
    }
  }
}

TEST(WgmmaWarps, GoOnBeforeTheOthersHaveCome) {
  // Warp 0 signals the others behind its share of the product; they wait for it before theirs.
  Product product;
  Kernel made = kernel(product, "setp.lt.u32 %p2, %r0, 32;\n@!%p2 bar.sync 1, 128;\n" + fence +
                                    product.instruction() + "@%p2 bar.arrive 1, 128;\n" + commit +
                                    waitFor(0));
  for (const Options &options : everyOrder()) {
    made.run.options = options;
    KernelOutcome outcome = runKernel(made.run);
    EXPECT_EQ(outcome.report, "");
    expectProduct(product, made, outcome);
  }
}

//===-- What is refused ---===//

TEST(Wgmma, RefusesWhatHopperLacks) {
  const std::string d = " {%r0, %r1, %r2, %r3}, ";
  expectRefused("sm_90", "wgmma.fence.sync.aligned;\n", "needs .target sm_90a");
  expectRefused("sm_90a",
                "wgmma.mma_async.sync.aligned.m64n12k16.f32.bf16.bf16" + d +
                    "%rd0, %rd1, 1, 1, 1, 0, 0;\n",
                "expected a shape .m64nNk16");
  expectRefused("sm_90a",
                "wgmma.mma_async.sync.aligned.m64n8k32.f32.bf16.bf16" + d +
                    "%rd0, %rd1, 1, 1, 1, 0, 0;\n",
                "expected a shape .m64nNk16");
  expectRefused("sm_90a",
                "wgmma.mma_async.sync.aligned.m64n8k32.f32.e4m3.e4m3" + d +
                    "%rd0, %rd1, 1, 1, 1, 0, 1;\n",
                "expected 6 operands");
  expectRefused("sm_90a",
                "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16" + d +
                    "%rd0, %rd1, 1, 1, 0, 0, 0;\n",
                "imm-scale-b");
  expectRefused("sm_90a",
                "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16" + d +
                    "%rd0, %rd1, 1, 1, 1, 0, 0;\n",
                "expected 8 registers");
  expectRefused("sm_90a", "wgmma.wait_group.sync.aligned 8;\n", "a number of groups");
}

} // namespace
