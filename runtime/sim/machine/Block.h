// SPDX-License-Identifier: Apache-2.0
// What is the state of a block, and of the cluster that it belongs to? Warps, shared memory,
// barriers, asynchronous units.
#pragma once

#include "runtime/sim/machine/AsyncWork.h"
#include "runtime/sim/machine/Warp.h"
#include "runtime/sim/memory/GlobalMemory.h"
#include "runtime/sim/memory/SharedMemory.h"

#include <array>
#include <deque>
#include <memory>
#include <vector>

namespace attune::sim {

class Cluster;

/// State that a family of instructions keeps for a block, made when first asked for; see Block::unit.
struct Unit {
  virtual ~Unit() = default;
  /// The block is done; says what is wrong with what was left.
  virtual void atExit(Block &block) {}
  /// For a deadlock report: one line an object that warps may wait for ("mbarrier at 1024: phase 1,
  /// 3 of 4 arrivals pending"), or "".
  virtual std::string describe() const { return ""; }
};

/// Everything that all blocks of a launch share. Constant during a launch, but for what is guarded.
struct Launch {
  const Program &program;
  const ptx::Module &module;
  const Options &options;
  GlobalMemory &memory;
  Findings &findings;
  std::array<uint32_t, 3> grid, threads, cluster;
  uint32_t dynamicSharedBytes;
  /// Parameter bytes as the program lays them out.
  const std::vector<uint8_t> &parameters;
  /// Addresses of Program::globals.
  const std::vector<uint64_t> &globals;
  /// Enough was found.
  bool isOver() const { return options.stopAtFirst && findings.haveError(); }
};

class Block {
public:
  Block(Cluster &cluster, std::array<uint32_t, 3> index, uint32_t rank);
  ~Block();

  Cluster &cluster;
  const Launch &launch;
  const std::array<uint32_t, 3> index;
  /// In the cluster.
  const uint32_t rank;
  /// Where .shared addresses of this block begin: rank << sharedRankShift, plus 1024 as on
  /// Hopper, so that 0 is no valid address.
  uint32_t sharedBase() const { return (rank << sharedRankShift) + 1024; }
  SharedMemory shared;
  /// Warps keep their place.
  std::deque<Warp> warps;
  /// Local memory: `localBytes` for each thread.
  std::vector<uint8_t> local;
  uint8_t *localOf(const Warp &warp, unsigned lane);

  /// The block's state of type T, a Unit; made with T(Block &) at the first call.
  template <typename T> T &unit() {
    static const unsigned number = nextUnitNumber();
    if (units.size() <= number)
      units.resize(number + 1);
    if (!units[number])
      units[number] = std::make_unique<T>(*this);
    return static_cast<T &>(*units[number]);
  }
  const std::vector<std::unique_ptr<Unit>> &allUnits() const { return units; }

private:
  static unsigned nextUnitNumber();
  std::vector<std::unique_ptr<Unit>> units;
};

class Cluster {
public:
  /// `first` is the index of the cluster's first block in the grid.
  Cluster(const Launch &launch, std::array<uint32_t, 3> first, uint64_t seed, Counters &counters);

  /// Runs all blocks to their end, or until a deadlock or the instruction limit is reported.
  void run();

  const Launch &launch;
  Counters &counters;
  Clocks clocks;
  AsyncQueue queue;
  std::mt19937_64 random;
  std::deque<Block> blocks;

  uint64_t instructionsExecuted() const { return executed; }
  /// Warps that wait for this go on.
  void wake(const WaitKey &key);
  /// The block that a .shared::cluster address lies in, or null.
  Block *blockOf(uint64_t sharedAddress);

private:
  /// The warp that runs next, or null when all wait or are done.
  Warp *chooseWarp();
  uint64_t chooseQuantum();
  /// Executes up to `quantum` instructions of a warp.
  void run(Warp &warp, uint64_t quantum);
  /// What instructions with flags need before they run; false when they may not run now.
  bool prepare(Warp &warp, const Instruction &instruction, Mask mask);
  void atWarpExit(Warp &warp);
  /// All that runs waits or spins: pending work has to complete. False when there is none.
  bool unblock();
  /// Lanes that have parted from others of their warp, see Schedule::StarveOne. False when all wait.
  bool runStarvedLanes();
  void reportDeadlock();
  void reportHang(Warp &warp);

  std::vector<Warp *> warps;
  /// Of chooseWarp; kept to spare allocations.
  std::vector<size_t> candidates;
  /// Warps that gave way to others and have not run since; in the order of `warps`.
  std::vector<bool> yielded;
  size_t lastWarp = 0, starved = 0;
  uint64_t executed = 0;
  bool stopped = false;
};

} // namespace attune::sim
