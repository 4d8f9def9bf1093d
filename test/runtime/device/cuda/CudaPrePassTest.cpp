// SPDX-License-Identifier: Apache-2.0
// What does a launch with workspaces and pre-passes ask of the CUDA driver, in which order, and is
// the memory given back when something fails?
#include "test/runtime/device/TileSums.h"
#include "test/runtime/device/cuda/CudaFixture.h"

using namespace attune;
using namespace attune::testing;

namespace {

class CudaPrePass : public Cuda {
protected:
  static bundle::Bundle contents() { return tileSums(BlobFormat::Ptx, tileSumsPtx); }

  /// The functions that the lines from `from` on call.
  Lines functions(size_t from) {
    Lines names;
    for (const std::string &line : lines(from))
      names.push_back(line.substr(0, line.find(' ')));
    return names;
  }
  /// The entries that the lines from `from` on look up, and what they unload.
  Lines modules(size_t from) {
    Lines names;
    for (const std::string &line : lines(from))
      if (line.rfind("cuModuleGetFunction", 0) == 0 || line == "cuModuleUnload")
        names.push_back(line);
    return names;
  }
  static std::string hexPointer(const Memory &memory) {
    return hex(reinterpret_cast<uint64_t>(memory.data()));
  }
};

TEST_F(CudaPrePass, LaunchesInOrderBetweenAllocationAndRelease) {
  Device device("cuda");
  Kernel tiles(device, openBundle(contents()), "tiles");
  TileSumsProblem problem(device);
  void *stream = device.createStream();
  size_t before = recording.lineCount();
  tiles.launch(problem.arguments(), stream);
  Lines found = lines(before);
  ASSERT_EQ(found.size(), 5u);
  // Every launch is given the same memory: the sums at its start, the total 256 bytes on.
  const std::string start =
      "cuLaunchKernel tile_sums, grid 3 1 1, block 1 1 1, shared 0, stream1," +
      hexPointer(problem.n) + hex<int64_t>(10) + hex<int64_t>(4) + " ";
  ASSERT_EQ(found[1].substr(0, start.size()), start);
  std::string digits = found[1].substr(start.size(), 16);
  uint64_t sums = 0;
  for (size_t i = 8; i-- > 0;)
    sums = sums << 8 | std::stoul(digits.substr(2 * i, 2), nullptr, 16);
  EXPECT_EQ(sums % 64, 0u);
  EXPECT_EQ(
      found,
      (Lines{"cuMemAllocAsync 264 bytes, stream1", start + digits + hex<int64_t>(2),
             "cuLaunchKernel all_sums, grid 1 1 1, block 1 1 1, shared 0, stream1," + hex(sums) +
                 hex<int64_t>(3) + hex<int32_t>(2) + hex<int64_t>(2) + hex(sums + 256),
             "cuLaunchKernel spread_sums, grid 3 1 1, block 1 1 1, shared 0, stream1," +
                 hexPointer(problem.o) + hex<int64_t>(10) + hex<int64_t>(4) + hex(sums) +
                 hex(sums + 256),
             "cuMemFreeAsync stream1"}));
  device.destroyStream(stream);
}

TEST_F(CudaPrePass, LoadingLoadsEachCode) {
  Device device("cuda");
  size_t before = recording.lineCount();
  {
    Kernel tiles(device, openBundle(contents()), "tiles");
  }
  EXPECT_EQ(modules(before), (Lines{"cuModuleGetFunction tile_sums", "cuModuleGetFunction all_sums",
                                    "cuModuleGetFunction spread_sums", "cuModuleUnload",
                                    "cuModuleUnload", "cuModuleUnload"}));
}

TEST_F(CudaPrePass, WhatRunsSeveralTimesIsLoadedOnce) {
  bundle::Bundle other = contents();
  bundle::Variant &variant = other.manifest.kernels[0].variants[0];
  bundle::Variant sums = variant.before[0], wide = sums;
  wide.threads = 2;
  variant.before = {sums, sums, wide, variant.before[1], sums};
  Device device("cuda");
  size_t before = recording.lineCount();
  Kernel tiles(device, openBundle(other), "tiles");
  EXPECT_EQ(modules(before),
            (Lines{"cuModuleGetFunction tile_sums", "cuModuleGetFunction tile_sums",
                   "cuModuleGetFunction all_sums", "cuModuleGetFunction spread_sums"}));
  TileSumsProblem problem(device);
  before = recording.lineCount();
  tiles.launch(problem.arguments());
  Lines entries;
  for (const std::string &line : lines(before))
    if (line.rfind("cuLaunchKernel", 0) == 0)
      entries.push_back(line.substr(0, line.find(", shared")));
  const std::string start = "cuLaunchKernel tile_sums, grid 3 1 1, block ";
  EXPECT_EQ(entries, (Lines{start + "1 1 1", start + "1 1 1", start + "2 1 1",
                            "cuLaunchKernel all_sums, grid 1 1 1, block 1 1 1", start + "1 1 1",
                            "cuLaunchKernel spread_sums, grid 3 1 1, block 1 1 1"}));
}

TEST_F(CudaPrePass, EmptyLaunchAllocatesNothing) {
  Device device("cuda");
  Kernel tiles(device, openBundle(contents()), "tiles");
  TileSumsProblem problem(device, 0);
  size_t before = recording.lineCount();
  tiles.launch(problem.arguments());
  EXPECT_EQ(recording.lineCount(), before);
}

TEST_F(CudaPrePass, WorkspaceWithoutElementsAllocatesNothing) {
  bundle::Bundle other = contents();
  for (bundle::Workspace &workspace : other.manifest.kernels[0].variants[0].workspaces)
    workspace.shape = {bundle::Expression::constant(3), bundle::Expression::constant(0)};
  Device device("cuda");
  Kernel tiles(device, openBundle(other), "tiles");
  TileSumsProblem problem(device);
  size_t before = recording.lineCount();
  tiles.launch(problem.arguments());
  EXPECT_EQ(functions(before), (Lines{"cuLaunchKernel", "cuLaunchKernel", "cuLaunchKernel"}));
}

TEST_F(CudaPrePass, FailedLaunchGivesTheMemoryBack) {
  Device device("cuda");
  Kernel tiles(device, openBundle(contents()), "tiles");
  TileSumsProblem problem(device);
  recording.failNext("cuLaunchKernel", 719);
  size_t before = recording.lineCount();
  messageOf([&] { tiles.launch(problem.arguments()); }, ATTUNE_DEVICE_ERROR);
  EXPECT_EQ(functions(before), (Lines{"cuMemAllocAsync", "cuLaunchKernel", "cuMemFreeAsync"}));
}

TEST_F(CudaPrePass, NoMemory) {
  Device device("cuda");
  Kernel tiles(device, openBundle(contents()), "tiles");
  TileSumsProblem problem(device);
  recording.failNext("cuMemAllocAsync", 2);
  size_t before = recording.lineCount();
  EXPECT_EQ(messageOf([&] { tiles.launch(problem.arguments()); }, ATTUNE_OUT_OF_MEMORY),
            "kernel 'tiles': device cuda:0: no memory for 264 bytes");
  EXPECT_EQ(functions(before), Lines{"cuMemAllocAsync"});
}

TEST_F(CudaPrePass, FailedReleaseIsReported) {
  {
    Device device("cuda");
    Kernel tiles(device, openBundle(contents()), "tiles");
    TileSumsProblem problem(device);
    recording.failNext("cuMemFreeAsync", 719);
    EXPECT_EQ(messageOf([&] { tiles.launch(problem.arguments()); }, ATTUNE_DEVICE_ERROR)
                  .rfind("kernel 'tiles': cuda: cuMemFreeAsync failed: ", 0),
              0u);
  }
  // The driver still has it.
  EXPECT_EQ(recording.alive(), 1);
  recording.forgetMemory();
}

TEST_F(CudaPrePass, GridThatTheGpuCannotLaunchIsFoundFirst) {
  bundle::Bundle other = contents();
  other.manifest.kernels[0].variants[0].grid[1] = bundle::Expression::constant(65536);
  Device device("cuda");
  Kernel tiles(device, openBundle(other), "tiles");
  TileSumsProblem problem(device);
  size_t before = recording.lineCount();
  EXPECT_EQ(messageOf([&] { tiles.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'tiles': expected at most 65535 blocks along y (tiles, heads, batch), but got "
            "65536");
  EXPECT_EQ(recording.lineCount(), before);
}

TEST(CudaLibraryPrePass, WithoutStreamOrderedMemory) {
  setenv("ATTUNE_LIBCUDA", ATTUNE_MAPLESS_CUDA, 1);
  Device device("cuda");
  unsetenv("ATTUNE_LIBCUDA");
  Kernel tiles(device, openBundle(tileSums(BlobFormat::Ptx, tileSumsPtx)), "tiles");
  TileSumsProblem problem(device);
  EXPECT_EQ(messageOf([&] { tiles.launch(problem.arguments()); }, ATTUNE_DEVICE_ERROR),
            "kernel 'tiles': this CUDA driver has no memory in the order of a stream "
            "(cuMemAllocAsync), which the kernel's workspaces need; expected CUDA 11.2 or newer");
}

} // namespace
