// SPDX-License-Identifier: Apache-2.0
// What did the instructions of a launch cost? Counts for each instruction, and a rough estimate of
// what bounds a kernel.
#pragma once

#include "runtime/sim/program/Program.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace attune::sim {

struct LineCounters {
  /// Times that a warp executed it, and lanes that were off then.
  uint64_t executed = 0, lanesOff = 0;
  /// Bytes that lanes and copies moved.
  uint64_t globalBytes = 0, sharedBytes = 0, localBytes = 0;
  /// 32-byte sectors that global accesses touched, and the fewest that could have done.
  uint64_t sectors = 0, idealSectors = 0;
  /// Passes over shared memory, and those of them that conflicts between banks caused.
  uint64_t sharedPasses = 0, bankConflicts = 0;
  uint64_t tensorFlops = 0;
  /// Times that a warp had to wait here.
  uint64_t waits = 0;

  void add(const LineCounters &other);
};

/// Counters of a launch.
struct Counters {
  /// One entry an instruction of the program.
  std::vector<LineCounters> lines;
  uint64_t blocks = 0, warps = 0;
  /// Most bytes that copies of one block had in flight at a time.
  uint64_t mostBytesInFlight = 0;

  void add(const Counters &other);
};

/// Totals, a table of classes, the costliest lines, and what would bound the kernel on an SM:
/// marked as an estimate. `text` is the PTX.
std::string print(const Counters &counters, const Program &program, std::string_view text,
                  unsigned mostLines);

} // namespace attune::sim
