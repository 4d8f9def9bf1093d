// SPDX-License-Identifier: Apache-2.0
// Branches, exits, and what only hints at the scheduler (PTX ISA, "Control Flow Instructions").
#include "runtime/sim/ops/Control.h"

#include "runtime/sim/machine/Block.h"
#include "runtime/sim/ops/Ops.h"

#include <bit>

namespace attune::sim {
namespace {

Outcome runBranch(Warp &warp, const Instruction &instruction, Mask mask) {
  warp.jump(mask, instruction.target, instruction);
  return Outcome::Jumped;
}

/// One index a turn: the lanes of the first lane's index go, the others come here again.
Outcome runIndexedBranch(Warp &warp, const Instruction &instruction, Mask mask) {
  const auto &table = static_cast<const BranchTable &>(*instruction.detail);
  const uint32_t *indices = warp.lanes32(instruction.a);
  unsigned leader = unsigned(std::countr_zero(mask));
  uint32_t index = indices[leader];
  Mask same = 0;
  for (unsigned lane = 0; lane < warpSize; ++lane)
    if (mask >> lane & 1 && indices[lane] == index)
      same |= Mask(1) << lane;
  if (index >= table.targets.size()) {
    warp.report(FindingKind::Fault, instruction, same,
                "brx.idx with index " + std::to_string(index) + ", but the list has " +
                    std::to_string(table.targets.size()) + " targets; these lanes stop");
    warp.exit(same);
    // exit moves on behind the branch when lanes are left, but they have not branched yet.
    if (same != mask)
      --warp.counter;
    return Outcome::Jumped;
  }
  if (same == warp.active) {
    warp.counter = table.targets[index];
    return Outcome::Jumped;
  }
  // The rest executes this instruction again, as if it were where the others fall through to.
  --warp.counter;
  warp.diverge(same, table.targets[index], instruction.reconverge);
  return Outcome::Jumped;
}

Outcome runExit(Warp &warp, const Instruction &, Mask mask) {
  warp.exit(mask);
  return Outcome::Jumped;
}

Outcome runTrap(Warp &warp, const Instruction &instruction, Mask mask) {
  warp.report(FindingKind::Fault, instruction, mask, "trap: the kernel stops these lanes itself");
  warp.exit(mask);
  return Outcome::Jumped;
}

Outcome runNothing(Warp &, const Instruction &, Mask) { return Outcome::Next; }

Outcome runGiveWay(Warp &, const Instruction &, Mask) { return Outcome::Yield; }

void finish(Decoder &decoder, Handler handler) {
  decoder.endModifiers();
  decoder.instruction().run = handler;
  decoder.instruction().kind = InstructionClass::Control;
}

uint32_t labelOf(Decoder &decoder, const ptx::Operand &operand) {
  if (operand.kind != ptx::Operand::Kind::Label)
    decoder.fail("expected a label to branch to");
  return operand.index;
}

void decodeBranch(Decoder &decoder) {
  decoder.take("uni");
  decoder.expectOperands(1);
  decoder.instruction().target = labelOf(decoder, decoder.operand(0));
  finish(decoder, runBranch);
}

void decodeIndexedBranch(Decoder &decoder) {
  decoder.expectOneOf({"idx"}, "'idx'");
  decoder.take("uni");
  decoder.expectOperands(2);
  if (decoder.operand(1).kind != ptx::Operand::Kind::TargetList)
    decoder.fail("expected the name of a .branchtargets list");
  decoder.instruction().a = decoder.source(decoder.operand(0), Width::B32);
  decoder.makeDetail<BranchTable>().targets =
      decoder.function.branchTargets[decoder.operand(1).index];
  finish(decoder, runIndexedBranch);
}

void decodeReturn(Decoder &decoder) {
  decoder.take("uni");
  decoder.expectOperands(0);
  finish(decoder, runExit);
}

void decodeExit(Decoder &decoder) {
  decoder.expectOperands(0);
  finish(decoder, runExit);
}

void decodeTrap(Decoder &decoder) {
  decoder.expectOperands(0);
  finish(decoder, runTrap);
}

void decodeBreakpoint(Decoder &decoder) {
  decoder.expectOperands(0);
  finish(decoder, runNothing);
}

void decodeSleep(Decoder &decoder) {
  decoder.expectOneOf({"u32"}, "'u32'");
  decoder.expectOperands(1);
  decoder.instruction().a = decoder.source(decoder.operand(0), Width::B32);
  finish(decoder, runGiveWay);
}

void decodeDependency(Decoder &decoder) {
  decoder.require(90);
  decoder.expectOneOf({"wait", "launch_dependents"}, "'wait' or 'launch_dependents'");
  decoder.expectOperands(0);
  finish(decoder, runNothing);
}

} // namespace

void addControl(InstructionSet &set) {
  set["bra"] = decodeBranch;
  set["brx"] = decodeIndexedBranch;
  set["ret"] = decodeReturn;
  set["exit"] = decodeExit;
  set["trap"] = decodeTrap;
  set["brkpt"] = decodeBreakpoint;
  set["nanosleep"] = decodeSleep;
  set["griddepcontrol"] = decodeDependency;
}

} // namespace attune::sim
