// SPDX-License-Identifier: Apache-2.0
// Chooses code by what cpuid says, loads it as a shared object, and runs its tasks on the pool.
#include "runtime/device/host/HostDevice.h"

#include "runtime/device/host/SharedObject.h"

#include <cstdlib>
#include <cstring>

namespace attune::device {
namespace {

/// The entry point of host code; task = x + gridX * (y + gridY * z).
using Entry = void (*)(void *const *parameters, int64_t taskBegin, int64_t taskEnd, void *scratch);

class HostCode : public Code {
public:
  HostCode(ThreadPool &pool, const bundle::Variant &variant, const std::string &blob)
      : pool(pool), object(blob, variant.entry) {
    entry = reinterpret_cast<Entry>(object.find(variant.entry));
    if (!entry)
      fail(ATTUNE_BAD_BUNDLE,
           "the host code for " + variant.target + " has no symbol '" + variant.entry + "'");
    pool.reserveScratch(size_t(variant.scratchBytes));
  }

  void checkGrid(const Grid &grid) const override {
    int64_t tasks;
    if (__builtin_mul_overflow(grid[0], grid[1], &tasks) ||
        __builtin_mul_overflow(tasks, grid[2], &tasks))
      failArgument("the number of tasks overflows 64 bits");
  }

  void launch(const Grid &grid, void *const *parameters, void *stream) override {
    if (stream)
      failArgument("the host has no streams: expected a null stream");
    Call call = {entry, parameters};
    pool.run(grid[0] * grid[1] * grid[2], runTasks, &call);
  }

private:
  struct Call {
    Entry entry;
    void *const *parameters;
  };

  static void runTasks(void *context, int64_t begin, int64_t end, void *scratch) {
    const Call &call = *static_cast<Call *>(context);
    call.entry(call.parameters, begin, end, scratch);
  }

  ThreadPool &pool;
  SharedObject object;
  Entry entry;
};

HostIsa checkedIsa(const char *name, const char *origin) {
  HostIsa detected = detectHostIsa(), wanted = detected;
  if (!name)
    return detected;
  if (!parseHostIsa(name, wanted))
    failArgument(std::string(origin) + ": expected x86-64, x86-64-v3 or x86-64-v4, but got '" +
                 name + "'");
  if (wanted > detected)
    failArgument(std::string(origin) +
                 ": expected an instruction set that this processor has, up to " +
                 std::string(hostIsaNames[int(detected)]) + ", but got " + name);
  return wanted;
}

} // namespace

HostDevice::HostDevice(int threads)
    : pool(threads > 0 ? threads : usableCores()),
      deviceName("host:" + std::to_string(pool.size())),
      isa(checkedIsa(std::getenv("ATTUNE_HOST_ISA"), "environment variable ATTUNE_HOST_ISA")) {}

std::string HostDevice::description() const {
  return std::to_string(pool.size()) + (pool.size() == 1 ? " thread, " : " threads, ") +
         std::string(hostIsaNames[int(isa.load())]);
}

bool HostDevice::canUse(DLDevice where) const {
  // By bytes: a caller in C can store any number.
  int type;
  std::memcpy(&type, &where.device_type, sizeof(type));
  return type == kDLCPU || type == kDLCUDAHost || type == kDLCUDAManaged;
}

const bundle::Variant *HostDevice::choose(const std::vector<bundle::Variant> &variants) const {
  const bundle::Variant *best = nullptr;
  HostIsa bestIsa = HostIsa::Baseline, own;
  for (const bundle::Variant &variant : variants) {
    bool runs = variant.format == bundle::BlobFormat::Elf && parseHostIsa(variant.target, own) &&
                own <= isa.load();
    if (runs && (!best || own > bestIsa)) {
      best = &variant;
      bestIsa = own;
    }
  }
  return best;
}

std::unique_ptr<Code> HostDevice::load(const bundle::Variant &variant, const std::string &blob) {
  return std::make_unique<HostCode>(pool, variant, blob);
}

void HostDevice::encodeTensorMap(const TensorMapRequest &request, void *map) {
  failArgument("operand '" + request.operand + "': device host has no tensor maps");
}

void *HostDevice::allocate(size_t bytes) {
  return bytes ? allocateAligned(bytes).release() : nullptr;
}

void HostDevice::free(void *pointer) { FreeAligned()(pointer); }

void HostDevice::copyTo(void *to, const void *from, size_t bytes, void *stream) {
  expectNoStream(stream);
  if (bytes)
    std::memcpy(to, from, bytes);
}

void HostDevice::copyFrom(void *to, const void *from, size_t bytes, void *stream) {
  copyTo(to, from, bytes, stream);
}

void HostDevice::setHostIsa(const char *name) { isa = checkedIsa(name, "host instruction set"); }

void HostDevice::expectNoStream(void *stream) const {
  if (stream)
    failArgument("device " + deviceName + " has no streams: expected a null stream");
}

} // namespace attune::device
