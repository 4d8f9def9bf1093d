// SPDX-License-Identifier: Apache-2.0
// The parameters of the manifest become the bytes that the entry reads.
#include "runtime/device/sim/SimCode.h"

#include <cstring>

namespace attune::device {
namespace {

sim::LoadedModule parse(const bundle::Variant &variant, const std::string &blob) {
  try {
    return sim::LoadedModule(blob);
  } catch (const sim::LoadError &error) {
    fail(ATTUNE_DEVICE_ERROR,
         "the simulator cannot load the PTX for " + variant.target + ": " + error.what());
  }
}

class SimCode : public Code {
public:
  SimCode(SimDevice &device, const bundle::Variant &variant, const std::string &blob)
      : device(device), module(parse(variant, blob)), program(module.entry(variant.entry)) {
    if (!program)
      fail(ATTUNE_BAD_BUNDLE,
           "the PTX for " + variant.target + " has no entry '" + variant.entry + "'");
    request.threads = {uint32_t(variant.threads), 1, 1};
    request.dynamicSharedBytes = uint32_t(variant.sharedBytes);
    for (const bundle::Parameter &parameter : variant.parameters)
      sizes.push_back(size_t(bundle::byteSize(parameter.type)));
  }

  void checkGrid(const Grid &grid) const override {
    for (size_t axis = 0; axis < 3; ++axis)
      if (grid[axis] > 0x7fffffff)
        failArgument("expected fewer than 2^31 blocks along " + std::string(1, "xyz"[axis]) +
                     ", but got " + std::to_string(grid[axis]));
  }

  void launch(const Grid &grid, void *const *parameters, void *stream) override {
    sim::LaunchRequest launched = request;
    std::copy(grid.begin(), grid.end(), launched.grid.begin());
    for (size_t i = 0; i < sizes.size(); ++i) {
      const auto *bytes = static_cast<const uint8_t *>(parameters[i]);
      launched.parameters.emplace_back(bytes, bytes + sizes[i]);
    }
    device.launch(module, *program, launched, stream);
  }

private:
  SimDevice &device;
  sim::LoadedModule module;
  const sim::Program *program;
  sim::LaunchRequest request;
  std::vector<size_t> sizes;
};

} // namespace

std::unique_ptr<Code> loadSimCode(SimDevice &device, const bundle::Variant &variant,
                                  const std::string &blob) {
  return std::make_unique<SimCode>(device, variant, blob);
}

} // namespace attune::device
