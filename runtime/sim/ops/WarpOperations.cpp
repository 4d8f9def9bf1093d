// SPDX-License-Identifier: Apache-2.0
// What lanes of a warp tell each other: shfl, vote, match, redux, elect, activemask (PTX ISA,
// "Parallel Synchronization and Communication Instructions", "shfl.sync").
#include "runtime/sim/ops/Members.h"
#include "runtime/sim/ops/Ops.h"

#include "runtime/sim/machine/Block.h"

#include <algorithm>
#include <bit>

namespace attune::sim {

static std::string hexadecimal(Mask mask) {
  static const char digits[] = "0123456789abcdef";
  std::string text = "0x";
  for (int shift = 28; shift >= 0; shift -= 4)
    text += digits[mask >> shift & 15];
  return text;
}

bool checkMembers(Warp &warp, const Instruction &instruction, Row members, Mask mask) {
  const uint32_t *lanes = warp.lanes32(members);
  Mask named = lanes[std::countr_zero(mask)];
  if (warp.gather(named))
    return false;
  auto misuse = [&](Mask who, const std::string &what) {
    warp.report(FindingKind::BarrierMisuse, instruction, who, what);
  };
  for (unsigned lane = 0; lane < warpSize; ++lane)
    if (mask >> lane & 1 && lanes[lane] != named) {
      misuse(mask, "lanes give different member masks: " + hexadecimal(named) + " and " +
                       hexadecimal(lanes[lane]));
      return true;
    }
  if (mask & ~named)
    misuse(mask & ~named, "the member mask " + hexadecimal(named) +
                              " does not name these lanes, which execute the instruction");
  // Lanes that have exited may be named: they no longer count.
  if (named & warp.live & ~mask)
    misuse(named & warp.live & ~mask, "the member mask " + hexadecimal(named) +
                                          " names these lanes, which are elsewhere; name only "
                                          "lanes that get here");
  return true;
}

namespace {

//===-- shfl ---===//

enum class Shuffle : uint8_t { Up, Down, Butterfly, Index };

struct ShuffleDetail : Detail {
  Shuffle mode = Shuffle::Index;
  Row clamp = noOperand, members = noOperand;
  PredicateIndex predicate = Decoder::unwantedPredicate;
};

/// The lane that `lane` reads from; `inRange` is what the predicate gets.
unsigned sourceLane(Shuffle mode, unsigned lane, uint32_t b, uint32_t c, bool &inRange) {
  int distance = int(b & 31), clamp = int(c & 31), segment = int(c >> 8 & 31), self = int(lane);
  int most = (self & segment) | (clamp & ~segment), least = self & segment, from = 0;
  switch (mode) {
  case Shuffle::Up:
    from = self - distance;
    inRange = from >= most;
    break;
  case Shuffle::Down:
    from = self + distance;
    inRange = from <= most;
    break;
  case Shuffle::Butterfly:
    from = self ^ distance;
    inRange = from <= most;
    break;
  case Shuffle::Index:
    from = least | (distance & ~segment);
    inRange = from <= most;
    break;
  }
  return unsigned(inRange ? from : self);
}

Outcome runShuffle(Warp &warp, const Instruction &instruction, Mask mask) {
  const auto &detail = static_cast<const ShuffleDetail &>(*instruction.detail);
  if (!checkMembers(warp, instruction, detail.members, mask))
    return Outcome::Jumped;
  uint32_t values[warpSize];
  std::copy_n(warp.lanes32(instruction.a), warpSize, values);
  const uint32_t *distance = warp.lanes32(instruction.b), *clamp = warp.lanes32(detail.clamp);
  uint32_t *result = warp.lanes32(instruction.dst);
  Mask ranges = 0, missing = 0;
  uint32_t gathered[warpSize];
  for (unsigned lane = 0; lane < warpSize; ++lane) {
    bool inRange = false;
    unsigned from = sourceLane(detail.mode, lane, distance[lane], clamp[lane], inRange);
    gathered[lane] = values[from];
    ranges |= Mask(inRange) << lane;
    missing |= Mask(~mask >> from & 1) << lane;
  }
  for (unsigned lane = 0; lane < warpSize; ++lane)
    if (mask >> lane & 1)
      result[lane] = gathered[lane];
  warp.setPredicate(detail.predicate, ranges, mask);
  if (missing & mask && warp.block.launch.options.checks)
    warp.report(FindingKind::BarrierMisuse, instruction, missing & mask,
                "shfl reads from a lane that does not take part; its value is not defined");
  return Outcome::Next;
}

void finish(Decoder &decoder, Handler handler, InstructionClass kind = InstructionClass::Alu) {
  decoder.endModifiers();
  decoder.instruction().run = handler;
  decoder.instruction().kind = kind;
  decoder.instruction().flags |= WarpSync;
}

/// d|p or d.
void decodeResult(Decoder &decoder, const ptx::Operand &operand, PredicateIndex &predicate) {
  bool pair = operand.kind == ptx::Operand::Kind::Pair;
  decoder.instruction().dst = decoder.destination(pair ? operand.parts[0] : operand, Width::B32);
  if (pair)
    predicate = decoder.predicateDestination(operand.parts[1]);
}

void decodeShuffle(Decoder &decoder) {
  decoder.expectOneOf({"sync"}, "'sync' (shfl without it is gone since sm_70)");
  auto &detail = decoder.makeDetail<ShuffleDetail>();
  detail.mode = Shuffle(decoder.expectOneOf({"up", "down", "bfly", "idx"}, "a mode"));
  decoder.expectOneOf({"b32"}, "'b32'");
  decoder.expectOperands(5);
  decodeResult(decoder, decoder.operand(0), detail.predicate);
  decoder.instruction().a = decoder.source(decoder.operand(1), Width::B32);
  decoder.instruction().b = decoder.source(decoder.operand(2), Width::B32);
  detail.clamp = decoder.source(decoder.operand(3), Width::B32);
  detail.members = decoder.source(decoder.operand(4), Width::B32);
  finish(decoder, runShuffle);
}

//===-- vote ---===//

enum class Vote : uint8_t { All, Any, Uniform, Ballot };

struct VoteDetail : Detail {
  Vote mode = Vote::All;
  PredicateOperand predicate;
};

Outcome runVote(Warp &warp, const Instruction &instruction, Mask mask) {
  const auto &detail = static_cast<const VoteDetail &>(*instruction.detail);
  if (!checkMembers(warp, instruction, instruction.a, mask))
    return Outcome::Jumped;
  Mask votes = warp.predicate(detail.predicate.index);
  votes = (detail.predicate.negated ? ~votes : votes) & mask;
  bool result = false;
  switch (detail.mode) {
  case Vote::All: result = votes == mask; break;
  case Vote::Any: result = votes != 0; break;
  case Vote::Uniform: result = votes == mask || votes == 0; break;
  case Vote::Ballot:
    for (unsigned lane = 0; lane < warpSize; ++lane)
      if (mask >> lane & 1)
        warp.lanes32(instruction.dst)[lane] = votes;
    return Outcome::Next;
  }
  warp.setPredicate(instruction.dst, result ? allLanes : 0, mask);
  return Outcome::Next;
}

void decodeVote(Decoder &decoder) {
  decoder.expectOneOf({"sync"}, "'sync' (vote without it is gone since sm_70)");
  auto &detail = decoder.makeDetail<VoteDetail>();
  detail.mode = Vote(decoder.expectOneOf({"all", "any", "uni", "ballot"}, "a mode"));
  bool ballot = detail.mode == Vote::Ballot;
  decoder.expectOneOf({ballot ? "b32" : "pred"}, ballot ? "'b32'" : "'pred'");
  decoder.expectOperands(3);
  decoder.instruction().dst = ballot ? decoder.destination(decoder.operand(0), Width::B32)
                                     : decoder.predicateDestination(decoder.operand(0));
  detail.predicate = decoder.predicateSource(decoder.operand(1));
  decoder.instruction().a = decoder.source(decoder.operand(2), Width::B32);
  finish(decoder, runVote);
}

//===-- match ---===//

struct MatchDetail : Detail {
  bool all = false, wide = false;
  PredicateIndex predicate = Decoder::unwantedPredicate;
};

Outcome runMatch(Warp &warp, const Instruction &instruction, Mask mask) {
  const auto &detail = static_cast<const MatchDetail &>(*instruction.detail);
  if (!checkMembers(warp, instruction, instruction.b, mask))
    return Outcome::Jumped;
  uint32_t result[warpSize];
  Mask same = 0;
  for (unsigned lane = 0; lane < warpSize; ++lane) {
    Mask equal = 0;
    for (unsigned other = 0; other < warpSize; ++other)
      if (warp.lane(instruction.a, lane, detail.wide) ==
          warp.lane(instruction.a, other, detail.wide))
        equal |= Mask(1) << other;
    equal &= mask;
    same |= Mask(equal == mask) << lane;
    result[lane] = detail.all && equal != mask ? 0 : equal;
  }
  for (unsigned lane = 0; lane < warpSize; ++lane)
    if (mask >> lane & 1)
      warp.lanes32(instruction.dst)[lane] = result[lane];
  warp.setPredicate(detail.predicate, same, mask);
  return Outcome::Next;
}

void decodeMatch(Decoder &decoder) {
  auto &detail = decoder.makeDetail<MatchDetail>();
  detail.all = decoder.expectOneOf({"any", "all"}, "'any' or 'all'") == 1;
  decoder.expectOneOf({"sync"}, "'sync'");
  detail.wide = decoder.expectOneOf({"b32", "b64"}, "'b32' or 'b64'") == 1;
  decoder.expectOperands(3);
  if (!detail.all && decoder.operand(0).kind == ptx::Operand::Kind::Pair)
    decoder.fail("match.any has no predicate");
  decodeResult(decoder, decoder.operand(0), detail.predicate);
  decoder.instruction().a =
      decoder.source(decoder.operand(1), detail.wide ? Width::B64 : Width::B32);
  decoder.instruction().b = decoder.source(decoder.operand(2), Width::B32);
  finish(decoder, runMatch);
}

//===-- redux ---===//

enum class Reduction : uint8_t {
  Add,
  MinUnsigned,
  MaxUnsigned,
  MinSigned,
  MaxSigned,
  And,
  Or,
  Xor
};

uint32_t combine(Reduction reduction, uint32_t a, uint32_t b) {
  switch (reduction) {
  case Reduction::Add: return a + b;
  case Reduction::MinUnsigned: return std::min(a, b);
  case Reduction::MaxUnsigned: return std::max(a, b);
  case Reduction::MinSigned: return uint32_t(std::min(int32_t(a), int32_t(b)));
  case Reduction::MaxSigned: return uint32_t(std::max(int32_t(a), int32_t(b)));
  case Reduction::And: return a & b;
  case Reduction::Or: return a | b;
  case Reduction::Xor: return a ^ b;
  }
  return a;
}

Outcome runRedux(Warp &warp, const Instruction &instruction, Mask mask) {
  if (!checkMembers(warp, instruction, instruction.b, mask))
    return Outcome::Jumped;
  const uint32_t *values = warp.lanes32(instruction.a);
  unsigned leader = unsigned(std::countr_zero(mask));
  uint32_t result = values[leader];
  for (unsigned lane = leader + 1; lane < warpSize; ++lane)
    if (mask >> lane & 1)
      result = combine(Reduction(instruction.immediate), result, values[lane]);
  for (unsigned lane = 0; lane < warpSize; ++lane)
    if (mask >> lane & 1)
      warp.lanes32(instruction.dst)[lane] = result;
  return Outcome::Next;
}

void decodeRedux(Decoder &decoder) {
  decoder.require(80);
  decoder.expectOneOf({"sync"}, "'sync'");
  int operation =
      decoder.expectOneOf({"add", "min", "max", "and", "or", "xor"}, "a reduction of integers");
  Reduction reduction = Reduction::Add;
  if (operation < 3) {
    bool isSigned = decoder.expectOneOf({"u32", "s32"}, "'u32' or 's32'") == 1;
    if (operation == 1)
      reduction = isSigned ? Reduction::MinSigned : Reduction::MinUnsigned;
    if (operation == 2)
      reduction = isSigned ? Reduction::MaxSigned : Reduction::MaxUnsigned;
  } else {
    decoder.expectOneOf({"b32"}, "'b32'");
    reduction = Reduction(int(Reduction::And) + operation - 3);
  }
  decoder.expectOperands(3);
  decoder.instruction().dst = decoder.destination(decoder.operand(0), Width::B32);
  decoder.instruction().a = decoder.source(decoder.operand(1), Width::B32);
  decoder.instruction().b = decoder.source(decoder.operand(2), Width::B32);
  decoder.instruction().immediate = int64_t(reduction);
  finish(decoder, runRedux);
}

//===-- elect, activemask ---===//

struct ElectDetail : Detail {
  PredicateIndex predicate = Decoder::unwantedPredicate;
};

/// The lowest member is elected; the ISA leaves open which one.
Outcome runElect(Warp &warp, const Instruction &instruction, Mask mask) {
  const auto &detail = static_cast<const ElectDetail &>(*instruction.detail);
  if (!checkMembers(warp, instruction, instruction.a, mask))
    return Outcome::Jumped;
  uint32_t leader = uint32_t(std::countr_zero(mask));
  for (unsigned lane = 0; lane < warpSize; ++lane)
    if (mask >> lane & 1)
      warp.lanes32(instruction.dst)[lane] = leader;
  warp.setPredicate(detail.predicate, Mask(1) << leader, mask);
  return Outcome::Next;
}

void decodeElect(Decoder &decoder) {
  decoder.require(90);
  decoder.expectOneOf({"sync"}, "'sync'");
  decoder.expectOperands(2);
  if (decoder.operand(0).kind != ptx::Operand::Kind::Pair)
    decoder.fail("expected d|p as the result");
  auto &detail = decoder.makeDetail<ElectDetail>();
  decodeResult(decoder, decoder.operand(0), detail.predicate);
  decoder.instruction().a = decoder.source(decoder.operand(1), Width::B32);
  finish(decoder, runElect);
}

Outcome runActiveMask(Warp &warp, const Instruction &instruction, Mask mask) {
  for (unsigned lane = 0; lane < warpSize; ++lane)
    if (mask >> lane & 1)
      warp.lanes32(instruction.dst)[lane] = mask;
  return Outcome::Next;
}

void decodeActiveMask(Decoder &decoder) {
  decoder.expectOneOf({"b32"}, "'b32'");
  decoder.expectOperands(1);
  decoder.endModifiers();
  decoder.instruction().dst = decoder.destination(decoder.operand(0), Width::B32);
  decoder.instruction().run = runActiveMask;
}

} // namespace

void addWarpOperations(InstructionSet &set) {
  set["shfl"] = decodeShuffle;
  set["vote"] = decodeVote;
  set["match"] = decodeMatch;
  set["redux"] = decodeRedux;
  set["elect"] = decodeElect;
  set["activemask"] = decodeActiveMask;
}

} // namespace attune::sim
