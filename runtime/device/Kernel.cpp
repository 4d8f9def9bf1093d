// SPDX-License-Identifier: Apache-2.0
#include "runtime/device/Kernel.h"

#include "runtime/device/SelfTest.h"

#include <tuple>

namespace attune::device {
namespace {

[[noreturn]] void failWithoutCode(const Device &target, const bundle::KernelInfo &kernel) {
  std::string targets;
  for (const bundle::Variant &variant : kernel.variants)
    targets += (targets.empty() ? "" : ", ") + variant.target + " (" +
               std::string(spelling(variant.format)) + ")";
  fail(ATTUNE_NOT_FOUND, "expected code for device " + target.name() + " (" + target.description() +
                             "), but got " + (targets.empty() ? "none at all" : "only " + targets) +
                             "; compile it with that target");
}

/// The launches of one call.
class Call {
public:
  Call(Device &device, size_t launches) : device(device) { device.beginCall(launches); }
  Call(const Call &) = delete;
  ~Call() { device.endCall(); }

private:
  Device &device;
};

/// Memory of one call, given back in the order of the stream.
class TemporaryMemory {
public:
  TemporaryMemory(Device &device, int64_t bytes, void *stream)
      : device(device), stream(stream),
        pointer(bytes > 0 ? device.allocateTemporary(size_t(bytes), stream) : nullptr) {}
  TemporaryMemory(const TemporaryMemory &) = delete;
  ~TemporaryMemory() {
    // Only after a failure, which is the one to report.
    try {
      release();
    } catch (const StatusError &) {
    }
  }

  char *data() const { return static_cast<char *>(pointer); }
  void release() {
    if (void *released = std::exchange(pointer, nullptr))
      device.freeTemporary(released, stream);
  }

private:
  Device &device;
  void *stream;
  void *pointer;
};

} // namespace

struct Kernel::Loaded {
  bundle::Variant variant;
  /// Of the variant, and then of each that may be launched instead.
  std::vector<std::vector<std::shared_ptr<Code>>> codes;
  std::string reason;
};

/// The code of the pre-passes and of the variant; what runs several times is loaded once.
static std::vector<std::shared_ptr<Code>> loadPasses(Device &device, const bundle::Bundle &bundle,
                                                     const bundle::Variant &variant) {
  std::vector<std::shared_ptr<Code>> codes;
  std::vector<const bundle::Variant *> loaded;
  auto key = [](const bundle::Variant &pass) {
    return std::tie(pass.blob, pass.entry, pass.threads, pass.sharedBytes, pass.scratchBytes);
  };
  auto add = [&](const bundle::Variant &pass) {
    size_t same = 0;
    while (same < loaded.size() && key(*loaded[same]) != key(pass))
      ++same;
    loaded.push_back(&pass);
    codes.push_back(same < codes.size() ? codes[same] : device.load(pass, bundle.blobs[pass.blob]));
  };
  for (const bundle::Variant &pass : variant.before)
    add(pass);
  add(variant);
  return codes;
}

Kernel::Loaded Kernel::load(Device &device, const bundle::Bundle &bundle,
                            const bundle::KernelInfo &kernel) {
  std::vector<bundle::Variant> left = kernel.variants;
  std::string refusals;
  while (const bundle::Variant *chosen = device.choose(left)) {
    try {
      Loaded loaded = {*chosen, {}, refusals};
      loaded.codes.push_back(loadPasses(device, bundle, *chosen));
      for (const bundle::Variant &other : chosen->instead)
        loaded.codes.push_back(loadPasses(device, bundle, other));
      return loaded;
    } catch (RefusedCode &refused) {
      refusals += (refusals.empty() ? "" : "; ") + refused.message;
      // A driver refuses a cubin that is newer than it is; PTX that it refuses is a fault.
      bool isCubin = chosen->format == bundle::BlobFormat::Cubin;
      left.erase(left.begin() + (chosen - left.data()));
      if (!isCubin || !device.choose(left))
        fail(refused.status, refusals);
    }
  }
  failWithoutCode(device, kernel);
}

Kernel::Kernel(std::shared_ptr<Device> target, const bundle::Bundle &bundle,
               const bundle::KernelInfo &kernel)
    : Kernel(target, kernel, load(*target, bundle, kernel)) {
  selfTest(bundle);
}

Kernel::Kernel(std::shared_ptr<Device> target, const bundle::KernelInfo &kernel, Loaded loaded)
    : device(std::move(target)), reason(std::move(loaded.reason)) {
  for (std::vector<std::shared_ptr<Code>> &codes : loaded.codes) {
    const bundle::Variant &variant =
        choices.empty() ? loaded.variant : loaded.variant.instead[choices.size() - 1];
    choices.push_back({LaunchPlan(kernel, variant), std::move(codes)});
  }
}

void Kernel::selfTest(const bundle::Bundle &bundle) {
  for (const Choice &choice : choices) {
    std::string key;
    const bundle::Variant &tested = choice.plan.variantInfo();
    if (!needsSelfTest(*device, bundle, info(), tested, key))
      continue;
    runSelfTest(*device, info(), tested, bundle.blobs[info().selfTest->blob],
                [&](const attune_argument *arguments, size_t count) {
                  LaunchState state;
                  choice.plan.check(*device, arguments, count, state);
                  launch(choice, state, nullptr);
                });
    selfTestPassed(key);
  }
}

const Kernel::Choice &Kernel::choose(const attune_argument *arguments, size_t count,
                                     LaunchState &state) const {
  const Choice *best = &choices.front();
  best->plan.check(*device, arguments, count, state);
  if (choices.size() == 1)
    return *best;
  int64_t fewest = best->plan.countPairs(state);
  for (const Choice &choice : choices)
    if (choice.plan.suits(state))
      if (int64_t pairs = choice.plan.countPairs(state); pairs < fewest) {
        fewest = pairs;
        best = &choice;
      }
  if (best != &choices.front())
    best->plan.check(*device, arguments, count, state);
  return *best;
}

const bundle::Variant &Kernel::variantFor(const attune_argument *arguments, size_t count) const {
  LaunchState state;
  return choose(arguments, count, state).plan.variantInfo();
}

void Kernel::check(const attune_argument *arguments, size_t count) const {
  LaunchState state;
  choose(arguments, count, state);
}

size_t Kernel::workspaceBytes(const attune_argument *arguments, size_t count) const {
  LaunchState state;
  choose(arguments, count, state);
  return size_t(state.workspaceBytes);
}

void Kernel::launch(const attune_argument *arguments, size_t count, void *stream) const {
  LaunchState state;
  const Choice &choice = choose(arguments, count, state);
  launch(choice, state, stream);
}

void Kernel::launch(const Choice &choice, LaunchState &state, void *stream) const {
  const auto &[plan, codes] = choice;
  if (plan.isEmpty(state))
    return;
  size_t launches = 0;
  for (size_t pass = 0; pass < codes.size(); ++pass)
    if (!LaunchPlan::hasZero(state.grids[pass])) {
      codes[pass]->checkGrid(state.grids[pass]);
      ++launches;
    }
  Call call(*device, launches);
  TemporaryMemory memory(*device, state.workspaceBytes, stream);
  plan.marshal(*device, memory.data(), state);
  for (size_t pass = 0; pass < codes.size(); ++pass)
    if (!LaunchPlan::hasZero(state.grids[pass]))
      codes[pass]->launch(state.grids[pass], plan.parametersOf(pass, state), stream);
  memory.release();
}

} // namespace attune::device
