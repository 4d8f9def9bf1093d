// SPDX-License-Identifier: Apache-2.0
// The state machine of mbarriers: PTX ISA, "Parallel Synchronization and Communication
// Instructions: mbarrier".
#include "runtime/sim/ops/Mbarrier.h"

namespace attune::sim {

void Actor::report(FindingKind kind, const Block &where, uint32_t address,
                   const std::string &message, Severity severity) const {
  warp.report(kind, instruction, lanes, message, uint64_t(address) - where.sharedBase(), severity);
}

//===-- One barrier ---===//

// 20 bits of arrivals that are pending, 20 of phase, 24 of which barrier.
static constexpr unsigned stateFieldBits = 20;
static constexpr uint64_t stateField = (uint64_t(1) << stateFieldBits) - 1;

uint64_t Mbarrier::state() const {
  return (pending & stateField) | (phase & stateField) << stateFieldBits |
         uint64_t(address / 8) << (2 * stateFieldBits);
}

uint32_t Mbarrier::pendingOf(uint64_t state) { return uint32_t(state & stateField); }

unsigned Mbarrier::phasesSince(uint64_t state) const {
  if ((state ^ Mbarrier::state()) >> (2 * stateFieldBits))
    return 2;
  uint64_t phases = (phase - (state >> stateFieldBits)) & stateField;
  return phases < 2 ? unsigned(phases) : 2;
}

std::string Mbarrier::describe() const {
  std::string text = "mbarrier at shared offset " + std::to_string(address - block.sharedBase()) +
                     " of block (" + std::to_string(block.index[0]) + ", " +
                     std::to_string(block.index[1]) + ", " + std::to_string(block.index[2]) +
                     "), initialised in line " + std::to_string(initialiser.line) + ": phase " +
                     std::to_string(phase) + " (parity " + std::to_string(phase & 1) + "), " +
                     std::to_string(pending) + " of " + std::to_string(expected) +
                     " arrivals pending";
  if (bytes > 0)
    text += ", " + std::to_string(bytes) + " bytes still expected";
  if (bytes < 0)
    text += ", " + std::to_string(-bytes) + " bytes more than expected";
  return text;
}

static std::string name(const Mbarrier &barrier) {
  return "mbarrier at shared offset " +
         std::to_string(barrier.address - barrier.block.sharedBase());
}

static void misuse(const Actor &actor, const Mbarrier &barrier, const std::string &message,
                   Severity severity = Severity::Error) {
  actor.report(FindingKind::BarrierMisuse, barrier.block, barrier.address,
               name(barrier) + ": " + message, severity);
}

/// PTX ISA, "Phase completion of the mbarrier object".
static void settle(const Actor &actor, Mbarrier &barrier) {
  if (barrier.pending != 0)
    return;
  if (barrier.bytes < 0)
    misuse(actor, barrier,
           "copies of phase " + std::to_string(barrier.phase) + " brought " +
               std::to_string(-barrier.bytes) +
               " bytes more than expect_tx announced; the phase cannot complete");
  if (barrier.bytes != 0)
    return;
  barrier.completed.join(barrier.collecting);
  barrier.collecting.clear();
  ++barrier.phase;
  barrier.pending = barrier.expected;
  barrier.hadCopies = barrier.hasCopies;
  barrier.hasCopies = false;
  barrier.block.cluster.wake({WaitKey::Kind::Mbarrier, barrier.block.rank, barrier.address});
}

static void checkBytes(const Actor &actor, const Mbarrier &barrier) {
  constexpr int64_t limit = Mbarriers::maximumCount;
  if (barrier.bytes > limit || barrier.bytes < -limit)
    misuse(actor, barrier,
           "its count of bytes overflows: " + std::to_string(barrier.bytes) +
               ", expected at most 2^20 - 1 either way; expect fewer bytes a phase");
}

void expectBytes(const Actor &actor, Mbarrier &barrier, uint32_t bytes) {
  barrier.bytes += bytes;
  checkBytes(actor, barrier);
}

void completeBytes(const Actor &actor, Mbarrier &barrier, uint32_t bytes) {
  barrier.bytes -= bytes;
  checkBytes(actor, barrier);
  settle(actor, barrier);
}

void arrive(const Actor &actor, Mbarrier &barrier, uint32_t count, bool drop) {
  if (count == 0 || count > Mbarriers::maximumCount) {
    misuse(actor, barrier, "expected a count of 1 to 2^20 - 1, but it is " + std::to_string(count));
    return;
  }
  // PTX ISA, "Phases of the mbarrier object": a wait has to see a phase complete before anyone
  // arrives in the next one.
  if (barrier.observed < barrier.phase) {
    misuse(actor, barrier,
           "arrives in phase " + std::to_string(barrier.phase) + ", but no wait has seen phase " +
               std::to_string(barrier.phase - 1) +
               " complete; either more threads arrive than the " +
               std::to_string(barrier.expected) + " that it was made for, or a wait is missing");
    // Said once a phase.
    barrier.observed = barrier.phase;
  }
  if (drop) {
    barrier.expected -= count < barrier.expected ? count : barrier.expected;
    if (barrier.expected == 0)
      misuse(actor, barrier, "arrive_drop leaves no thread that is expected to arrive",
             Severity::Warning);
  }
  if (count > barrier.pending) {
    misuse(actor, barrier,
           "too many arrivals: " + std::to_string(count) + " arrive, but only " +
               std::to_string(barrier.pending) + " are pending in phase " +
               std::to_string(barrier.phase));
    count = barrier.pending;
  }
  barrier.pending -= count;
  settle(actor, barrier);
}

Epoch beginCopy(Mbarrier &barrier) {
  barrier.hasCopies = true;
  return barrier.block.cluster.clocks.tick(barrier.agent);
}

void endCopy(const Actor &actor, Block &block, uint32_t address, uint32_t generation,
             uint32_t bytes, Epoch epoch) {
  Mbarrier *barrier = block.unit<Mbarriers>().find(address);
  if (!barrier)
    return;
  if (!barrier->valid || barrier->generation != generation) {
    misuse(actor, *barrier,
           "was invalidated while a copy that signals it was under way; wait for the copy first");
    return;
  }
  barrier->collecting.happened.raise(agentOf(epoch), clockOf(epoch));
  completeBytes(actor, *barrier, bytes);
}

//===-- The barriers of a block ---===//

Mbarrier *Mbarriers::find(uint32_t address) {
  auto found = barriers.find(address);
  return found == barriers.end() ? nullptr : &found->second;
}

void Mbarriers::init(const Actor &actor, uint32_t address, uint32_t count) {
  Mbarrier &barrier = barriers.try_emplace(address, block, address).first->second;
  if (barrier.valid)
    misuse(actor, barrier,
           "is initialised again (first in line " + std::to_string(barrier.initialiser.line) +
               ") without mbarrier.inval");
  if (count == 0 || count > maximumCount) {
    misuse(actor, barrier, "expected a count of 1 to 2^20 - 1, but it is " + std::to_string(count));
    count = count == 0 ? 1 : maximumCount;
  }
  Clocks &clocks = block.cluster.clocks;
  if (barrier.generation++ == 0)
    barrier.agent = clocks.add();
  barrier.expected = barrier.pending = count;
  barrier.bytes = 0;
  barrier.phase = barrier.observed = 0;
  barrier.hasCopies = barrier.hadCopies = false;
  barrier.collecting.clear();
  barrier.completed.clear();
  barrier.initialised = clocks.epoch(actor.warp.agent);
  barrier.fenced = 0;
  barrier.initialiser = actor.warp.party(actor.instruction, actor.lanes);
  barrier.valid = true;
  block.shared.reserve(address, 8, true);
}

void Mbarriers::invalidate(const Actor &actor, uint32_t address) {
  Mbarrier *barrier = useMbarrier(actor, address, MbarrierUse::Local);
  if (!barrier)
    return;
  if (barrier->bytes != 0)
    misuse(actor, *barrier,
           "is invalidated while phase " + std::to_string(barrier->phase) + " waits for " +
               std::to_string(barrier->bytes) + " bytes");
  barrier->valid = false;
  block.shared.reserve(address, 8, false);
}

void Mbarriers::fenceInit(const Warp &warp, Epoch now) {
  for (auto &[address, barrier] : barriers)
    if (barrier.valid && agentOf(barrier.initialised) == warp.agent)
      barrier.fenced = now;
}

void fenceMbarrierInit(Warp &warp) {
  warp.block.unit<Mbarriers>().fenceInit(warp, warp.block.cluster.clocks.epoch(warp.agent));
}

std::string Mbarriers::describe() const {
  std::string text;
  for (const auto &[address, barrier] : barriers)
    if (barrier.valid)
      text += (text.empty() ? "" : "\n") + barrier.describe();
  return text;
}

void Mbarriers::atExit(Block &) {
  for (auto &[address, barrier] : barriers) {
    if (!barrier.valid)
      continue;
    std::string what;
    if (barrier.bytes != 0 || barrier.hasCopies)
      what = "the block has exited while phase " + std::to_string(barrier.phase) +
             " was under way: " + barrier.describe();
    else if (barrier.hadCopies && barrier.observed < barrier.phase)
      what = "the block has exited, and nobody waited for the copies of phase " +
             std::to_string(barrier.phase - 1) + " of the " + name(barrier);
    if (what.empty())
      continue;
    Finding finding;
    finding.kind = FindingKind::BarrierMisuse;
    finding.severity = Severity::Warning;
    finding.party = barrier.initialiser;
    finding.address = barrier.address - block.sharedBase();
    finding.hasAddress = true;
    finding.message = what;
    block.launch.findings.add(std::move(finding));
  }
}

//===-- Use ---===//

static bool orderedAfterInit(const Actor &actor, const Mbarrier &barrier) {
  const Knowledge &known = actor.warp.block.cluster.clocks.of(actor.warp.agent);
  if (known.happened.covers(barrier.initialised))
    return true;
  misuse(actor, barrier,
         "warp " + std::to_string(actor.warp.index) +
             " uses it, but nothing orders that after its "
             "initialisation in line " +
             std::to_string(barrier.initialiser.line) +
             "; expected a barrier (bar.sync, barrier.cluster) between");
  return false;
}

static void checkInitFence(const Actor &actor, const Mbarrier &barrier) {
  const Knowledge &known = actor.warp.block.cluster.clocks.of(actor.warp.agent);
  if (known.fenced.covers(barrier.initialised) ||
      (barrier.fenced != 0 && known.happened.covers(barrier.fenced)))
    return;
  misuse(actor, barrier,
         "a bulk copy is to signal it, but no fence makes its initialisation in line " +
             std::to_string(barrier.initialiser.line) +
             " visible to the async proxy; expected fence.mbarrier_init.release.cluster (or "
             "fence.proxy.async) after mbarrier.init and before the barrier that follows it");
}

Mbarrier *useMbarrier(const Actor &actor, uint64_t address, MbarrierUse use) {
  Block &own = actor.warp.block;
  Block *block = own.cluster.blockOf(address);
  if (!block || address < block->shared.begin() || address + 8 > block->shared.end()) {
    actor.warp.report(FindingKind::OutOfBounds, actor.instruction, actor.lanes,
                      "the mbarrier's address lies outside shared memory", address);
    return nullptr;
  }
  uint32_t place = uint32_t(address);
  if (place % 8 != 0) {
    actor.report(FindingKind::Misaligned, *block, place,
                 "expected an mbarrier at a multiple of 8 bytes");
    return nullptr;
  }
  if (use == MbarrierUse::Local && block != &own) {
    actor.report(FindingKind::BarrierMisuse, *block, place,
                 "an mbarrier of another block of the cluster can be signalled, but neither be "
                 "waited for nor give a state");
    return nullptr;
  }
  Mbarrier *barrier = block->unit<Mbarriers>().find(place);
  if (!barrier || !barrier->valid) {
    actor.report(FindingKind::BarrierMisuse, *block, place,
                 barrier ? "an mbarrier is used after mbarrier.inval"
                         : "an mbarrier is used before mbarrier.init");
    return nullptr;
  }
  if (own.launch.options.checks && orderedAfterInit(actor, *barrier) && use == MbarrierUse::Copy)
    checkInitFence(actor, *barrier);
  return barrier;
}

} // namespace attune::sim
