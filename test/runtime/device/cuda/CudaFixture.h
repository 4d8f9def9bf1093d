// SPDX-License-Identifier: Apache-2.0
// What the tests of the CUDA device share: the recording driver, and scale_add in PTX as far as
// that driver reads it.
#pragma once

#include "test/runtime/device/ScaleAdd.h"
#include "test/runtime/device/cuda/RecordingCuda.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

namespace attune::testing {

using bundle::BlobFormat;

/// The control functions of the recording driver, which is opened here too.
struct Recording {
  explicit Recording(const char *path) {
    library = dlopen(path, RTLD_NOW);
    EXPECT_NE(library, nullptr) << dlerror();
    find(reset, "recordingCudaReset");
    find(setGpus, "recordingCudaSetGpus");
    find(lineCount, "recordingCudaLineCount");
    find(line, "recordingCudaLine");
    find(setDriverVersion, "recordingCudaSetDriverVersion");
    find(onLaunch, "recordingCudaOnLaunch");
    find(failNext, "recordingCudaFailNext");
    find(alive, "recordingCudaAlive");
    find(forgetMemory, "recordingCudaForgetMemory");
  }
  ~Recording() { dlclose(library); }

  decltype(&recordingCudaReset) reset;
  decltype(&recordingCudaSetGpus) setGpus;
  decltype(&recordingCudaLineCount) lineCount;
  decltype(&recordingCudaLine) line;
  decltype(&recordingCudaSetDriverVersion) setDriverVersion;
  decltype(&recordingCudaOnLaunch) onLaunch;
  decltype(&recordingCudaFailNext) failNext;
  decltype(&recordingCudaAlive) alive;
  decltype(&recordingCudaForgetMemory) forgetMemory;

private:
  template <typename T> void find(T &function, const char *name) {
    function = reinterpret_cast<T>(dlsym(library, name));
    EXPECT_NE(function, nullptr) << name;
  }
  void *library;
};

/// PTX as far as the driver of the tests reads it.
inline std::string fakePtx() {
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

inline bundle::Bundle scaleAddCuda() {
  bundle::Bundle contents = scaleAddWithoutCode();
  contents.addBlob(fakePtx());
  contents.manifest.kernels[0].variants = {scaleAddVariant("sm_80", BlobFormat::Ptx)};
  return contents;
}

/// scale_add with a tensor map of b in front of its parameters.
inline bundle::Bundle scaleAddMapped() {
  bundle::Bundle contents = scaleAddCuda();
  std::string text = fakePtx();
  text.insert(text.find("(") + 1, "\t.param .align 64 .b8 map[128],");
  contents.blobs[0] = text;
  bundle::Variant &variant = contents.manifest.kernels[0].variants[0];
  variant.parameters.insert(variant.parameters.begin(),
                            bundle::Parameter::tensorMap("b", {1, 1, 64, 8}, bundle::Swizzle::B32));
  return contents;
}

/// Opens the recording driver, forgets what it recorded, and at the end asks for what is still
/// alive.
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

inline std::string hexTensor(const DLTensor &tensor) {
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

inline std::string expectedParameters(const ScaleAddProblem &problem) {
  return hexTensor(problem.a) + hexTensor(problem.b) +
         hex(reinterpret_cast<uint64_t>(problem.t.data)) + hex(problem.t.shape[0]) +
         hex(problem.s) + hex(problem.w) + hexTensor(problem.o);
}

} // namespace attune::testing
