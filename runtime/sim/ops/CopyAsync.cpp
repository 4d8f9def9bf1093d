// SPDX-License-Identifier: Apache-2.0
// cp.async: PTX ISA, "Data Movement and Conversion Instructions: Non-bulk copy". Copies read their
// source when they complete; their bytes are in flight until a wait covers them.
#include "runtime/sim/ops/BulkCopy.h"
#include "runtime/sim/ops/Ops.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace attune::sim {
namespace {

struct CopyDetail : Detail {
  AddressOperand to, from;
  uint32_t bytes = 0;
  /// How many bytes are read, or noOperand.
  Row sourceBytes = noOperand;
  /// Lanes that read nothing, where there is such an operand.
  std::optional<PredicateOperand> ignore;
};

/// What the lanes of one instruction copy; all of one group.
class LaneCopy : public AsyncWork {
public:
  LaneCopy(Warp &warp, const Instruction &instruction, uint32_t bytes)
      : warp(warp), instruction(instruction), bytes(bytes) {}

  Warp &warp;
  const Instruction &instruction;
  const uint32_t bytes;
  /// Of the groups of each lane.
  uint32_t group = 0;
  /// Lanes that copy; those whose bytes have been moved; those whose bytes a wait or an mbarrier
  /// has covered; and those of the latter that the warp itself has waited for.
  Mask lanes = 0, moved = 0, landed = 0, waited = 0;
  Flight flight = 0;
  /// When an mbarrier covered them: what the warp learns from a wait of its own.
  Epoch landedAt = 0;
  std::array<uint32_t, warpSize> to{};
  std::array<uint32_t, warpSize> sourceBytes{};
  std::array<const uint8_t *, warpSize> from{};

  void begin();
  void move(Mask which);
  /// The bytes of these lanes are there; `epoch` wrote them.
  void land(Mask which, Epoch epoch);

  void complete() override { move(lanes); }
  bool completesUnasked() const override { return false; }

private:
  /// Calls visit(address, bytes) for what the lanes write, neighbours together.
  template <typename Visit> void forRanges(Mask which, Visit visit) const {
    uint32_t address = 0, count = 0;
    for (Mask rest = which; rest; rest &= rest - 1) {
      unsigned lane = unsigned(std::countr_zero(rest));
      if (count != 0 && to[lane] == address + count) {
        count += bytes;
        continue;
      }
      if (count != 0)
        visit(address, count);
      address = to[lane];
      count = bytes;
    }
    if (count != 0)
      visit(address, count);
  }
};

void LaneCopy::begin() {
  AsyncAccess access{warp, instruction, warp.block.cluster.clocks.epoch(warp.agent), false};
  flight = warp.block.shared.newFlight(access);
  forRanges(lanes, [&](uint32_t address, uint32_t count) {
    warp.block.shared.beginWrite(access, flight, address, count);
  });
  warp.block.unit<BytesInFlight>().add(uint64_t(std::popcount(lanes)) * bytes);
}

void LaneCopy::move(Mask which) {
  for (Mask rest = which & ~moved; rest; rest &= rest - 1) {
    unsigned lane = unsigned(std::countr_zero(rest));
    uint8_t *target = warp.block.shared.at(to[lane]);
    if (sourceBytes[lane])
      std::memcpy(target, from[lane], sourceBytes[lane]);
    std::memset(target + sourceBytes[lane], 0, bytes - sourceBytes[lane]);
  }
  moved |= which;
}

void LaneCopy::land(Mask which, Epoch epoch) {
  move(which);
  forRanges(which & ~landed, [&](uint32_t address, uint32_t count) {
    warp.block.shared.land(flight, address, count, epoch, false);
  });
  warp.block.unit<BytesInFlight>().remove(uint64_t(std::popcount(which & ~landed)) * bytes);
  landed |= which;
}

/// The cp.async groups of the threads of a block.
class CopyGroups : public Unit {
public:
  explicit CopyGroups(Block &block) : ofWarp(block.warps.size()) {}

  struct OfWarp {
    std::array<uint32_t, warpSize> committed{};
    std::vector<std::shared_ptr<LaneCopy>> copies;
  };

  OfWarp &of(const Warp &warp) { return ofWarp[warp.index]; }
  void issue(const LaneCopy &all, Mask lanes);
  void wait(Warp &warp, Mask lanes, uint32_t remaining);
  /// Forgets copies that mbarriers have covered, where there are many that no wait of the warp did.
  void forget(Warp &warp);

private:
  std::vector<OfWarp> ofWarp;
};

void CopyGroups::issue(const LaneCopy &all, Mask lanes) {
  OfWarp &groups = of(all.warp);
  while (lanes) {
    uint32_t group = groups.committed[unsigned(std::countr_zero(lanes))];
    auto copy = std::make_shared<LaneCopy>(all);
    copy->group = group;
    for (Mask rest = lanes; rest; rest &= rest - 1) {
      unsigned lane = unsigned(std::countr_zero(rest));
      if (groups.committed[lane] == group)
        copy->lanes |= Mask(1) << lane;
    }
    lanes &= ~copy->lanes;
    copy->begin();
    groups.copies.push_back(copy);
    all.warp.block.cluster.queue.issue(copy);
  }
}

void CopyGroups::wait(Warp &warp, Mask lanes, uint32_t remaining) {
  OfWarp &groups = of(warp);
  Cluster &cluster = warp.block.cluster;
  for (const std::shared_ptr<LaneCopy> &copy : groups.copies) {
    Mask covered = 0;
    for (Mask rest = lanes & copy->lanes & ~copy->waited; rest; rest &= rest - 1) {
      unsigned lane = unsigned(std::countr_zero(rest));
      if (uint64_t(copy->group) + remaining < groups.committed[lane])
        covered |= Mask(1) << lane;
    }
    if (!covered)
      continue;
    if (covered & copy->landed)
      cluster.clocks.acquire(warp.agent, copy->landedAt);
    copy->land(covered, cluster.clocks.epoch(warp.agent));
    copy->waited |= covered;
    if (copy->waited == copy->lanes)
      cluster.queue.finish(copy);
  }
  std::erase_if(groups.copies, [](const auto &copy) { return copy->waited == copy->lanes; });
}

void CopyGroups::forget(Warp &warp) {
  constexpr size_t mostKept = 1024;
  OfWarp &groups = of(warp);
  if (groups.copies.size() <= mostKept)
    return;
  std::erase_if(groups.copies, [&](const std::shared_ptr<LaneCopy> &copy) {
    if (copy->landed != copy->lanes)
      return false;
    warp.block.cluster.clocks.acquire(warp.agent, copy->landedAt);
    warp.block.cluster.queue.finish(copy);
    return true;
  });
}

//===-- cp.async ---===//

/// The lanes of `mask` whose addresses in shared memory may be written.
Mask checkTargets(LaneCopy &copy, Mask mask, const CopyDetail &detail) {
  SharedMemory &shared = copy.warp.block.shared;
  Mask sound = 0;
  for (Mask rest = mask; rest; rest &= rest - 1) {
    unsigned lane = unsigned(std::countr_zero(rest));
    Mask bit = Mask(1) << lane;
    uint64_t address = operandAddress(copy.warp, detail.to, lane);
    if (address < shared.begin() || address + copy.bytes > shared.end()) {
      copy.warp.report(FindingKind::OutOfBounds, copy.instruction, bit,
                       "cp.async writes outside the block's shared memory", address);
    } else if (address % copy.bytes != 0) {
      copy.warp.report(FindingKind::Misaligned, copy.instruction, bit,
                       "cp.async of " + std::to_string(copy.bytes) +
                           " bytes expected a multiple of that in shared memory",
                       address - copy.warp.block.sharedBase());
    } else {
      copy.to[lane] = uint32_t(address);
      sound |= bit;
    }
  }
  return sound;
}

/// Sets how many bytes each lane reads; the lanes that read all, some or nothing.
struct Reads {
  Mask all = 0, some = 0;
};
Reads countReads(LaneCopy &copy, Mask mask, const CopyDetail &detail) {
  Mask ignored = 0;
  if (detail.ignore) {
    ignored = copy.warp.predicate(detail.ignore->index);
    if (detail.ignore->negated)
      ignored = ~ignored;
  }
  Reads reads;
  for (Mask rest = mask & ~ignored; rest; rest &= rest - 1) {
    unsigned lane = unsigned(std::countr_zero(rest));
    Mask bit = Mask(1) << lane;
    uint32_t count = copy.bytes;
    if (detail.sourceBytes != noOperand)
      count = copy.warp.lanes32(detail.sourceBytes)[lane];
    if (count > copy.bytes) {
      copy.warp.report(FindingKind::Fault, copy.instruction, bit,
                       "cp.async of " + std::to_string(copy.bytes) + " bytes was asked to read " +
                           std::to_string(count) + "; expected no more than it copies");
      count = copy.bytes;
    }
    copy.sourceBytes[lane] = count;
    if (count == copy.bytes)
      reads.all |= bit;
    else if (count)
      reads.some |= bit;
  }
  return reads;
}

/// Finds the bytes that are read; returns the lanes that may not read them.
Mask checkSources(LaneCopy &copy, const Reads &reads, const CopyDetail &detail) {
  GlobalMemory &memory = copy.warp.block.launch.memory;
  uint64_t addresses[warpSize] = {};
  for (Mask rest = reads.all | reads.some; rest; rest &= rest - 1) {
    unsigned lane = unsigned(std::countr_zero(rest));
    addresses[lane] = operandAddress(copy.warp, detail.from, lane);
  }
  Mask bad = 0;
  if (reads.all) {
    uint8_t *found[warpSize] = {};
    LaneAccess access{copy.warp, copy.instruction, AccessKind::Read, copy.bytes};
    Mask sound = memory.access(access, reads.all, addresses, found);
    std::copy(std::begin(found), std::end(found), copy.from.begin());
    bad = reads.all & ~sound;
  }
  for (Mask rest = reads.some; rest; rest &= rest - 1) {
    unsigned lane = unsigned(std::countr_zero(rest));
    Mask bit = Mask(1) << lane;
    copy.from[lane] = memory.access(copy.warp, copy.instruction, AccessKind::Read, addresses[lane],
                                    copy.sourceBytes[lane], copy.bytes, bit);
    if (!copy.from[lane])
      bad |= bit;
  }
  return bad;
}

Outcome runCopy(Warp &warp, const Instruction &instruction, Mask mask) {
  const auto &detail = static_cast<const CopyDetail &>(*instruction.detail);
  LaneCopy copy(warp, instruction, detail.bytes);
  Mask lanes = checkTargets(copy, mask, detail);
  Mask bad = checkSources(copy, countReads(copy, lanes, detail), detail);
  for (Mask rest = bad; rest; rest &= rest - 1)
    copy.sourceBytes[unsigned(std::countr_zero(rest))] = 0;
  CopyGroups &groups = warp.block.unit<CopyGroups>();
  groups.forget(warp);
  groups.issue(copy, lanes);
  return Outcome::Next;
}

void commit(Warp &warp, Mask mask) {
  CopyGroups::OfWarp &groups = warp.block.unit<CopyGroups>().of(warp);
  for (Mask rest = mask; rest; rest &= rest - 1)
    ++groups.committed[unsigned(std::countr_zero(rest))];
}

Outcome runCommit(Warp &warp, const Instruction &, Mask mask) {
  commit(warp, mask);
  return Outcome::Next;
}

Outcome runWaitGroup(Warp &warp, const Instruction &instruction, Mask mask) {
  warp.block.unit<CopyGroups>().wait(warp, mask, uint32_t(instruction.immediate));
  return Outcome::Next;
}

Outcome runWaitAll(Warp &warp, const Instruction &, Mask mask) {
  commit(warp, mask);
  warp.block.unit<CopyGroups>().wait(warp, mask, 0);
  return Outcome::Next;
}

//===-- cp.async.mbarrier.arrive ---===//

/// The arrivals that the copies before them of the same threads trigger.
class CopyArrival : public AsyncWork {
public:
  CopyArrival(const Actor &actor) : actor(actor) {}

  struct Arrival {
    Mask lane;
    uint32_t address, generation;
  };

  void complete() override {
    Cluster &cluster = actor.warp.block.cluster;
    Mbarriers &barriers = actor.warp.block.unit<Mbarriers>();
    for (const Arrival &arrival : arrivals) {
      Mbarrier *barrier = barriers.find(arrival.address);
      Actor lane{actor.warp, actor.instruction, arrival.lane};
      if (!barrier->valid || barrier->generation != arrival.generation) {
        lane.report(FindingKind::BarrierMisuse, actor.warp.block, arrival.address,
                    "an mbarrier was invalidated while copies were to arrive at it");
        continue;
      }
      // What is written is known to those who wait for this phase, and to no one else.
      Epoch epoch = cluster.clocks.tick(barrier->agent);
      for (const std::shared_ptr<LaneCopy> &copy : copies)
        if (Mask which = copy->lanes & arrival.lane & ~copy->landed) {
          copy->land(which, epoch);
          copy->landedAt = epoch;
        }
      barrier->collecting.happened.raise(agentOf(epoch), clockOf(epoch));
      arrive(lane, *barrier, 1);
    }
  }

  Actor actor;
  std::vector<Arrival> arrivals;
  std::vector<std::shared_ptr<LaneCopy>> copies;
};

struct ArriveDetail : Detail {
  AddressOperand address;
  bool generic = true, counted = false;
};

Outcome runArrive(Warp &warp, const Instruction &instruction, Mask mask) {
  const auto &detail = static_cast<const ArriveDetail &>(*instruction.detail);
  auto work = std::make_shared<CopyArrival>(Actor{warp, instruction, mask});
  for (Mask rest = mask; rest; rest &= rest - 1) {
    unsigned lane = unsigned(std::countr_zero(rest));
    Actor actor{warp, instruction, Mask(1) << lane};
    uint64_t address = sharedAddress(operandAddress(warp, detail.address, lane), detail.generic);
    Mbarrier *barrier = useMbarrier(actor, address, MbarrierUse::Local);
    if (!barrier)
      continue;
    if (!detail.counted && ++barrier->pending > Mbarriers::maximumCount)
      actor.report(FindingKind::BarrierMisuse, warp.block, barrier->address,
                   "cp.async.mbarrier.arrive: more than 2^20 - 1 arrivals are pending");
    work->arrivals.push_back({actor.lanes, barrier->address, barrier->generation});
  }
  for (const std::shared_ptr<LaneCopy> &copy : warp.block.unit<CopyGroups>().of(warp).copies)
    if (copy->lanes & ~copy->landed & mask)
      work->copies.push_back(copy);
  warp.block.cluster.queue.issue(work);
  return Outcome::Next;
}

//===-- How they are written ---===//

void decodeArrive(Decoder &decoder) {
  decoder.expectOneOf({"arrive"}, "arrive");
  decoder.instruction().run = runArrive;
  decoder.instruction().kind = InstructionClass::Async;
  ArriveDetail &detail = decoder.makeDetail<ArriveDetail>();
  detail.counted = decoder.take("noinc");
  detail.generic = decoder.takeOneOf({"shared", "shared::cta"}) < 0;
  decoder.expectOneOf({"b64"}, "the type b64");
  decoder.endModifiers();
  decoder.expectOperands(1);
  detail.address = decoder.address(decoder.operand(0));
}

void decodeGroups(Decoder &decoder, Handler run, bool counts) {
  decoder.instruction().run = run;
  decoder.instruction().kind = InstructionClass::Async;
  decoder.endModifiers();
  decoder.expectOperands(counts);
  if (counts)
    decoder.instruction().immediate =
        decoder.constant(decoder.operand(0), 0, 0x7fffffff, "how many groups may remain");
}

bool isPredicate(const Decoder &decoder, const ptx::Operand &operand) {
  return operand.kind == ptx::Operand::Kind::Register &&
         decoder.function.registers[operand.index].width == ptx::RegisterClass::Predicate;
}

void decodeCopy(Decoder &decoder, bool onlyL2) {
  decoder.expectOneOf({"shared", "shared::cta"}, "shared");
  decoder.expectOneOf({"global"}, "global");
  bool hint = takeCacheHint(decoder);
  decoder.takeOneOf({"L2::64B", "L2::128B", "L2::256B"});
  decoder.endModifiers();
  decoder.instruction().run = runCopy;
  decoder.instruction().kind = InstructionClass::Async;
  CopyDetail &detail = decoder.makeDetail<CopyDetail>();
  decoder.expectOperands(3 + hint, 4 + hint);
  detail.to = decoder.address(decoder.operand(0));
  detail.from = decoder.address(decoder.operand(1));
  detail.bytes = uint32_t(decoder.constant(decoder.operand(2), 4, 16, "the size of the copy"));
  if (onlyL2 ? detail.bytes != 16 : !std::has_single_bit(detail.bytes))
    decoder.fail(onlyL2 ? "cp.async.cg copies 16 bytes" : "cp.async.ca copies 4, 8 or 16 bytes");
  if (decoder.operandCount() == size_t(4 + hint)) {
    const ptx::Operand &operand = decoder.operand(3);
    if (isPredicate(decoder, operand))
      detail.ignore = decoder.predicateSource(operand);
    else if (operand.kind == ptx::Operand::Kind::Integer)
      detail.sourceBytes = decoder.constantRow(
          uint64_t(decoder.constant(operand, 0, detail.bytes, "how many bytes are read")),
          Width::B32);
    else
      detail.sourceBytes = decoder.source(operand, Width::B32);
  }
  if (hint)
    decoder.source(decoder.operand(decoder.operandCount() - 1), Width::B64);
}

void decodeCopies(Decoder &decoder) {
  decoder.require(80);
  if (decoder.take("reduce")) {
    decoder.expectOneOf({"async"}, "async");
    decoder.expectOneOf({"bulk"}, "bulk");
    return decodeBulkReduction(decoder);
  }
  decoder.expectOneOf({"async"}, "async");
  switch (decoder.expectOneOf(
      {"bulk", "ca", "cg", "commit_group", "wait_group", "wait_all", "mbarrier"}, "a copy")) {
  case 0: return decodeBulkCopy(decoder);
  case 1: return decodeCopy(decoder, false);
  case 2: return decodeCopy(decoder, true);
  case 3: return decodeGroups(decoder, runCommit, false);
  case 4: return decodeGroups(decoder, runWaitGroup, true);
  case 5: return decodeGroups(decoder, runWaitAll, false);
  default: return decodeArrive(decoder);
  }
}

} // namespace

void addCopies(InstructionSet &set) { set["cp"] = decodeCopies; }

} // namespace attune::sim
