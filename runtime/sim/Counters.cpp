// SPDX-License-Identifier: Apache-2.0
// Adds up what instructions cost.
#include "runtime/sim/Counters.h"

#include <algorithm>

namespace attune::sim {

void LineCounters::add(const LineCounters &other) {
  executed += other.executed;
  lanesOff += other.lanesOff;
  globalBytes += other.globalBytes;
  sharedBytes += other.sharedBytes;
  localBytes += other.localBytes;
  sectors += other.sectors;
  idealSectors += other.idealSectors;
  sharedPasses += other.sharedPasses;
  bankConflicts += other.bankConflicts;
  tensorFlops += other.tensorFlops;
  waits += other.waits;
}

void Counters::add(const Counters &other) {
  lines.resize(std::max(lines.size(), other.lines.size()));
  for (size_t i = 0; i != other.lines.size(); ++i)
    lines[i].add(other.lines[i]);
  blocks += other.blocks;
  warps += other.warps;
  mostBytesInFlight = std::max(mostBytesInFlight, other.mostBytesInFlight);
}

} // namespace attune::sim
