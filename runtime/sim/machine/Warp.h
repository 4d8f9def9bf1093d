// SPDX-License-Identifier: Apache-2.0
// What is the state of a warp? Registers of 32 lanes, where it stands, which lanes run, and what it
// waits for.
#pragma once

#include "runtime/sim/memory/Clocks.h"
#include "runtime/sim/program/Program.h"
#include "runtime/sim/Counters.h"
#include "runtime/sim/Report.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace attune::sim {

class Block;

/// What a warp waits for. Whoever makes it come true calls Cluster::wake with the same key.
struct WaitKey {
  enum class Kind : uint8_t {
    None,
    Barrier,
    Mbarrier,
    ClusterBarrier,
    Warpgroup,
    Registers,
    /// In split mode: that nothing else can run, see Schedule::StarveOne.
    Rest
  } kind = Kind::None;
  /// The block whose barrier it is (rank in the cluster), and its number or shared address.
  uint32_t rank = 0;
  uint64_t number = 0;
  bool operator==(const WaitKey &) const = default;
  bool isNone() const { return kind == Kind::None; }
};

class Warp {
public:
  Warp(Block &block, unsigned index, Mask lanes);

  //===-- Registers ---===//

  uint32_t *lanes32(Row row) { return file + size_t(row) * warpSize; }
  float *lanesFloat(Row row) { return reinterpret_cast<float *>(lanes32(row)); }
  uint64_t *lanes64(Row row) { return reinterpret_cast<uint64_t *>(lanes32(row)); }
  Mask predicate(PredicateIndex index) const { return predicates[index]; }
  /// Sets the lanes of `mask`.
  void setPredicate(PredicateIndex index, Mask value, Mask mask) {
    predicates[index] = (predicates[index] & ~mask) | (value & mask);
  }
  /// Reads a row at run-time width; for slow paths.
  uint64_t lane(Row row, unsigned lane, bool wide) {
    return wide ? lanes64(row)[lane] : lanes32(row)[lane];
  }

  //===-- Place and lanes ---===//

  Block &block;
  /// In the block.
  const unsigned index;
  Agent agent = 0;
  uint32_t counter = 0;
  /// Lanes that have not exited, and those of them that run now.
  Mask live, active;

  /// The lanes of `mask` go to `target`; the others, if there are any, go on behind this branch.
  void jump(Mask mask, uint32_t target, const Instruction &instruction);
  /// Lanes of `taken` go to `target`, the other active ones on behind this instruction; they meet
  /// again at `reconverge`. Sets counter and active.
  void diverge(Mask taken, uint32_t target, uint32_t reconverge);
  /// Called where a whole warp waits: with lanes that are kept back, those of `mask` that execute the
  /// instruction now. Nothing says that lanes which have met stay together.
  Mask part(Mask mask);
  /// Called at an instruction that has the flag Joins: lanes that wait here are switched to or
  /// joined. Returns true when counter or active changed.
  bool join();
  /// The lanes of `mask` are done.
  void exit(Mask mask);
  /// Lanes of other paths that have to come here too before a .sync instruction with `mask` can be
  /// carried out, in split mode. True when the warp was switched to them.
  bool gather(Mask mask);
  bool finished() const { return live == 0; }

  //===-- Waiting ---===//

  /// In split mode, when the active lanes wait: others that need not wait run. False when there are
  /// none.
  bool runOthers();
  /// Do those others run only when nothing else can?
  bool starvesLanes() const;
  /// Nothing else can run: lanes that were kept back go on. False when there are none.
  bool endRest();
  /// Lanes that wait for this go on.
  void wake(const WaitKey &key);
  /// What a handler sets before it returns Outcome::Blocked.
  void waitFor(WaitKey key) { waiting = key; }
  WaitKey waiting;
  bool waits() const { return !waiting.isNone(); }
  /// Set when the warp was woken; a handler that has to know takes it.
  bool woken = false;
  bool takeWoken() {
    bool was = woken;
    woken = false;
    return was;
  }

  //===-- Reports and counters ---===//

  /// A finding about these lanes at this instruction.
  void report(FindingKind kind, const Instruction &instruction, Mask lanes,
              const std::string &message, std::optional<uint64_t> address = {},
              Severity severity = Severity::Error, Party other = {});
  Party party(const Instruction &instruction, Mask lanes) const;
  LineCounters &counters(const Instruction &instruction);

  //===-- wgmma ---===//

  /// For each row, when the program has wgmma instructions, see TensorRowState. Empty otherwise.
  std::vector<uint8_t> tensorRows;

private:
  /// Lanes that stand elsewhere and run later.
  struct Path {
    uint32_t counter, reconverge;
    Mask active;
    /// In split mode: waits at a .sync instruction for lanes of other paths, or for this.
    bool parked = false;
    WaitKey waiting = {};
  };
  void fill(const Preset &preset);
  /// Of lanes that part ways, those that run first where the others are kept back.
  Mask leading(Mask lanes) const;
  void set(const Path &path);
  /// The active lanes wait as `other`, whose lanes run.
  void exchange(Path &other, bool parked);
  void resumeAnother();

  /// Of the program; and where the active lanes meet those that they diverged from.
  uint32_t end, reconverge;
  std::vector<Path> paths;
  std::vector<uint32_t> storage;
  std::vector<Mask> predicates;
  uint32_t *file;
};

} // namespace attune::sim
