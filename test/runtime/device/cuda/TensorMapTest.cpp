// SPDX-License-Identifier: Apache-2.0
// How is a tensor map encoded, and how does it reach the kernel?
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
  EXPECT_EQ(messageOf([&] { kernel.launch(problem.arguments()); }, ATTUNE_DEVICE_ERROR),
            "kernel 'scale_add': operand 'b': the CUDA driver cannot make a tensor map of it: "
            "CUDA_ERROR_INVALID_VALUE (recorded)");
}

TEST_F(Cuda, TensorMapOfNegativeStrides) {
  Device device("cuda");
  Kernel kernel(device, openBundle(scaleAddMapped()), "scale_add");
  ScaleAddProblem problem;
  OnDevice onDevice(device, problem);
  int64_t strides[] = {48, 24, -8, 1};
  problem.b.strides = strides;
  EXPECT_EQ(messageOf([&] { kernel.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'scale_add': operand 'b': expected strides of at least 0, but dimension 2 has "
            "-8");
}

} // namespace
