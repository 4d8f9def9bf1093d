// SPDX-License-Identifier: Apache-2.0
// What does the CUDA device ask of the driver, in which order and with which bytes, and what does
// it say when the driver refuses? Runs against the recording driver.
#include "runtime/device/cuda/CudaDevice.h"
#include "test/runtime/device/ScaleAdd.h"
#include "test/runtime/device/cuda/RecordingCuda.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

using namespace attune;
using namespace attune::testing;
using bundle::BlobFormat;

namespace {

/// The control functions of the recording driver, which is opened here too.
struct Recording {
  explicit Recording(const char *path) {
    library = dlopen(path, RTLD_NOW);
    EXPECT_NE(library, nullptr) << dlerror();
    find(reset, "recordingCudaReset");
    find(setGpus, "recordingCudaSetGpus");
    find(lineCount, "recordingCudaLineCount");
    find(line, "recordingCudaLine");
    find(failNext, "recordingCudaFailNext");
    find(alive, "recordingCudaAlive");
  }
  ~Recording() { dlclose(library); }

  decltype(&recordingCudaReset) reset;
  decltype(&recordingCudaSetGpus) setGpus;
  decltype(&recordingCudaLineCount) lineCount;
  decltype(&recordingCudaLine) line;
  decltype(&recordingCudaFailNext) failNext;
  decltype(&recordingCudaAlive) alive;

private:
  template <typename T> void find(T &function, const char *name) {
    function = reinterpret_cast<T>(dlsym(library, name));
    EXPECT_NE(function, nullptr) << name;
  }
  void *library;
};

/// PTX as far as the driver of the tests reads it.
std::string fakePtx() {
  std::string text = ".version 7.0\n.target sm_80\n.visible .entry scale_add(\n";
  std::vector<bundle::Parameter> parameters = scaleAddParameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    const char *type = parameters[i].type == bundle::ParameterType::Ptr   ? ".u64 .ptr .align 16"
                       : parameters[i].type == bundle::ParameterType::F32 ? ".f32"
                                                                          : ".u64";
    text += "\t.param " + std::string(type) + " p" + std::to_string(i) +
            (i + 1 < parameters.size() ? ",\n" : "\n");
  }
  return text + ")\n{ ret; }\n";
}

bundle::Bundle scaleAddCuda() {
  bundle::Bundle contents = scaleAddWithoutCode();
  contents.addBlob(fakePtx());
  contents.manifest.kernels[0].variants = {scaleAddVariant("sm_80", BlobFormat::Ptx)};
  return contents;
}

class Cuda : public ::testing::Test {
protected:
  Cuda() : recording(ATTUNE_RECORDING_CUDA) {
    setenv("ATTUNE_LIBCUDA", ATTUNE_RECORDING_CUDA, 1);
    recording.reset();
  }
  ~Cuda() override {
    EXPECT_EQ(recording.alive(), 0) << "something was not given back to the driver";
    unsetenv("ATTUNE_LIBCUDA");
  }

  /// The lines from `from` on, without the switching of contexts.
  std::vector<std::string> lines(size_t from = 0) {
    std::vector<std::string> result;
    for (size_t i = from; i < recording.lineCount(); ++i) {
      std::string line = recording.line(i);
      if (line.rfind("cuCtx", 0) != 0)
        result.push_back(line);
    }
    return result;
  }

  /// A problem whose tensors are on the device; freed with the device memory.
  struct OnDevice {
    OnDevice(Device &device, ScaleAddProblem &problem) {
      for (DLTensor *tensor : {&problem.a, &problem.b, &problem.t, &problem.o}) {
        size_t bytes = 4;
        for (int i = 0; i < tensor->ndim; ++i)
          bytes *= size_t(tensor->shape[i]);
        memory.push_back(device.allocate(bytes));
        memory.back().copyFrom(tensor->data);
        tensor->data = memory.back().data();
        tensor->device = device.dlpack();
      }
    }
    std::vector<Memory> memory;
  };

  Recording recording;
  using Lines = std::vector<std::string>;
};

template <typename T> std::string hex(T value) {
  char bytes[sizeof(T)], text[2 * sizeof(T) + 1];
  std::memcpy(bytes, &value, sizeof(T));
  for (size_t i = 0; i < sizeof(T); ++i)
    std::snprintf(text + 2 * i, 3, "%02x", static_cast<unsigned char>(bytes[i]));
  return std::string(" ") + text;
}

std::string hexTensor(const DLTensor &tensor) {
  std::string text = hex(reinterpret_cast<uint64_t>(tensor.data) + tensor.byte_offset);
  for (int i = 0; i < 3; ++i)
    text += hex(tensor.shape[i]);
  for (int i = 0; i < 3; ++i) {
    int64_t compact = 1;
    for (int j = i + 1; j < 4; ++j)
      compact *= std::max<int64_t>(tensor.shape[j], 1);
    text += hex(tensor.strides ? tensor.strides[i] : compact);
  }
  return text;
}

std::string expectedParameters(const ScaleAddProblem &problem) {
  return hexTensor(problem.a) + hexTensor(problem.b) +
         hex(reinterpret_cast<uint64_t>(problem.t.data)) + hex(problem.t.shape[0]) +
         hex(problem.s) + hex(problem.w) + hexTensor(problem.o);
}

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

//===-- Which code ---------------------------------------------------------------------------------

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

//===-- Tensor maps --------------------------------------------------------------------------------

/// scale_add with a tensor map of b in front of its parameters.
bundle::Bundle scaleAddMapped() {
  bundle::Bundle contents = scaleAddCuda();
  std::string text = fakePtx();
  text.insert(text.find("(") + 1, "\t.param .align 64 .b8 map[128],");
  contents.blobs[0] = text;
  bundle::Variant &variant = contents.manifest.kernels[0].variants[0];
  variant.parameters.insert(variant.parameters.begin(),
                            bundle::Parameter::tensorMap("b", {1, 1, 64, 8}, bundle::Swizzle::B32));
  return contents;
}

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

//===-- The library itself -------------------------------------------------------------------------

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
