// SPDX-License-Identifier: Apache-2.0
// How are tensors brought to a device, run on, and brought back?
#ifndef ATTUNE_TOOLS_ATTN_RUN_LAUNCH_H
#define ATTUNE_TOOLS_ATTN_RUN_LAUNCH_H

#include "compiler/reference/Tensor.h"
#include "runtime/attune.hpp"
#include "runtime/bundle/Manifest.h"

namespace attune::run {

/// A kernel that is loaded on a device, with copies of its arguments there.
class Launch {
public:
  /// `results` give the shapes of what the kernel writes; `simOptions` are for simulated devices.
  Launch(const std::string &device, const std::string &simOptions, const std::string &bundleBytes,
         const bundle::KernelInfo &info, const std::vector<reference::Argument> &inputs,
         const std::vector<reference::Tensor> &results);

  /// Runs the kernel once, to its end. What a simulator finds goes to stderr.
  void run();
  /// What a simulated device counted in the last run; "" if it did not.
  std::string counters();
  /// Copies the results into tensors of their shapes.
  std::vector<reference::Tensor> results();

  std::string deviceName() const { return device.name(); }
  std::string describeDevice() const { return device.description(); }
  std::string target() const { return kernel.variant().target; }
  /// The target, and the entry where it is not the one that most launches take.
  std::string describeCode() const;
  /// A line about what runs before the kernel and the bytes that this takes; "" where nothing does.
  std::string describePrePasses() const;
  bool onHost() const { return device.name().starts_with("host"); }
  bool simulated() const { return device.name().starts_with("sim"); }

private:
  void printFindings();
  void addTensor(const reference::Tensor &tensor, bool copy);

  Device device;
  Kernel kernel;
  std::vector<Memory> memories;
  std::vector<std::unique_ptr<TensorView>> views;
  std::vector<Argument> arguments;
  std::vector<reference::Tensor> shapes;
  size_t firstResult = 0;
};

} // namespace attune::run

#endif // ATTUNE_TOOLS_ATTN_RUN_LAUNCH_H
