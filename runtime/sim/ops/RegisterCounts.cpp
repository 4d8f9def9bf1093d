// SPDX-License-Identifier: Apache-2.0
// setmaxnreg: how many registers has a thread of each warp, and who waits for more? Whether so many
// suffice for the code is ptxas' to check; here it is counted whether the block has them at all.
#include "runtime/sim/machine/Block.h"
#include "runtime/sim/ops/Ops.h"

#include <algorithm>

namespace attune::sim {
namespace {

/// The pool of a block: what its warps have given back and nobody has taken.
struct RegisterCounts : Unit {
  explicit RegisterCounts(Block &block)
      : known(block.launch.program.registers != 0),
        counts(block.warps.size(), block.launch.program.registers) {}

  std::string describe() const override {
    return known && wanted ? std::to_string(pool) + " registers a lane are free of " +
                                 std::to_string(wanted) + " that a setmaxnreg.inc waits for"
                           : "";
  }

  const bool known;
  /// Of a thread of each warp.
  std::vector<uint32_t> counts;
  /// Registers that are free, for each lane of a warp.
  uint32_t pool = 0, wanted = 0;
};

void refuse(Warp &warp, const Instruction &instruction, Mask mask, const char *relation,
            uint32_t has) {
  warp.report(FindingKind::BarrierMisuse, instruction, mask,
              "setmaxnreg: expected a count " + std::string(relation) + " the " +
                  std::to_string(has) + " registers that a thread has here, found " +
                  std::to_string(instruction.immediate));
}

Outcome runRelease(Warp &warp, const Instruction &instruction, Mask mask) {
  auto &registers = warp.block.unit<RegisterCounts>();
  uint32_t &own = registers.counts[warp.index], count = uint32_t(instruction.immediate);
  if (!registers.known)
    return Outcome::Next;
  if (count > own) {
    refuse(warp, instruction, mask, "of at most", own);
    return Outcome::Next;
  }
  registers.pool += own - count;
  own = count;
  warp.block.cluster.wake({WaitKey::Kind::Registers, warp.block.rank, 0});
  return Outcome::Next;
}

Outcome runTake(Warp &warp, const Instruction &instruction, Mask mask) {
  auto &registers = warp.block.unit<RegisterCounts>();
  uint32_t &own = registers.counts[warp.index], count = uint32_t(instruction.immediate);
  if (!registers.known)
    return Outcome::Next;
  if (count < own) {
    refuse(warp, instruction, mask, "of at least", own);
    return Outcome::Next;
  }
  if (count - own > registers.pool) {
    registers.wanted = count - own;
    warp.waitFor({WaitKey::Kind::Registers, warp.block.rank, 0});
    return Outcome::Blocked;
  }
  registers.pool -= count - own;
  registers.wanted = 0;
  own = count;
  return Outcome::Next;
}

void decodeRegisterCount(Decoder &decoder) {
  decoder.require(90, 'a');
  bool takes = decoder.expectOneOf({"inc", "dec"}, "'inc' or 'dec'") == 0;
  decoder.expectOneOf({"sync"}, "'sync'");
  decoder.expectOneOf({"aligned"}, "'aligned'");
  decoder.expectOneOf({"u32"}, "'u32'");
  decoder.expectOperands(1);
  int64_t count = decoder.constant(decoder.operand(0), 24, 256, "a register count");
  if (count % 8 != 0)
    decoder.fail("expected a register count that is a multiple of 8, found " +
                 std::to_string(count));
  Instruction &instruction = decoder.instruction();
  instruction.kind = InstructionClass::Control;
  instruction.immediate = count;
  instruction.flags |= Aligned | WarpSync;
  instruction.run = takes ? runTake : runRelease;
}

} // namespace

uint32_t registersAtStart(const ptx::Function &function) {
  // Of a multiprocessor; they are given out in eights, and no thread addresses more than 255.
  constexpr uint32_t all = 65536, granule = 8, most = 255;
  if (function.maximumRegisters)
    return function.maximumRegisters;
  const auto &counts =
      function.requiredThreads[0] ? function.requiredThreads : function.maximumThreads;
  if (!counts[0])
    return 0;
  uint32_t threads = counts[0] * counts[1] * counts[2];
  uint32_t blocks = function.minimumBlocks ? function.minimumBlocks : 1;
  return std::min(all / (threads * blocks) / granule * granule, most);
}

void addRegisterCounts(InstructionSet &set) { set["setmaxnreg"] = decodeRegisterCount; }

} // namespace attune::sim
