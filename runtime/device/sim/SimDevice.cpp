// SPDX-License-Identifier: Apache-2.0
// Memory, options and reports of a simulated GPU.
#include "runtime/device/sim/SimDevice.h"

#include "runtime/device/TensorMapLayout.h"
#include "runtime/device/cuda/CudaDevice.h"
#include "runtime/device/sim/SimCode.h"
#include "runtime/sim/TensorMap.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace attune::device {

/// A GPU that has everything: code for any target runs on it.
static constexpr int anyCapability = 999;
static constexpr unsigned costliestLines = 12;

static sim::Options readOptions(const std::string &who, const char *text) {
  try {
    return sim::parseOptions(text ? text : "");
  } catch (const std::invalid_argument &error) {
    failArgument(who + ": " + error.what());
  }
}

SimDevice::SimDevice(int capability)
    : capability(capability),
      deviceName(capability ? "sim:sm_" + std::to_string(capability) : "sim"),
      options(readOptions("ATTUNE_SIM_OPTIONS", std::getenv("ATTUNE_SIM_OPTIONS"))) {}

std::string SimDevice::description() const {
  return capability ? "a simulated GPU, sm_" + std::to_string(capability) : "a simulated GPU";
}

/// No framework has tensors there: an extension's device.
DLDevice SimDevice::dlpack() const { return {kDLExtDev, 0}; }

bool SimDevice::canUse(DLDevice where) const {
  // By bytes: a caller in C can store any number.
  int type;
  std::memcpy(&type, &where.device_type, sizeof(type));
  return type == kDLExtDev && where.device_id == 0;
}

/// How well PTX for this target suits; 0 when it cannot run.
static int rankPtx(const bundle::Variant &variant, int capability) {
  if (variant.format != bundle::BlobFormat::Ptx)
    return 0;
  if (capability)
    return cuda::rankTarget(variant.target, variant.format, capability);
  int number = std::atoi(variant.target.c_str() + 3);
  return number < anyCapability ? 2 * number + (variant.target.back() == 'a' ? 1 : 0) : 0;
}

const bundle::Variant *SimDevice::choose(const std::vector<bundle::Variant> &variants) const {
  const bundle::Variant *best = nullptr;
  int bestRank = 0;
  for (const bundle::Variant &variant : variants) {
    int rank = rankPtx(variant, capability);
    if (rank > bestRank) {
      best = &variant;
      bestRank = rank;
    }
  }
  return best;
}

std::unique_ptr<Code> SimDevice::load(const bundle::Variant &variant, const std::string &blob) {
  return loadSimCode(*this, variant, blob);
}

static sim::Swizzle mapSwizzle(bundle::Swizzle swizzle) {
  switch (swizzle) {
  case bundle::Swizzle::None: break;
  case bundle::Swizzle::B32: return sim::Swizzle::Bytes32;
  case bundle::Swizzle::B64: return sim::Swizzle::Bytes64;
  case bundle::Swizzle::B128: return sim::Swizzle::Bytes128;
  }
  return sim::Swizzle::None;
}

void SimDevice::encodeTensorMap(const TensorMapRequest &request, void *map) {
  using Element = sim::TensorMap::Element;
  static_assert(int(Element::U8) == cuda::mapUint8 && int(Element::S32) == cuda::mapInt32 &&
                int(Element::S64) == cuda::mapInt64 && int(Element::F16) == cuda::mapFloat16 &&
                int(Element::F32) == cuda::mapFloat32 && int(Element::F64) == cuda::mapFloat64 &&
                int(Element::BF16) == cuda::mapBfloat16);
  TensorMapLayout layout = layOut(request);
  sim::TensorMap tensor;
  tensor.element = Element(layout.dataType);
  tensor.rank = unsigned(request.rank);
  tensor.address = reinterpret_cast<uint64_t>(request.data);
  tensor.swizzle = mapSwizzle(request.parameter.swizzle);
  std::copy(layout.sizes, layout.sizes + 5, tensor.sizes.begin());
  std::copy(layout.strides, layout.strides + 5, tensor.strides.begin());
  std::copy(layout.box, layout.box + 5, tensor.box.begin());
  try {
    sim::encodeTensorMap(tensor, map);
  } catch (const std::invalid_argument &error) {
    fail(ATTUNE_DEVICE_ERROR,
         "operand '" + request.operand + "': no tensor map can be made of it: " + error.what());
  }
}

void *SimDevice::allocate(size_t bytes) {
  if (bytes == 0)
    return nullptr;
  try {
    return reinterpret_cast<void *>(memory.allocate(bytes));
  } catch (const std::bad_alloc &) {
    fail(ATTUNE_OUT_OF_MEMORY,
         "device " + deviceName + ": no memory for " + std::to_string(bytes) + " bytes");
  }
}

void SimDevice::free(void *pointer) {
  if (pointer && !memory.free(reinterpret_cast<uint64_t>(pointer)))
    failArgument("device " + deviceName + ": expected memory that it allocated, but " +
                 memory.whereabouts(reinterpret_cast<uint64_t>(pointer)));
}

void SimDevice::copyTo(void *to, const void *from, size_t bytes, void *stream) {
  expectNoStream(stream);
  uint64_t address = reinterpret_cast<uint64_t>(to);
  if (bytes && !memory.copyTo(address, from, bytes))
    failArgument("device " + deviceName + ": copying " + std::to_string(bytes) +
                 " bytes to it: expected its memory, but " + memory.whereabouts(address));
}

void SimDevice::copyFrom(void *to, const void *from, size_t bytes, void *stream) {
  expectNoStream(stream);
  uint64_t address = reinterpret_cast<uint64_t>(from);
  if (bytes && !memory.copyFrom(to, address, bytes))
    failArgument("device " + deviceName + ": copying " + std::to_string(bytes) +
                 " bytes from it: expected its memory, but " + memory.whereabouts(address));
}

void SimDevice::setHostIsa(const char *) {
  failArgument("device " + deviceName + " has no host instruction set");
}

void SimDevice::configureSimulator(const char *text) {
  sim::Options parsed = readOptions("simulator options", text);
  std::lock_guard lock(mutex);
  options = parsed;
}

SimulatorReport SimDevice::simulatorReport() {
  std::lock_guard lock(mutex);
  return {errors, warnings, findings.c_str(), counters.c_str()};
}

void SimDevice::expectNoStream(void *stream) const {
  if (stream)
    failArgument("device " + deviceName + " has no streams: expected a null stream");
}

bool SimDevice::checksFacts() const {
  std::lock_guard lock(mutex);
  return options.checks;
}

void SimDevice::beginCall(size_t count) {
  mutex.lock();
  findings.clear();
  counters.clear();
  errors = warnings = 0;
  launches = count;
}

void SimDevice::launch(const sim::LoadedModule &module, const sim::Program &program,
                       const sim::LaunchRequest &request, void *stream) {
  expectNoStream(stream);
  sim::LaunchResult result;
  try {
    result = sim::launch(module, program, memory, request, options);
  } catch (const std::invalid_argument &error) {
    fail(ATTUNE_DEVICE_ERROR, error.what());
  }
  for (const sim::Finding &finding : result.findings)
    ++(finding.severity == sim::Severity::Error ? errors : warnings);
  // Where one call launches several entries, each says which one it is.
  std::string heading = launches > 1 ? "entry '" + program.name + "':\n" : "";
  std::string report = sim::printReport(result, module);
  if (!report.empty())
    findings += heading + report;
  if (options.counters)
    counters +=
        heading + sim::print(result.counters, program, module.syntax().text, costliestLines);
  if (errors)
    fail(ATTUNE_DEVICE_ERROR, "the simulator found " + std::to_string(errors) +
                                  (errors == 1 ? " error" : " errors") + "; the first:\n" +
                                  heading + report.substr(0, report.find("\n\n")));
}

} // namespace attune::device
