// SPDX-License-Identifier: Apache-2.0
// Which mbarriers does a block have, and how far is each? Copies and instructions signal them
// through here.
#pragma once

#include "runtime/sim/machine/Block.h"
#include "runtime/sim/program/Decoder.h"

#include <cstdint>
#include <map>
#include <string>

namespace attune::sim {

/// Who does something to an mbarrier: for reports and for what happened before.
struct Actor {
  Warp &warp;
  const Instruction &instruction;
  Mask lanes;

  void report(FindingKind kind, const Block &where, uint32_t address, const std::string &message,
              Severity severity = Severity::Error) const;
};

/// PTX ISA, "Contents of the mbarrier object".
struct Mbarrier {
  Mbarrier(Block &block, uint32_t address) : block(block), address(address) {}

  Block &block;
  const uint32_t address;
  /// Arrivals of a phase, and those of them that the current phase still waits for.
  uint32_t expected = 0, pending = 0;
  /// The tx-count: bytes that copies have yet to bring, less those that nobody expected.
  int64_t bytes = 0;
  /// How many phases have completed.
  uint64_t phase = 0;
  /// How many of them a wait has seen.
  uint64_t observed = 0;
  /// Of the current phase and of the last one that completed: whether copies report to it.
  bool hasCopies = false, hadCopies = false;
  /// For the writes of copies that report here.
  Agent agent = 0;
  /// Counts how often it was initialised.
  uint32_t generation = 0;
  bool valid = false;
  /// What arrivals of the current phase know, and those of all that completed.
  Knowledge collecting, completed;
  /// When it was initialised, and when a fence.mbarrier_init followed; 0: never.
  Epoch initialised = 0, fenced = 0;
  Party initialiser;

  /// The opaque value that an arrival returns.
  uint64_t state() const;
  static uint32_t pendingOf(uint64_t state);
  /// How many phases have completed since `state` was returned; more than 1 also when it was
  /// returned by another barrier.
  unsigned phasesSince(uint64_t state) const;
  std::string describe() const;
};

/// The mbarriers of a block.
class Mbarriers : public Unit {
public:
  static constexpr uint32_t maximumCount = (1u << 20) - 1;

  explicit Mbarriers(Block &block) : block(block) {}

  void init(const Actor &actor, uint32_t address, uint32_t count);
  void invalidate(const Actor &actor, uint32_t address);
  /// Null when there never was one.
  Mbarrier *find(uint32_t address);
  /// fence.mbarrier_init by this warp.
  void fenceInit(const Warp &warp, Epoch now);

  void atExit(Block &block) override;
  std::string describe() const override;

private:
  Block &block;
  std::map<uint32_t, Mbarrier> barriers;
};

/// What a use of an mbarrier needs beyond a valid one.
enum class MbarrierUse : uint8_t {
  /// An instruction that works in any block of the cluster.
  Signal,
  /// The barrier has to lie in the block of the warp.
  Local,
  /// A bulk copy will signal it.
  Copy,
};

/// The mbarrier at a .shared::cluster address; null, and a finding, when there is none that the
/// actor may use now.
Mbarrier *useMbarrier(const Actor &actor, uint64_t address, MbarrierUse use);

/// The expect-tx operation.
void expectBytes(const Actor &actor, Mbarrier &barrier, uint32_t bytes);
/// The complete-tx operation.
void completeBytes(const Actor &actor, Mbarrier &barrier, uint32_t bytes);
/// An arrive-on operation. `drop` also lessens what later phases expect.
void arrive(const Actor &actor, Mbarrier &barrier, uint32_t count, bool drop = false);

/// A bulk copy will report to `barrier`: the epoch of what it writes.
Epoch beginCopy(Mbarrier &barrier);
/// It has done so much; `generation` is the barrier's when the copy began.
void endCopy(const Actor &actor, Block &block, uint32_t address, uint32_t generation,
             uint32_t bytes, Epoch epoch);

/// What fence.mbarrier_init means for the barriers that this warp has initialised.
void fenceMbarrierInit(Warp &warp);

/// The .shared::cluster address that an operand of this space names; addresses outside shared
/// memory give one that lies in no block.
inline uint64_t sharedAddress(uint64_t address, bool generic) {
  return generic ? address - sharedWindow : address;
}

/// What an address operand is in a lane.
inline uint64_t operandAddress(Warp &warp, const AddressOperand &operand, unsigned lane) {
  uint64_t base = operand.base == noOperand ? 0 : warp.lane(operand.base, lane, operand.wide);
  uint64_t address = base + uint64_t(operand.offset);
  return operand.wide || operand.base == noOperand ? address : uint32_t(address);
}

} // namespace attune::sim
