// SPDX-License-Identifier: Apache-2.0
// What is a kernel once it is loaded, and what happens in one call of it?
#pragma once

#include "runtime/bundle/Bundle.h"
#include "runtime/device/Launch.h"

#include <memory>

namespace attune::device {

/// A variant's code, that of its pre-passes, and what may be launched instead, loaded on a device.
class Kernel {
public:
  /// Chooses the variant that suits the device best; where the driver refuses a cubin, the best of
  /// the others. On a GPU the kernel's self-test has to pass. Throws StatusError.
  Kernel(std::shared_ptr<Device> device, const bundle::Bundle &bundle,
         const bundle::KernelInfo &kernel);

  const bundle::KernelInfo &info() const { return choices.front().plan.kernelInfo(); }
  const bundle::Variant &variant() const { return choices.front().plan.variantInfo(); }
  /// Why code that suits the device better was not taken; "" mostly.
  const std::string &fallback() const { return reason; }

  void check(const attune_argument *arguments, size_t count) const;
  /// Which code a launch with these arguments runs: the variant, or what is launched instead.
  const bundle::Variant &variantFor(const attune_argument *arguments, size_t count) const;
  /// Bytes that a launch with these arguments takes for its workspaces.
  size_t workspaceBytes(const attune_argument *arguments, size_t count) const;
  /// Checks, and then launches the pre-passes and the entry, in order. Allocates nothing unless there
  /// are workspaces.
  void launch(const attune_argument *arguments, size_t count, void *stream) const;

private:
  struct Choice {
    LaunchPlan plan;
    /// One a pass of the plan.
    std::vector<std::shared_ptr<Code>> codes;
  };
  struct Loaded;
  Kernel(std::shared_ptr<Device> device, const bundle::KernelInfo &kernel, Loaded loaded);
  static Loaded load(Device &device, const bundle::Bundle &bundle,
                     const bundle::KernelInfo &kernel);
  void selfTest(const bundle::Bundle &bundle);
  /// Checks the arguments, and sets `state` for the choice that is returned.
  const Choice &choose(const attune_argument *arguments, size_t count, LaunchState &state) const;
  void launch(const Choice &choice, LaunchState &state, void *stream) const;

  // Order of destruction: the code goes before the device that it runs on.
  std::shared_ptr<Device> device;
  /// The variant, and then those that may be launched instead.
  std::vector<Choice> choices;
  std::string reason;
};

} // namespace attune::device
