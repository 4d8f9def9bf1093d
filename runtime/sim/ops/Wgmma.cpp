// SPDX-License-Identifier: Apache-2.0
// wgmma.fence, mma_async, commit_group and wait_group: decoding, and one warp's share of each (PTX
// ISA, "Asynchronous Warpgroup Level Matrix Instructions").
#include "runtime/sim/ops/Wgmma.h"

#include "runtime/sim/ops/Ops.h"
#include "runtime/sim/ops/Warpgroup.h"

namespace attune::sim {

namespace {

//===-- Handlers ---===//

Warpgroup &warpgroupOf(Warp &warp) { return warp.block.unit<Warpgroups>().of(warp); }

Outcome runFence(Warp &warp, const Instruction &instruction, Mask mask) {
  Warpgroup &group = warpgroupOf(warp);
  if (group.follows(warp, instruction, mask)) {
    group.fence(warp);
    group.advance(warp);
  }
  return Outcome::Next;
}

Outcome runMultiply(Warp &warp, const Instruction &instruction, Mask mask) {
  Warpgroup &group = warpgroupOf(warp);
  if (group.follows(warp, instruction, mask)) {
    group.issue(warp, instruction);
    group.advance(warp);
  }
  return Outcome::Next;
}

Outcome runCommit(Warp &warp, const Instruction &instruction, Mask mask) {
  Warpgroup &group = warpgroupOf(warp);
  if (group.follows(warp, instruction, mask)) {
    group.commit(warp);
    group.advance(warp);
  }
  return Outcome::Next;
}

Outcome runWait(Warp &warp, const Instruction &instruction, Mask mask) {
  Warpgroup &group = warpgroupOf(warp);
  if (!group.follows(warp, instruction, mask))
    return Outcome::Next;
  if (!group.wait(warp, unsigned(instruction.immediate)))
    return Outcome::Blocked;
  group.advance(warp);
  return Outcome::Next;
}

//===-- Decoding ---===//

void checkShape(Decoder &decoder, const TensorTypes &types, const TensorShape &shape) {
  unsigned terms = 8 * elementsPerRegister(types.a);
  bool width = shape.n >= 8 && shape.n <= 256 && shape.n % 8 == 0;
  // Integers have only every second of the wider shapes.
  if (types.integers() && shape.n > 24 && shape.n % 16 != 0)
    width = false;
  if (shape.m != 64 || shape.k != terms || !width)
    decoder.fail("expected a shape .m64nNk" + std::to_string(terms) +
                 " with these types, N a multiple of " + (types.integers() ? "16" : "8") +
                 " up to 256");
}

bool takeSign(Decoder &decoder, size_t operand, const char *what) {
  int64_t sign = decoder.constant(decoder.operand(operand), -1, 1, what);
  if (sign == 0)
    decoder.fail(std::string("expected -1 or 1 for ") + what);
  return sign < 0;
}

/// Only 16-bit types can be MN-major.
bool hasMajor(const TensorTypes &types) { return elementsPerRegister(types.a) == 2; }

/// d, a, b, scale-d; then for floats imm-scale-a and imm-scale-b; then for 16-bit types imm-trans-a
/// (when A is in shared memory) and imm-trans-b.
void decodeImmediates(Decoder &decoder, const TensorTypes &types, WgmmaDetail &detail) {
  const bool sharedA = detail.descriptorA != noOperand;
  size_t signs = types.integers() ? 0 : 2, majors = hasMajor(types) ? (sharedA ? 2 : 1) : 0;
  decoder.expectOperands(4 + signs + majors);
  size_t next = 4;
  if (signs) {
    detail.rule.negateA = takeSign(decoder, next++, "imm-scale-a");
    detail.rule.negateB = takeSign(decoder, next++, "imm-scale-b");
  }
  if (majors == 2)
    detail.kMajorA = !decoder.constant(decoder.operand(next++), 0, 1, "imm-trans-a");
  if (majors)
    detail.kMajorB = !decoder.constant(decoder.operand(next++), 0, 1, "imm-trans-b");
}

void markRows(Program &program, const std::vector<Row> &rows) {
  for (Row row : rows) {
    if (program.tensorRows.size() <= row)
      program.tensorRows.resize(size_t(row) + 1);
    program.tensorRows[row] = true;
  }
}

void decodeMultiply(Decoder &decoder) {
  TensorShape shape = takeTensorShape(decoder);
  bool saturate = decoder.take("satfinite");
  TensorTypes types = takeTensorTypes(decoder);
  decoder.endModifiers();
  checkShape(decoder, types, shape);
  if (saturate && !types.integers())
    decoder.fail(".satfinite is for integers");
  decoder.expectOperands(4, 8);
  auto &detail = decoder.makeDetail<WgmmaDetail>();
  detail.rule = tensorRule(Numerics::Exact, decoder.module.target, true, types.a, types.b,
                           types.result, shape.k);
  detail.rule.saturate = saturate;
  detail.n = shape.n;
  size_t registers = shape.n / (types.result == TensorResult::F16 ? 4 : 2);
  detail.accumulators = decoder.destinations(decoder.operand(0), registers, Width::B32);
  // They are read as well, unless scale-d is 0.
  decoder.sources(decoder.operand(0), registers, Width::B32);
  if (decoder.operand(1).kind == ptx::Operand::Kind::Vector)
    detail.a = decoder.sources(decoder.operand(1), 4, Width::B32);
  else
    detail.descriptorA = decoder.source(decoder.operand(1), Width::B64);
  detail.descriptorB = decoder.source(decoder.operand(2), Width::B64);
  detail.accumulate = decoder.predicateSource(decoder.operand(3));
  decodeImmediates(decoder, types, detail);
  markRows(decoder.program, detail.accumulators);
  markRows(decoder.program, detail.a);
  decoder.instruction().run = runMultiply;
  decoder.instruction().kind = InstructionClass::Tensor;
}

void decodeWgmma(Decoder &decoder) {
  decoder.require(90, 'a');
  int which = decoder.expectOneOf({"fence", "mma_async", "commit_group", "wait_group"},
                                  "fence, mma_async, commit_group or wait_group");
  decoder.expectOneOf({"sync"}, "sync");
  decoder.expectOneOf({"aligned"}, "aligned");
  Instruction &instruction = decoder.instruction();
  instruction.flags |= Aligned | WarpSync;
  if (which == 1)
    return decodeMultiply(decoder);
  decoder.endModifiers();
  decoder.expectOperands(which == 3 ? 1 : 0);
  instruction.kind = InstructionClass::Synchronize;
  instruction.run = which == 0 ? runFence : which == 2 ? runCommit : runWait;
  // PTX ISA, "wgmma.wait_group": from 0 to 7.
  if (which == 3)
    instruction.immediate = decoder.constant(decoder.operand(0), 0, 7, "a number of groups");
}

} // namespace

void addWgmma(InstructionSet &set) { set["wgmma"] = decodeWgmma; }

} // namespace attune::sim
