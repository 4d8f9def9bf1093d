// SPDX-License-Identifier: Apache-2.0
// What is the memory of the simulated device? Allocations with room between them, addresses that
// mean nothing to this computer, and for each word whether it was written and by which block.
#pragma once

#include "runtime/sim/memory/SharedMemory.h"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace attune::sim {

/// Shared, local and global memory in the generic address space. A shared address of block r of a
/// cluster is sharedWindow + (r << sharedRankShift) + offset; the .shared address is the same less
/// sharedWindow.
inline constexpr uint64_t sharedWindow = uint64_t(0x7f) << 40;
inline constexpr uint64_t localWindow = uint64_t(0x7e) << 40;
inline constexpr uint64_t paramWindow = uint64_t(0x7d) << 40;
inline constexpr unsigned sharedRankShift = 24;

/// Memory that kernels see as global. Allocating, freeing and copying may happen while nothing runs.
class GlobalMemory {
public:
  struct Allocation {
    uint64_t address = 0, bytes = 0;
    std::unique_ptr<uint8_t[]> data;
    /// A bit for each byte: written at all.
    std::unique_ptr<std::atomic<uint32_t>[]> initialised;
    /// For each 2 bytes the number of the block that wrote them in this launch, from 1; made when a
    /// launch first writes here.
    std::unique_ptr<std::atomic<uint32_t>[]> writers;
    std::atomic<std::atomic<uint32_t> *> publishedWriters = nullptr;
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
  Allocation *lookup(uint64_t address) const;
  Allocation *around(uint64_t address, uint64_t bytes) const;
  Mask resolve(const LaneAccess &access, Mask mask, const uint64_t *addresses, uint8_t **pointers,
               Allocation *&common) const;
  void note(const LaneAccess &access, Mask mask, const uint64_t *addresses, Allocation *common);
  std::atomic<uint32_t> *writersOf(Allocation &allocation);
  void claim(Warp &warp, const Instruction &instruction, Mask lanes, Allocation &allocation,
             uint64_t offset, uint64_t bytes);

  std::map<uint64_t, Allocation> allocations;
  uint64_t nextAddress = uint64_t(0x7000) << 24;
  /// Changes when an allocation comes or goes; no two memories ever have the same.
  uint64_t generation = 0;
  /// Guards what threads of a launch make together.
  std::mutex mutex;
};

} // namespace attune::sim
