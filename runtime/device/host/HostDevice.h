// SPDX-License-Identifier: Apache-2.0
// How do kernels run on this computer's processor?
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/host/Processor.h"
#include "runtime/device/host/ThreadPool.h"

#include <atomic>

namespace attune::device {

class HostDevice : public Device {
public:
  /// 0 threads: one a usable core. Reads ATTUNE_HOST_ISA.
  explicit HostDevice(int threads);

  const std::string &name() const override { return deviceName; }
  std::string description() const override;
  DLDevice dlpack() const override { return {kDLCPU, 0}; }
  bool canUse(DLDevice where) const override;
  const bundle::Variant *choose(const std::vector<bundle::Variant> &variants) const override;
  std::unique_ptr<Code> load(const bundle::Variant &variant, const std::string &blob) override;
  void encodeTensorMap(const TensorMapRequest &request, void *map) override;
  void *allocate(size_t bytes) override;
  void free(void *pointer) override;
  void copyTo(void *to, const void *from, size_t bytes, void *stream) override;
  void copyFrom(void *to, const void *from, size_t bytes, void *stream) override;
  void *createStream() override { return nullptr; }
  void destroyStream(void *stream) override { expectNoStream(stream); }
  void synchronize(void *stream) override { expectNoStream(stream); }
  void setHostIsa(const char *isa) override;

private:
  void expectNoStream(void *stream) const;

  ThreadPool pool;
  std::string deviceName;
  std::atomic<HostIsa> isa;
};

} // namespace attune::device
