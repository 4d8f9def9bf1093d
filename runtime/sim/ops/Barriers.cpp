// SPDX-License-Identifier: Apache-2.0
// bar, barrier and barrier.cluster: who waits for whom, and what is known afterwards.
#include "runtime/sim/ops/Barriers.h"

#include "runtime/sim/ops/Members.h"
#include "runtime/sim/ops/Ops.h"

#include <algorithm>
#include <bit>

namespace attune::sim {

//===-- The barriers of a block ---===//

uint32_t NamedBarriers::expectedThreads(const Block &block, const Barrier &barrier) const {
  if (barrier.counted)
    return barrier.expected;
  uint32_t running = 0;
  for (const Warp &warp : block.warps) {
    bool has = std::count(barrier.arrived.begin(), barrier.arrived.end(), warp.index) != 0;
    running += !warp.finished() || has;
  }
  return running * warpSize;
}

void NamedBarriers::tryComplete(Block &block, unsigned number) {
  Barrier &barrier = barriers[number];
  if (barrier.arrived.empty() ||
      barrier.arrived.size() * warpSize < expectedThreads(block, barrier))
    return;
  reductions.resize(block.warps.size());
  for (unsigned index : barrier.waiting) {
    block.cluster.clocks.acquire(block.warps[index].agent, barrier.knowledge);
    reductions[index] = {barrier.population, barrier.all, barrier.any};
  }
  barrier = {};
  block.cluster.wake({WaitKey::Kind::Barrier, block.rank, number});
}

void NamedBarriers::atWarpExit(Block &block) {
  for (unsigned number = 0; number < count; ++number)
    if (!barriers[number].counted)
      tryComplete(block, number);
}

std::string NamedBarriers::describe() const {
  std::string text;
  for (unsigned number = 0; number < count; ++number) {
    const Barrier &barrier = barriers[number];
    if (barrier.arrived.empty())
      continue;
    text += (text.empty() ? "" : "; ") + std::string("barrier ") + std::to_string(number) + ": " +
            std::to_string(barrier.arrived.size() * warpSize) + " threads have arrived of " +
            (barrier.counted ? std::to_string(barrier.expected) : "all that run");
  }
  return text;
}

namespace {

enum class Action : uint8_t { Sync, Arrive, Population, And, Or };

struct BarrierDetail : Detail {
  Action action = Action::Sync;
  bool counted = false;
  PredicateOperand predicate;
};

/// The value of an operand that has to be the same in all lanes.
uint32_t uniform(Warp &warp, const Instruction &instruction, Row row, Mask mask, const char *what) {
  const uint32_t *lanes = warp.lanes32(row);
  uint32_t value = lanes[std::countr_zero(mask)];
  for (unsigned lane = 0; lane < warpSize; ++lane)
    if (mask >> lane & 1 && lanes[lane] != value) {
      warp.report(FindingKind::BarrierMisuse, instruction, mask,
                  std::string("lanes of a warp give different ") + what + ": " +
                      std::to_string(value) + " and " + std::to_string(lanes[lane]));
      break;
    }
  return value;
}

void misuse(Warp &warp, const Instruction &instruction, Mask mask, unsigned number,
            const std::string &what, Party other = {}) {
  warp.report(FindingKind::BarrierMisuse, instruction, mask,
              "barrier " + std::to_string(number) + ": " + what, std::nullopt, Severity::Error,
              other);
}

/// Checks what a warp that arrives says; false when it cannot count.
bool checkArrival(Warp &warp, const Instruction &instruction, Mask mask, unsigned number,
                  NamedBarriers::Barrier &barrier) {
  const auto &detail = static_cast<const BarrierDetail &>(*instruction.detail);
  uint32_t threads =
      detail.counted ? uniform(warp, instruction, instruction.b, mask, "thread counts") : 0;
  if (detail.counted && (threads == 0 || threads % warpSize != 0)) {
    misuse(warp, instruction, mask, number,
           "expected a thread count that is a multiple of 32 and not 0, found " +
               std::to_string(threads));
    return false;
  }
  if (barrier.arrived.empty()) {
    barrier.expected = threads;
    barrier.counted = detail.counted;
    barrier.first = warp.party(instruction, mask);
  } else if (barrier.expected != threads || barrier.counted != detail.counted) {
    misuse(warp, instruction, mask, number,
           "this warp counts " + (detail.counted ? std::to_string(threads) : "all") +
               " threads, the first one " +
               (barrier.counted ? std::to_string(barrier.expected) : "all"),
           barrier.first);
  }
  // A warp may arrive and then wait in one generation: both count. Arriving twice cannot be meant.
  bool before = std::count(barrier.arrived.begin(), barrier.arrived.end(), warp.index) != 0;
  if (before && detail.action == Action::Arrive) {
    misuse(warp, instruction, mask, number,
           "this warp arrives twice before the barrier is complete", barrier.first);
    return false;
  }
  return true;
}

void reduce(NamedBarriers::Barrier &barrier, Mask predicate, Mask mask) {
  barrier.population += uint32_t(std::popcount(predicate & mask));
  barrier.all &= (predicate & mask) == mask;
  barrier.any |= (predicate & mask) != 0;
}

void writeReduction(Warp &warp, const Instruction &instruction, Mask mask) {
  const auto &detail = static_cast<const BarrierDetail &>(*instruction.detail);
  const auto &reduction = warp.block.unit<NamedBarriers>().reductions[warp.index];
  switch (detail.action) {
  case Action::Population:
    for (unsigned lane = 0; lane < warpSize; ++lane)
      if (mask >> lane & 1)
        warp.lanes32(instruction.dst)[lane] = reduction.population;
    break;
  case Action::And: warp.setPredicate(instruction.dst, reduction.all ? allLanes : 0, mask); break;
  case Action::Or: warp.setPredicate(instruction.dst, reduction.any ? allLanes : 0, mask); break;
  default: break;
  }
}

Outcome runBarrier(Warp &warp, const Instruction &instruction, Mask mask) {
  const auto &detail = static_cast<const BarrierDetail &>(*instruction.detail);
  if (warp.takeWoken()) {
    writeReduction(warp, instruction, mask);
    return Outcome::Next;
  }
  NamedBarriers &unit = warp.block.unit<NamedBarriers>();
  uint32_t number = uniform(warp, instruction, instruction.a, mask, "barrier numbers");
  if (number >= NamedBarriers::count) {
    misuse(warp, instruction, mask, number, "expected a number below 16");
    return Outcome::Next;
  }
  NamedBarriers::Barrier &barrier = unit.barriers[number];
  if (!checkArrival(warp, instruction, mask, number, barrier))
    return Outcome::Next;
  warp.block.cluster.clocks.release(warp.agent, barrier.knowledge);
  Mask predicate = warp.predicate(detail.predicate.index);
  reduce(barrier, detail.predicate.negated ? ~predicate : predicate, mask);
  barrier.arrived.push_back(warp.index);
  if (detail.action == Action::Arrive) {
    unit.tryComplete(warp.block, number);
    return Outcome::Next;
  }
  barrier.waiting.push_back(warp.index);
  warp.waitFor({WaitKey::Kind::Barrier, warp.block.rank, number});
  unit.tryComplete(warp.block, number);
  return Outcome::Blocked;
}

//===-- The barrier of a cluster ---===//

class ClusterBarrier : public Unit {
public:
  explicit ClusterBarrier(Block &) {}
  uint64_t generation = 0;
  uint32_t arrived = 0;
  /// What the arrivals of this generation know, and those of the one before.
  Knowledge arriving, complete;
  /// Generation that each warp (agent) waits for: one more than that of its arrival; 0 is none.
  std::map<Agent, uint64_t> pending;

  std::string describe() const override {
    return arrived ? "the cluster's barrier: " + std::to_string(arrived) + " warps have arrived"
                   : "";
  }
};

/// The cluster's barrier is kept by its first block.
ClusterBarrier &barrierOf(Warp &warp) {
  return warp.block.cluster.blocks.front().unit<ClusterBarrier>();
}

constexpr WaitKey clusterKey{WaitKey::Kind::ClusterBarrier, 0, 0};

template <bool releases>
Outcome runClusterArrive(Warp &warp, const Instruction &instruction, Mask mask) {
  Cluster &cluster = warp.block.cluster;
  ClusterBarrier &barrier = barrierOf(warp);
  if (barrier.pending.count(warp.agent)) {
    warp.report(FindingKind::BarrierMisuse, instruction, mask,
                "barrier.cluster.arrive twice without barrier.cluster.wait between");
    return Outcome::Next;
  }
  if (releases)
    cluster.clocks.release(warp.agent, barrier.arriving);
  barrier.pending[warp.agent] = barrier.generation + 1;
  ++barrier.arrived;
  uint32_t expected = 0;
  for (const Block &block : cluster.blocks)
    expected += uint32_t(block.warps.size());
  if (barrier.arrived == expected) {
    barrier.arrived = 0;
    ++barrier.generation;
    barrier.complete = std::move(barrier.arriving);
    barrier.arriving = {};
    cluster.wake(clusterKey);
  }
  return Outcome::Next;
}

Outcome runClusterWait(Warp &warp, const Instruction &instruction, Mask mask) {
  ClusterBarrier &barrier = barrierOf(warp);
  auto found = barrier.pending.find(warp.agent);
  if (found == barrier.pending.end()) {
    warp.report(FindingKind::BarrierMisuse, instruction, mask,
                "barrier.cluster.wait without barrier.cluster.arrive before");
    return Outcome::Next;
  }
  if (barrier.generation < found->second) {
    warp.waitFor(clusterKey);
    return Outcome::Blocked;
  }
  barrier.pending.erase(found);
  warp.block.cluster.clocks.acquire(warp.agent, barrier.complete);
  return Outcome::Next;
}

//===-- The barrier of a warp ---===//

Outcome runWarpBarrier(Warp &warp, const Instruction &instruction, Mask mask) {
  if (!checkMembers(warp, instruction, instruction.a, mask))
    return Outcome::Jumped;
  // What lanes did before is ordered before what they do now.
  warp.block.cluster.clocks.tick(warp.agent);
  return Outcome::Next;
}

//===-- Decoding ---===//

void decodeWarpBarrier(Decoder &decoder) {
  decoder.expectOneOf({"sync"}, "'sync'");
  decoder.endModifiers();
  decoder.expectOperands(1);
  decoder.instruction().a = decoder.source(decoder.operand(0), Width::B32);
  decoder.instruction().run = runWarpBarrier;
  decoder.instruction().kind = InstructionClass::Synchronize;
  decoder.instruction().flags |= WarpSync;
}

void decodeReduction(Decoder &decoder, BarrierDetail &detail) {
  int operation = decoder.expectOneOf({"popc", "and", "or"}, "a reduction");
  detail.action = operation == 0 ? Action::Population : operation == 1 ? Action::And : Action::Or;
  decoder.take("aligned");
  if (operation == 0)
    decoder.expectOneOf({"u32"}, "'u32'");
  else
    decoder.expectOneOf({"pred"}, "'pred'");
  decoder.expectOperands(3, 4);
  const ptx::Operand &result = decoder.operand(0);
  decoder.instruction().dst = operation == 0 ? decoder.destination(result, Width::B32)
                                             : decoder.predicateDestination(result);
  detail.predicate = decoder.predicateSource(decoder.operand(decoder.operandCount() - 1));
}

/// How many threads meet; a constant is checked here, a register when it runs.
Row threadCount(Decoder &decoder, const ptx::Operand &operand, bool arrives) {
  if (operand.kind == ptx::Operand::Kind::Integer &&
      (operand.bits % warpSize != 0 || (arrives && operand.bits == 0)))
    decoder.fail("expected a number of threads that is a multiple of 32, but found " +
                 std::to_string(operand.bits));
  return decoder.source(operand, Width::B32);
}

void decodeBlockBarrier(Decoder &decoder, bool alwaysAligned) {
  decoder.take("cta");
  auto &detail = decoder.makeDetail<BarrierDetail>();
  int action = decoder.expectOneOf({"sync", "arrive", "red"}, "'sync', 'arrive' or 'red'");
  size_t first = 0, last = 0;
  bool aligned = alwaysAligned;
  if (action == 2) {
    decodeReduction(decoder, detail);
    first = 1;
    last = decoder.operandCount() - 1;
    aligned = true;
  } else {
    aligned |= decoder.take("aligned");
    detail.action = action == 0 ? Action::Sync : Action::Arrive;
    decoder.expectOperands(action == 0 ? 1 : 2, 2);
    last = decoder.operandCount();
  }
  decoder.endModifiers();
  Instruction &instruction = decoder.instruction();
  instruction.a = decoder.source(decoder.operand(first), Width::B32);
  detail.counted = last - first == 2;
  if (decoder.operand(first).kind == ptx::Operand::Kind::Integer)
    decoder.constant(decoder.operand(first), 0, 15, "a barrier");
  if (detail.counted)
    instruction.b = threadCount(decoder, decoder.operand(first + 1), action == 1);
  instruction.run = runBarrier;
  instruction.kind = InstructionClass::Synchronize;
  instruction.flags |= WarpSync | (aligned ? Aligned : 0);
}

void decodeClusterBarrier(Decoder &decoder) {
  decoder.require(90);
  bool arrives = decoder.expectOneOf({"arrive", "wait"}, "'arrive' or 'wait'") == 0;
  bool relaxed = arrives && decoder.takeOneOf({"relaxed", "release"}) == 0;
  if (!arrives)
    decoder.take("acquire");
  bool aligned = decoder.take("aligned");
  decoder.endModifiers();
  decoder.expectOperands(0);
  Instruction &instruction = decoder.instruction();
  instruction.run = !arrives  ? runClusterWait
                    : relaxed ? runClusterArrive<false>
                              : runClusterArrive<true>;
  instruction.kind = InstructionClass::Synchronize;
  instruction.flags |= WarpSync | (aligned ? Aligned : 0);
}

void decodeBar(Decoder &decoder) {
  if (decoder.take("warp"))
    decodeWarpBarrier(decoder);
  else
    decodeBlockBarrier(decoder, true);
}

void decodeBarrier(Decoder &decoder) {
  if (decoder.take("cluster"))
    decodeClusterBarrier(decoder);
  else
    decodeBlockBarrier(decoder, false);
}

} // namespace

void addBarriers(InstructionSet &set) {
  set["bar"] = decodeBar;
  set["barrier"] = decodeBarrier;
}

} // namespace attune::sim
