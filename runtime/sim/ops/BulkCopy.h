// SPDX-License-Identifier: Apache-2.0
// What do bulk copies of contiguous bytes and of tensors have in common? Bytes that go into shared
// memory and are reported to an mbarrier, and bytes that come out of it in groups of a thread.
#pragma once

#include "runtime/sim/numerics/MatrixLayouts.h"
#include "runtime/sim/ops/Mbarrier.h"
#include "runtime/sim/ops/Reduction.h"

#include <memory>
#include <optional>
#include <vector>

namespace attune::sim {

/// How many bytes copies have yet to bring into the shared memory of a block.
class BytesInFlight : public Unit {
public:
  explicit BytesInFlight(Block &block) : block(block) {}
  void add(uint64_t bytes);
  void remove(uint64_t bytes) { now -= bytes; }

private:
  Block &block;
  uint64_t now = 0;
};

/// The bytes of a copy on its two sides.
struct BulkShape {
  /// A run of bytes in global memory; `shared` counts from where the copy begins in shared memory,
  /// before it is swizzled.
  struct Run {
    uint8_t *global;
    uint32_t shared, bytes;
  };
  std::vector<Run> runs;
  /// From the first byte in shared memory to behind the last.
  uint32_t extent = 0;
  /// What an mbarrier is told.
  uint32_t bytes = 0;
  Swizzle swizzle = Swizzle::None;
  /// Some bytes of the extent lie in no run and get the fill: `fill` is an element of it.
  bool hasGaps = false;
  uint64_t fill = 0;
  uint32_t fillBytes = 1;

  /// Calls move(shared address, global, bytes) for pieces that are contiguous on both sides.
  template <typename Move> void forPieces(uint32_t begin, Move move) const {
    constexpr uint32_t piece = 16;
    for (const Run &run : runs) {
      if (swizzle == Swizzle::None) {
        move(begin + run.shared, run.global, run.bytes);
        continue;
      }
      for (uint32_t done = 0; done < run.bytes;) {
        uint32_t address = begin + run.shared + done;
        uint32_t count = std::min(piece - address % piece, run.bytes - done);
        move(swizzledOffset(swizzle, address), run.global + done, count);
        done += count;
      }
    }
  }
};

/// One CTA's share of a load: its bytes in shared memory and its mbarrier.
struct LoadTarget {
  Block *block = nullptr;
  uint32_t address = 0;
  Mbarrier *barrier = nullptr;
};

/// Starts a load from global memory into each target.
void issueLoads(const Actor &actor, std::shared_ptr<const BulkShape> shape,
                const std::vector<LoadTarget> &targets);

/// Starts a store or reduction from the shared memory of the actor's block at `address` to global
/// memory. Belongs to the open group of the actor's (only) lane.
void issueStore(const Actor &actor, std::shared_ptr<const BulkShape> shape, uint32_t address,
                std::optional<Reduction> reduction);

/// Starts a copy from the shared memory of the actor's block at `source`.
void issueSharedLoad(const Actor &actor, const LoadTarget &target, uint32_t source, uint32_t size);

/// cp.async.bulk.commit_group and wait_group: all but the `remaining` most recent groups of each
/// lane are done, or have read their source.
void commitStores(Warp &warp, Mask mask);
void waitForStores(Warp &warp, Mask mask, uint32_t remaining, bool onlyRead);

/// The block that a .shared::cluster address lies in, by its high bits; null, and a finding, when
/// there is none or another than the actor's is asked for.
Block *sharedBlock(const Actor &actor, uint64_t address, bool ownBlock);

/// The targets of a load whose operands are `address` and `mbarrier` in a lane: of all blocks in
/// `blocks` when it is multicast. Reports what is wrong; empty then.
std::vector<LoadTarget> loadTargets(const Actor &actor, uint64_t address, uint64_t mbarrier,
                                    uint32_t alignment, bool ownBlock,
                                    std::optional<uint16_t> blocks);

/// Reports an address or a size that is no multiple of `alignment`.
bool isAligned(const Actor &actor, const char *what, uint64_t value, uint32_t alignment);

/// cp.async.bulk and cp.reduce.async.bulk, from the part behind "bulk" on.
void decodeBulkCopy(Decoder &decoder);
void decodeBulkReduction(Decoder &decoder);

/// Takes {.L2::cache_hint}.
bool takeCacheHint(Decoder &decoder);

} // namespace attune::sim
