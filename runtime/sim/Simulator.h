// SPDX-License-Identifier: Apache-2.0
// How is PTX run without a GPU? Load a module, allocate memory, launch an entry, read the report.
//
//   GlobalMemory memory;
//   LoadedModule module(text);
//   uint64_t x = memory.allocate(1024);
//   LaunchRequest request{...};
//   Result result = launch(module.entry("kernel"), memory, request, options);
#pragma once

#include "runtime/sim/Counters.h"
#include "runtime/sim/Options.h"
#include "runtime/sim/Report.h"
#include "runtime/sim/memory/GlobalMemory.h"
#include "runtime/sim/program/Program.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace attune::sim {

/// PTX that has been read and decoded. Does not change.
class LoadedModule {
public:
  /// Throws LoadError.
  explicit LoadedModule(std::string text);

  const ptx::Module &syntax() const { return module; }
  /// The program of an entry function; null when there is none of this name. Throws LoadError
  /// when the function has instructions that the simulator does not know.
  const Program *entry(const std::string &name) const;
  std::vector<std::string> entryNames() const;

private:
  ptx::Module module;
  std::vector<std::unique_ptr<Program>> programs;
};

struct LaunchRequest {
  std::array<uint32_t, 3> grid{1, 1, 1}, threads{32, 1, 1}, cluster{1, 1, 1};
  uint32_t dynamicSharedBytes = 0;
  /// Bytes of each parameter, in order: as many as the parameter has.
  std::vector<std::vector<uint8_t>> parameters;
};

struct LaunchResult {
  /// Empty when nothing was found.
  std::vector<Finding> findings;
  uint64_t droppedFindings = 0;
  /// Filled when Options::counters is set.
  Counters counters;
};

/// Runs all blocks. Throws std::invalid_argument when the request does not fit the program (thread
/// counts, parameters, shared memory), with a message for people.
LaunchResult launch(const LoadedModule &module, const Program &program, GlobalMemory &memory,
                    const LaunchRequest &request, const Options &options);

/// The first findings as text for people, with the PTX lines, and how many more there are: what
/// attn-run prints.
std::string printReport(const LaunchResult &result, const LoadedModule &module);

} // namespace attune::sim
