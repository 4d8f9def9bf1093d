// SPDX-License-Identifier: Apache-2.0
// Loads modules, checks what a launch asks for, and runs the clusters over threads.
#include "runtime/sim/Simulator.h"

#include "runtime/sim/machine/Block.h"
#include "runtime/sim/program/Contract.h"
#include "runtime/sim/program/Decoder.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <thread>

namespace attune::sim {

//===-- Modules ---===//

LoadedModule::LoadedModule(std::string text) : module(ptx::parse(std::move(text))) {
  for (const ptx::Function &function : module.functions)
    if (function.isEntry)
      programs.push_back(decode(module, function));
}

const Program *LoadedModule::entry(const std::string &name) const {
  for (const auto &program : programs)
    if (program->name == name)
      return program.get();
  return nullptr;
}

std::vector<std::string> LoadedModule::entryNames() const {
  std::vector<std::string> names;
  for (const auto &program : programs)
    names.push_back(program->name);
  return names;
}

//===-- Checks of a launch ---===//

namespace {

/// What a block can have on the targets that there are (CUDA C++ Programming Guide, "Technical
/// Specifications per Compute Capability"): 227 KB of shared memory on sm_90, 163 KB on sm_80, 99 KB
/// on sm_86 and sm_89.
uint32_t mostSharedBytes(uint32_t target) {
  if (target >= 90)
    return 227 * 1024;
  return target == 80 || target == 87 ? 163 * 1024 : 99 * 1024;
}

[[noreturn]] void refuse(const Program &program, const std::string &message) {
  throw std::invalid_argument("entry '" + program.name + "': " + message);
}

std::string spell(const std::array<uint32_t, 3> &sizes) {
  return std::to_string(sizes[0]) + " x " + std::to_string(sizes[1]) + " x " +
         std::to_string(sizes[2]);
}

std::string spell(const uint32_t (&sizes)[3]) {
  return spell(std::array<uint32_t, 3>{sizes[0], sizes[1], sizes[2]});
}

void checkThreads(const Program &program, const LaunchRequest &request) {
  const auto &threads = request.threads;
  uint64_t count = uint64_t(threads[0]) * threads[1] * threads[2];
  if (count == 0 || count > 1024)
    refuse(program, "expected from 1 to 1024 threads a block, found " + spell(threads));
  const uint32_t (&required)[3] = program.requiredThreads;
  if (required[0] && !std::equal(threads.begin(), threads.end(), required))
    refuse(program, "its .reqntid demands blocks of " + spell(required) + " threads, found " +
                        spell(threads));
  const uint32_t (&most)[3] = program.maximumThreads;
  uint64_t mostCount = uint64_t(most[0]) * std::max(most[1], 1u) * std::max(most[2], 1u);
  if (most[0] && count > mostCount)
    refuse(program, "its .maxntid allows " + std::to_string(mostCount) + " threads, found " +
                        spell(threads));
}

void checkGrid(const Program &program, const LaunchRequest &request) {
  uint64_t blocks = 1;
  for (size_t axis = 0; axis < 3; ++axis) {
    uint32_t grid = request.grid[axis], cluster = request.cluster[axis];
    if (grid == 0 || (axis > 0 && grid > 65535) || grid > 0x7fffffff)
      refuse(program, "the grid cannot be " + spell(request.grid) + " blocks");
    if (cluster == 0 || grid % cluster != 0)
      refuse(program,
             "expected the grid to be a multiple of the cluster in every direction, found " +
                 spell(request.grid) + " and " + spell(request.cluster));
    blocks *= cluster;
  }
  if (blocks > 16)
    refuse(program, "expected at most 16 blocks a cluster, found " + spell(request.cluster));
  if (blocks > 1 && program.target < 90)
    refuse(program, "clusters of more than one block need sm_90, the code is for sm_" +
                        std::to_string(program.target));
  const uint32_t (&required)[3] = program.requiredCluster;
  if (required[0] && !std::equal(request.cluster.begin(), request.cluster.end(), required))
    refuse(program, "its .reqnctapercluster demands clusters of " + spell(required) +
                        " blocks, found " + spell(request.cluster));
}

void checkShared(const Program &program, const LaunchRequest &request) {
  uint64_t bytes = program.staticSharedBytes + request.dynamicSharedBytes;
  if (bytes > mostSharedBytes(program.target))
    refuse(program, "needs " + std::to_string(bytes) +
                        " bytes of shared memory, but a block of sm_" +
                        std::to_string(program.target) + " has at most " +
                        std::to_string(mostSharedBytes(program.target)));
}

/// The parameters at their offsets.
std::vector<uint8_t> layOut(const Program &program, const LaunchRequest &request) {
  if (request.parameters.size() != program.parameters.size())
    refuse(program, "expected " + std::to_string(program.parameters.size()) +
                        " parameters, found " + std::to_string(request.parameters.size()));
  std::vector<uint8_t> bytes(program.parameterBytes);
  for (size_t i = 0; i < request.parameters.size(); ++i) {
    const ptx::Variable &parameter = program.parameters[i];
    if (request.parameters[i].size() != parameter.bytes)
      refuse(program, "parameter " + std::to_string(i) + " ('" + parameter.name + "') has " +
                          std::to_string(parameter.bytes) + " bytes, found " +
                          std::to_string(request.parameters[i].size()));
    std::memcpy(bytes.data() + parameter.offset, request.parameters[i].data(), parameter.bytes);
  }
  return bytes;
}

//===-- Running ---===//

/// The module's .global and .const variables in memory while a launch runs. They start anew with
/// each launch.
class GlobalVariables {
public:
  GlobalVariables(GlobalMemory &memory, const Program &program) : memory(memory) {
    for (const ptx::Variable &variable : program.globals) {
      uint64_t address = memory.allocate(std::max<uint64_t>(variable.bytes, 1));
      addresses.push_back(address);
      std::vector<uint8_t> initial = variable.initial;
      initial.resize(variable.bytes);
      memory.copyTo(address, initial.data(), initial.size());
    }
  }
  GlobalVariables(const GlobalVariables &) = delete;
  ~GlobalVariables() {
    for (uint64_t address : addresses)
      memory.free(address);
  }
  std::vector<uint64_t> addresses;

private:
  GlobalMemory &memory;
};

/// Hands out clusters to threads; each has its own counters.
class Runner {
public:
  Runner(const Launch &launch) : launch(launch) {
    for (size_t axis = 0; axis < 3; ++axis)
      clusters[axis] = launch.grid[axis] / launch.cluster[axis];
    total = uint64_t(clusters[0]) * clusters[1] * clusters[2];
  }

  Counters run() {
    unsigned threads = launch.options.threads ? launch.options.threads
                                              : std::max(1u, std::thread::hardware_concurrency());
    threads = unsigned(std::min<uint64_t>(threads, total));
    std::vector<Counters> counters(threads);
    std::vector<std::thread> workers;
    for (unsigned i = 1; i < threads; ++i)
      workers.emplace_back([&, i] { work(counters[i]); });
    work(counters[0]);
    for (std::thread &worker : workers)
      worker.join();
    if (failure)
      std::rethrow_exception(failure);
    for (unsigned i = 1; i < threads; ++i)
      counters[0].add(counters[i]);
    return std::move(counters[0]);
  }

private:
  void work(Counters &counters) {
    try {
      counters.lines.resize(launch.program.code.size());
      for (uint64_t number = next++; number < total && !failed && !launch.isOver(); number = next++)
        runCluster(number, counters);
    } catch (...) {
      if (!failed.exchange(true))
        failure = std::current_exception();
    }
  }

  void runCluster(uint64_t number, Counters &counters) {
    std::array<uint32_t, 3> first = {
        uint32_t(number % clusters[0]) * launch.cluster[0],
        uint32_t(number / clusters[0] % clusters[1]) * launch.cluster[1],
        uint32_t(number / clusters[0] / clusters[1]) * launch.cluster[2]};
    // Each cluster draws its own numbers, whatever thread it runs on.
    uint64_t seed = (launch.options.seed + 1) * 0x9e3779b97f4a7c15 ^ number * 0xbf58476d1ce4e5b9;
    Cluster(launch, first, seed, counters).run();
  }

  const Launch &launch;
  std::array<uint32_t, 3> clusters{};
  uint64_t total = 0;
  std::atomic<uint64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr failure;
};

} // namespace

LaunchResult launch(const LoadedModule &module, const Program &program, GlobalMemory &memory,
                    const LaunchRequest &request, const Options &options) {
  checkThreads(program, request);
  checkGrid(program, request);
  checkShared(program, request);
  std::vector<uint8_t> parameters = layOut(program, request);
  std::unique_ptr<Program> fused = options.contract ? contracted(program) : nullptr;
  const Program &runs = fused ? *fused : program;
  GlobalVariables variables(memory, runs);
  Findings findings;
  memory.beginLaunch();
  Launch launch{runs,
                module.syntax(),
                options,
                memory,
                findings,
                request.grid,
                request.threads,
                request.cluster,
                request.dynamicSharedBytes,
                parameters,
                variables.addresses};
  LaunchResult result;
  result.counters = Runner(launch).run();
  result.findings = findings.take();
  result.droppedFindings = findings.dropped();
  return result;
}

/// A mistake in a loop is found at every line behind it: nobody reads all of them.
static constexpr size_t mostPrinted = 12;

std::string printReport(const LaunchResult &result, const LoadedModule &module) {
  auto lineText = [](const void *context, uint32_t line) {
    return static_cast<const LoadedModule *>(context)->syntax().line(line);
  };
  std::string text;
  size_t printed = std::min(result.findings.size(), mostPrinted);
  for (size_t i = 0; i < printed; ++i)
    text += print(result.findings[i], lineText, &module);
  uint64_t more = result.findings.size() - printed + result.droppedFindings;
  if (more)
    text += "and " + std::to_string(more) +
            " more findings at other lines; the first one is most often the cause\n";
  return text;
}

} // namespace attune::sim
