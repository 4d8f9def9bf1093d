// SPDX-License-Identifier: Apache-2.0
// What does an access cost the memory system? Conflicts between banks of shared memory, sectors of
// global memory.
#pragma once

#include "runtime/sim/Counters.h"

namespace attune::sim {

/// Counts a shared access of `bytes` for each lane of `mask`: 32 banks of 4 bytes, lanes in order in
/// as many phases as 128 bytes a phase need; words that share a bank with another take a pass more.
void countShared(LineCounters &counters, Mask mask, const uint32_t *addresses, uint32_t bytes);

/// Counts the 32-byte sectors that a global access of `bytes` for each lane of `mask` touches, and
/// those that the same bytes would fill if they lay together.
void countGlobal(LineCounters &counters, Mask mask, const uint64_t *addresses, uint32_t bytes);

/// The same for one contiguous piece.
void countGlobal(LineCounters &counters, uint64_t address, uint64_t bytes);

} // namespace attune::sim
