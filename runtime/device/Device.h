// SPDX-License-Identifier: Apache-2.0
// What does every device promise? Implementations throw StatusError and are safe to use from
// several threads.
#pragma once

#include "runtime/bundle/Manifest.h"
#include "runtime/device/Status.h"

#include <array>
#include <memory>
#include <string>

namespace attune::device {

/// Launch sizes: x (fastest), y, z; none is zero.
using Grid = std::array<int64_t, 3>;

/// A tensor whose tiles a tensor map describes, as the launch was given it.
struct TensorMapRequest {
  const bundle::Parameter &parameter;
  bundle::ElementType dtype;
  void *data;
  int rank;
  /// Elements, outermost first.
  const int64_t *sizes;
  const int64_t *strides;
  /// For messages.
  const std::string &operand;
};

/// The code of one variant on a device.
class Code {
public:
  virtual ~Code() = default;
  /// Throws StatusError when the device cannot launch that many blocks.
  virtual void checkGrid(const Grid &grid) const = 0;
  /// Starts the entry point. `parameters` points to each parameter's value, in order; the values
  /// are read before this returns. Allocates nothing, and waits for nothing that runs on a GPU. The
  /// grid is one that checkGrid has passed.
  virtual void launch(const Grid &grid, void *const *parameters, void *stream) = 0;
};

/// What the simulator found in the last call; texts as long as there is no other call.
struct SimulatorReport {
  size_t errors = 0, warnings = 0;
  const char *findings = "";
  const char *counters = "";
};

class Device {
public:
  virtual ~Device() = default;

  /// "host:2", "cuda:0".
  virtual const std::string &name() const = 0;
  virtual std::string description() const = 0;
  virtual DLDevice dlpack() const = 0;

  /// Whether kernels here can use memory that lies there.
  virtual bool canUse(DLDevice where) const = 0;

  /// The best of the variants for this device, or null if it can run none.
  virtual const bundle::Variant *choose(const std::vector<bundle::Variant> &variants) const = 0;
  virtual std::unique_ptr<Code> load(const bundle::Variant &variant, const std::string &blob) = 0;

  /// Fills in the 128 bytes at `map`; allocates nothing.
  virtual void encodeTensorMap(const TensorMapRequest &request, void *map) = 0;

  virtual void *allocate(size_t bytes) = 0;
  virtual void free(void *pointer) = 0;
  /// Memory for what is launched on the stream after this and before it is freed. Neither waits for
  /// the device. Aligned to at least 64 bytes.
  virtual void *allocateTemporary(size_t bytes, void *stream) { return allocate(bytes); }
  virtual void freeTemporary(void *pointer, void *stream) { free(pointer); }

  /// So many launches between these two belong together: one call of a kernel. A device that
  /// reports on calls keeps others waiting in between.
  virtual void beginCall(size_t launches) {}
  virtual void endCall() {}
  /// What made code there may have gone wrong with: the driver's version. "": kernels that are loaded
  /// there need no self-test.
  virtual std::string selfTestKey() const { return ""; }
  /// Whether a launch reads its operands to see that the declared facts are true of them.
  virtual bool checksFacts() const { return false; }
  virtual void copyTo(void *to, const void *from, size_t bytes, void *stream) = 0;
  virtual void copyFrom(void *to, const void *from, size_t bytes, void *stream) = 0;
  virtual void *createStream() = 0;
  virtual void destroyStream(void *stream) = 0;
  virtual void synchronize(void *stream) = 0;
  /// Null is what the processor has. Fails on all but the host.
  virtual void setHostIsa(const char *isa) = 0;
  /// These two fail on all but simulated devices.
  virtual void configureSimulator(const char *options);
  virtual SimulatorReport simulatorReport();
};

/// The device of this name, see attune_device_open.
std::shared_ptr<Device> openDevice(const std::string &name);

} // namespace attune::device
