// SPDX-License-Identifier: Apache-2.0
// cp.async.bulk and cp.reduce.async.bulk: PTX ISA, "Data Movement and Conversion Instructions: Bulk
// copy".
#include "runtime/sim/ops/BulkCopy.h"

#include "runtime/sim/ops/TensorCopy.h"

#include <bit>

namespace attune::sim {

bool takeCacheHint(Decoder &decoder) { return decoder.take("L2::cache_hint"); }

namespace {

struct BulkDetail : Detail {
  AddressOperand to, from, mbarrier;
  Row size = noOperand, blocks = noOperand;
  /// The destination is .shared::cta: nowhere else.
  bool ownBlock = false;
  std::optional<Reduction> reduction;
};

template <typename Action>
Outcome forLanes(Warp &warp, const Instruction &instruction, Mask mask, Action action) {
  const auto &detail = static_cast<const BulkDetail &>(*instruction.detail);
  for (Mask rest = mask; rest; rest &= rest - 1) {
    unsigned lane = unsigned(std::countr_zero(rest));
    action(Actor{warp, instruction, Mask(1) << lane}, detail, lane);
  }
  return Outcome::Next;
}

bool isSound(const Actor &actor, uint64_t global, uint32_t size) {
  bool address = isAligned(actor, "the address in global memory", global, 16);
  return isAligned(actor, "the size", size, 16) && address;
}

std::shared_ptr<const BulkShape> contiguous(const Actor &actor, AccessKind kind, uint64_t global,
                                            uint32_t size) {
  auto shape = std::make_shared<BulkShape>();
  shape->extent = shape->bytes = size;
  uint8_t *bytes = actor.warp.block.launch.memory.access(actor.warp, actor.instruction, kind,
                                                         global, size, 16, actor.lanes);
  if (bytes)
    shape->runs.push_back({bytes, 0, size});
  else
    shape->hasGaps = true;
  return shape;
}

Outcome runLoad(Warp &warp, const Instruction &instruction, Mask mask) {
  return forLanes(
      warp, instruction, mask, [&](const Actor &actor, const BulkDetail &detail, unsigned lane) {
        uint32_t size = warp.lanes32(detail.size)[lane];
        uint64_t global = operandAddress(warp, detail.from, lane);
        if (!isSound(actor, global, size))
          return;
        std::optional<uint16_t> blocks;
        if (detail.blocks != noOperand)
          blocks = uint16_t(warp.lanes32(detail.blocks)[lane]);
        std::vector<LoadTarget> targets =
            loadTargets(actor, operandAddress(warp, detail.to, lane),
                        operandAddress(warp, detail.mbarrier, lane), 16, detail.ownBlock, blocks);
        if (!targets.empty())
          issueLoads(actor, contiguous(actor, AccessKind::Read, global, size), targets);
      });
}

Outcome runSharedLoad(Warp &warp, const Instruction &instruction, Mask mask) {
  return forLanes(
      warp, instruction, mask, [&](const Actor &actor, const BulkDetail &detail, unsigned lane) {
        uint32_t size = warp.lanes32(detail.size)[lane];
        uint64_t source = operandAddress(warp, detail.from, lane);
        if (!isAligned(actor, "the size", size, 16) ||
            !isAligned(actor, "the source address", source, 16) ||
            !sharedBlock(actor, source, true))
          return;
        for (const LoadTarget &target :
             loadTargets(actor, operandAddress(warp, detail.to, lane),
                         operandAddress(warp, detail.mbarrier, lane), 16, false, std::nullopt)) {
          issueSharedLoad(actor, target, uint32_t(source), size);
        }
      });
}

Outcome runStore(Warp &warp, const Instruction &instruction, Mask mask) {
  return forLanes(warp, instruction, mask,
                  [&](const Actor &actor, const BulkDetail &detail, unsigned lane) {
                    uint32_t size = warp.lanes32(detail.size)[lane];
                    uint64_t global = operandAddress(warp, detail.to, lane);
                    uint64_t source = operandAddress(warp, detail.from, lane);
                    if (!isSound(actor, global, size) ||
                        !isAligned(actor, "the address in shared memory", source, 16) ||
                        !sharedBlock(actor, source, true))
                      return;
                    AccessKind kind = detail.reduction ? AccessKind::Atomic : AccessKind::Write;
                    issueStore(actor, contiguous(actor, kind, global, size), uint32_t(source),
                               detail.reduction);
                  });
}

Outcome runPrefetch(Warp &warp, const Instruction &instruction, Mask mask) {
  return forLanes(
      warp, instruction, mask, [&](const Actor &actor, const BulkDetail &detail, unsigned lane) {
        isSound(actor, operandAddress(warp, detail.from, lane), warp.lanes32(detail.size)[lane]);
      });
}

Outcome runCommit(Warp &warp, const Instruction &, Mask mask) {
  commitStores(warp, mask);
  return Outcome::Next;
}

/// immediate: twice how many groups may remain, and 1 with .read.
Outcome runWait(Warp &warp, const Instruction &instruction, Mask mask) {
  waitForStores(warp, mask, uint32_t(instruction.immediate / 2), instruction.immediate % 2);
  return Outcome::Next;
}

BulkDetail &makeDetail(Decoder &decoder, Handler run) {
  decoder.instruction().run = run;
  decoder.instruction().kind = InstructionClass::Async;
  return decoder.makeDetail<BulkDetail>();
}

void decodePolicy(Decoder &decoder, bool hint, size_t index) {
  if (hint)
    decoder.source(decoder.operand(index), Width::B64);
}

Row decodeSize(Decoder &decoder, size_t index) {
  const ptx::Operand &size = decoder.operand(index);
  if (size.kind == ptx::Operand::Kind::Integer && size.bits % 16 != 0)
    decoder.fail("expected a size that is a multiple of 16, but it is " +
                 std::to_string(size.bits));
  return decoder.source(size, Width::B32);
}

/// {.shared::cluster, .shared::cta}.global or .shared::cluster.shared::cta, from the second part.
void decodeLoad(Decoder &decoder, bool ownBlock) {
  bool fromGlobal = decoder.expectOneOf({"global", "shared::cta"}, "where it copies from") == 0;
  if (!fromGlobal && ownBlock)
    decoder.fail("a copy from .shared::cta goes to .shared::cluster or .global");
  decoder.expectOneOf({"mbarrier::complete_tx::bytes"}, "mbarrier::complete_tx::bytes");
  BulkDetail &detail = makeDetail(decoder, fromGlobal ? runLoad : runSharedLoad);
  detail.ownBlock = ownBlock;
  bool multicast = fromGlobal && !ownBlock && decoder.take("multicast::cluster");
  bool hint = fromGlobal && takeCacheHint(decoder);
  decoder.endModifiers();
  decoder.expectOperands(4 + multicast + hint);
  detail.to = decoder.address(decoder.operand(0));
  detail.from = decoder.address(decoder.operand(1));
  detail.size = decodeSize(decoder, 2);
  detail.mbarrier = decoder.address(decoder.operand(3));
  if (multicast)
    detail.blocks = decoder.source(decoder.operand(4), Width::B16);
  decodePolicy(decoder, hint, 4 + multicast);
}

/// The operands of .global.shared::cta.
BulkDetail &decodeStore(Decoder &decoder, bool hint) {
  BulkDetail &detail = makeDetail(decoder, runStore);
  decoder.expectOperands(3 + hint);
  detail.to = decoder.address(decoder.operand(0));
  detail.from = decoder.address(decoder.operand(1));
  detail.size = decodeSize(decoder, 2);
  decodePolicy(decoder, hint, 3);
  return detail;
}

void decodePrefetch(Decoder &decoder) {
  decoder.expectOneOf({"L2"}, "L2");
  decoder.expectOneOf({"global"}, "global");
  bool hint = takeCacheHint(decoder);
  decoder.endModifiers();
  BulkDetail &detail = makeDetail(decoder, runPrefetch);
  decoder.expectOperands(2 + hint);
  detail.from = decoder.address(decoder.operand(0));
  detail.size = decodeSize(decoder, 1);
  decodePolicy(decoder, hint, 2);
}

void decodeWait(Decoder &decoder) {
  Instruction &instruction = decoder.instruction();
  instruction.run = runWait;
  instruction.kind = InstructionClass::Async;
  bool onlyRead = decoder.take("read");
  decoder.endModifiers();
  decoder.expectOperands(1);
  instruction.immediate =
      decoder.constant(decoder.operand(0), 0, 0x7fffffff, "how many groups may remain") * 2 +
      onlyRead;
}

void decodeCommit(Decoder &decoder) {
  decoder.instruction().run = runCommit;
  decoder.instruction().kind = InstructionClass::Async;
  decoder.endModifiers();
  decoder.expectOperands(0);
}

} // namespace

void decodeBulkCopy(Decoder &decoder) {
  decoder.require(90);
  if (decoder.take("tensor"))
    return decodeTensorCopy(decoder);
  if (decoder.take("prefetch"))
    return decoder.take("tensor") ? decodeTensorPrefetch(decoder) : decodePrefetch(decoder);
  switch (decoder.expectOneOf(
      {"commit_group", "wait_group", "shared::cluster", "shared::cta", "global"},
      "where it copies to")) {
  case 0: return decodeCommit(decoder);
  case 1: return decodeWait(decoder);
  case 2: return decodeLoad(decoder, false);
  case 3: return decodeLoad(decoder, true);
  default: break;
  }
  decoder.expectOneOf({"shared::cta"}, "shared::cta");
  decoder.expectOneOf({"bulk_group"}, "bulk_group");
  bool hint = takeCacheHint(decoder);
  decoder.endModifiers();
  decodeStore(decoder, hint);
}

void decodeBulkReduction(Decoder &decoder) {
  decoder.require(90);
  if (decoder.take("tensor"))
    return decodeTensorReduction(decoder);
  decoder.expectOneOf({"global"}, "global (the simulator reduces into no other memory)");
  decoder.expectOneOf({"shared::cta"}, "shared::cta");
  decoder.expectOneOf({"bulk_group"}, "bulk_group");
  bool hint = takeCacheHint(decoder);
  Reduction reduction;
  reduction.operation = expectReduction(decoder);
  bool keepsSubnormals = decoder.take("noftz");
  reduction.type = decoder.expectType();
  decoder.endModifiers();
  bool isHalf = reduction.type.bits == 16;
  if (!isValid(reduction) ||
      keepsSubnormals != (isHalf && reduction.operation == Reduction::Operation::Add))
    decoder.fail("the PTX ISA has no such reduction; additions of f16 and bf16, and no others, "
                 "need .noftz");
  decodeStore(decoder, hint).reduction = reduction;
}

} // namespace attune::sim
