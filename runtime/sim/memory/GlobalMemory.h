// SPDX-License-Identifier: Apache-2.0
// What is the memory of the simulated device? Allocations with room between them, addresses that
// mean nothing to this computer, and for each word whether it was written and by which block.
#pragma once

#include "runtime/sim/memory/SharedMemory.h"

#include <atomic>
#include <map>
#include <memory>
#include <shared_mutex>

namespace attune::sim {

/// Shared, local and global memory in the generic address space. A shared address of block r of a
/// cluster is sharedWindow + (r << sharedRankShift) + offset; the .shared address is the same less
/// sharedWindow.
inline constexpr uint64_t sharedWindow = uint64_t(0x7f) << 40;
inline constexpr uint64_t localWindow = uint64_t(0x7e) << 40;
inline constexpr uint64_t paramWindow = uint64_t(0x7d) << 40;
inline constexpr unsigned sharedRankShift = 24;

/// Memory that kernels see as global. Allocating and freeing may happen while nothing runs.
class GlobalMemory {
public:
  struct Allocation {
    uint64_t address = 0, bytes = 0;
    std::unique_ptr<uint8_t[]> data;
    /// A bit for each byte group of 4: written at all.
    std::unique_ptr<std::atomic<uint32_t>[]> initialised;
    /// For each 4 bytes the number of the block that wrote them in this launch (launch number in
    /// the high half), made when first needed.
    std::unique_ptr<std::atomic<uint64_t>[]> writers;
  };

  /// At least 256-byte aligned, filled with a pattern that is NaN in every float type. Throws
  /// std::bad_alloc.
  uint64_t allocate(uint64_t bytes);
  /// False when no allocation begins at this address.
  bool free(uint64_t address);
  /// Null, or the bytes at [address, address + bytes) when they lie in one allocation.
  uint8_t *find(uint64_t address, uint64_t bytes);
  /// Host access: false when the range lies in no allocation. Writing initialises.
  bool copyTo(uint64_t address, const void *from, uint64_t bytes);
  bool copyFrom(void *to, uint64_t address, uint64_t bytes);
  /// Where an address is relative to the nearest allocation, for messages: "4 bytes behind the 1024
  /// bytes at 0x...".
  std::string whereabouts(uint64_t address) const;
  /// A new launch begins: writers of earlier ones do not count.
  void beginLaunch();

  /// Checks an access of lanes and notes it; `pointers` gets where each lane's bytes are. Returns
  /// the lanes that may go on. Counts sectors.
  Mask access(const LaneAccess &access, Mask mask, const uint64_t *addresses, uint8_t **pointers);
  /// The same for an asynchronous copy's contiguous piece; null when it may not.
  uint8_t *access(Warp &warp, const Instruction &instruction, AccessKind kind, uint64_t address,
                  uint64_t bytes, uint32_t alignment, uint32_t lanes);

private:
  const Allocation *lookup(uint64_t address) const;
  std::map<uint64_t, Allocation> allocations;
  uint64_t nextAddress = uint64_t(0x7000) << 24;
  uint64_t launchNumber = 0;
  mutable std::shared_mutex mutex;
};

} // namespace attune::sim
