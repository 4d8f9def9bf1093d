// SPDX-License-Identifier: Apache-2.0
// What does a block's shared memory hold, and who may touch it now? The bytes, and for each word of
// 4 bytes a shadow: last writer, readers since, what has been written at all, what a copy is still
// writing.
#pragma once

#include "runtime/sim/memory/Clocks.h"
#include "runtime/sim/program/Program.h"
#include "runtime/sim/Report.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace attune::sim {

class Warp;
class Block;

enum class AccessKind : uint8_t {
  Read,
  Write,
  /// Ordered with other atomic accesses of the same word, whoever makes them.
  Atomic,
  /// A strong load (volatile, relaxed, acquire): ordered with atomic accesses, but writes nothing.
  AtomicRead,
  /// A strong store: ordered with atomic accesses, but reads nothing.
  AtomicWrite,
};
inline bool reads(AccessKind kind) {
  return kind != AccessKind::Write && kind != AccessKind::AtomicWrite;
}
inline bool writes(AccessKind kind) {
  return kind != AccessKind::Read && kind != AccessKind::AtomicRead;
}
/// Strong accesses: ordered with each other, whoever makes them.
inline bool isAtomic(AccessKind kind) {
  return kind != AccessKind::Read && kind != AccessKind::Write;
}

/// An access of lanes of a warp, through the generic proxy.
struct LaneAccess {
  Warp &warp;
  const Instruction &instruction;
  AccessKind kind;
  /// Bytes of each lane; also the alignment that is needed.
  uint32_t bytes;
  /// The lanes act as one (ldmatrix, stmatrix): no hazards between them.
  bool together = false;
};

/// An access of an asynchronous unit, made for a warp (or of the async proxy for it).
struct AsyncAccess {
  Warp &warp;
  const Instruction &instruction;
  /// Who reads or writes and when: what a wait has to cover. For non-bulk cp.async the warp itself.
  Epoch epoch;
  /// Through the async proxy (bulk copies, wgmma); not cp.async.
  bool asyncProxy;
};

/// Number of an asynchronous write that is under way; 0 is none.
using Flight = uint32_t;

class SharedMemory {
public:
  /// Shared memory of `block`, in which addresses begin at `base` and end `bytes` later. Nothing has
  /// been written yet: the bytes are a pattern that is NaN in every float type.
  SharedMemory(Block &block, uint32_t base, uint32_t bytes);
  ~SharedMemory();

  uint32_t begin() const { return first; }
  uint32_t end() const { return first + size; }
  /// `address` lies in [begin, end).
  uint8_t *at(uint32_t address) { return data + (address - first); }

  /// Checks an access of the lanes of `mask` at `addresses` (offsets in this block) and notes it.
  /// Returns the lanes that may go on: in bounds and aligned. Counts bank conflicts into the
  /// instruction's counters.
  Mask access(const LaneAccess &access, Mask mask, const uint32_t *addresses);

  /// An asynchronous read of [address, address + bytes), from now until an epoch covers it. False
  /// (and a finding) when it is out of bounds.
  bool read(const AsyncAccess &access, uint32_t address, uint32_t bytes);
  /// An asynchronous write begins; the bytes are in flight until `land`. False (and a finding) when
  /// it is out of bounds. Several ranges may share a flight.
  bool beginWrite(const AsyncAccess &access, Flight flight, uint32_t address, uint32_t bytes);
  /// The bytes of this range have been written: they are initialised, no longer in flight, and
  /// their writer is `epoch` (by the async proxy if `asyncProxy`).
  void land(Flight flight, uint32_t address, uint32_t bytes, Epoch epoch, bool asyncProxy);
  /// A number for a new flight, and whom to name when its bytes are touched.
  Flight newFlight(const AsyncAccess &access);

  /// [address, address + bytes) is an mbarrier from now on / no more: only mbarrier instructions may
  /// touch it.
  void reserve(uint32_t address, uint32_t bytes, bool reserved);

private:
  struct Shadow;
  Mask withinBounds(const LaneAccess &access, Mask mask, const uint32_t *addresses);
  void reportOutside(Warp &warp, const Instruction &instruction, Mask lanes, uint32_t address,
                     uint64_t bytes);
  /// What every asynchronous access begins with: bounds, counters, who it is for.
  bool admit(const AsyncAccess &access, uint32_t address, uint32_t bytes);

  Block &block;
  uint32_t first, size;
  std::vector<uint8_t> storage;
  uint8_t *data;
  std::unique_ptr<Shadow> shadow;
};

} // namespace attune::sim
