// SPDX-License-Identifier: Apache-2.0
// The mbarrier instructions: how they are written, and what each lane of them does.
#include "runtime/sim/ops/Mbarrier.h"
#include "runtime/sim/ops/Ops.h"

#include <bit>

namespace attune::sim {
namespace {

struct MbarrierDetail : Detail {
  AddressOperand address;
  bool generic = true;
  /// Of init and arrivals.
  Row count = noOperand;
  /// Of expect_tx and complete_tx.
  Row bytes = noOperand;
  /// The state that an arrival returns or a wait reads, or the parity.
  Row state = noOperand;
  PredicateIndex done = 0;
  bool drop = false, noComplete = false, parity = false, blocking = false;
  /// Of arrivals: .release; of waits: .acquire.
  bool ordering = true;
  MbarrierUse use = MbarrierUse::Signal;
};

const MbarrierDetail &detailOf(const Instruction &instruction) {
  return static_cast<const MbarrierDetail &>(*instruction.detail);
}

//===-- What lanes do ---===//

uint64_t laneAddress(Warp &warp, const MbarrierDetail &detail, unsigned lane) {
  return sharedAddress(operandAddress(warp, detail.address, lane), detail.generic);
}

/// Calls action(actor, lane, address) for each lane of the mask.
template <typename Action>
void forLanes(Warp &warp, const Instruction &instruction, Mask mask, Action action) {
  const MbarrierDetail &detail = detailOf(instruction);
  for (Mask rest = mask; rest; rest &= rest - 1) {
    unsigned lane = unsigned(std::countr_zero(rest));
    action(Actor{warp, instruction, Mask(1) << lane}, lane, laneAddress(warp, detail, lane));
  }
}

Outcome runInit(Warp &warp, const Instruction &instruction, Mask mask) {
  const MbarrierDetail &detail = detailOf(instruction);
  forLanes(warp, instruction, mask, [&](const Actor &actor, unsigned lane, uint64_t address) {
    Block &block = warp.block;
    if (block.cluster.blockOf(address) != &block) {
      warp.report(FindingKind::OutOfBounds, instruction, actor.lanes,
                  "mbarrier.init: expected an address in the block's own shared memory", address);
      return;
    }
    uint32_t addresses[warpSize] = {};
    addresses[lane] = uint32_t(address);
    Mbarriers &barriers = block.unit<Mbarriers>();
    Mbarrier *old = barriers.find(addresses[lane]);
    if (old && old->valid) {
      barriers.init(actor, addresses[lane], warp.lanes32(detail.count)[lane]);
      return;
    }
    LaneAccess access{warp, instruction, AccessKind::Write, 8};
    if (block.shared.access(access, actor.lanes, addresses))
      barriers.init(actor, addresses[lane], warp.lanes32(detail.count)[lane]);
  });
  return Outcome::Next;
}

Outcome runInvalidate(Warp &warp, const Instruction &instruction, Mask mask) {
  forLanes(warp, instruction, mask, [&](const Actor &actor, unsigned lane, uint64_t address) {
    if (!useMbarrier(actor, address, MbarrierUse::Local))
      return;
    uint32_t addresses[warpSize] = {};
    addresses[lane] = uint32_t(address);
    warp.block.unit<Mbarriers>().invalidate(actor, addresses[lane]);
    // What the bytes hold from now on, this warp has written.
    LaneAccess access{warp, instruction, AccessKind::Write, 8};
    warp.block.shared.access(access, actor.lanes, addresses);
  });
  return Outcome::Next;
}

Outcome runArrive(Warp &warp, const Instruction &instruction, Mask mask) {
  const MbarrierDetail &detail = detailOf(instruction);
  Knowledge released;
  if (detail.ordering)
    warp.block.cluster.clocks.release(warp.agent, released);
  Mbarrier *last = nullptr;
  uint64_t lastPhase = 0;
  forLanes(warp, instruction, mask, [&](const Actor &actor, unsigned lane, uint64_t address) {
    uint64_t state = 0;
    if (Mbarrier *barrier = useMbarrier(actor, address, detail.use)) {
      state = barrier->state();
      if (detail.ordering && (barrier != last || barrier->phase != lastPhase))
        barrier->collecting.join(released);
      last = barrier;
      lastPhase = barrier->phase;
      if (detail.bytes != noOperand)
        expectBytes(actor, *barrier, warp.lanes32(detail.bytes)[lane]);
      arrive(actor, *barrier, detail.count == noOperand ? 1 : warp.lanes32(detail.count)[lane],
             detail.drop);
      if (detail.noComplete && barrier->phase != lastPhase)
        actor.report(FindingKind::BarrierMisuse, barrier->block, barrier->address,
                     "an arrival with .noComplete completes the phase of the mbarrier");
    }
    if (detail.state != noOperand)
      warp.lanes64(detail.state)[lane] = state;
  });
  return Outcome::Next;
}

Outcome runExpect(Warp &warp, const Instruction &instruction, Mask mask) {
  const MbarrierDetail &detail = detailOf(instruction);
  forLanes(warp, instruction, mask, [&](const Actor &actor, unsigned lane, uint64_t address) {
    if (Mbarrier *barrier = useMbarrier(actor, address, detail.use))
      expectBytes(actor, *barrier, warp.lanes32(detail.bytes)[lane]);
  });
  return Outcome::Next;
}

Outcome runComplete(Warp &warp, const Instruction &instruction, Mask mask) {
  const MbarrierDetail &detail = detailOf(instruction);
  forLanes(warp, instruction, mask, [&](const Actor &actor, unsigned lane, uint64_t address) {
    if (Mbarrier *barrier = useMbarrier(actor, address, detail.use))
      completeBytes(actor, *barrier, warp.lanes32(detail.bytes)[lane]);
  });
  return Outcome::Next;
}

/// Whether the phase that a lane waits for has completed.
bool isComplete(const Actor &actor, const Mbarrier &barrier, const MbarrierDetail &detail,
                unsigned lane) {
  Warp &warp = actor.warp;
  if (detail.parity)
    return (barrier.phase & 1) != (warp.lanes32(detail.state)[lane] & 1);
  uint64_t state = warp.lanes64(detail.state)[lane];
  switch (barrier.phasesSince(state)) {
  case 0: return false;
  case 1: return true;
  default:
    actor.report(FindingKind::BarrierMisuse, barrier.block, barrier.address,
                 "a wait on an mbarrier expected the state of an arrival at the same mbarrier in "
                 "its current phase or the one before, but found another value");
    return true;
  }
}

Outcome runWait(Warp &warp, const Instruction &instruction, Mask mask) {
  const MbarrierDetail &detail = detailOf(instruction);
  Cluster &cluster = warp.block.cluster;
  mask = warp.part(mask);
  Mask complete = 0;
  Mbarrier *sleepAt = nullptr, *acquired = nullptr;
  bool oneBarrier = true;
  forLanes(warp, instruction, mask, [&](const Actor &actor, unsigned lane, uint64_t address) {
    Mbarrier *barrier = useMbarrier(actor, address, MbarrierUse::Local);
    if (barrier && !isComplete(actor, *barrier, detail, lane)) {
      oneBarrier &= !sleepAt || sleepAt == barrier;
      sleepAt = barrier;
      return;
    }
    complete |= actor.lanes;
    if (!barrier)
      return;
    barrier->observed = barrier->phase;
    if (detail.ordering && barrier != acquired)
      cluster.clocks.acquire(warp.agent, barrier->completed);
    acquired = barrier;
  });
  // PTX ISA, "mbarrier.try_wait": it may also give up after a while, so a program has to try again.
  bool givesUp =
      cluster.launch.options.completion == Completion::Random && cluster.random() % 4 == 0;
  if (!complete && detail.blocking && oneBarrier && !givesUp) {
    warp.waitFor({WaitKey::Kind::Mbarrier, warp.block.rank, sleepAt->address});
    return Outcome::Blocked;
  }
  warp.setPredicate(detail.done, complete, mask);
  return complete == mask ? Outcome::Next : Outcome::Yield;
}

Outcome runPendingCount(Warp &warp, const Instruction &instruction, Mask mask) {
  for (Mask rest = mask; rest; rest &= rest - 1) {
    unsigned lane = unsigned(std::countr_zero(rest));
    warp.lanes32(instruction.dst)[lane] = Mbarrier::pendingOf(warp.lanes64(instruction.a)[lane]);
  }
  return Outcome::Next;
}

//===-- How they are written ---===//

/// {.sem.scope}; true unless it is .relaxed.
bool decodeOrdering(Decoder &decoder, std::string_view ordered) {
  bool relaxed = decoder.take("relaxed");
  if (!relaxed && !decoder.take(ordered))
    return true;
  if (relaxed)
    decoder.require(90);
  if (decoder.expectOneOf({"cta", "cluster"}, "a scope") == 1)
    decoder.require(90);
  return !relaxed;
}

/// {.shared{::cta}, .shared::cluster}.b64 and the address.
void decodePlace(Decoder &decoder, MbarrierDetail &detail, const ptx::Operand &address) {
  switch (decoder.takeOneOf({"shared", "shared::cta", "shared::cluster"})) {
  case 0:
  case 1:
    detail.generic = false;
    detail.use = MbarrierUse::Local;
    break;
  case 2:
    decoder.require(90);
    detail.generic = false;
    break;
  default: break;
  }
  decoder.expectOneOf({"b64"}, "the type b64");
  decoder.endModifiers();
  detail.address = decoder.address(address);
}

void needOwnBlock(Decoder &decoder) {
  if (decoder.peek() == "shared::cluster")
    decoder.fail("this needs an mbarrier of the own block: .shared::cta");
}

MbarrierDetail &makeDetail(Decoder &decoder, Handler run) {
  decoder.instruction().run = run;
  decoder.instruction().kind = InstructionClass::Synchronize;
  return decoder.makeDetail<MbarrierDetail>();
}

void decodeInit(Decoder &decoder) {
  MbarrierDetail &detail = makeDetail(decoder, runInit);
  decoder.expectOperands(2);
  needOwnBlock(decoder);
  decodePlace(decoder, detail, decoder.operand(0));
  detail.count = decoder.source(decoder.operand(1), Width::B32);
}

void decodeInvalidate(Decoder &decoder) {
  MbarrierDetail &detail = makeDetail(decoder, runInvalidate);
  decoder.expectOperands(1);
  needOwnBlock(decoder);
  decodePlace(decoder, detail, decoder.operand(0));
}

/// expect_tx and complete_tx.
void decodeBytes(Decoder &decoder, Handler run) {
  decoder.require(90);
  MbarrierDetail &detail = makeDetail(decoder, run);
  if (decoder.take("relaxed"))
    decoder.expectOneOf({"cta", "cluster"}, "a scope");
  decoder.expectOperands(2);
  decodePlace(decoder, detail, decoder.operand(0));
  detail.bytes = decoder.source(decoder.operand(1), Width::B32);
}

void decodeArrive(Decoder &decoder, bool drop) {
  MbarrierDetail &detail = makeDetail(decoder, runArrive);
  detail.drop = drop;
  bool expect = decoder.take("expect_tx");
  detail.noComplete = !expect && decoder.take("noComplete");
  if (expect)
    decoder.require(90);
  if (detail.noComplete) {
    // Its other orderings, and other blocks, are not in the PTX ISA.
    if (decoder.take("release"))
      decoder.expectOneOf({"cta"}, "the scope cta");
    needOwnBlock(decoder);
  } else {
    detail.ordering = decodeOrdering(decoder, "release");
  }
  size_t least = expect || detail.noComplete ? 3 : 2;
  decoder.expectOperands(least, 3);
  const ptx::Operand &result = decoder.operand(0);
  decodePlace(decoder, detail, decoder.operand(1));
  if (result.kind != ptx::Operand::Kind::Sink) {
    if (!detail.generic && detail.use == MbarrierUse::Signal)
      decoder.fail("an arrival at .shared::cluster returns no state; write _ for it");
    detail.use = MbarrierUse::Local;
    detail.state = decoder.destination(result, Width::B64);
  }
  if (decoder.operandCount() < 3)
    return;
  Row value = decoder.source(decoder.operand(2), Width::B32);
  (expect ? detail.bytes : detail.count) = value;
  if (!expect && !detail.noComplete)
    decoder.require(90);
}

void decodeWait(Decoder &decoder, bool blocking) {
  if (blocking)
    decoder.require(90);
  MbarrierDetail &detail = makeDetail(decoder, runWait);
  detail.blocking = blocking;
  detail.parity = decoder.take("parity");
  detail.ordering = decodeOrdering(decoder, "acquire");
  decoder.expectOperands(3, blocking ? 4 : 3);
  needOwnBlock(decoder);
  decodePlace(decoder, detail, decoder.operand(1));
  detail.done = decoder.predicateDestination(decoder.operand(0));
  detail.state = decoder.source(decoder.operand(2), detail.parity ? Width::B32 : Width::B64);
  if (decoder.operandCount() == 4)
    decoder.source(decoder.operand(3), Width::B32);
}

void decodePendingCount(Decoder &decoder) {
  Instruction &instruction = decoder.instruction();
  instruction.run = runPendingCount;
  instruction.kind = InstructionClass::Synchronize;
  decoder.expectOneOf({"b64"}, "the type b64");
  decoder.endModifiers();
  decoder.expectOperands(2);
  if (decoder.operand(0).kind == ptx::Operand::Kind::Sink)
    decoder.fail("the result of this instruction needs a register, but found '_'");
  instruction.dst = decoder.destination(decoder.operand(0), Width::B32);
  instruction.a = decoder.source(decoder.operand(1), Width::B64);
}

void decodeMbarrier(Decoder &decoder) {
  decoder.require(80);
  switch (decoder.expectOneOf({"init", "inval", "arrive", "arrive_drop", "expect_tx", "complete_tx",
                               "test_wait", "try_wait", "pending_count"},
                              "an mbarrier operation")) {
  case 0: return decodeInit(decoder);
  case 1: return decodeInvalidate(decoder);
  case 2: return decodeArrive(decoder, false);
  case 3: return decodeArrive(decoder, true);
  case 4: return decodeBytes(decoder, runExpect);
  case 5: return decodeBytes(decoder, runComplete);
  case 6: return decodeWait(decoder, false);
  case 7: return decodeWait(decoder, true);
  default: return decodePendingCount(decoder);
  }
}

} // namespace

void addMbarriers(InstructionSet &set) { set["mbarrier"] = decodeMbarrier; }

} // namespace attune::sim
