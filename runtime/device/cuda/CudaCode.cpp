// SPDX-License-Identifier: Apache-2.0
// A module per variant; the shared memory that the entry needs is asked for when it is loaded.
#include "runtime/device/cuda/CudaCode.h"

#include <cstring>

namespace attune::device::cuda {
namespace {

/// A module in a context; unloaded with this object.
class LoadedModule {
public:
  LoadedModule(std::shared_ptr<const PrimaryContext> owner, const bundle::Variant &variant,
               const std::string &image)
      : primary(std::move(owner)) {
    CurrentContext current(*primary);
    char log[8192] = "";
    JitOption options[] = {jitErrorLogBuffer, jitErrorLogBufferSizeBytes};
    // The driver takes the size as a number in the place of a pointer.
    void *values[] = {log, reinterpret_cast<void *>(sizeof(log) - 1)};
    // PTX is text that has to end in a zero, which std::string's contents do.
    Result result = primary->driver->moduleLoad(&module, image.c_str(), 2, options, values);
    if (result == success)
      return;
    log[sizeof(log) - 1] = '\0';
    std::string text = log;
    while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
      text.pop_back();
    std::string message = "the CUDA driver cannot load the " +
                          std::string(spelling(variant.format)) + " for " + variant.target + ": " +
                          primary->driver->describe(result) +
                          (text.empty() ? "" : "; its log: " + text);
    if (result == errorOutOfMemory)
      fail(ATTUNE_OUT_OF_MEMORY, message);
    throw RefusedCode{{ATTUNE_DEVICE_ERROR, message}};
  }
  LoadedModule(const LoadedModule &) = delete;
  ~LoadedModule() {
    // Nothing can be reported from here; a module that stays loaded does no harm.
    if (primary->driver->contextPush(primary->context) != success)
      return;
    primary->driver->moduleUnload(module);
    Context popped;
    primary->driver->contextPop(&popped);
  }

  const PrimaryContext &context() const { return *primary; }
  Module get() const { return module; }

private:
  std::shared_ptr<const PrimaryContext> primary;
  Module module = nullptr;
};

class CudaCode : public Code {
public:
  CudaCode(std::shared_ptr<const PrimaryContext> primary, const bundle::Variant &variant,
           const std::string &blob)
      : module(std::move(primary), variant, blob), driver(*module.context().driver),
        threads(unsigned(variant.threads)), sharedBytes(unsigned(variant.sharedBytes)) {
    CurrentContext current(module.context());
    Result found = driver.moduleGetFunction(&function, module.get(), variant.entry.c_str());
    if (found != success)
      fail(ATTUNE_BAD_BUNDLE, "the " + std::string(spelling(variant.format)) + " for " +
                                  variant.target + " has no entry '" + variant.entry +
                                  "': " + driver.describe(found));
    int64_t available = module.context().attribute(attributeMaxSharedMemoryPerBlockOptin);
    if (variant.sharedBytes > available)
      fail(ATTUNE_DEVICE_ERROR,
           "entry '" + variant.entry + "' needs " + std::to_string(variant.sharedBytes) +
               " bytes of shared memory, but a block of this GPU has at most " +
               std::to_string(available) + "; compile with smaller tiles or fewer stages");
    if (variant.sharedBytes > defaultSharedBytes)
      driver.check(driver.functionSetAttribute(function, functionMaxDynamicSharedSizeBytes,
                                               int(variant.sharedBytes)),
                   "cuFuncSetAttribute");
  }

  void checkGrid(const Grid &grid) const override {
    const int64_t limits[] = {maxGridX, maxGridYZ, maxGridYZ};
    for (int axis = 0; axis < 3; ++axis)
      if (grid[size_t(axis)] > limits[axis])
        failArgument(std::string("expected at most ") + std::to_string(limits[axis]) +
                     " blocks along " + "xyz"[axis] + " (tiles, heads, batch), but got " +
                     std::to_string(grid[size_t(axis)]));
  }

  void launch(const Grid &grid, void *const *parameters, void *stream) override {
    CurrentContext current(module.context());
    driver.check(driver.launchKernel(function, unsigned(grid[0]), unsigned(grid[1]),
                                     unsigned(grid[2]), threads, 1, 1, sharedBytes,
                                     static_cast<Stream>(stream), const_cast<void **>(parameters),
                                     nullptr),
                 "cuLaunchKernel");
  }

private:
  LoadedModule module;
  const Driver &driver;
  unsigned threads, sharedBytes;
  Function function = nullptr;
};

} // namespace

std::unique_ptr<Code> loadCode(std::shared_ptr<const PrimaryContext> primary,
                               const bundle::Variant &variant, const std::string &blob) {
  return std::make_unique<CudaCode>(std::move(primary), variant, blob);
}

} // namespace attune::device::cuda
