// SPDX-License-Identifier: Apache-2.0
// The opcodes that integers and floating-point numbers share, told apart by type; and the handlers
// of all that is a kernel over rows.
#include "runtime/sim/ops/Arithmetic.h"

#include "runtime/sim/machine/Block.h"
#include "runtime/sim/numerics/Approximate.h"
#include "runtime/sim/ops/Ops.h"

#include <algorithm>
#include <bit>

namespace attune::sim {

//===-- Instructions that run a kernel ---===//

static_assert(sizeof(LaneKernel) <= sizeof(Instruction::immediate));

static LaneKernel storedKernel(const Instruction &instruction) {
  return std::bit_cast<LaneKernel>(instruction.immediate);
}

static Outcome runKernel(Warp &warp, const Instruction &instruction, Mask mask) {
  storedKernel(instruction)(warp.lanes32(instruction.dst), warp.lanes32(instruction.a),
                            warp.lanes32(instruction.b), warp.lanes32(instruction.c), mask);
  return Outcome::Next;
}

/// The handler reads all rows, so that all have to be there.
static void setKernel(Instruction &instruction, Handler run, LaneKernel kernel,
                      InstructionClass kind) {
  instruction.run = run;
  instruction.immediate = std::bit_cast<int64_t>(kernel);
  instruction.kind = kind;
  for (Row *row : {&instruction.a, &instruction.b, &instruction.c})
    if (*row == noOperand)
      *row = instruction.dst;
}

void useKernel(Instruction &instruction, LaneKernel kernel, InstructionClass kind) {
  setKernel(instruction, runKernel, kernel, kind);
}

LaneKernel kernelOf(const Instruction &instruction) {
  return instruction.run == runKernel ? storedKernel(instruction) : nullptr;
}

namespace {

struct KernelDetail : Detail {
  LaneKernel before = nullptr, after = nullptr;
};

/// Room for a row of any width that kernels know.
struct alignas(64) RowCopy {
  uint64_t lanes[warpSize];
};

} // namespace

static Outcome runKernelBetween(Warp &warp, const Instruction &instruction, Mask mask) {
  auto &detail = static_cast<const KernelDetail &>(*instruction.detail);
  const void *sources[3] = {warp.lanes32(instruction.a), warp.lanes32(instruction.b),
                            warp.lanes32(instruction.c)};
  RowCopy copies[3], result;
  if (detail.before)
    for (int i = 0; i < 3; ++i) {
      detail.before(&copies[i], sources[i], nullptr, nullptr, allLanes);
      sources[i] = &copies[i];
    }
  void *dst = warp.lanes32(instruction.dst);
  if (!detail.after) {
    storedKernel(instruction)(dst, sources[0], sources[1], sources[2], mask);
    return Outcome::Next;
  }
  storedKernel(instruction)(&result, sources[0], sources[1], sources[2], allLanes);
  detail.after(dst, &result, nullptr, nullptr, mask);
  return Outcome::Next;
}

void useKernel(Decoder &decoder, LaneKernel kernel, LaneKernel before, LaneKernel after,
               InstructionClass kind) {
  if (!before && !after)
    return useKernel(decoder.instruction(), kernel, kind);
  auto &detail = decoder.makeDetail<KernelDetail>();
  detail.before = before;
  detail.after = after;
  setKernel(decoder.instruction(), runKernelBetween, kernel, kind);
}

//===-- Approximate functions ---===//

/// Moves each part of a result: an f32, or two halves.
static uint32_t perturbWord(uint32_t result, uint64_t source, const FloatFormat &format,
                            uint64_t seed, uint32_t line) {
  if (format.bits() == 32)
    return perturb(result, source, format, seed, line);
  uint32_t low = perturb(result & 0xffff, source & 0xffff, format, seed, line);
  uint32_t high = perturb(result >> 16, source >> 16 & 0xffff, format, seed, line);
  return high << 16 | low;
}

template <const FloatFormat &format>
static Outcome runApproximate(Warp &warp, const Instruction &instruction, Mask mask) {
  uint64_t seed = warp.block.launch.options.perturb;
  if (seed == 0)
    return runKernel(warp, instruction, mask);
  uint32_t sources[warpSize];
  std::copy_n(warp.lanes32(instruction.a), warpSize, sources);
  runKernel(warp, instruction, mask);
  uint32_t *dst = warp.lanes32(instruction.dst);
  for (unsigned lane = 0; lane < warpSize; ++lane)
    if (mask >> lane & 1)
      dst[lane] = perturbWord(dst[lane], sources[lane], format, seed, instruction.line);
  return Outcome::Next;
}

void useApproximateKernel(Instruction &instruction, LaneKernel kernel, const FloatFormat &format) {
  Handler run = format.bits() == 32        ? runApproximate<formatF32>
                : format.exponentBits == 8 ? runApproximate<formatBf16>
                                           : runApproximate<formatF16>;
  setKernel(instruction, run, kernel, InstructionClass::Special);
}

//===-- Modifiers and operands ---===//

void takeOperands(Decoder &decoder, ScalarType result, std::initializer_list<ScalarType> sources) {
  decoder.endModifiers();
  decoder.expectOperands(sources.size() + 1);
  // Sources first: `uses` and messages go by the order in which operands are asked for.
  Row rows[3] = {noOperand, noOperand, noOperand};
  size_t index = 0;
  for (ScalarType type : sources) {
    rows[index] = decoder.source(decoder.operand(index + 1), type);
    ++index;
  }
  Row dst = decoder.destination(decoder.operand(0), result.width());
  Instruction &instruction = decoder.instruction();
  instruction.dst = dst;
  instruction.a = rows[0];
  instruction.b = rows[1];
  instruction.c = rows[2];
}

void checkInteger(Decoder &decoder, ScalarType type, bool bits) {
  bool isInteger = type.kind == ScalarType::Kind::Unsigned || isSigned(type) ||
                   (bits && type.kind == ScalarType::Kind::Bits);
  if (!isInteger || type.elements != 1 || type.bits < 16 || type.bits > 64)
    decoder.fail("the instruction has no form for this type");
}

ScalarType expectInteger(Decoder &decoder, bool bits) {
  ScalarType type = decoder.expectType();
  checkInteger(decoder, type, bits);
  return type;
}

ScalarType expectBits(Decoder &decoder) {
  ScalarType type = expectInteger(decoder, true);
  if (type.kind != ScalarType::Kind::Bits)
    decoder.fail("expected .b16, .b32 or .b64 as the type");
  return type;
}

static std::optional<Rounding> takeRounding(Decoder &decoder) {
  switch (decoder.takeOneOf({"rn", "rz", "rm", "rp"})) {
  case 0: return Rounding::NearestEven;
  case 1: return Rounding::TowardZero;
  case 2: return Rounding::Down;
  case 3: return Rounding::Up;
  default: return std::nullopt;
  }
}

Modifiers takeModifiers(Decoder &decoder) {
  Modifiers modifiers;
  modifiers.rounding = takeRounding(decoder);
  if (!modifiers.rounding) {
    modifiers.approx = decoder.take("approx");
    modifiers.full = !modifiers.approx && decoder.take("full");
  }
  modifiers.ftz = decoder.take("ftz");
  modifiers.nan = decoder.take("NaN");
  modifiers.sat = decoder.take("sat");
  modifiers.relu = decoder.take("relu");
  modifiers.type = decoder.expectType();
  return modifiers;
}

//===-- Opcodes ---===//

/// By type: integers, f32 and f64, or halves.
template <Operation operation> static void decodeByType(Decoder &decoder) {
  Modifiers modifiers = takeModifiers(decoder);
  if (!isFloating(modifiers.type))
    decodeInteger(decoder, operation, modifiers);
  else if (modifiers.type.bits == 16)
    decodeHalf(decoder, operation, modifiers);
  else
    decodeFloat(decoder, operation, modifiers);
}

static std::optional<Product> takeProduct(Decoder &decoder) {
  int found = decoder.takeOneOf({"lo", "hi", "wide"});
  return found < 0 ? std::nullopt : std::optional(Product(found));
}

static void decodeMul(Decoder &decoder) {
  if (std::optional<Product> product = takeProduct(decoder))
    return decodeIntegerProduct(decoder, *product, false);
  decodeByType<Operation::Mul>(decoder);
}

static void decodeMad(Decoder &decoder) {
  if (std::optional<Product> product = takeProduct(decoder))
    return decodeIntegerProduct(decoder, *product, true);
  // mad.rn.f32 is fma.rn.f32 (PTX ISA, mad); there is none of halves.
  Modifiers modifiers = takeModifiers(decoder);
  if (!isFloating(modifiers.type) || modifiers.type.bits == 16)
    decoder.fail("mad is for .f32 and .f64, and with .lo, .hi or .wide for integers");
  decodeFloat(decoder, Operation::Fma, modifiers);
}

void addArithmetic(InstructionSet &set) {
  set["add"] = decodeByType<Operation::Add>;
  set["sub"] = decodeByType<Operation::Sub>;
  set["mul"] = decodeMul;
  set["mad"] = decodeMad;
  set["fma"] = decodeByType<Operation::Fma>;
  set["div"] = decodeByType<Operation::Div>;
  set["min"] = decodeByType<Operation::Min>;
  set["max"] = decodeByType<Operation::Max>;
  set["neg"] = decodeByType<Operation::Neg>;
  set["abs"] = decodeByType<Operation::Abs>;
}

} // namespace attune::sim
