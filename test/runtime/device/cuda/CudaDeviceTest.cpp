// SPDX-License-Identifier: Apache-2.0
// What does the CUDA device ask of the driver, in which order and with which bytes, and what does
// it say when the driver refuses?
#include "test/runtime/device/cuda/CudaFixture.h"

#include <unistd.h>

using namespace attune;
using namespace attune::testing;

namespace {

TEST_F(Cuda, OpeningADevice) {
  Device device("cuda");
  EXPECT_EQ(lines(),
            (Lines{"cuInit 0", "cuDeviceGetCount", "cuDeviceGet 0", "cuDevicePrimaryCtxRetain 0",
                   "cuDeviceGetAttribute 75", "cuDeviceGetAttribute 76", "cuDeviceGetName"}));
  EXPECT_EQ(device.name(), "cuda:0");
  EXPECT_EQ(device.description(), "Recording GPU, sm_80");
  EXPECT_EQ(device.dlpack().device_type, kDLCUDA);
  EXPECT_EQ(device.dlpack().device_id, 0);
}

TEST_F(Cuda, SecondDevice) {
  recording.setGpus(2, 90);
  Device device("cuda:1");
  EXPECT_EQ(device.name(), "cuda:1");
  EXPECT_EQ(device.description(), "Recording GPU, sm_90");
  EXPECT_EQ(device.dlpack().device_id, 1);
}

TEST_F(Cuda, DeviceThatIsNotThere) {
  EXPECT_EQ(messageOf([] { Device device("cuda:3"); }, ATTUNE_NO_DEVICE),
            "device cuda:3: expected an ordinal below 1, the number of CUDA GPUs here");
}

TEST_F(Cuda, DriverThatDoesNotStart) {
  recording.failNext("cuInit", 100);
  EXPECT_EQ(messageOf([] { Device device("cuda"); }, ATTUNE_NO_DEVICE),
            "cuda: cuInit failed: CUDA_ERROR_NO_DEVICE (recorded)");
}

TEST_F(Cuda, ErrorThatTheDriverCannotName) {
  recording.failNext("cuDevicePrimaryCtxRetain", 4321);
  EXPECT_EQ(messageOf([] { Device device("cuda"); }, ATTUNE_DEVICE_ERROR),
            "cuda: cuDevicePrimaryCtxRetain failed: error 4321");
}

TEST_F(Cuda, FailureWhileOpeningGivesBackTheContext) {
  recording.failNext("cuDeviceGetAttribute", 1);
  messageOf([] { Device device("cuda"); }, ATTUNE_DEVICE_ERROR);
  EXPECT_EQ(lines().back(), "cuDevicePrimaryCtxRelease 0");
}

TEST_F(Cuda, LoadingPtx) {
  Device device("cuda");
  size_t before = recording.lineCount();
  {
    Kernel kernel(device, openBundle(scaleAddCuda()), "scale_add");
    EXPECT_EQ(kernel.variant().target, "sm_80");
    EXPECT_EQ(kernel.variant().format, "ptx");
  }
  EXPECT_EQ(lines(before),
            (Lines{"cuModuleLoadDataEx ptx, " + std::to_string(fakePtx().size()) + " bytes",
                   "cuModuleGetFunction scale_add", "cuDeviceGetAttribute 97", "cuModuleUnload"}));
}

TEST_F(Cuda, EveryCallIsMadeInTheContext) {
  Device device("cuda");
  Kernel kernel(device, openBundle(scaleAddCuda()), "scale_add");
  ScaleAddProblem problem;
  OnDevice onDevice(device, problem);
  size_t before = recording.lineCount();
  kernel.launch(problem.arguments());
  ASSERT_EQ(recording.lineCount(), before + 3);
  EXPECT_STREQ(recording.line(before), "cuCtxPushCurrent 0");
  EXPECT_EQ(std::string(recording.line(before + 1)).rfind("cuLaunchKernel", 0), 0u);
  EXPECT_STREQ(recording.line(before + 2), "cuCtxPopCurrent");
}

TEST_F(Cuda, LaunchPassesEveryParameterByte) {
  Device device("cuda");
  Kernel kernel(device, openBundle(scaleAddCuda()), "scale_add");
  ScaleAddProblem problem;
  OnDevice onDevice(device, problem);
  size_t before = recording.lineCount();
  kernel.launch(problem.arguments());
  EXPECT_EQ(lines(before), (Lines{"cuLaunchKernel scale_add, grid 3 4 2, block 128 1 1, shared 0, "
                                  "default stream," +
                                  expectedParameters(problem)}));
}

TEST_F(Cuda, LaunchPassesStridesAndOffsets) {
  Device device("cuda");
  Kernel kernel(device, openBundle(scaleAddCuda()), "scale_add");
  ScaleAddProblem problem;
  OnDevice onDevice(device, problem);
  int64_t strides[] = {320, 8, 32, 1};
  problem.a.strides = strides;
  problem.b.byte_offset = 32;
  problem.s = -1.5f;
  problem.w = -7;
  size_t before = recording.lineCount();
  kernel.launch(problem.arguments());
  EXPECT_EQ(lines(before).back(), "cuLaunchKernel scale_add, grid 3 4 2, block 128 1 1, shared 0, "
                                  "default stream," +
                                      expectedParameters(problem));
}

TEST_F(Cuda, EmptyLaunchCallsNothing) {
  Device device("cuda");
  Kernel kernel(device, openBundle(scaleAddCuda()), "scale_add");
  ScaleAddProblem problem(2, 4, 0, 3, 2);
  OnDevice onDevice(device, problem);
  size_t before = recording.lineCount();
  kernel.launch(problem.arguments());
  EXPECT_EQ(recording.lineCount(), before);
}

TEST_F(Cuda, NoKeysStillLaunches) {
  Device device("cuda");
  Kernel kernel(device, openBundle(scaleAddCuda()), "scale_add");
  ScaleAddProblem problem(2, 4, 10, 0, 2);
  OnDevice onDevice(device, problem);
  size_t before = recording.lineCount();
  kernel.launch(problem.arguments());
  EXPECT_EQ(lines(before).back(), "cuLaunchKernel scale_add, grid 3 4 2, block 128 1 1, shared 0, "
                                  "default stream," +
                                      expectedParameters(problem));
}

TEST_F(Cuda, LaunchOnAStream) {
  Device device("cuda");
  Kernel kernel(device, openBundle(scaleAddCuda()), "scale_add");
  ScaleAddProblem problem;
  OnDevice onDevice(device, problem);
  size_t before = recording.lineCount();
  void *first = device.createStream(), *second = device.createStream();
  kernel.launch(problem.arguments(), second);
  device.synchronize(second);
  device.destroyStream(first);
  device.destroyStream(second);
  EXPECT_EQ(
      lines(before),
      (Lines{"cuStreamCreate flags 1", "cuStreamCreate flags 1",
             "cuLaunchKernel scale_add, grid 3 4 2, block 128 1 1, shared 0, stream2," +
                 expectedParameters(problem),
             "cuStreamSynchronize stream2", "cuStreamDestroy stream1", "cuStreamDestroy stream2"}));
}

TEST_F(Cuda, SharedMemoryAbove48KiBIsAskedForOnce) {
  bundle::Bundle contents = scaleAddCuda();
  contents.manifest.kernels[0].variants[0].sharedBytes = 65536;
  Device device("cuda");
  size_t before = recording.lineCount();
  Kernel kernel(device, openBundle(contents), "scale_add");
  EXPECT_EQ(lines(before).back(), "cuFuncSetAttribute scale_add, attribute 8 = 65536");
  ScaleAddProblem problem;
  OnDevice onDevice(device, problem);
  before = recording.lineCount();
  kernel.launch(problem.arguments());
  kernel.launch(problem.arguments());
  EXPECT_EQ(lines(before).size(), 2u);
  EXPECT_NE(lines(before)[0].find("shared 65536"), std::string::npos);
}

TEST_F(Cuda, SharedMemoryOf48KiBNeedNotBeAskedFor) {
  bundle::Bundle contents = scaleAddCuda();
  contents.manifest.kernels[0].variants[0].sharedBytes = 49152;
  Device device("cuda");
  Kernel kernel(device, openBundle(contents), "scale_add");
  EXPECT_EQ(lines().back(), "cuDeviceGetAttribute 97");
  ScaleAddProblem problem;
  OnDevice onDevice(device, problem);
  kernel.launch(problem.arguments());
}

TEST_F(Cuda, MoreSharedMemoryThanABlockHas) {
  bundle::Bundle contents = scaleAddCuda();
  contents.manifest.kernels[0].variants[0].sharedBytes = 200000;
  Device device("cuda");
  EXPECT_EQ(
      messageOf([&] { Kernel(device, openBundle(contents), "scale_add"); }, ATTUNE_DEVICE_ERROR),
      "kernel 'scale_add': entry 'scale_add' needs 200000 bytes of shared memory, but a "
      "block of this GPU has at most 166912; compile with smaller tiles or fewer stages");
}

TEST_F(Cuda, RefusedPtxShowsTheLog) {
  Device device("cuda");
  recording.failNext("cuModuleLoadDataEx", 218);
  EXPECT_EQ(messageOf([&] { Kernel(device, openBundle(scaleAddCuda()), "scale_add"); },
                      ATTUNE_DEVICE_ERROR),
            "kernel 'scale_add': the CUDA driver cannot load the ptx for sm_80: "
            "CUDA_ERROR_INVALID_PTX (recorded); its log: line 7; error: unexpected instruction");
}

TEST_F(Cuda, EntryThatIsNotInTheModule) {
  bundle::Bundle contents = scaleAddCuda();
  contents.manifest.kernels[0].variants[0].entry = "missing";
  Device device("cuda");
  EXPECT_EQ(
      messageOf([&] { Kernel(device, openBundle(contents), "scale_add"); }, ATTUNE_BAD_BUNDLE),
      "kernel 'scale_add': the ptx for sm_80 has no entry 'missing': CUDA_ERROR_NOT_FOUND "
      "(recorded)");
}

TEST_F(Cuda, LaunchThatTheDriverRefuses) {
  Device device("cuda");
  Kernel kernel(device, openBundle(scaleAddCuda()), "scale_add");
  ScaleAddProblem problem;
  OnDevice onDevice(device, problem);
  recording.failNext("cuLaunchKernel", 1);
  EXPECT_EQ(messageOf([&] { kernel.launch(problem.arguments()); }, ATTUNE_DEVICE_ERROR),
            "kernel 'scale_add': cuda: cuLaunchKernel failed: CUDA_ERROR_INVALID_VALUE (recorded)");
}

TEST_F(Cuda, BlockThatTheEntryDoesNotAllow) {
  bundle::Bundle contents = scaleAddCuda();
  contents.blobs[0].replace(contents.blobs[0].find(")\n{"), 3, ")\n.reqntid 256, 1, 1\n{");
  Device device("cuda");
  Kernel kernel(device, openBundle(contents), "scale_add");
  ScaleAddProblem problem;
  OnDevice onDevice(device, problem);
  messageOf([&] { kernel.launch(problem.arguments()); }, ATTUNE_DEVICE_ERROR);
  contents.manifest.kernels[0].variants[0].threads = 256;
  Kernel(device, openBundle(contents), "scale_add").launch(problem.arguments());
}

TEST_F(Cuda, FailureOnTheDeviceShowsWhenSynchronizing) {
  Device device("cuda");
  recording.failNext("cuStreamSynchronize", 719);
  EXPECT_EQ(messageOf([&] { device.synchronize(); }, ATTUNE_DEVICE_ERROR),
            "cuda: cuStreamSynchronize failed: CUDA_ERROR_LAUNCH_FAILED (recorded)");
}

TEST_F(Cuda, MoreHeadsThanAGridHas) {
  Device device("cuda");
  Kernel kernel(device, openBundle(scaleAddCuda()), "scale_add");
  ScaleAddProblem problem(1, 65536, 1, 1, 1);
  OnDevice onDevice(device, problem);
  EXPECT_EQ(messageOf([&] { kernel.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'scale_add': expected at most 65535 blocks along y (tiles, heads, batch), but "
            "got 65536");
}

TEST_F(Cuda, TensorOnTheHost) {
  Device device("cuda");
  Kernel kernel(device, openBundle(scaleAddCuda()), "scale_add");
  ScaleAddProblem problem;
  EXPECT_EQ(messageOf([&] { kernel.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'scale_add': operand 'a': expected a tensor on cuda:0, but got one on cpu");
}

TEST_F(Cuda, TensorOnAnotherGpu) {
  recording.setGpus(2, 80);
  Device first("cuda:0"), second("cuda:1");
  Kernel kernel(first, openBundle(scaleAddCuda()), "scale_add");
  ScaleAddProblem problem;
  OnDevice onDevice(second, problem);
  EXPECT_EQ(messageOf([&] { kernel.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'scale_add': operand 'a': expected a tensor on cuda:0, but got one on cuda:1");
}

TEST_F(Cuda, MemoryIsCopiedInTheOrderOfTheStream) {
  Device device("cuda");
  std::vector<int> in = {1, 2, 3}, out(3);
  void *stream = device.createStream();
  size_t before = recording.lineCount();
  {
    Memory memory = device.allocate(12);
    memory.copyFrom(in.data(), stream);
    memory.copyTo(out.data(), stream);
  }
  EXPECT_EQ(in, out);
  EXPECT_EQ(
      lines(before),
      (Lines{"cuMemAlloc 12", "cuMemcpyHtoDAsync 12 bytes, stream1", "cuStreamSynchronize stream1",
             "cuMemcpyDtoHAsync 12 bytes, stream1", "cuStreamSynchronize stream1", "cuMemFree"}));
  device.destroyStream(stream);
}

TEST_F(Cuda, NoBytesOfMemory) {
  Device device("cuda");
  size_t before = recording.lineCount();
  Memory memory = device.allocate(0);
  EXPECT_EQ(memory.data(), nullptr);
  memory.copyFrom(nullptr);
  EXPECT_EQ(recording.lineCount(), before);
}

TEST_F(Cuda, MoreMemoryThanThereIs) {
  Device device("cuda");
  EXPECT_EQ(messageOf([&] { device.allocate(size_t(1) << 50); }, ATTUNE_OUT_OF_MEMORY),
            "device cuda:0: no memory for 1125899906842624 bytes");
}

TEST_F(Cuda, KernelOutlivesItsBundleAndItsDevice) {
  auto device = std::make_unique<Device>("cuda");
  auto contents = std::make_unique<Bundle>(openBundle(scaleAddCuda()));
  auto kernel = std::make_unique<Kernel>(*device, *contents, "scale_add");
  contents.reset();
  device.reset();
  EXPECT_GT(recording.alive(), 0);
  kernel.reset();
  EXPECT_EQ(lines().back(), "cuDevicePrimaryCtxRelease 0");
}

TEST_F(Cuda, HostInstructionSet) {
  Device device("cuda");
  EXPECT_EQ(messageOf([&] { device.setHostIsa("x86-64"); }, ATTUNE_INVALID_ARGUMENT),
            "device cuda:0 has no host instruction set");
}

TEST_F(Cuda, LinesAlsoGoToAFile) {
  std::string path = ::testing::TempDir() + "attune-recording-" + std::to_string(getpid());
  setenv("ATTUNE_RECORDING_CUDA_LOG", path.c_str(), 1);
  {
    Device device("cuda");
  }
  unsetenv("ATTUNE_RECORDING_CUDA_LOG");
  EXPECT_EQ(readAll(path).rfind("cuInit 0\ncuDeviceGetCount\n", 0), 0u);
  std::remove(path.c_str());
}

} // namespace
