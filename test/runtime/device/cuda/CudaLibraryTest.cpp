// SPDX-License-Identifier: Apache-2.0
// What happens when the driver library is missing, or lacks a function?
#include "test/runtime/device/cuda/CudaFixture.h"

using namespace attune;
using namespace attune::testing;

namespace {

/// The message of opening a device with another driver library.
std::string messageWithLibrary(const char *path) {
  setenv("ATTUNE_LIBCUDA", path, 1);
  std::string message = messageOf([] { Device device("cuda"); }, ATTUNE_NO_DEVICE);
  unsetenv("ATTUNE_LIBCUDA");
  return message;
}

TEST(CudaLibrary, Missing) {
  std::string message = messageWithLibrary("/nowhere/libcuda.so.1");
  EXPECT_EQ(message.rfind("no CUDA driver: /nowhere/libcuda.so.1: cannot open", 0), 0u) << message;
  EXPECT_NE(message.find("; install the NVIDIA driver, or set ATTUNE_LIBCUDA to the path of its "
                         "libcuda.so.1"),
            std::string::npos)
      << message;
}

TEST(CudaLibrary, WithoutAFunctionThatWeNeed) {
  EXPECT_EQ(messageWithLibrary(ATTUNE_OLD_CUDA),
            "the CUDA driver " ATTUNE_OLD_CUDA " has no function cuStreamSynchronize; it is too "
            "old, expected CUDA 11.0 or newer");
}

TEST(CudaLibrary, WithoutTensorMaps) {
  setenv("ATTUNE_LIBCUDA", ATTUNE_MAPLESS_CUDA, 1);
  Device device("cuda");
  unsetenv("ATTUNE_LIBCUDA");
  // Kernels without tensor maps work; one with them says what is missing.
  ScaleAddProblem problem;
  std::vector<Memory> memory;
  for (DLTensor *tensor : {&problem.a, &problem.b, &problem.t, &problem.o}) {
    memory.push_back(device.allocate(1 << 16));
    tensor->data = memory.back().data();
    tensor->device = device.dlpack();
  }
  Kernel(device, openBundle(scaleAddCuda()), "scale_add").launch(problem.arguments());
  Kernel mapped(device, openBundle(scaleAddMapped()), "scale_add");
  EXPECT_EQ(messageOf([&] { mapped.launch(problem.arguments()); }, ATTUNE_DEVICE_ERROR),
            "kernel 'scale_add': operand 'b': this CUDA driver has no tensor maps "
            "(cuTensorMapEncodeTiled); expected CUDA 12.0 or newer");
}

} // namespace
