// SPDX-License-Identifier: Apache-2.0
// How do kernels for NVIDIA GPUs run on a machine without one? The simulator executes the PTX of
// the bundle, and its findings are kept for whoever asks.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/sim/Simulator.h"

#include <mutex>

namespace attune::device {

class SimDevice : public Device {
public:
  /// A GPU of this compute capability (80, 90); 0: one that runs the newest code that there is.
  /// Reads ATTUNE_SIM_OPTIONS.
  explicit SimDevice(int capability);

  const std::string &name() const override { return deviceName; }
  std::string description() const override;
  DLDevice dlpack() const override;
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
  void beginCall(size_t launches) override;
  void endCall() override { mutex.unlock(); }
  bool checksFacts() const override;
  void configureSimulator(const char *options) override;
  SimulatorReport simulatorReport() override;

  /// Runs a launch of a call and adds to the call's report. Throws StatusError when errors were
  /// found.
  void launch(const sim::LoadedModule &module, const sim::Program &program,
              const sim::LaunchRequest &request, void *stream);

private:
  void expectNoStream(void *stream) const;

  const int capability;
  std::string deviceName;
  /// Held during a call: calls take turns.
  mutable std::mutex mutex;
  sim::GlobalMemory memory;
  sim::Options options;
  /// Of the last call.
  std::string findings, counters;
  size_t errors = 0, warnings = 0, launches = 0;
};

} // namespace attune::device
