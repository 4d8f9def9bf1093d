// SPDX-License-Identifier: Apache-2.0
// ldmatrix, stmatrix and mma.sync (PTX ISA, "Warp Level Matrix Instructions").
#include "runtime/sim/machine/Block.h"
#include "runtime/sim/numerics/MatrixLayouts.h"
#include "runtime/sim/ops/Mbarrier.h"
#include "runtime/sim/ops/Ops.h"
#include "runtime/sim/ops/TensorTypes.h"

#include <algorithm>
#include <bit>

namespace attune::sim {

namespace {

//===-- ldmatrix and stmatrix ---===//

constexpr unsigned matrixRows = 8, rowBytes = 16;

struct MatrixMoveDetail : Detail {
  AddressOperand address;
  bool generic = false, transposed = false;
  /// Registers; one matrix each.
  std::vector<Row> rows;
};

/// Lanes 0-7 give the rows of the first matrix, 8-15 those of the second, ...
Mask addressLanes(const MatrixMoveDetail &detail) {
  unsigned lanes = unsigned(detail.rows.size()) * matrixRows;
  return lanes == warpSize ? allLanes : (Mask(1) << lanes) - 1;
}

/// Where the rows lie: null for lanes that do not give one, or one that may not be accessed.
void findRows(Warp &warp, const Instruction &instruction, const MatrixMoveDetail &detail,
              AccessKind kind, Mask mask, uint8_t *rows[warpSize]) {
  uint32_t addresses[warpSize];
  const AddressOperand &operand = detail.address;
  if (!detail.generic && !operand.wide && operand.base != noOperand) {
    const uint32_t *base = warp.lanes32(operand.base);
    for (unsigned lane = 0; lane < warpSize; ++lane)
      addresses[lane] = base[lane] + uint32_t(operand.offset);
  } else {
    for (unsigned lane = 0; lane < warpSize; ++lane) {
      uint64_t address = sharedAddress(operandAddress(warp, detail.address, lane), detail.generic);
      // What does not fit lies outside of every block.
      addresses[lane] = uint32_t(std::min<uint64_t>(address, ~uint32_t(0)));
    }
  }
  SharedMemory &shared = warp.block.shared;
  Mask good = shared.access({warp, instruction, kind, rowBytes, true}, mask & addressLanes(detail),
                            addresses);
  for (unsigned lane = 0; lane < warpSize; ++lane)
    rows[lane] = good >> lane & 1 ? shared.at(addresses[lane]) : nullptr;
}

/// Lanes that have exited, or never were, leave holes in the matrices.
void checkWhole(Warp &warp, const Instruction &instruction, Mask mask) {
  if (warp.live != allLanes && mask == warp.live)
    warp.report(FindingKind::BarrierMisuse, instruction, mask,
                "expected all 32 lanes of the warp, but only " +
                    std::to_string(std::popcount(mask)) +
                    " are there; launch a multiple of 32 threads, and let none exit before");
}

Outcome runLoadMatrix(Warp &warp, const Instruction &instruction, Mask mask) {
  const auto &detail = static_cast<const MatrixMoveDetail &>(*instruction.detail);
  uint8_t *rows[warpSize];
  checkWhole(warp, instruction, mask);
  findRows(warp, instruction, detail, AccessKind::Read, mask, rows);
  // The base address may be a destination as well, so it has been read before.
  for (size_t i = 0; i < detail.rows.size(); ++i) {
    uint32_t *to = warp.lanes32(detail.rows[i]);
    if (mask == allLanes) {
      loadMatrix(rows + i * matrixRows, detail.transposed, to);
      continue;
    }
    uint32_t lanes[warpSize];
    loadMatrix(rows + i * matrixRows, detail.transposed, lanes);
    for (unsigned lane = 0; lane < warpSize; ++lane)
      to[lane] = mask >> lane & 1 ? lanes[lane] : to[lane];
  }
  return Outcome::Next;
}

Outcome runStoreMatrix(Warp &warp, const Instruction &instruction, Mask mask) {
  const auto &detail = static_cast<const MatrixMoveDetail &>(*instruction.detail);
  uint8_t *rows[warpSize];
  checkWhole(warp, instruction, mask);
  findRows(warp, instruction, detail, AccessKind::Write, mask, rows);
  for (size_t i = 0; i < detail.rows.size(); ++i)
    storeMatrix(rows + i * matrixRows, detail.transposed, warp.lanes32(detail.rows[i]));
  return Outcome::Next;
}

/// .sync.aligned.m8n8.num{.trans}{.ss}.b16; returns the number of matrices.
unsigned decodeMove(Decoder &decoder, MatrixMoveDetail &detail) {
  decoder.expectOneOf({"sync"}, "sync");
  decoder.expectOneOf({"aligned"}, "aligned");
  decoder.expectOneOf({"m8n8"}, "m8n8");
  unsigned count = 1u << decoder.expectOneOf({"x1", "x2", "x4"}, "x1, x2 or x4");
  detail.transposed = decoder.take("trans");
  detail.generic = decoder.takeOneOf({"shared", "shared::cta"}) < 0;
  decoder.expectOneOf({"b16"}, "b16");
  decoder.endModifiers();
  decoder.expectOperands(2);
  Instruction &instruction = decoder.instruction();
  instruction.flags |= Aligned | WarpSync;
  instruction.kind = InstructionClass::Shared;
  return count;
}

void decodeLoadMatrix(Decoder &decoder) {
  decoder.require(75);
  auto &detail = decoder.makeDetail<MatrixMoveDetail>();
  unsigned count = decodeMove(decoder, detail);
  detail.rows = decoder.destinations(decoder.operand(0), count, Width::B32);
  detail.address = decoder.address(decoder.operand(1));
  decoder.instruction().run = runLoadMatrix;
}

void decodeStoreMatrix(Decoder &decoder) {
  decoder.require(90);
  auto &detail = decoder.makeDetail<MatrixMoveDetail>();
  unsigned count = decodeMove(decoder, detail);
  detail.address = decoder.address(decoder.operand(0));
  detail.rows = decoder.sources(decoder.operand(1), count, Width::B32);
  decoder.instruction().run = runStoreMatrix;
}

//===-- mma ---===//

struct MmaDetail : Detail {
  TensorRule rule;
  std::vector<Row> a, b, c, d;
};

/// Makes results as rows of four registers, in `out`, whatever the result type is.
void multiply(const TensorRule &rule, const uint32_t *const *a, const uint32_t *const *b,
              const uint32_t *const *c, uint32_t *const out[4]) {
  if (rule.result == TensorResult::S32)
    return multiplyIntegerTensors(rule, a, b, c, out);
  TensorA left;
  TensorB right;
  loadTensorA(rule, a, left);
  loadTensorB(rule, b, right);
  if (rule.result == TensorResult::F32)
    return multiplyTensors(rule, left, right, c, out);
  unpackHalves(c, out);
  multiplyTensors(rule, left, right, out, out);
}

void countProducts(Warp &warp, const Instruction &instruction, const TensorRule &rule) {
  if (warp.block.launch.options.counters)
    warp.counters(instruction).tensorFlops += 2 * 16 * 8 * rule.terms;
}

Outcome runMma(Warp &warp, const Instruction &instruction, Mask mask) {
  const auto &detail = static_cast<const MmaDetail &>(*instruction.detail);
  const Options &options = warp.block.launch.options;
  checkWhole(warp, instruction, mask);
  TensorRule rule = detail.rule;
  rule.numerics = options.numerics;
  const uint32_t *a[4], *b[2], *c[4];
  pointToRows(warp, detail.a.data(), unsigned(detail.a.size()), a);
  pointToRows(warp, detail.b.data(), unsigned(detail.b.size()), b);
  pointToRows(warp, detail.c.data(), unsigned(detail.c.size()), c);
  const bool small = rule.a == TensorElement::F16 || rule.a == TensorElement::BF16;
  if (rule.numerics == Numerics::Fast && rule.result == TensorResult::F32 && small &&
      mask == allLanes) {
    uint32_t *d[4];
    for (unsigned i = 0; i < 4; ++i)
      d[i] = warp.lanes32(detail.d[i]);
    multiplyFragments(rule, a, b, c, d);
    countProducts(warp, instruction, rule);
    return Outcome::Next;
  }
  // Apart from the registers: those of d may be any of the others.
  alignas(64) uint32_t results[4][warpSize], halves[2][warpSize];
  uint32_t *const out[4] = {results[0], results[1], results[2], results[3]};
  multiply(rule, a, b, c, out);
  const bool packed = rule.result == TensorResult::F16;
  if (packed) {
    uint32_t *const pairs[2] = {halves[0], halves[1]};
    packHalves(out, pairs);
  }
  for (size_t i = 0; i < detail.d.size(); ++i) {
    uint32_t *to = warp.lanes32(detail.d[i]);
    const uint32_t *from = packed ? halves[i] : results[i];
    for (unsigned lane = 0; lane < warpSize; ++lane)
      to[lane] = mask >> lane & 1 ? from[lane] : to[lane];
  }
  countProducts(warp, instruction, rule);
  return Outcome::Next;
}

/// Terms of the shapes that a type has, as the table "Matrix Shape" says, and the first target.
void checkShape(Decoder &decoder, const TensorTypes &types, const TensorShape &shape) {
  unsigned full = 8 * elementsPerRegister(types.a);
  bool known = shape.m == 16 && shape.n == 8 && shape.k == full;
  bool isFloat8 = types.a == TensorElement::E4M3 || types.a == TensorElement::E5M2;
  if (!isFloat8)
    known |= shape.m == 16 && shape.n == 8 && shape.k == full / 2;
  if (!known)
    decoder.fail("expected a shape of mma with these types: .m16n8k" + std::to_string(full) +
                 (isFloat8 ? "" : " or .m16n8k" + std::to_string(full / 2)));
  bool turing = types.a == TensorElement::F16 && shape.k == 8;
  decoder.require(isFloat8 ? 89 : turing ? 75 : 80);
}

void decodeMma(Decoder &decoder) {
  decoder.expectOneOf({"sync"}, "sync");
  decoder.expectOneOf({"aligned"}, "aligned");
  TensorShape shape = takeTensorShape(decoder);
  decoder.expectOneOf({"row"}, "row");
  decoder.expectOneOf({"col"}, "col");
  bool saturate = decoder.take("satfinite");
  TensorTypes types = takeTensorTypes(decoder);
  checkShape(decoder, types, shape);
  static constexpr const char *results[] = {"f32", "f16", "s32"};
  decoder.expectOneOf({results[size_t(types.result)]}, "the type of operand C, that of the result");
  decoder.endModifiers();
  if (saturate && !types.integers())
    decoder.fail(".satfinite is for integers");
  decoder.expectOperands(4);
  auto &detail = decoder.makeDetail<MmaDetail>();
  detail.rule = tensorRule(Numerics::Exact, decoder.module.target, false, types.a, types.b,
                           types.result, shape.k);
  detail.rule.saturate = saturate;
  unsigned registersA = shape.k / (2 * elementsPerRegister(types.a));
  unsigned registersC = types.result == TensorResult::F16 ? 2 : 4;
  detail.d = decoder.destinations(decoder.operand(0), registersC, Width::B32);
  detail.a = decoder.sources(decoder.operand(1), registersA, Width::B32);
  detail.b = decoder.sources(decoder.operand(2), registersA / 2, Width::B32);
  detail.c = decoder.sources(decoder.operand(3), registersC, Width::B32);
  Instruction &instruction = decoder.instruction();
  instruction.run = runMma;
  instruction.flags |= Aligned | WarpSync;
  instruction.kind = InstructionClass::Tensor;
}

} // namespace

void addMatrices(InstructionSet &set) {
  set["ldmatrix"] = decodeLoadMatrix;
  set["stmatrix"] = decodeStoreMatrix;
  set["mma"] = decodeMma;
}

} // namespace attune::sim
