// SPDX-License-Identifier: Apache-2.0
// What do the named barriers of a block and the barrier of a cluster remember?
#pragma once

#include "runtime/sim/machine/Block.h"

namespace attune::sim {

/// The 16 barriers of bar and barrier (PTX ISA, "bar{.cta}, barrier{.cta}"). A warp counts as 32
/// threads, also when some of its lanes have exited.
class NamedBarriers : public Unit {
public:
  static constexpr unsigned count = 16;

  explicit NamedBarriers(Block &) {}

  struct Barrier {
    /// Threads that the generation waits for; 0: all that have not exited.
    uint32_t expected = 0;
    bool counted = false;
    /// Warps that have arrived, and those of them that wait.
    std::vector<unsigned> arrived, waiting;
    Knowledge knowledge;
    /// Of bar.red: over all threads so far.
    uint32_t population = 0;
    bool all = true, any = false;
    /// Where the first one arrived.
    Party first;
  };
  std::array<Barrier, count> barriers;
  /// What bar.red gave to each warp that waited: population, all, any.
  struct Reduction {
    uint32_t population = 0;
    bool all = true, any = false;
  };
  std::vector<Reduction> reductions;

  /// Completes the generation if enough have arrived.
  void tryComplete(Block &block, unsigned number);
  void atWarpExit(Block &block);
  std::string describe() const override;

private:
  uint32_t expectedThreads(const Block &block, const Barrier &barrier) const;
};

} // namespace attune::sim
