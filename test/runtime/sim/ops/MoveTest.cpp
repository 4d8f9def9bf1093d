// SPDX-License-Identifier: Apache-2.0
// Do moves, packs and addresses of the state spaces arrive as they should?
#include "test/runtime/sim/OpsHarness.h"

#include <set>

namespace attune::sim::test {
namespace {

TEST(Moves, OfEveryWidth) {
  for (unsigned bits : {16u, 32u, 64u})
    for (const char *kind : {"b", "u", "s"}) {
      OneInstruction one{
          std::string("mov.") + kind + std::to_string(bits) + " $d, $a;", bits, {bits}};
      expectResults(one, randomVectors({bits}, 64, bits), [](const Vector &v) { return v[0]; });
    }
  OneInstruction real{"mov.f32 $d, 0fC0490FDB;", 32, {}};
  EXPECT_EQ(real.run({{}})[0], 0xc0490fdbu);
  OneInstruction constant{"mov.b64 $d, -2;", 64, {}};
  EXPECT_EQ(constant.run({{}})[0], ~uint64_t(1));
}

TEST(Moves, PartsAreLowestFirst) {
  auto vectors = randomVectors({64, 64, 64, 64}, 64, 1);
  OneInstruction two{"mov.b32 $d, {$a, $b};", 32, {16, 16}};
  expectResults(two, vectors,
                [](const Vector &v) { return (v[0] & 0xffff) | (v[1] & 0xffff) << 16; });
  OneInstruction wide{"mov.b64 $d, {$a, $b};", 64, {32, 32}};
  expectResults(wide, vectors, [](const Vector &v) { return (v[0] & 0xffffffff) | v[1] << 32; });
  OneInstruction four{"mov.b64 $d, {$a, $b, $c, $e};", 64, {16, 16, 16, 16}};
  expectResults(four, vectors, [](const Vector &v) {
    return (v[0] & 0xffff) | (v[1] & 0xffff) << 16 | (v[2] & 0xffff) << 32 | v[3] << 48;
  });
}

TEST(Moves, ValuesAreTakenApart) {
  auto vectors = randomVectors({64}, 64, 2);
  OneInstruction low{"mov.b32 {$d, _}, $a;", 16, {32}}, high{"mov.b32 {%rs3, $d}, $a;", 16, {32}};
  expectResults(low, vectors, [](const Vector &v) { return v[0]; });
  expectResults(high, vectors, [](const Vector &v) { return v[0] >> 16; });
  OneInstruction upper{"mov.b64 {_, $d}, $a;", 32, {64}};
  expectResults(upper, vectors, [](const Vector &v) { return v[0] >> 32; });
  OneInstruction third{"mov.b64 {%rs1, %rs2, $d, %rs3}, $a;", 16, {64}};
  expectResults(third, vectors, [](const Vector &v) { return v[0] >> 32; });
  // Unpacked halves have nothing above them.
  OneInstruction clean{"mov.b32 {%rs1, %rs2}, $a; mov.b32 $d, {%rs2, %rs1};", 32, {32}};
  expectResults(clean, vectors,
                [](const Vector &v) { return uint32_t(v[0]) >> 16 | (v[0] & 0xffff) << 16; });
}

TEST(Moves, Of128Bits) {
  OneInstruction one{"{ .reg .b128 %q<2>; mov.b128 %q0, {$a, $b}; mov.b128 %q1, %q0; "
                     "mov.b128 {%rd20, $d}, %q1; add.u64 $d, $d, %rd20; }",
                     64,
                     {64, 64}};
  expectResults(one, randomVectors({64, 64}, 64, 3), [](const Vector &v) { return v[0] + v[1]; });
}

TEST(Moves, LanesThatAreOffKeepTheirParts) {
  KernelRun kernel{"mov.b32 %r5, 0x11112222;\nsetp.lt.u32 %p1, %r0, 8;\nmov.b16 %rs1, 3;\n"
                   "mov.b16 %rs2, 4;\n@%p1 mov.b32 %r5, {%rs1, %rs2};\n"
                   "@!%p1 mov.b32 {%rs1, %rs2}, %r5;\nmov.b32 %r6, {%rs2, %rs1};\n"
                   "st.global.b32 [%rd2], %r6;"};
  KernelOutcome outcome = runKernel(kernel);
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(outcome.output[lane], lane < 8 ? 0x00030004u : 0x22221111u);
}

TEST(Moves, ClocksGrow) {
  KernelRun kernel{"mov.u64 %rd5, %clock64;\nmov.u32 %r5, %clock;\nadd.u32 %r6, %r5, 0;\n"
                   "mov.u64 %rd6, %globaltimer;\nsetp.gt.u64 %p1, %rd6, %rd5;\n"
                   "mov.u32 %r7, %clock;\nsub.u32 %r8, %r7, %r5;\nselp.b32 %r8, %r8, 0, %p1;\n"
                   "st.global.b32 [%rd2], %r8;"};
  for (uint32_t difference : runKernel(kernel).output)
    EXPECT_GT(difference, 0u);
}

TEST(Moves, SpecialRegistersAreRead) {
  KernelRun kernel{"mov.u32 %r5, %laneid;\nmov.u32 %r6, %lanemask_lt;\nadd.u32 %r5, %r5, %r6;\n"
                   "st.global.b32 [%rd2], %r5;"};
  KernelOutcome outcome = runKernel(kernel);
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(outcome.output[lane], lane + ((1u << lane) - 1));
}

TEST(Moves, SharedAddressesGoThereAndBack) {
  // A generic store to shared memory is read back by an address of .shared.
  KernelRun kernel{"mov.b64 %rd5, smem;\nmul.wide.u32 %rd6, %r0, 4;\nadd.u64 %rd5, %rd5, %rd6;\n"
                   "cvta.shared.u64 %rd7, %rd5;\nadd.u32 %r5, %r0, 50;\nst.b32 [%rd7], %r5;\n"
                   "cvta.to.shared.u64 %rd8, %rd7;\nsub.u64 %rd9, %rd8, %rd5;\n"
                   "ld.shared.b32 %r6, [%rd8];\ncvt.u32.u64 %r7, %rd9;\nadd.u32 %r6, %r6, %r7;\n"
                   "st.global.b32 [%rd2], %r6;"};
  KernelOutcome outcome = runKernel(kernel);
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(outcome.output[lane], lane + 50);
  EXPECT_TRUE(outcome.findings.empty()) << outcome.report;
}

TEST(Moves, GlobalAddressesAreGeneric) {
  OneInstruction there{"cvta.global.u64 $d, $a;", 64, {64}},
      back{"cvta.to.global.u64 $d, $a;", 64, {64}}, constant{"cvta.const.u64 $d, $a;", 64, {64}};
  for (const OneInstruction &one : {there, back, constant})
    expectResults(one, randomVectors({64}, 32, 4), [](const Vector &v) { return v[0]; });
}

TEST(Moves, GenericAddressesTellTheirSpace) {
  const std::pair<const char *, std::set<std::string>> cases[] = {
      {"cvta.shared.u64 %rd5, smem;", {"shared", "shared::cta", "shared::cluster"}},
      {"mov.b64 %rd5, %rd0;", {"global"}},
      {"mov.b64 %rd6, 16; cvta.local.u64 %rd5, %rd6;", {"local"}},
      {"mov.b64 %rd6, output; cvta.param.u64 %rd5, %rd6;", {"param"}}};
  for (const auto &[address, spaces] : cases)
    for (const char *space :
         {"shared", "shared::cta", "shared::cluster", "global", "local", "param", "const"}) {
      KernelRun kernel{std::string(address) + "\nisspacep." + space +
                       " %p1, %rd5;\nselp.b32 %r5, 1, 0, %p1;\nst.global.b32 [%rd2], %r5;"};
      EXPECT_EQ(runKernel(kernel).output[0], spaces.count(space)) << address << " " << space;
    }
}

TEST(Moves, AddressesInOtherBlocksOfTheCluster) {
  KernelRun kernel{
      "mov.b64 %rd5, smem;\ncvta.shared.u64 %rd6, %rd5;\nmov.u32 %r5, %cluster_ctarank;\n"
      "xor.b32 %r5, %r5, 1;\nmapa.u64 %rd7, %rd6, %r5;\n"
      "mapa.shared::cluster.u64 %rd8, %rd5, %r5;\n"
      "getctarank.u64 %r6, %rd7;\ngetctarank.shared::cluster.u64 %r7, %rd8;\n"
      "isspacep.shared::cta %p1, %rd7;\nisspacep.shared::cluster %p2, %rd7;\n"
      "selp.b32 %r8, 100, 0, %p1;\nselp.b32 %r9, 200, 0, %p2;\n"
      "add.u32 %r6, %r6, %r7;\nadd.u32 %r6, %r6, %r8;\nadd.u32 %r6, %r6, %r9;\n"
      "st.global.b32 [%rd2], %r6;"};
  kernel.blocks = kernel.cluster = 2;
  KernelOutcome outcome = runKernel(kernel);
  // Twice the other's rank, in the cluster, not in the block.
  EXPECT_EQ(outcome.output[0], 202u);
  EXPECT_EQ(outcome.output[32], 200u);
  OneInstruction narrow{"mapa.shared::cluster.u32 $d, $a, $b;"};
  EXPECT_EQ(narrow.run({{0x00000410, 3}})[0], 0x03000410u);
}

TEST(Moves, CachePoliciesAreAccepted) {
  EXPECT_EQ(loadError("createpolicy.fractional.L2::evict_first.b64 %rd5, 1.0;"), "");
  EXPECT_EQ(loadError("createpolicy.fractional.L2::evict_last.L2::evict_unchanged.b64 %rd5, 0.5;"),
            "");
  EXPECT_NE(loadError("createpolicy.fractional.L2::evict_soon.b64 %rd5;").find("a priority"),
            std::string::npos);
}

TEST(Moves, WhatDoesNotExistIsRefused) {
  EXPECT_NE(loadError("mov.b8 %rs5, %rs6;").find("no form"), std::string::npos);
  EXPECT_NE(loadError("mov.b32 %r5, {%rs1, %rs2, %rs3};").find("into 3 values"), std::string::npos);
  EXPECT_NE(loadError("mov.b32 %r5, %rd6;").find("32 bits"), std::string::npos);
  EXPECT_NE(loadError("cvta.shared.u32 %r5, %r6;").find(".u64"), std::string::npos);
  EXPECT_NE(loadError("cvta.u64 %rd5, %rd6;").find("a state space"), std::string::npos);
  EXPECT_NE(loadError("mapa.u32 %r5, %r6, %r7;").find(".shared::cluster"), std::string::npos);
  EXPECT_NE(loadError("mapa.u64 %rd5, %rd6, %r7;", "sm_80").find("sm_90"), std::string::npos);
  EXPECT_NE(loadError("mov.u16 %rs5, %clock;").find("32 bits for this"), std::string::npos);
}

} // namespace
} // namespace attune::sim::test
