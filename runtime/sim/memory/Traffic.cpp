// SPDX-License-Identifier: Apache-2.0
// Counts bank conflicts and sectors.
#include "runtime/sim/memory/Traffic.h"

#include <algorithm>
#include <array>
#include <bit>

namespace attune::sim {

namespace {

constexpr unsigned bankCount = 32, bankBytes = 4, sectorBytes = 32;

/// How often the fullest bank is read: the passes of one phase.
unsigned passes(uint32_t *begin, uint32_t *end) {
  std::sort(begin, end);
  end = std::unique(begin, end);
  std::array<unsigned, bankCount> used{};
  unsigned most = 1;
  for (uint32_t *word = begin; word != end; ++word)
    most = std::max(most, ++used[*word % bankCount]);
  return most;
}

} // namespace

void countShared(LineCounters &counters, Mask mask, const uint32_t *addresses, uint32_t bytes) {
  counters.sharedBytes += uint64_t(std::popcount(mask)) * bytes;
  unsigned wordsPerLane = std::clamp(bytes / bankBytes, 1u, bankCount);
  unsigned lanesPerPhase = std::min(bankCount / wordsPerLane, warpSize);
  for (unsigned first = 0; first < warpSize; first += lanesPerPhase) {
    uint32_t words[bankCount], *end = words;
    for (unsigned lane = first; lane != first + lanesPerPhase; ++lane)
      if (mask >> lane & 1)
        for (unsigned word = 0; word != wordsPerLane; ++word)
          *end++ = addresses[lane] / bankBytes + word;
    if (end == words)
      continue;
    unsigned needed = passes(words, end);
    counters.sharedPasses += needed;
    counters.bankConflicts += needed - 1;
  }
}

void countGlobal(LineCounters &counters, Mask mask, const uint64_t *addresses, uint32_t bytes) {
  counters.globalBytes += uint64_t(std::popcount(mask)) * bytes;
  std::array<uint64_t, warpSize> sorted;
  uint64_t *end = sorted.data();
  for (unsigned lane = 0; lane != warpSize; ++lane)
    if (mask >> lane & 1)
      *end++ = addresses[lane];
  std::sort(sorted.data(), end);
  end = std::unique(sorted.data(), end);
  uint64_t next = 0;
  for (const uint64_t *address = sorted.data(); address != end; ++address) {
    uint64_t first = std::max(next, *address / sectorBytes);
    uint64_t behind = (*address + bytes - 1) / sectorBytes + 1;
    counters.sectors += behind > first ? behind - first : 0;
    next = std::max(next, behind);
  }
  uint64_t distinct = uint64_t(end - sorted.data()) * bytes;
  counters.idealSectors += (distinct + sectorBytes - 1) / sectorBytes;
}

void countGlobal(LineCounters &counters, uint64_t address, uint64_t bytes) {
  if (!bytes)
    return;
  counters.globalBytes += bytes;
  counters.sectors += (address + bytes - 1) / sectorBytes - address / sectorBytes + 1;
  counters.idealSectors += (bytes + sectorBytes - 1) / sectorBytes;
}

} // namespace attune::sim
