// SPDX-License-Identifier: Apache-2.0
// Bounds and alignment of shared accesses, and findings in words for what the shadow finds.
#include "runtime/sim/memory/SharedMemory.h"

#include "runtime/sim/machine/Block.h"
#include "runtime/sim/memory/ShadowWords.h"
#include "runtime/sim/memory/Traffic.h"

#include <algorithm>
#include <bit>

namespace attune::sim {

namespace {

/// NaN in every float type.
constexpr uint8_t unwritten = 0xff;
constexpr size_t storageAlignment = 64;

uint32_t numberOf(const Warp &warp, const Instruction &instruction) {
  return uint32_t(&instruction - warp.block.launch.program.code.data());
}

const char *describe(Hazard hazard) {
  switch (hazard) {
  case Hazard::ReadAfterWrite: return "read after write";
  case Hazard::WriteAfterRead: return "write after read";
  case Hazard::WriteAfterWrite: return "write after write";
  }
  return "";
}

std::string place(uint32_t offset) { return " of shared memory at " + std::to_string(offset); }

std::string raceText(const Conflict &conflict, bool otherIsWarp) {
  std::string text =
      std::string(describe(conflict.hazard)) + place(conflict.offset) + " that nothing orders\n";
  if (otherIsWarp)
    return text + "fix: a barrier between the two that both warps pass (bar.sync, or an mbarrier "
                  "that one arrives at and the other waits for)";
  bool wasRead = conflict.hazard == Hazard::WriteAfterRead;
  return text + "the earlier " + (wasRead ? "read" : "write") +
         " is asynchronous, and this warp has not seen its end\nfix: a wait that covers it (" +
         (wasRead ? "wgmma.wait_group, cp.async.bulk.wait_group" : "its mbarrier") +
         "), and a barrier from the warp that waits to this one";
}

std::string textOf(const Conflict &conflict, bool otherIsWarp) {
  switch (conflict.kind) {
  case FindingKind::Race: return raceText(conflict, otherIsWarp);
  case FindingKind::WarpHazard:
    return std::string(describe(conflict.hazard)) + place(conflict.offset) +
           " by another lane, and nothing orders the lanes\nfix: bar.warp.sync between the two";
  case FindingKind::UninitialisedRead:
    return "a read" + place(conflict.offset) + ", which was never written";
  case FindingKind::InFlight:
    return "an access" + place(conflict.offset) +
           ", where an asynchronous copy may still write\nfix: a wait that covers the copy "
           "(cp.async.wait_group, or its mbarrier), and a barrier if another warp waits";
  case FindingKind::MissingProxyFence:
    return "the async proxy reads shared memory at " + std::to_string(conflict.offset) +
           ", which ordinary stores wrote and no proxy fence followed\nfix: "
           "fence.proxy.async.shared::cta in the warps that wrote, before the barrier";
  case FindingKind::BarrierMisuse:
    return "an access" + place(conflict.offset) +
           ", where an mbarrier lies: only mbarrier instructions may touch it";
  default: return "";
  }
}

} // namespace

struct SharedMemory::Shadow {
  explicit Shadow(uint32_t bytes) : words(bytes) {}

  struct Issuer {
    const Warp *warp = nullptr;
    const Instruction *instruction = nullptr;
  };
  ShadowWords words;
  /// By the lower 16 bits of the flight's number.
  std::vector<Issuer> flights;
  Flight lastFlight = 0;
  /// By agent: the warp that an asynchronous unit last worked for.
  std::vector<const Warp *> workedFor;
  /// What strong accesses of a word hand on. They order more than a plain volatile access would:
  /// flags in shared memory give no false findings, but a missing fence beside them is not found.
  std::unordered_map<uint32_t, Knowledge> strong;

  void noteUnit(Epoch epoch, const Warp &warp) {
    Agent agent = agentOf(epoch);
    if (agent == warp.agent)
      return;
    if (workedFor.size() <= agent)
      workedFor.resize(size_t(agent) + 1);
    workedFor[agent] = &warp;
  }
  Party partyOf(const Conflict &conflict, const Warp &warp, bool &isWarp) const;
  void report(Warp &warp, const Instruction &instruction, Mask lanes);
  void exchange(const LaneAccess &access, Mask mask, const uint32_t *addresses);
};

/// Who the other one of a conflict is.
Party SharedMemory::Shadow::partyOf(const Conflict &conflict, const Warp &warp,
                                    bool &isWarp) const {
  isWarp = false;
  if (conflict.kind == FindingKind::InFlight && conflict.flight < flights.size()) {
    const Issuer &issuer = flights[conflict.flight];
    return issuer.warp ? issuer.warp->party(*issuer.instruction, 0) : Party();
  }
  if (!conflict.other)
    return {};
  const std::vector<Instruction> &code = warp.block.launch.program.code;
  if (conflict.otherInstruction >= code.size())
    return {};
  const Instruction &instruction = code[conflict.otherInstruction];
  Agent agent = agentOf(conflict.other);
  Mask lane = conflict.otherLane < warpSize ? Mask(1) << conflict.otherLane : 0;
  for (Block &block : warp.block.cluster.blocks)
    for (Warp &other : block.warps)
      if (other.agent == agent) {
        isWarp = true;
        return other.party(instruction, lane);
      }
  if (agent < workedFor.size() && workedFor[agent])
    return workedFor[agent]->party(instruction, 0);
  Party party;
  party.line = instruction.line;
  party.block = warp.block.index;
  return party;
}

/// Says what the last access found; `lanes` made it when the shadow does not know.
void SharedMemory::Shadow::report(Warp &warp, const Instruction &instruction, Mask lanes) {
  for (const Conflict &conflict : words.found()) {
    bool otherIsWarp;
    Party other = partyOf(conflict, warp, otherIsWarp);
    Severity severity =
        conflict.kind == FindingKind::WarpHazard ? Severity::Warning : Severity::Error;
    warp.report(conflict.kind, instruction, conflict.lanes ? conflict.lanes : lanes,
                textOf(conflict, otherIsWarp), conflict.offset, severity, other);
  }
  words.clearFound();
}

/// Strong accesses order what the warps do around them.
void SharedMemory::Shadow::exchange(const LaneAccess &access, Mask mask,
                                    const uint32_t *addresses) {
  Clocks &clocks = access.warp.block.cluster.clocks;
  uint32_t last = ~0u;
  for (Mask left = mask; left; left &= left - 1) {
    uint32_t word = addresses[std::countr_zero(left)] / 4;
    if (word == last)
      continue;
    last = word;
    Knowledge &knowledge = strong[word];
    if (reads(access.kind))
      clocks.acquire(access.warp.agent, knowledge);
    if (writes(access.kind))
      clocks.release(access.warp.agent, knowledge);
  }
}

SharedMemory::SharedMemory(Block &block, uint32_t base, uint32_t bytes)
    : block(block), first(base), size(bytes), storage(size_t(bytes) + storageAlignment, unwritten) {
  void *start = storage.data();
  size_t space = storage.size();
  data = static_cast<uint8_t *>(std::align(storageAlignment, bytes, start, space));
  if (block.launch.options.checks)
    shadow = std::make_unique<Shadow>(bytes);
}

SharedMemory::~SharedMemory() = default;

/// The lanes that lie within and are aligned; reports the others.
Mask SharedMemory::withinBounds(const LaneAccess &access, Mask mask, const uint32_t *addresses) {
  uint32_t bytes = access.bytes, low = bytes - 1;
  uint32_t limit = size - bytes, bad = size < bytes;
  for (unsigned lane = 0; lane != warpSize; ++lane)
    bad |= uint32_t(addresses[lane] - first > limit) | (addresses[lane] & low);
  if (!bad)
    return mask;
  Mask outside = 0, crooked = 0;
  for (unsigned lane = 0; lane != warpSize; ++lane) {
    outside |= Mask(size < bytes || addresses[lane] - first > limit) << lane;
    crooked |= Mask((addresses[lane] & low) != 0) << lane;
  }
  outside &= mask;
  crooked &= mask & ~outside;
  if (outside)
    reportOutside(access.warp, access.instruction, outside, addresses[std::countr_zero(outside)],
                  bytes);
  if (crooked) {
    uint32_t offset = addresses[std::countr_zero(crooked)] - first;
    access.warp.report(FindingKind::Misaligned, access.instruction, crooked,
                       "an access of " + std::to_string(bytes) + " bytes" + place(offset) +
                           ", which is no multiple of " + std::to_string(bytes),
                       offset);
  }
  return mask & ~outside & ~crooked;
}

void SharedMemory::reportOutside(Warp &warp, const Instruction &instruction, Mask lanes,
                                 uint32_t address, uint64_t bytes) {
  int64_t offset = int64_t(address) - first;
  std::string where = offset < 0 ? std::to_string(-offset) + " bytes before"
                                 : "at " + std::to_string(offset) + " of";
  warp.report(FindingKind::OutOfBounds, instruction, lanes,
              "an access of " + std::to_string(bytes) + " bytes " + where + " the " +
                  std::to_string(size) + " bytes of shared memory that the block has",
              uint64_t(std::max<int64_t>(offset, 0)));
}

Mask SharedMemory::access(const LaneAccess &access, Mask mask, const uint32_t *addresses) {
  Mask good = withinBounds(access, mask, addresses);
  Warp &warp = access.warp;
  if (block.launch.options.counters)
    countShared(warp.counters(access.instruction), good, addresses, access.bytes);
  if (!shadow || !good)
    return good;
  const Clocks &clocks = block.cluster.clocks;
  Epoch now = clocks.epoch(warp.agent);
  ShadowWords::Pass pass(shadow->words,
                         {access.kind, clocks.of(warp.agent), clocks.version(warp.agent), now, now,
                          numberOf(warp, access.instruction), false, access.together});
  if (writes(access.kind))
    pass.write(good, addresses, first, access.bytes);
  else
    pass.read(good, addresses, first, access.bytes);
  if (!shadow->words.found().empty())
    shadow->report(warp, access.instruction, good);
  if (isAtomic(access.kind))
    shadow->exchange(access, good, addresses);
  return good;
}

bool SharedMemory::admit(const AsyncAccess &access, uint32_t address, uint32_t bytes) {
  if (address < first || address - first > size || bytes > size - (address - first)) {
    reportOutside(access.warp, access.instruction, access.warp.active, address, bytes);
    return false;
  }
  if (block.launch.options.counters)
    access.warp.counters(access.instruction).sharedBytes += bytes;
  if (shadow)
    shadow->noteUnit(access.epoch, access.warp);
  return true;
}

namespace {

ShadowAccess shadowAccess(const AsyncAccess &access, AccessKind kind) {
  const Clocks &clocks = access.warp.block.cluster.clocks;
  return {kind,
          clocks.of(access.warp.agent),
          clocks.version(access.warp.agent),
          access.epoch,
          0,
          numberOf(access.warp, access.instruction),
          access.asyncProxy};
}

} // namespace

bool SharedMemory::read(const AsyncAccess &access, uint32_t address, uint32_t bytes) {
  if (!admit(access, address, bytes))
    return false;
  if (!shadow || !bytes)
    return true;
  ShadowWords::Pass pass(shadow->words, shadowAccess(access, AccessKind::Read));
  pass.read(address - first, bytes, ShadowWords::anyLane);
  if (!shadow->words.found().empty())
    shadow->report(access.warp, access.instruction, access.warp.active);
  return true;
}

bool SharedMemory::beginWrite(const AsyncAccess &access, Flight flight, uint32_t address,
                              uint32_t bytes) {
  if (!admit(access, address, bytes))
    return false;
  if (!shadow || !bytes)
    return true;
  shadow->words.beginWrite(shadowAccess(access, AccessKind::Write), uint16_t(flight),
                           address - first, bytes);
  if (!shadow->words.found().empty())
    shadow->report(access.warp, access.instruction, access.warp.active);
  return true;
}

void SharedMemory::land(Flight flight, uint32_t address, uint32_t bytes, Epoch epoch,
                        bool asyncProxy) {
  bool inside = address >= first && address - first <= size && bytes <= size - (address - first);
  if (!shadow || !bytes || !inside)
    return;
  uint32_t number = ShadowWords::mostInstructions;
  uint16_t slot = uint16_t(flight);
  if (slot < shadow->flights.size() && shadow->flights[slot].warp) {
    const Shadow::Issuer &issuer = shadow->flights[slot];
    number = numberOf(*issuer.warp, *issuer.instruction);
    shadow->noteUnit(epoch, *issuer.warp);
  }
  shadow->words.land(slot, address - first, bytes, epoch, number, asyncProxy);
}

Flight SharedMemory::newFlight(const AsyncAccess &access) {
  if (!shadow)
    return 1;
  // Words keep 16 bits of it, of which 0 is none.
  do
    ++shadow->lastFlight;
  while (uint16_t(shadow->lastFlight) == 0);
  uint16_t slot = uint16_t(shadow->lastFlight);
  if (shadow->flights.size() <= slot)
    shadow->flights.resize(size_t(slot) + 1);
  shadow->flights[slot] = {&access.warp, &access.instruction};
  return shadow->lastFlight;
}

void SharedMemory::reserve(uint32_t address, uint32_t bytes, bool reserved) {
  bool inside = address >= first && address - first <= size && bytes <= size - (address - first);
  if (shadow && inside && bytes)
    shadow->words.reserve(address - first, bytes, reserved);
}

} // namespace attune::sim
