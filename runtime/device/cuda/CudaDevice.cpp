// SPDX-License-Identifier: Apache-2.0
// Chooses code by compute capability and calls the driver, always in the GPU's primary context,
// which is the one that frameworks use too.
#include "runtime/device/cuda/CudaDevice.h"

#include "runtime/device/cuda/CudaCode.h"
#include "runtime/device/cuda/TensorMap.h"

#include <cstdlib>
#include <cstring>

namespace attune::device::cuda {

PrimaryContext::PrimaryContext(std::shared_ptr<const Driver> opened, int ordinal)
    : driver(std::move(opened)), ordinal(ordinal) {
  int count = 0;
  driver->check(driver->deviceGetCount(&count), "cuDeviceGetCount");
  if (ordinal >= count)
    fail(ATTUNE_NO_DEVICE, "device cuda:" + std::to_string(ordinal) +
                               ": expected an ordinal below " + std::to_string(count) +
                               ", the number of CUDA GPUs here");
  driver->check(driver->deviceGet(&device, ordinal), "cuDeviceGet");
  driver->check(driver->primaryContextRetain(&context, device), "cuDevicePrimaryCtxRetain");
}

PrimaryContext::~PrimaryContext() { driver->primaryContextRelease(device); }

int PrimaryContext::attribute(DeviceAttribute which) const {
  int value = 0;
  driver->check(driver->deviceGetAttribute(&value, which, device), "cuDeviceGetAttribute");
  return value;
}

CurrentContext::CurrentContext(const PrimaryContext &primary) : driver(*primary.driver) {
  driver.check(driver.contextPush(primary.context), "cuCtxPushCurrent");
}

CurrentContext::~CurrentContext() {
  Context popped;
  driver.contextPop(&popped);
}

CudaDevice::CudaDevice(int ordinal)
    : primary(std::make_shared<PrimaryContext>(Driver::open(), ordinal)),
      deviceName("cuda:" + std::to_string(ordinal)),
      capability(10 * primary->attribute(attributeComputeCapabilityMajor) +
                 primary->attribute(attributeComputeCapabilityMinor)) {}

std::string CudaDevice::description() const {
  char text[256] = "";
  primary->driver->check(
      primary->driver->deviceGetName(text, int(sizeof(text)) - 1, primary->device),
      "cuDeviceGetName");
  return std::string(text) + ", sm_" + std::to_string(capability);
}

bool CudaDevice::canUse(DLDevice where) const {
  // By bytes: a caller in C can store any number.
  int type;
  std::memcpy(&type, &where.device_type, sizeof(type));
  return (type == kDLCUDA && where.device_id == primary->ordinal) || type == kDLCUDAManaged;
}

int rankTarget(const std::string &target, bundle::BlobFormat format, int capability) {
  int number = std::atoi(target.c_str() + 3);
  bool cubin = format == bundle::BlobFormat::Cubin;
  char suffix = target.back() >= '0' && target.back() <= '9' ? '\0' : target.back();
  bool sameMajor = number / 10 == capability / 10;
  bool runs = number <= capability;
  if (suffix == 'a')
    runs = number == capability;
  else if (cubin || suffix == 'f')
    runs &= sameMajor;
  if (!runs)
    return 0;
  // The newest instructions first; at equal ones, code that needs no further compilation.
  int rich = suffix == 'a' ? 2 : suffix == 'f' ? 1 : 0;
  return number * 8 + rich * 2 + (cubin ? 1 : 0);
}

const bundle::Variant *CudaDevice::choose(const std::vector<bundle::Variant> &variants) const {
  const bundle::Variant *best = nullptr;
  int bestRank = 0;
  for (const bundle::Variant &variant : variants) {
    if (variant.format == bundle::BlobFormat::Elf)
      continue;
    int rank = rankTarget(variant.target, variant.format, capability);
    if (rank > bestRank) {
      best = &variant;
      bestRank = rank;
    }
  }
  return best;
}

std::unique_ptr<Code> CudaDevice::load(const bundle::Variant &variant, const std::string &blob) {
  return loadCode(primary, variant, blob);
}

void CudaDevice::encodeTensorMap(const TensorMapRequest &request, void *map) {
  cuda::encodeTensorMap(*primary->driver, request, static_cast<TensorMapObject *>(map));
}

void *CudaDevice::checkAllocated(Result result, DevicePointer pointer, size_t bytes,
                                 const char *what) const {
  if (result == errorOutOfMemory)
    fail(ATTUNE_OUT_OF_MEMORY,
         "device " + deviceName + ": no memory for " + std::to_string(bytes) + " bytes");
  primary->driver->check(result, what);
  return reinterpret_cast<void *>(pointer);
}

std::string CudaDevice::selfTestKey() const {
  int version = 0;
  primary->driver->check(primary->driver->getVersion(&version), "cuDriverGetVersion");
  return "driver " + std::to_string(version);
}

void *CudaDevice::allocate(size_t bytes) {
  if (bytes == 0)
    return nullptr;
  CurrentContext current(*primary);
  DevicePointer pointer = 0;
  Result result = primary->driver->memoryAllocate(&pointer, bytes);
  return checkAllocated(result, pointer, bytes, "cuMemAlloc");
}

void *CudaDevice::allocateTemporary(size_t bytes, void *stream) {
  const Driver &driver = *primary->driver;
  if (!driver.memoryAllocateAsync || !driver.memoryFreeAsync)
    fail(ATTUNE_DEVICE_ERROR, "this CUDA driver has no memory in the order of a stream "
                              "(cuMemAllocAsync), which the kernel's workspaces need; expected "
                              "CUDA 11.2 or newer");
  CurrentContext current(*primary);
  DevicePointer pointer = 0;
  Result result = driver.memoryAllocateAsync(&pointer, bytes, static_cast<Stream>(stream));
  return checkAllocated(result, pointer, bytes, "cuMemAllocAsync");
}

void CudaDevice::freeTemporary(void *pointer, void *stream) {
  CurrentContext current(*primary);
  primary->driver->check(primary->driver->memoryFreeAsync(reinterpret_cast<DevicePointer>(pointer),
                                                          static_cast<Stream>(stream)),
                         "cuMemFreeAsync");
}

void CudaDevice::free(void *pointer) {
  if (!pointer)
    return;
  CurrentContext current(*primary);
  primary->driver->check(primary->driver->memoryFree(reinterpret_cast<DevicePointer>(pointer)),
                         "cuMemFree");
}

void CudaDevice::copyTo(void *to, const void *from, size_t bytes, void *stream) {
  if (bytes == 0)
    return;
  CurrentContext current(*primary);
  primary->driver->check(primary->driver->copyToDevice(reinterpret_cast<DevicePointer>(to), from,
                                                       bytes, static_cast<Stream>(stream)),
                         "cuMemcpyHtoDAsync");
  primary->driver->check(primary->driver->streamSynchronize(static_cast<Stream>(stream)),
                         "cuStreamSynchronize");
}

void CudaDevice::copyFrom(void *to, const void *from, size_t bytes, void *stream) {
  if (bytes == 0)
    return;
  CurrentContext current(*primary);
  primary->driver->check(
      primary->driver->copyToHost(to, reinterpret_cast<DevicePointer>(const_cast<void *>(from)),
                                  bytes, static_cast<Stream>(stream)),
      "cuMemcpyDtoHAsync");
  primary->driver->check(primary->driver->streamSynchronize(static_cast<Stream>(stream)),
                         "cuStreamSynchronize");
}

void *CudaDevice::createStream() {
  CurrentContext current(*primary);
  Stream stream = nullptr;
  primary->driver->check(primary->driver->streamCreate(&stream, streamNonBlocking),
                         "cuStreamCreate");
  return stream;
}

void CudaDevice::destroyStream(void *stream) {
  if (!stream)
    return;
  CurrentContext current(*primary);
  primary->driver->check(primary->driver->streamDestroy(static_cast<Stream>(stream)),
                         "cuStreamDestroy");
}

void CudaDevice::synchronize(void *stream) {
  CurrentContext current(*primary);
  primary->driver->check(primary->driver->streamSynchronize(static_cast<Stream>(stream)),
                         "cuStreamSynchronize");
}

void CudaDevice::setHostIsa(const char *isa) {
  failArgument("device " + deviceName + " has no host instruction set");
}

} // namespace attune::device::cuda
