// SPDX-License-Identifier: Apache-2.0
// A CUDA driver for tests: records calls, checks what a real one checks, and runs nothing.
#include "test/runtime/device/cuda/RecordingCuda.h"

#include "runtime/device/cuda/CudaTypes.h"
#include "test/runtime/device/cuda/CubinReader.h"

#include <algorithm>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

// Only these leave the shared object.
#define EXPORT extern "C" __attribute__((visibility("default")))

namespace attune::device::cuda {

struct FunctionObject {
  std::string name;
  std::vector<size_t> parameterSizes;
  int sharedLimit = int(defaultSharedBytes);
  /// What .reqntid says; 0 when it is not there.
  unsigned requiredThreads = 0;
};
struct ModuleObject {
  std::string text;
  std::vector<std::unique_ptr<FunctionObject>> functions;
};
struct ContextObject {
  int ordinal;
};
struct StreamObject {
  int number;
};

} // namespace attune::device::cuda

using namespace attune::device::cuda;

namespace {

// Codes that the runtime does not tell apart (CUDA Driver API, section 6.1, CUresult).
constexpr Result invalidValue = 1, notInitialized = 3, invalidContext = 201, noBinary = 209,
                 invalidHandle = 400, notFound = 500;

/// Of the GPUs, until a test says otherwise.
int initialCapability() {
  const char *chosen = std::getenv("ATTUNE_RECORDING_CUDA_CAPABILITY");
  return chosen && *chosen ? std::atoi(chosen) : 80;
}

struct Gpu {
  std::mutex mutex;
  std::vector<std::string> lines;
  std::map<std::string, Result> failures;
  int count = 1, capability = initialCapability();
  int driverVersion = 13000;
  RecordingCudaHook hook = nullptr;
  bool initialized = false;
  int retained = 0, streamsMade = 0;
  std::vector<Context> current;
  std::vector<ContextObject> contexts = std::vector<ContextObject>(8);
  std::map<Module, std::unique_ptr<ModuleObject>> modules;
  std::map<Stream, std::unique_ptr<StreamObject>> streams;
  std::map<DevicePointer, size_t> memory;

  void record(const std::string &line) {
    lines.push_back(line);
    const char *path = std::getenv("ATTUNE_RECORDING_CUDA_LOG");
    if (std::FILE *file = path ? std::fopen(path, "a") : nullptr) {
      std::fprintf(file, "%s\n", line.c_str());
      std::fclose(file);
    }
  }

  bool ownsStream(Stream stream) const { return !stream || streams.count(stream); }

  bool ownsRange(DevicePointer pointer, size_t bytes) const {
    auto after = memory.upper_bound(pointer);
    if (after == memory.begin())
      return false;
    auto block = std::prev(after);
    return pointer - block->first <= block->second &&
           bytes <= block->second - (pointer - block->first);
  }
};

/// Never destroyed: the runtime may call the driver while the process ends.
Gpu &gpu() {
  static Gpu *instance = new Gpu;
  return *instance;
}

std::string format(const char *pattern, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(text, sizeof(text), pattern, arguments);
  va_end(arguments);
  return text;
}

std::string streamName(Stream stream) {
  auto found = gpu().streams.find(stream);
  if (found != gpu().streams.end())
    return "stream" + std::to_string(found->second->number);
  return stream ? "unknown stream" : "default stream";
}

/// A call: recorded when it begins, and told whether it has to fail.
class Call {
public:
  Call(const char *function, const std::string &arguments, bool needsContext = true)
      : lock(gpu().mutex) {
    gpu().record(std::string(function) + (arguments.empty() ? "" : " ") + arguments);
    auto failure = gpu().failures.find(function);
    if (failure != gpu().failures.end()) {
      result = failure->second;
      gpu().failures.erase(failure);
    } else if (!gpu().initialized && std::strcmp(function, "cuInit") != 0) {
      result = notInitialized;
    } else if (needsContext && gpu().current.empty()) {
      result = invalidContext;
    }
  }
  bool failed() const { return result != success; }
  Result result = success;

private:
  std::lock_guard<std::mutex> lock;
};

/// The bytes of one ".param" declaration, such as ".param .u64 .ptr .align 1 f_param_0" or
/// ".param .align 64 .b8 map[128]"; 0 when it is not understood.
size_t parameterSize(const std::string &declaration) {
  size_t open = declaration.find('[');
  size_t count = open == std::string::npos ? 1 : size_t(std::atoi(declaration.c_str() + open + 1));
  for (const char *kind : {".u", ".s", ".b", ".f"})
    for (const char *bits : {"8", "16", "32", "64"}) {
      std::string type = std::string(kind) + bits + " ";
      if (declaration.find(type) != std::string::npos)
        return size_t(std::atoi(bits)) / 8 * count;
    }
  return 0;
}

/// The number after a directive in [from, to) of the text; 0 when it is not there.
unsigned directive(const std::string &text, const char *name, size_t from, size_t to) {
  size_t at = text.find(name, from);
  return at < to ? unsigned(std::atoi(text.c_str() + at + std::strlen(name))) : 0;
}

/// What a block can have (CUDA C++ Programming Guide, "Technical Specifications").
int sharedKilobytes(int capability) {
  switch (capability) {
  case 75: return 64;
  case 80:
  case 87: return 163;
  case 90:
  case 100: return 227;
  default: return 99;
  }
}

/// Finds the entry of a cubin, or ".entry <name>(<parameters>)" in a text; null when there is none.
std::unique_ptr<FunctionObject> findEntry(const std::string &text, const std::string &name) {
  if (attune::testing::isCubin(text.c_str())) {
    auto entry = attune::testing::findCubinEntry(text, name);
    if (!entry)
      return nullptr;
    auto function = std::make_unique<FunctionObject>();
    function->name = name;
    function->parameterSizes = entry->parameterSizes;
    function->requiredThreads = entry->requiredThreads;
    return function;
  }
  for (size_t at = text.find(".entry"); at != std::string::npos; at = text.find(".entry", at + 1)) {
    size_t start = text.find_first_not_of(" \t\n", at + 6);
    size_t open = text.find('(', at), close = text.find(')', at);
    if (start == std::string::npos || close == std::string::npos)
      return nullptr;
    std::string found = text.substr(start, open - start);
    found.erase(found.find_last_not_of(" \t\n") + 1);
    if (found != name)
      continue;
    auto function = std::make_unique<FunctionObject>();
    function->name = name;
    function->requiredThreads = directive(text, ".reqntid ", close, text.find('{', close));
    std::string list = text.substr(open + 1, close - open - 1);
    for (size_t from = list.find(".param"); from != std::string::npos;
         from = list.find(".param", from + 1))
      function->parameterSizes.push_back(
          parameterSize(list.substr(from, list.find(',', from) - from)));
    return function;
  }
  return nullptr;
}

std::string hexadecimal(const void *bytes, size_t size) {
  std::string text;
  for (size_t i = 0; i < size; ++i)
    text += format("%02x", static_cast<const unsigned char *>(bytes)[i]);
  return text;
}

template <typename T> std::string join(const T *values, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text.append(i ? "," : "").append(std::to_string(values[i]));
  return text;
}

} // namespace

//===-- Control -----------------------------------------------------------------------------------

EXPORT void recordingCudaReset(void) {
  std::lock_guard<std::mutex> lock(gpu().mutex);
  gpu().lines.clear();
  gpu().failures.clear();
  gpu().count = 1;
  gpu().capability = 80;
  gpu().initialized = false;
  gpu().streamsMade = 0;
  gpu().driverVersion = 13000;
  gpu().hook = nullptr;
}

EXPORT void recordingCudaSetGpus(int count, int capability) {
  gpu().count = count;
  gpu().capability = capability;
}

EXPORT void recordingCudaSetDriverVersion(int version) { gpu().driverVersion = version; }

EXPORT void recordingCudaOnLaunch(RecordingCudaHook hook) { gpu().hook = hook; }

EXPORT size_t recordingCudaLineCount(void) { return gpu().lines.size(); }

EXPORT const char *recordingCudaLine(size_t index) { return gpu().lines[index].c_str(); }

EXPORT void recordingCudaFailNext(const char *function, int code) {
  gpu().failures[function] = code;
}

EXPORT int recordingCudaAlive(void) {
  return gpu().retained + int(gpu().current.size() + gpu().modules.size() + gpu().streams.size() +
                              gpu().memory.size());
}

EXPORT void recordingCudaForgetMemory(void) {
  for (const auto &[pointer, bytes] : gpu().memory)
    std::free(reinterpret_cast<void *>(pointer));
  gpu().memory.clear();
}

//===-- The driver --------------------------------------------------------------------------------

EXPORT Result cuInit(unsigned flags) {
  Call call("cuInit", std::to_string(flags), false);
  gpu().initialized |= !call.failed();
  return call.result;
}

EXPORT Result cuDriverGetVersion(int *version) {
  Call call("cuDriverGetVersion", "", false);
  *version = gpu().driverVersion;
  return call.result;
}

EXPORT Result cuGetErrorName(Result error, const char **name) {
  static const std::map<Result, const char *> names = {
      {1, "CUDA_ERROR_INVALID_VALUE"},     {2, "CUDA_ERROR_OUT_OF_MEMORY"},
      {3, "CUDA_ERROR_NOT_INITIALIZED"},   {100, "CUDA_ERROR_NO_DEVICE"},
      {201, "CUDA_ERROR_INVALID_CONTEXT"}, {209, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
      {218, "CUDA_ERROR_INVALID_PTX"},     {400, "CUDA_ERROR_INVALID_HANDLE"},
      {500, "CUDA_ERROR_NOT_FOUND"},       {719, "CUDA_ERROR_LAUNCH_FAILED"}};
  auto found = names.find(error);
  *name = found == names.end() ? nullptr : found->second;
  return *name ? success : invalidValue;
}

EXPORT Result cuGetErrorString(Result error, const char **text) {
  *text = "recorded";
  return success;
}

EXPORT Result cuDeviceGetCount(int *count) {
  Call call("cuDeviceGetCount", "", false);
  *count = gpu().count;
  return call.result;
}

EXPORT Result cuDeviceGet(DeviceOrdinal *device, int ordinal) {
  Call call("cuDeviceGet", std::to_string(ordinal), false);
  *device = ordinal;
  return call.failed() || ordinal < gpu().count ? call.result : Result(errorInvalidDevice);
}

EXPORT Result cuDeviceGetName(char *name, int size, DeviceOrdinal) {
  Call call("cuDeviceGetName", "", false);
  std::snprintf(name, size_t(size), "Recording GPU");
  return call.result;
}

EXPORT Result cuDeviceGetAttribute(int *value, DeviceAttribute attribute, DeviceOrdinal) {
  Call call("cuDeviceGetAttribute", std::to_string(attribute), false);
  if (attribute == attributeComputeCapabilityMajor)
    *value = gpu().capability / 10;
  else if (attribute == attributeComputeCapabilityMinor)
    *value = gpu().capability % 10;
  else if (attribute == attributeMaxSharedMemoryPerBlockOptin)
    *value = sharedKilobytes(gpu().capability) << 10;
  else
    return invalidValue;
  return call.result;
}

EXPORT Result cuDevicePrimaryCtxRetain(Context *context, DeviceOrdinal device) {
  Call call("cuDevicePrimaryCtxRetain", std::to_string(device), false);
  if (call.failed())
    return call.result;
  gpu().contexts[size_t(device)].ordinal = device;
  *context = &gpu().contexts[size_t(device)];
  ++gpu().retained;
  return success;
}

EXPORT Result cuDevicePrimaryCtxRelease_v2(DeviceOrdinal device) {
  Call call("cuDevicePrimaryCtxRelease", std::to_string(device), false);
  gpu().retained -= !call.failed();
  return call.result;
}

EXPORT Result cuCtxPushCurrent_v2(Context context) {
  Call call("cuCtxPushCurrent", std::to_string(context->ordinal), false);
  if (!call.failed())
    gpu().current.push_back(context);
  return call.result;
}

EXPORT Result cuCtxPopCurrent_v2(Context *context) {
  Call call("cuCtxPopCurrent", "");
  if (call.failed())
    return call.result;
  *context = gpu().current.back();
  gpu().current.pop_back();
  return success;
}

EXPORT Result cuModuleLoadDataEx(Module *module, const void *image, unsigned optionCount,
                                 JitOption *options, void **values) {
  const char *start = static_cast<const char *>(image);
  bool cubin = std::strncmp(start, "\177ELF", 4) == 0;
  std::string text = attune::testing::isCubin(start) ? attune::testing::copyCubin(start) : start;
  Call call("cuModuleLoadDataEx", format("%s, %zu bytes", cubin ? "cubin" : "ptx", text.size()));
  if (call.failed()) {
    void *log = nullptr;
    size_t size = 0;
    for (unsigned i = 0; i < optionCount; ++i) {
      if (options[i] == jitErrorLogBuffer)
        log = values[i];
      else if (options[i] == jitErrorLogBufferSizeBytes)
        size = reinterpret_cast<size_t>(values[i]);
    }
    if (log)
      std::snprintf(static_cast<char *>(log), size, "line 7; error: unexpected instruction\n");
    return call.result;
  }
  unsigned target = directive(text, ".target sm_", 0, std::string::npos);
  bool onlyThere = text.find(".target sm_" + std::to_string(target) + "a") != std::string::npos;
  if (target > unsigned(gpu().capability) || (onlyThere && target != unsigned(gpu().capability)))
    return noBinary;
  auto loaded = std::make_unique<ModuleObject>();
  loaded->text = std::move(text);
  *module = loaded.get();
  gpu().modules[*module] = std::move(loaded);
  return success;
}

EXPORT Result cuModuleUnload(Module module) {
  Call call("cuModuleUnload", "");
  if (call.failed())
    return call.result;
  return gpu().modules.erase(module) ? success : invalidHandle;
}

EXPORT Result cuModuleGetFunction(Function *function, Module module, const char *name) {
  Call call("cuModuleGetFunction", name);
  if (call.failed())
    return call.result;
  if (!gpu().modules.count(module))
    return invalidHandle;
  std::unique_ptr<FunctionObject> found = findEntry(module->text, name);
  if (!found)
    return notFound;
  *function = found.get();
  module->functions.push_back(std::move(found));
  return success;
}

EXPORT Result cuFuncSetAttribute(Function function, FunctionAttribute attribute, int value) {
  Call call("cuFuncSetAttribute",
            format("%s, attribute %d = %d", function->name.c_str(), int(attribute), value));
  if (!call.failed() && attribute == functionMaxDynamicSharedSizeBytes)
    function->sharedLimit = value;
  return call.result;
}

EXPORT Result cuLaunchKernel(Function function, unsigned gridX, unsigned gridY, unsigned gridZ,
                             unsigned blockX, unsigned blockY, unsigned blockZ,
                             unsigned sharedBytes, Stream stream, void **parameters, void **extra) {
  std::string bytes;
  for (size_t i = 0; i < function->parameterSizes.size(); ++i)
    bytes += " " + hexadecimal(parameters[i], function->parameterSizes[i]);
  Call call("cuLaunchKernel",
            format("%s, grid %u %u %u, block %u %u %u, shared %u, ", function->name.c_str(), gridX,
                   gridY, gridZ, blockX, blockY, blockZ, sharedBytes) +
                streamName(stream) + "," + bytes);
  if (call.failed())
    return call.result;
  bool sound = gridX && gridY && gridZ && gridY <= 65535 && gridZ <= 65535 && blockX &&
               blockX * blockY * blockZ <= 1024 && int(sharedBytes) <= function->sharedLimit &&
               !extra;
  sound &= !function->requiredThreads || function->requiredThreads == blockX * blockY * blockZ;
  if (!gpu().ownsStream(stream))
    return invalidHandle;
  if (sound && gpu().hook)
    gpu().hook(function->name.c_str(), parameters);
  return sound ? success : invalidValue;
}

static Result allocate(const Call &call, DevicePointer *pointer, size_t bytes) {
  if (call.failed())
    return call.result;
  if (bytes == 0)
    return invalidValue;
  if (bytes > size_t(1) << 40)
    return errorOutOfMemory;
  size_t rounded = (bytes + 255) / 256 * 256;
  void *memory = std::aligned_alloc(256, rounded);
  if (!memory)
    return errorOutOfMemory;
  std::memset(memory, 0, rounded);
  *pointer = reinterpret_cast<DevicePointer>(memory);
  gpu().memory[*pointer] = bytes;
  return success;
}

EXPORT Result cuMemAlloc_v2(DevicePointer *pointer, size_t bytes) {
  return allocate(Call("cuMemAlloc", std::to_string(bytes)), pointer, bytes);
}

static Result release(const Call &call, DevicePointer pointer) {
  if (call.failed())
    return call.result;
  if (!gpu().memory.erase(pointer))
    return invalidValue;
  std::free(reinterpret_cast<void *>(pointer));
  return success;
}

EXPORT Result cuMemFree_v2(DevicePointer pointer) {
  return release(Call("cuMemFree", ""), pointer);
}

#ifndef ATTUNE_RECORDING_WITHOUT_STREAM_MEMORY
EXPORT Result cuMemAllocAsync(DevicePointer *pointer, size_t bytes, Stream stream) {
  Call call("cuMemAllocAsync", std::to_string(bytes) + " bytes, " + streamName(stream));
  return gpu().ownsStream(stream) ? allocate(call, pointer, bytes) : Result(invalidHandle);
}

EXPORT Result cuMemFreeAsync(DevicePointer pointer, Stream stream) {
  Call call("cuMemFreeAsync", streamName(stream));
  return gpu().ownsStream(stream) ? release(call, pointer) : Result(invalidHandle);
}
#endif

EXPORT Result cuMemcpyHtoDAsync_v2(DevicePointer to, const void *from, size_t bytes,
                                   Stream stream) {
  Call call("cuMemcpyHtoDAsync", std::to_string(bytes) + " bytes, " + streamName(stream));
  if (call.failed())
    return call.result;
  if (!gpu().ownsStream(stream))
    return invalidHandle;
  if (!gpu().ownsRange(to, bytes))
    return invalidValue;
  std::memcpy(reinterpret_cast<void *>(to), from, bytes);
  return success;
}

EXPORT Result cuMemcpyDtoHAsync_v2(void *to, DevicePointer from, size_t bytes, Stream stream) {
  Call call("cuMemcpyDtoHAsync", std::to_string(bytes) + " bytes, " + streamName(stream));
  if (call.failed())
    return call.result;
  if (!gpu().ownsStream(stream))
    return invalidHandle;
  if (!gpu().ownsRange(from, bytes))
    return invalidValue;
  std::memcpy(to, reinterpret_cast<const void *>(from), bytes);
  return success;
}

EXPORT Result cuStreamCreate(Stream *stream, unsigned flags) {
  Call call("cuStreamCreate", "flags " + std::to_string(flags));
  if (call.failed())
    return call.result;
  auto made = std::make_unique<StreamObject>();
  made->number = ++gpu().streamsMade;
  *stream = made.get();
  gpu().streams[*stream] = std::move(made);
  return success;
}

EXPORT Result cuStreamDestroy_v2(Stream stream) {
  Call call("cuStreamDestroy", streamName(stream));
  if (call.failed())
    return call.result;
  return gpu().streams.erase(stream) ? success : invalidHandle;
}

#ifndef ATTUNE_RECORDING_WITHOUT_SYNCHRONIZE
EXPORT Result cuStreamSynchronize(Stream stream) {
  Call call("cuStreamSynchronize", streamName(stream));
  if (call.failed())
    return call.result;
  return gpu().ownsStream(stream) ? success : invalidHandle;
}
#endif

#ifndef ATTUNE_RECORDING_WITHOUT_TENSOR_MAPS
EXPORT Result cuTensorMapEncodeTiled(TensorMapObject *map, TensorMapDataType dtype, uint32_t rank,
                                     void *address, const uint64_t *sizes, const uint64_t *strides,
                                     const uint32_t *box, const uint32_t *elementStrides,
                                     TensorMapInterleave interleave, TensorMapSwizzle swizzle,
                                     TensorMapPromotion promotion, TensorMapFill fill) {
  Call call("cuTensorMapEncodeTiled",
            format("type %d, sizes ", int(dtype)) + join(sizes, rank) + ", strides " +
                join(strides, rank - 1) + ", box " + join(box, rank) + ", steps " +
                join(elementStrides, rank) +
                format(", interleave %d, swizzle %d, promotion %d, fill %d", int(interleave),
                       int(swizzle), int(promotion), int(fill)),
            false);
  if (call.failed())
    return call.result;
  bool sound = rank >= 1 && rank <= 5 && reinterpret_cast<uintptr_t>(address) % 16 == 0 &&
               reinterpret_cast<uintptr_t>(map) % 64 == 0;
  for (uint32_t i = 0; i < rank; ++i)
    sound &= sizes[i] > 0 && box[i] > 0 && box[i] <= 256 && (i + 1 == rank || strides[i] % 16 == 0);
  if (!sound)
    return invalidValue;
  // Not what a real driver writes, but enough to recognise it in the bytes of a launch.
  std::memset(map, 0xee, sizeof(*map));
  map->opaque[0] = reinterpret_cast<uint64_t>(address);
  return success;
}
#endif
