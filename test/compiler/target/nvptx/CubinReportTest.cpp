// SPDX-License-Identifier: Apache-2.0
// Does the report count what is in a cubin? Kernels of one instruction each say what every opcode
// is; the sm_90a samples say what real kernels are.
#include "test/compiler/target/nvptx/CubinReport.h"
#include "compiler/target/nvptx/NvptxTarget.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"

using namespace attune;
using namespace attune::test;

namespace {

/// Whether ptxas is there; a test without it says so and is counted as skipped.
#define NEEDS_PTXAS()                                                                              \
  if (findPtxas().empty())                                                                         \
  GTEST_SKIP() << "ptxas is not installed"

Report assembled(llvm::StringRef ptx, llvm::StringRef arch = "sm_90a") {
  std::string error;
  auto cubin = assemblePtx(ptx, arch, error);
  if (failed(cubin)) {
    ADD_FAILURE() << error;
    return {};
  }
  auto report = readCubin(cubin->bytes);
  if (!report) {
    ADD_FAILURE() << toString(report.takeError());
    return {};
  }
  if (llvm::Error error = addLog(*report, cubin->log))
    ADD_FAILURE() << toString(std::move(error));
  return *report;
}

/// A kernel `k` of the statements in `body`; %t is the thread's number, %g an address in global
/// memory, %n and %x parameters.
std::string kernelOf(llvm::StringRef body, llvm::StringRef arch = "sm_90a") {
  return (".version 8.0\n.target " + arch + R"(
.address_size 64
.visible .entry k(.param .u64 memory, .param .u32 number, .param .f32 real) {
  .shared .align 16 .b8 s[4096];
  .local .align 16 .b8 l[256];
  .reg .pred %p<9>; .reg .b32 %n, %t, %r<9>; .reg .f32 %x, %f<9>; .reg .b64 %a, %g, %d<3>;
  ld.param.u64 %a, [memory]; ld.param.u32 %n, [number]; ld.param.f32 %x, [real];
  cvta.to.global.u64 %g, %a; mov.u32 %t, %tid.x;
)" + body +
          "\n  ret;\n}\n")
      .str();
}

constexpr llvm::StringLiteral kProductShared =
    "ld.global.v2.u64 {%d1, %d2}, [%g]; ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%g+16];"
    "wgmma.fence.sync.aligned;"
    "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16"
    "  {%f1, %f2, %f3, %f4}, %d1, %d2, 1, 1, 1, 0, 0;"
    "wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;"
    "st.global.v4.f32 [%g], {%f1, %f2, %f3, %f4};";
constexpr llvm::StringLiteral kProductRegister =
    "ld.global.u64 %d2, [%g]; ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%g+16];"
    "ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%g+32]; wgmma.fence.sync.aligned;"
    "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16"
    "  {%f1, %f2, %f3, %f4}, {%r1, %r2, %r3, %r4}, %d2, 1, 1, 1, 0;"
    "wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;"
    "st.global.v4.f32 [%g], {%f1, %f2, %f3, %f4};";
constexpr llvm::StringLiteral kLocal =
    "mul.lo.u32 %r1, %n, 4; cvt.u64.u32 %d1, %r1; mov.u64 %d2, l; add.u64 %d2, %d2, %d1;"
    "st.local.u32 [%d2], %t; st.local.u32 [l], %n; ld.local.u32 %r2, [%d2+4];"
    "st.global.u32 [%g], %r2;";

struct OpcodeCase {
  const char *name;
  llvm::StringRef body;
  Kind kind;
  unsigned count;
};

const OpcodeCase kOpcodes[] = {
    {"productShared", kProductShared, Kind::productShared, 1},
    {"productSharedHasNoOther", kProductShared, Kind::productRegister, 0},
    {"productRegister", kProductRegister, Kind::productRegister, 1},
    {"productRegisterHasNoOther", kProductRegister, Kind::productShared, 0},
    {"fence", kProductShared, Kind::fence, 1},
    {"fenceAlone", "wgmma.fence.sync.aligned;", Kind::fence, 1},
    {"fenceIsNoWait", "wgmma.fence.sync.aligned;", Kind::wait, 0},
    {"wait", kProductShared, Kind::wait, 1},
    {"descriptorsToUniform", kProductShared, Kind::toUniform, 4},
    {"exp2", "ld.global.f32 %f1, [%g]; ex2.approx.ftz.f32 %f2, %f1; st.global.f32 [%g], %f2;",
     Kind::special, 1},
    {"exp2OfParameter", "ex2.approx.ftz.f32 %f2, %x; st.global.f32 [%g], %f2;", Kind::special, 1},
    {"log2", "lg2.approx.ftz.f32 %f2, %x; st.global.f32 [%g], %f2;", Kind::special, 1},
    {"reciprocal", "rcp.approx.ftz.f32 %f2, %x; st.global.f32 [%g], %f2;", Kind::special, 1},
    {"tanh", "tanh.approx.f32 %f2, %x; st.global.f32 [%g], %f2;", Kind::special, 1},
    {"conversionIsNotSpecial", "cvt.rn.f32.s32 %f2, %t; st.global.f32 [%g], %f2;", Kind::special,
     0},
    {"localLoad", kLocal, Kind::loadLocal, 1},
    {"localStore", kLocal, Kind::storeLocal, 2},
    {"barrier", "bar.sync 1, 128;", Kind::barrier, 1},
    {"barrierArrive", "bar.arrive 1, 128;", Kind::barrier, 1},
    {"barrierOfRegister", "bar.sync %n, 128;", Kind::barrier, 1},
    {"mbarrierInit", "mbarrier.init.shared.b64 [s], 1;", Kind::mbarrier, 1},
    {"mbarrierInvalidate", "mbarrier.inval.shared.b64 [s];", Kind::mbarrier, 1},
    {"mbarrierArrive", "mbarrier.arrive.shared.b64 _, [s];", Kind::mbarrier, 1},
    {"mbarrierExpect", "mbarrier.arrive.expect_tx.shared.b64 _, [s], 64;", Kind::mbarrier, 1},
    {"mbarrierTry",
     "mbarrier.try_wait.parity.shared.b64 %p1, [s], %n; selp.b32 %r1, 1, 0, %p1;"
     "st.global.b32 [%g], %r1;",
     Kind::mbarrier, 1},
    {"shuffle", "shfl.sync.bfly.b32 %r1, %t, 1, 31, -1; st.global.u32 [%g], %r1;", Kind::shuffle,
     1},
    {"shuffleByRegister", "shfl.sync.idx.b32 %r1, %t, %n, 31, -1; st.global.u32 [%g], %r1;",
     Kind::shuffle, 1},
    {"packBf16",
     "ld.global.f32 %f1, [%g]; cvt.rn.bf16x2.f32 %r1, %f1, %x; st.global.b32 [%g], %r1;",
     Kind::pack, 1},
    {"packF16", "ld.global.f32 %f1, [%g]; cvt.rn.f16x2.f32 %r1, %f1, %x; st.global.b32 [%g], %r1;",
     Kind::pack, 1},
    {"maximum", "ld.global.f32 %f1, [%g]; max.ftz.f32 %f2, %f1, %x; st.global.f32 [%g], %f2;",
     Kind::maximum, 1},
    {"select",
     "ld.global.v2.f32 {%f1, %f2}, [%g]; setp.gt.s32 %p1, %t, %n; selp.f32 %f3, %f1, %f2, %p1;"
     "st.global.f32 [%g], %f3;",
     Kind::select, 1},
    {"compare",
     "ld.global.v2.f32 {%f1, %f2}, [%g]; setp.gt.s32 %p1, %t, %n; selp.f32 %f3, %f1, %f2, %p1;"
     "st.global.f32 [%g], %f3;",
     Kind::compare, 1},
    {"add", "ld.global.f32 %f1, [%g]; add.ftz.f32 %f2, %f1, %x; st.global.f32 [%g], %f2;",
     Kind::add, 1},
    {"multiply", "ld.global.f32 %f1, [%g]; mul.ftz.f32 %f2, %f1, %x; st.global.f32 [%g], %f2;",
     Kind::multiply, 1},
    {"multiplyAdd",
     "ld.global.f32 %f1, [%g]; fma.rn.ftz.f32 %f2, %f1, %x, %f1; st.global.f32 [%g], %f2;",
     Kind::multiplyAdd, 1},
    {"toPredicates",
     "and.b32 %r1, %t, 1; setp.ne.u32 %p1, %r1, 0; and.b32 %r2, %t, 2; setp.ne.u32 %p2, %r2, 0;"
     "and.b32 %r3, %t, 4; setp.ne.u32 %p3, %r3, 0; and.b32 %r4, %t, 8; setp.ne.u32 %p4, %r4, 0;"
     "ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%g]; selp.f32 %f1, %x, %f1, %p1;"
     "selp.f32 %f2, %x, %f2, %p2; selp.f32 %f3, %x, %f3, %p3; selp.f32 %f4, %x, %f4, %p4;"
     "st.global.v4.f32 [%g], {%f1, %f2, %f3, %f4};",
     Kind::toPredicates, 1},
    {"storeMatrix", "stmatrix.sync.aligned.m8n8.x4.shared.b16 [s], {%t, %t, %t, %t};",
     Kind::storeMatrix, 1},
    {"jumpByTable",
     "table: .branchtargets A, B, C; brx.idx %t, table; A: st.global.u32 [%g], 1; bra D;"
     "B: st.global.u32 [%g+4], 1; bra D; C: st.global.u32 [%g+8], 1; D:",
     Kind::unfollowed, 1},
    {"uniformJumpByTable",
     "table: .branchtargets A, B, C; brx.idx %n, table; A: st.global.u32 [%g], 1; bra D;"
     "B: st.global.u32 [%g+4], 1; bra D; C: st.global.u32 [%g+8], 1; D:",
     Kind::unfollowed, 1},
    // The branch to itself behind the end is in every kernel.
    {"branch", "L: mbarrier.try_wait.parity.shared.b64 %p1, [s], %n; @!%p1 bra L;", Kind::branch,
     2},
};

class Opcode : public testing::TestWithParam<OpcodeCase> {};

TEST_P(Opcode, IsCounted) {
  NEEDS_PTXAS();
  Report report = assembled(kernelOf(GetParam().body));
  ASSERT_EQ(report.kernels.size(), 1u);
  EXPECT_EQ(report.kernels[0].mix[GetParam().kind], GetParam().count)
      << name(GetParam().kind).str();
}

INSTANTIATE_TEST_SUITE_P(CubinReport, Opcode, testing::ValuesIn(kOpcodes),
                         [](auto &info) { return info.param.name; });

/// Every kind that is counted has a kernel above that has it.
TEST(CubinReport, KnowsEachOpcodeFromAKernel) {
  for (unsigned kind = 0; kind < unsigned(Kind::other); ++kind)
    EXPECT_TRUE(llvm::any_of(kOpcodes, [&](const OpcodeCase &one) {
      return unsigned(one.kind) == kind && one.count > 0;
    })) << name(Kind(kind)).str();
}

TEST(CubinReport, FindsASpinInPtx) {
  NEEDS_PTXAS();
  Report report = assembled(
      kernelOf("L: mbarrier.try_wait.parity.shared.b64 %p1, [s], %n; @!%p1 bra L; bar.sync 0;"));
  ASSERT_EQ(report.kernels.size(), 1u);
  ASSERT_EQ(report.kernels[0].loops.size(), 1u);
  EXPECT_EQ(report.kernels[0].loops[0].mix[Kind::mbarrier], 1u);
  EXPECT_EQ(report.kernels[0].loops[0].mix[Kind::barrier], 0u);
}

TEST(CubinReport, ReadsRegistersAndStack) {
  NEEDS_PTXAS();
  Report report = assembled(kernelOf(kLocal));
  ASSERT_EQ(report.kernels.size(), 1u);
  EXPECT_EQ(report.kernels[0].stackBytes, 256u);
  EXPECT_EQ(report.kernels[0].spillStoreBytes, 0u);
  EXPECT_GT(report.kernels[0].registers, 4u);
  EXPECT_LT(report.kernels[0].registers, 64u);
}

TEST(CubinReport, CollectsHazards) {
  NEEDS_PTXAS();
  // Registers at entry are not known, so that setmaxnreg is ignored.
  Report report = assembled(kernelOf("setmaxnreg.inc.sync.aligned.u32 240;"));
  ASSERT_EQ(report.hazards.size(), 1u);
  EXPECT_NE(report.hazards[0].find("(C7508)"), std::string::npos) << report.hazards[0];
}

TEST(CubinReport, RefusesOtherGpus) {
  NEEDS_PTXAS();
  std::string error;
  auto cubin = assemblePtx(kernelOf("bar.sync 0;", "sm_80"), "sm_80", error);
  ASSERT_TRUE(succeeded(cubin)) << error;
  auto report = readCubin(cubin->bytes);
  ASSERT_FALSE(bool(report));
  EXPECT_NE(toString(report.takeError()).find("found machine 190, sm_80"), std::string::npos);
}

TEST(CubinReport, RefusesWhatIsNoCubin) {
  for (llvm::StringRef bytes : {"",
                                "\x7f"
                                "ELF",
                                "no ELF file, whatever its length may be, can be a"
                                " cubin when it begins as this text does"}) {
    auto report = readCubin(bytes);
    EXPECT_FALSE(bool(report));
    consumeError(report.takeError());
  }
}

Report reportOf(std::initializer_list<const char *> names) {
  Report report;
  for (const char *name : names)
    report.kernels.emplace_back().name = name;
  return report;
}

TEST(CubinLog, HasSpillsOfEachKernel) {
  Report report = reportOf({"a", "b"});
  ASSERT_FALSE(bool(
      addLog(report, "ptxas info    : Compiling entry function 'b' for 'sm_90a'\n"
                     "    8 bytes stack frame, 12 bytes spill stores, 436 bytes spill loads\n"
                     "ptxas info    : (C7512) Potential Performance Loss: wgmma is serialized\n"
                     "ptxas info    : Compiling entry function 'a' for 'sm_90a'\n"
                     "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n")));
  EXPECT_EQ(report.kernels[0].spillStoreBytes, 0u);
  EXPECT_EQ(report.kernels[0].spillLoadBytes, 0u);
  EXPECT_EQ(report.kernels[1].spillStoreBytes, 12u);
  EXPECT_EQ(report.kernels[1].spillLoadBytes, 436u);
  ASSERT_EQ(report.hazards.size(), 1u);
  EXPECT_EQ(report.hazards[0].find("ptxas info    : (C7512)"), 0u);
}

TEST(CubinLog, MustSpeakOfAllKernels) {
  Report report = reportOf({"a"});
  EXPECT_EQ(toString(addLog(report, "ptxas info    : 0 bytes gmem\n")),
            "ptxas said nothing of the spills of 'a'; was it given -v?");
}

TEST(CubinLog, MustNotSpeakOfOthers) {
  Report report = reportOf({"a"});
  EXPECT_EQ(toString(addLog(report, "Compiling entry function 'b' for 'sm_90a'\n")),
            "ptxas compiled 'b', which the cubin lacks");
}

std::string sample(llvm::StringRef name) {
  auto file = llvm::MemoryBuffer::getFile(llvm::Twine(ATTUNE_SAMPLES "/") + name + ".ptx");
  return file ? (*file)->getBuffer().str() : "";
}

/// The main loops of the only kernel in `ptx`, which has no spills, no hazards, and `registers`.
std::vector<Loop> mainLoops(const Report &report, unsigned registers) {
  EXPECT_TRUE(report.hazards.empty());
  if (report.kernels.size() != 1)
    return {};
  const KernelReport &kernel = report.kernels[0];
  EXPECT_EQ(kernel.registers, registers);
  EXPECT_EQ(kernel.stackBytes, 0u);
  EXPECT_EQ(kernel.spillStoreBytes, 0u);
  EXPECT_EQ(kernel.spillLoadBytes, 0u);
  EXPECT_EQ(kernel.mix[Kind::loadLocal] + kernel.mix[Kind::storeLocal], 0u);
  EXPECT_EQ(kernel.mix[Kind::unfollowed], 0u);
  std::vector<Loop> loops;
  for (const Loop &loop : kernel.loops)
    if (loop.main)
      loops.push_back(loop);
  return loops;
}

/// Lengths were recorded with ptxas 13.0; another one may differ by little.
void expectLength(const Loop &loop, unsigned recorded) {
  EXPECT_NEAR(double(loop.longestTurn), recorded, 0.03 * recorded);
  EXPECT_NEAR(double(loop.shortestTurn), recorded, 0.03 * recorded);
}

void expectProducts(const Loop &loop, unsigned inShared, unsigned inRegisters) {
  EXPECT_EQ(loop.mix[Kind::productShared], inShared);
  EXPECT_EQ(loop.mix[Kind::productRegister], inRegisters);
}

TEST(CubinSamples, ForwardOf128Causal) {
  NEEDS_PTXAS();
  Report report = assembled(sample("fwd_d128_causal"));
  auto loops = mainLoops(report, 168);
  ASSERT_EQ(loops.size(), 2u);
  expectLength(loops[0], 596);
  expectLength(loops[1], 458);
  for (const Loop &loop : loops) {
    expectProducts(loop, 128 / 16, 128 / 16);
    EXPECT_EQ(loop.mix[Kind::special], 128u / 2 + 2);
    // ptxas moves the exponentials behind the wait: this sample has no guard.
    EXPECT_EQ(loop.specialBeforeWait, 0u);
  }
  EXPECT_LE(report.kernels[0].mix[Kind::toUniform], 45u);
}

TEST(CubinSamples, ForwardOf64Dense) {
  NEEDS_PTXAS();
  auto loops = mainLoops(assembled(sample("fwd_d64_dense")), 128);
  ASSERT_EQ(loops.size(), 1u);
  expectLength(loops[0], 416);
  expectProducts(loops[0], 64 / 16, 128 / 16);
}

TEST(CubinSamples, BackwardOf128Causal) {
  NEEDS_PTXAS();
  auto loops = mainLoops(assembled(sample("bwd_d128_causal")), 168);
  ASSERT_EQ(loops.size(), 2u);
  expectLength(loops[0], 410);
  expectLength(loops[1], 389);
  // S and dP over the head size and dQ over the keys from shared memory; dK and dV over queries.
  for (const Loop &loop : loops)
    expectProducts(loop, 2 * 128 / 16 + 128 / 16, 2 * 64 / 16);
}

/// What depends on the sum of a row and has an effect, before the wait that ends a loop's turn.
std::string withGuards(llvm::StringRef ptx) {
  std::string out;
  llvm::StringRef sum;
  for (llvm::StringRef line : llvm::split(ptx, '\n')) {
    llvm::StringRef words = line.trim();
    if (words.consume_front("add.rn.ftz.f32"))
      sum = words.split(',').first.trim();
    if (line.contains("wgmma.wait_group.sync.aligned 0;") && !sum.empty())
      out += ("{ .reg .pred p, q; setp.nan.f32 p, " + sum + ", " + sum +
              "; vote.sync.any.pred q, p, -1; @q nanosleep.u32 0; }\n")
                 .str();
    out += line.str() + '\n';
  }
  return out;
}

TEST(CubinSamples, AGuardKeepsExponentialsBeforeTheWait) {
  NEEDS_PTXAS();
  auto loops = mainLoops(assembled(withGuards(sample("fwd_d128_causal"))), 168);
  ASSERT_EQ(loops.size(), 2u);
  for (const Loop &loop : loops) {
    EXPECT_GE(loop.specialBeforeWait, 33u);
    EXPECT_EQ(loop.specialBeforeWait, loop.specialUnderProduct);
  }
}

TEST(CubinSamples, TooFewRegistersAreSeen) {
  NEEDS_PTXAS();
  std::string ptx = sample("fwd_d64_dense");
  size_t at = ptx.find("160;", ptx.find("setmaxnreg.inc"));
  ASSERT_NE(at, std::string::npos);
  ptx.replace(at, strlen("160"), "120");
  Report report = assembled(ptx);
  ASSERT_EQ(report.kernels.size(), 1u);
  const KernelReport &kernel = report.kernels[0];
  EXPECT_GT(*kernel.spillStoreBytes, 0u);
  EXPECT_GT(*kernel.spillLoadBytes, 0u);
  EXPECT_GT(kernel.stackBytes, 0u);
  EXPECT_GT(kernel.mix[Kind::loadLocal], 0u);
  EXPECT_GT(kernel.mix[Kind::storeLocal], 0u);
  ASSERT_EQ(report.hazards.size(), 1u);
  EXPECT_NE(report.hazards[0].find("(C7512)"), std::string::npos) << report.hazards[0];
}

} // namespace
