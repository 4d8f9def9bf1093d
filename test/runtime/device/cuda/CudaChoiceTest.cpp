// SPDX-License-Identifier: Apache-2.0
// Which code does a GPU get from a bundle that has several?
#include "runtime/device/cuda/CudaDevice.h"
#include "test/runtime/device/cuda/CudaFixture.h"

using namespace attune;
using namespace attune::testing;

namespace {

/// The target and format that a GPU of this capability gets from these variants.
class CudaChoice : public Cuda {
protected:
  std::string choose(int capability, std::vector<std::pair<std::string, BlobFormat>> offered) {
    recording.setGpus(1, capability);
    bundle::Bundle contents = scaleAddWithoutCode();
    for (const auto &[target, format] : offered) {
      bool cubin = format == BlobFormat::Cubin;
      bundle::Variant variant = scaleAddVariant(target, format);
      variant.blob = contents.addBlob((cubin ? "\177ELF" : "") + fakePtx());
      contents.manifest.kernels[0].variants.push_back(variant);
    }
    Device device("cuda");
    size_t before = recording.lineCount();
    VariantInfo chosen = Kernel(device, openBundle(contents), "scale_add").variant();
    // What was said to be chosen is also what the driver got.
    EXPECT_EQ(lines(before)[0].rfind("cuModuleLoadDataEx " + chosen.format, 0), 0u);
    return chosen.target + " " + chosen.format;
  }
};

TEST_F(CudaChoice, CubinOfTheExactArchitecture) {
  EXPECT_EQ(choose(80, {{"sm_80", BlobFormat::Ptx}, {"sm_80", BlobFormat::Cubin}}), "sm_80 cubin");
}

TEST_F(CudaChoice, CubinRunsOnLaterMinorVersions) {
  EXPECT_EQ(choose(89, {{"sm_80", BlobFormat::Ptx}, {"sm_80", BlobFormat::Cubin}}), "sm_80 cubin");
  EXPECT_EQ(choose(89, {{"sm_80", BlobFormat::Cubin}, {"sm_86", BlobFormat::Cubin}}),
            "sm_86 cubin");
}

TEST_F(CudaChoice, PtxWhereTheCubinDoesNotRun) {
  EXPECT_EQ(choose(90, {{"sm_80", BlobFormat::Cubin}, {"sm_80", BlobFormat::Ptx}}), "sm_80 ptx");
}

TEST_F(CudaChoice, NewestPtx) {
  EXPECT_EQ(choose(100, {{"sm_90", BlobFormat::Ptx}, {"sm_80", BlobFormat::Ptx}}), "sm_90 ptx");
}

TEST_F(CudaChoice, CodeOfOneArchitectureOnlyThere) {
  std::vector<std::pair<std::string, BlobFormat>> offered = {
      {"sm_80", BlobFormat::Ptx}, {"sm_90", BlobFormat::Cubin}, {"sm_90a", BlobFormat::Ptx}};
  EXPECT_EQ(choose(90, offered), "sm_90a ptx");
  EXPECT_EQ(choose(100, offered), "sm_80 ptx");
}

TEST_F(CudaChoice, HostCodeIsNoCode) {
  Device device("cuda");
  bundle::Bundle contents = scaleAddWithoutCode();
  contents.addBlob("\177ELF");
  contents.manifest.kernels[0].variants = {scaleAddVariant("x86-64", BlobFormat::Elf)};
  EXPECT_EQ(
      messageOf([&] { Kernel(device, openBundle(contents), "scale_add"); }, ATTUNE_NOT_FOUND),
      "kernel 'scale_add': expected code for device cuda:0 (Recording GPU, sm_80), but got only "
      "x86-64 (elf); compile it with that target");
}

TEST_F(CudaChoice, OnlyCodeForNewerGpus) {
  recording.setGpus(1, 75);
  Device device("cuda");
  messageOf([&] { Kernel(device, openBundle(scaleAddCuda()), "scale_add"); }, ATTUNE_NOT_FOUND);
}

TEST(RankTarget, SuffixedTargetsRunWhereTheyName) {
  using device::cuda::rankTarget;
  EXPECT_GT(rankTarget("sm_90a", BlobFormat::Ptx, 90), 0);
  EXPECT_EQ(rankTarget("sm_90a", BlobFormat::Ptx, 100), 0);
  EXPECT_GT(rankTarget("sm_100f", BlobFormat::Cubin, 103), 0);
  EXPECT_EQ(rankTarget("sm_100f", BlobFormat::Cubin, 120), 0);
  EXPECT_GT(rankTarget("sm_100f", BlobFormat::Cubin, 103),
            rankTarget("sm_100", BlobFormat::Cubin, 103));
}

} // namespace
