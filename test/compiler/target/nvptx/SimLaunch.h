// SPDX-License-Identifier: Apache-2.0
// How does a test run compiled PTX without a GPU? On the simulator: host tensors are copied to its
// memory and back, and whatever it finds fails the test.
#ifndef ATTUNE_TEST_COMPILER_TARGET_NVPTX_SIMLAUNCH_H
#define ATTUNE_TEST_COMPILER_TARGET_NVPTX_SIMLAUNCH_H

#include "compiler/target/nvptx/NvptxTarget.h"
#include "runtime/sim/Simulator.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>

namespace attune::test {

/// Orders that differ as much as they can: of warps, and of when copies land.
inline std::vector<sim::Options> differentOrders() {
  sim::Options early, late, random;
  early.completion = sim::Completion::Early;
  early.schedule = sim::Schedule::LowestFirst;
  late.completion = sim::Completion::Late;
  late.schedule = sim::Schedule::HighestFirst;
  random.completion = sim::Completion::Random;
  random.schedule = sim::Schedule::Random;
  random.seed = 1;
  return {early, late, random};
}

/// Collects the parameters of a launch in their order, and runs it.
class SimLaunch {
public:
  /// A pointer to `bytes` of host memory, which the kernel may read and write.
  void addMemory(void *host, size_t bytes) {
    uint64_t address = memory.allocate(bytes);
    ASSERT_TRUE(memory.copyTo(address, host, bytes));
    copies.push_back({host, address, bytes});
    parameters.push_back(address);
  }
  void add(int64_t value) { parameters.push_back(uint64_t(value)); }
  void add(float value) { parameters.push_back(std::bit_cast<uint32_t>(value)); }

  void run(const PtxCode &code, std::array<uint32_t, 3> grid, const sim::Options &options) try {
    sim::LoadedModule module(code.text);
    const sim::Program *program = module.entry(code.entry);
    ASSERT_TRUE(program) << code.entry;
    ASSERT_EQ(parameters.size(), program->parameters.size());
    sim::LaunchRequest request;
    request.grid = grid;
    request.threads = {uint32_t(code.threads), 1, 1};
    request.dynamicSharedBytes = uint32_t(code.sharedBytes);
    for (size_t index = 0; index < parameters.size(); ++index) {
      std::vector<uint8_t> bytes(program->parameters[index].bytes);
      ASSERT_LE(bytes.size(), sizeof(uint64_t));
      std::memcpy(bytes.data(), &parameters[index], bytes.size());
      request.parameters.push_back(std::move(bytes));
    }
    sim::LaunchResult result = sim::launch(module, *program, memory, request, options);
    ASSERT_EQ(sim::printReport(result, module), "");
    for (const Copy &copy : copies)
      ASSERT_TRUE(memory.copyFrom(copy.host, copy.address, copy.bytes));
  } catch (const std::exception &error) {
    FAIL() << error.what();
  }

private:
  struct Copy {
    void *host;
    uint64_t address;
    size_t bytes;
  };
  sim::GlobalMemory memory;
  std::vector<Copy> copies;
  /// Their low bytes are what is passed.
  std::vector<uint64_t> parameters;
};

} // namespace attune::test

#endif // ATTUNE_TEST_COMPILER_TARGET_NVPTX_SIMLAUNCH_H
