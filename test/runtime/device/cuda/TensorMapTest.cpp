// SPDX-License-Identifier: Apache-2.0
// How is a tensor map encoded, and how does it reach the kernel?
#include "test/runtime/device/CopyTokens.h"
#include "test/runtime/device/cuda/CudaFixture.h"

using namespace attune;
using namespace attune::testing;

namespace {

TEST_F(Cuda, TensorMapIsEncodedAndPassed) {
  Device device("cuda");
  Kernel kernel(device, openBundle(scaleAddMapped()), "scale_add");
  ScaleAddProblem problem;
  OnDevice onDevice(device, problem);
  size_t before = recording.lineCount();
  kernel.launch(problem.arguments());
  std::string map = hex(reinterpret_cast<uint64_t>(problem.b.data));
  for (int i = 0; i < 120; ++i)
    map += "ee";
  EXPECT_EQ(lines(before),
            (Lines{"cuTensorMapEncodeTiled type 7, sizes 8,3,2,2, strides 32,96,192, box 8,64,1,1, "
                   "steps 1,1,1,1, interleave 0, swizzle 1, promotion 2, fill 0",
                   "cuLaunchKernel scale_add, grid 3 4 2, block 128 1 1, shared 0, default "
                   "stream," +
                       map + expectedParameters(problem)}));
}

TEST_F(Cuda, TensorMapOfAWorkspace) {
  recording.setGpus(1, 90);
  Device device("cuda");
  Kernel kernel(device, openBundle(copyTwiceBundle()), "copy_tokens");
  CopyProblem problem(device);
  size_t before = recording.lineCount();
  kernel.launch(problem.arguments());
  Lines found = lines(before);
  const std::string map =
      "cuTensorMapEncodeTiled type 7, sizes 32,10,3,2, strides 128,1280,3840, box 32,4,1,1, steps "
      "1,1,1,1, interleave 0, swizzle 0, promotion 2, fill 0";
  const std::string launch = "cuLaunchKernel copy_tokens, grid 3 3 2, block 128 1 1, shared 520, "
                             "default stream,";
  ASSERT_EQ(found.size(), 6u);
  EXPECT_EQ(found[0], "cuMemAllocAsync 7680 bytes, default stream");
  EXPECT_EQ(found[1], map);
  EXPECT_EQ(found[2], map);
  // The first has a map of x and a pointer to the workspace, the second a map of that and o.
  std::string rest;
  for (int i = 0; i < 120; ++i)
    rest += "ee";
  std::string numbers = hex<int64_t>(3) + hex<int64_t>(10);
  std::string x = hex(reinterpret_cast<uint64_t>(problem.x.data()));
  std::string start = launch + x + rest + " ";
  ASSERT_EQ(found[3].substr(0, start.size()), start);
  std::string workspace = " " + found[3].substr(start.size(), 16);
  EXPECT_EQ(found[3], launch + x + rest + workspace + numbers);
  EXPECT_EQ(found[4], launch + workspace + rest +
                          hex(reinterpret_cast<uint64_t>(problem.o.data())) + numbers);
  EXPECT_EQ(found[5], "cuMemFreeAsync default stream");
}

TEST_F(Cuda, TensorMapOfNothingIsZero) {
  Device device("cuda");
  Kernel kernel(device, openBundle(scaleAddMapped()), "scale_add");
  ScaleAddProblem problem(2, 4, 10, 0, 2);
  OnDevice onDevice(device, problem);
  size_t before = recording.lineCount();
  kernel.launch(problem.arguments());
  EXPECT_EQ(lines(before), (Lines{"cuLaunchKernel scale_add, grid 3 4 2, block 128 1 1, shared 0, "
                                  "default stream, " +
                                  std::string(256, '0') + expectedParameters(problem)}));
}

TEST_F(Cuda, TensorMapThatTheDriverRefuses) {
  Device device("cuda");
  Kernel kernel(device, openBundle(scaleAddMapped()), "scale_add");
  ScaleAddProblem problem;
  OnDevice onDevice(device, problem);
  recording.failNext("cuTensorMapEncodeTiled", 1);
  EXPECT_EQ(
      messageOf([&] { kernel.launch(problem.arguments()); }, ATTUNE_DEVICE_ERROR),
      "kernel 'scale_add': operand 'b': the CUDA driver cannot make a tensor map of it (sizes 2, "
      "2, 3, 8; strides in bytes 192, 96, 32; box 1, 1, 64, 8): CUDA_ERROR_INVALID_VALUE "
      "(recorded)");
}

TEST_F(Cuda, TensorMapOfNegativeStrides) {
  Device device("cuda");
  Kernel kernel(device, openBundle(scaleAddMapped()), "scale_add");
  ScaleAddProblem problem;
  OnDevice onDevice(device, problem);
  int64_t strides[] = {48, 24, -8, 1};
  problem.b.strides = strides;
  EXPECT_EQ(
      messageOf([&] { kernel.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
      "kernel 'scale_add': operand 'b': expected strides of at least 0 and below 2^40 bytes, but "
      "dimension 2 has -8 elements; make a contiguous copy of it");
}

TEST_F(Cuda, TensorMapsOfPermutedAndBroadcastTensors) {
  Device device("cuda");
  Kernel kernel(device, openBundle(scaleAddMapped()), "scale_add");
  ScaleAddProblem problem;
  OnDevice onDevice(device, problem);
  auto encoded = [&](std::vector<int64_t> strides) {
    problem.b.strides = strides.data();
    size_t before = recording.lineCount();
    kernel.launch(problem.arguments());
    std::string line = lines(before).front();
    size_t from = line.find("sizes");
    return line.substr(from, line.find(", steps") - from);
  };
  EXPECT_EQ(encoded({48, 8, 16, 1}), "sizes 8,3,2,2, strides 64,32,192, box 8,64,1,1");
  EXPECT_EQ(encoded({24, 0, 8, 1}), "sizes 8,3,2,2, strides 32,0,96, box 8,64,1,1");
  EXPECT_EQ(encoded({0, 24, 8, 1}), "sizes 8,3,2,2, strides 32,96,0, box 8,64,1,1");
}

TEST_F(Cuda, BlocksAndSharedMemoryAsHopperHasThem) {
  recording.setGpus(1, 90);
  bundle::Bundle contents = scaleAddMapped();
  bundle::Variant &variant = contents.manifest.kernels[0].variants[0];
  variant.target = "sm_90a";
  variant.threads = 384;
  variant.sharedBytes = 227 << 10;
  contents.blobs[0].replace(contents.blobs[0].find("sm_80"), 5, "sm_90a");
  contents.blobs[0].replace(contents.blobs[0].find(")\n{"), 3, ")\n.reqntid 384, 1, 1\n{");
  Device device("cuda");
  size_t before = recording.lineCount();
  Kernel kernel(device, openBundle(contents), "scale_add");
  EXPECT_EQ(lines(before).back(), "cuFuncSetAttribute scale_add, attribute 8 = 232448");
  ScaleAddProblem problem;
  OnDevice onDevice(device, problem);
  kernel.launch(problem.arguments());
  EXPECT_NE(lines().back().find("block 384 1 1, shared 232448"), std::string::npos);
}

} // namespace
