// SPDX-License-Identifier: Apache-2.0
// How do kernels run on a CUDA GPU?
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/cuda/CudaDriver.h"

namespace attune::device::cuda {

/// The driver and the primary context of one GPU, retained until this object goes.
struct PrimaryContext {
  /// Throws StatusError with ATTUNE_NO_DEVICE when there is no such GPU.
  PrimaryContext(std::shared_ptr<const Driver> driver, int ordinal);
  PrimaryContext(const PrimaryContext &) = delete;
  ~PrimaryContext();

  int attribute(DeviceAttribute which) const;

  std::shared_ptr<const Driver> driver;
  int ordinal;
  DeviceOrdinal device = 0;
  Context context = nullptr;
};

/// Makes a context the current one of this thread, and puts the old one back at the end.
class CurrentContext {
public:
  explicit CurrentContext(const PrimaryContext &primary);
  CurrentContext(const CurrentContext &) = delete;
  ~CurrentContext();

private:
  const Driver &driver;
};

class CudaDevice : public Device {
public:
  explicit CudaDevice(int ordinal);

  const std::string &name() const override { return deviceName; }
  std::string description() const override;
  DLDevice dlpack() const override { return {kDLCUDA, primary->ordinal}; }
  bool canUse(DLDevice where) const override;
  const bundle::Variant *choose(const std::vector<bundle::Variant> &variants) const override;
  std::unique_ptr<Code> load(const bundle::Variant &variant, const std::string &blob) override;
  void encodeTensorMap(const TensorMapRequest &request, void *map) override;
  std::string selfTestKey() const override;
  void *allocate(size_t bytes) override;
  void free(void *pointer) override;
  void *allocateTemporary(size_t bytes, void *stream) override;
  void freeTemporary(void *pointer, void *stream) override;
  void copyTo(void *to, const void *from, size_t bytes, void *stream) override;
  void copyFrom(void *to, const void *from, size_t bytes, void *stream) override;
  void *createStream() override;
  void destroyStream(void *stream) override;
  void synchronize(void *stream) override;
  void setHostIsa(const char *isa) override;

private:
  /// The pointer of an allocation that the driver has not refused.
  void *checkAllocated(Result result, DevicePointer pointer, size_t bytes, const char *what) const;

  std::shared_ptr<const PrimaryContext> primary;
  std::string deviceName;
  /// Compute capability, 10 * major + minor.
  int capability;
};

/// How well code for `target` ("sm_80", "sm_90a") suits a GPU of that compute capability (10 *
/// major
/// + minor): higher is better, 0 is not at all. A cubin runs on its major version from its minor
/// version on, PTX on everything newer, and a target with a suffix only on what it names.
int rankTarget(const std::string &target, bundle::BlobFormat format, int capability);

} // namespace attune::device::cuda
