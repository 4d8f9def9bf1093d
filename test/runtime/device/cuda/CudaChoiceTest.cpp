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

TEST_F(CudaChoice, WhatACompilationForTwoGenerationsHas) {
  std::vector<std::pair<std::string, BlobFormat>> offered = {{"sm_80", BlobFormat::Cubin},
                                                             {"sm_80", BlobFormat::Ptx},
                                                             {"sm_90a", BlobFormat::Cubin},
                                                             {"sm_90a", BlobFormat::Ptx}};
  EXPECT_EQ(choose(80, offered), "sm_80 cubin");
  EXPECT_EQ(choose(89, offered), "sm_80 cubin");
  EXPECT_EQ(choose(90, offered), "sm_90a cubin");
  EXPECT_EQ(choose(100, offered), "sm_80 ptx");
  EXPECT_EQ(choose(120, offered), "sm_80 ptx");
  offered.resize(2);
  EXPECT_EQ(choose(90, offered), "sm_80 ptx");
}

/// A bundle with these variants of scale_add.
bundle::Bundle offering(std::vector<std::pair<std::string, BlobFormat>> offered) {
  bundle::Bundle contents = scaleAddWithoutCode();
  for (const auto &[target, format] : offered) {
    bundle::Variant variant = scaleAddVariant(target, format);
    variant.blob =
        contents.addBlob((format == BlobFormat::Cubin ? "\177ELF" : "") + fakePtx() + target);
    contents.manifest.kernels[0].variants.push_back(variant);
  }
  return contents;
}

TEST_F(CudaChoice, RefusedCubinGivesWayToPtx) {
  recording.setGpus(1, 90);
  Device device("cuda");
  recording.failNext("cuModuleLoadDataEx", 209);
  Kernel kernel(device,
                openBundle(offering({{"sm_90a", BlobFormat::Cubin},
                                     {"sm_90a", BlobFormat::Ptx},
                                     {"sm_80", BlobFormat::Ptx}})),
                "scale_add");
  EXPECT_EQ(kernel.variant().target + " " + kernel.variant().format, "sm_90a ptx");
  EXPECT_EQ(kernel.variant().fallback,
            "the CUDA driver cannot load the cubin for sm_90a: CUDA_ERROR_NO_BINARY_FOR_GPU "
            "(recorded); its log: line 7; error: unexpected instruction");
  ScaleAddProblem problem;
  OnDevice onDevice(device, problem);
  kernel.launch(problem.arguments());
  EXPECT_EQ(lines().back().rfind("cuLaunchKernel scale_add", 0), 0u);
}

TEST_F(CudaChoice, RefusedCubinWithNothingElse) {
  Device device("cuda");
  recording.failNext("cuModuleLoadDataEx", 209);
  EXPECT_EQ(messageOf(
                [&] {
                  Kernel(device, openBundle(offering({{"sm_80", BlobFormat::Cubin}})), "scale_add");
                },
                ATTUNE_DEVICE_ERROR),
            "kernel 'scale_add': the CUDA driver cannot load the cubin for sm_80: "
            "CUDA_ERROR_NO_BINARY_FOR_GPU (recorded); its log: line 7; error: unexpected "
            "instruction");
}

TEST_F(CudaChoice, NoMemoryForACubinIsNoRefusal) {
  Device device("cuda");
  recording.failNext("cuModuleLoadDataEx", 2);
  messageOf(
      [&] {
        Kernel(device,
               openBundle(offering({{"sm_80", BlobFormat::Cubin}, {"sm_80", BlobFormat::Ptx}})),
               "scale_add");
      },
      ATTUNE_OUT_OF_MEMORY);
}

TEST_F(CudaChoice, NothingIsKeptWhereTheBestIsTaken) {
  Device device("cuda");
  Kernel kernel(device, openBundle(offering({{"sm_80", BlobFormat::Cubin}})), "scale_add");
  EXPECT_EQ(kernel.variant().fallback, "");
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
