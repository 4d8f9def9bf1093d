// SPDX-License-Identifier: Apache-2.0
// Integers: arithmetic, logic, shifts (PTX ISA, "Integer Arithmetic Instructions", "Logic and Shift
// Instructions").
#include "runtime/sim/ops/Arithmetic.h"
#include "runtime/sim/ops/Lanes.h"
#include "runtime/sim/ops/Ops.h"

#include "runtime/sim/machine/Warp.h"

#include <limits>
#include <type_traits>

namespace attune::sim {
namespace {

//===-- Kernels for all widths ---===//

template <auto f>
constexpr IntegerKernels unaryKernels = {
    {{unaryLanes<f, uint16_t, uint16_t>, unaryLanes<f, int16_t, int16_t>},
     {unaryLanes<f, uint32_t, uint32_t>, unaryLanes<f, int32_t, int32_t>},
     {unaryLanes<f, uint64_t, uint64_t>, unaryLanes<f, int64_t, int64_t>}}};

template <auto f>
constexpr IntegerKernels binaryKernels = {{{binaryLanes<f, uint16_t>, binaryLanes<f, int16_t>},
                                           {binaryLanes<f, uint32_t>, binaryLanes<f, int32_t>},
                                           {binaryLanes<f, uint64_t>, binaryLanes<f, int64_t>}}};

template <auto f>
constexpr IntegerKernels ternaryKernels = {{{ternaryLanes<f, uint16_t>, ternaryLanes<f, int16_t>},
                                            {ternaryLanes<f, uint32_t>, ternaryLanes<f, int32_t>},
                                            {ternaryLanes<f, uint64_t>, ternaryLanes<f, int64_t>}}};

/// For operations that are the same for signed and unsigned integers.
template <auto f>
constexpr IntegerKernels unaryBitKernels = {
    {{unaryLanes<f, uint16_t, uint16_t>, unaryLanes<f, uint16_t, uint16_t>},
     {unaryLanes<f, uint32_t, uint32_t>, unaryLanes<f, uint32_t, uint32_t>},
     {unaryLanes<f, uint64_t, uint64_t>, unaryLanes<f, uint64_t, uint64_t>}}};
template <auto f>
constexpr IntegerKernels bitKernels = {{{binaryLanes<f, uint16_t>, binaryLanes<f, uint16_t>},
                                        {binaryLanes<f, uint32_t>, binaryLanes<f, uint32_t>},
                                        {binaryLanes<f, uint64_t>, binaryLanes<f, uint64_t>}}};

/// Unsigned and at least 32 bits wide, so that nothing overflows.
template <typename T> using Modular = std::conditional_t<(sizeof(T) < 8), uint32_t, uint64_t>;
template <typename T> constexpr unsigned bitsOf = sizeof(T) * 8;

constexpr auto addition = [](auto a, auto b) { return decltype(a)(Modular<decltype(a)>(a) + b); };
constexpr auto subtraction = [](auto a, auto b) {
  return decltype(a)(Modular<decltype(a)>(a) - b);
};
constexpr auto negation = [](auto a) { return decltype(a)(0 - Modular<decltype(a)>(a)); };
constexpr auto absolute = [](auto a) {
  return decltype(a)(a < 0 ? 0 - Modular<decltype(a)>(a) : Modular<decltype(a)>(a));
};
constexpr auto minimum = [](auto a, auto b) { return a < b ? a : b; };
constexpr auto maximum = [](auto a, auto b) { return a > b ? a : b; };
constexpr auto difference = [](auto a, auto b, auto c) {
  using M = Modular<decltype(a)>;
  return decltype(a)(M(c) + (a > b ? M(a) - M(b) : M(b) - M(a)));
};

constexpr auto productLow = [](auto a, auto b) {
  return decltype(a)(Modular<decltype(a)>(a) * Modular<decltype(a)>(b));
};
template <typename T> T highProduct(T a, T b) {
  using Wide =
      std::conditional_t<sizeof(T) == 8,
                         std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>,
                         std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;
  return T((Wide(a) * Wide(b)) >> bitsOf<T>);
}
constexpr auto productHigh = [](auto a, auto b) { return highProduct(a, b); };
constexpr auto madLow = [](auto a, auto b, auto c) {
  using M = Modular<decltype(a)>;
  return decltype(a)(M(a) * M(b) + M(c));
};
constexpr auto madHigh = [](auto a, auto b, auto c) {
  return decltype(a)(Modular<decltype(a)>(highProduct(a, b)) + c);
};
uint32_t productWideU16(uint16_t a, uint16_t b) { return uint32_t(a) * b; }
int32_t productWideS16(int16_t a, int16_t b) { return int32_t(a) * b; }
uint32_t madWideU16(uint16_t a, uint16_t b, uint32_t c) { return uint32_t(a) * b + c; }
uint32_t madWideS16(int16_t a, int16_t b, uint32_t c) { return uint32_t(int32_t(a) * b) + c; }

// Dividing by zero is undefined (PTX ISA, div); here it gives all ones, as GPUs do for u32.
template <typename T> bool overflows(T a, T b) {
  return std::is_signed_v<T> && a == std::numeric_limits<T>::min() && b == T(-1);
}
constexpr auto quotient = [](auto a, auto b) {
  using T = decltype(a);
  return b == 0 ? T(-1) : overflows(a, b) ? a : T(a / b);
};
constexpr auto remainder = [](auto a, auto b) {
  using T = decltype(a);
  return b == 0 ? T(-1) : overflows(a, b) ? T(0) : T(a % b);
};

int32_t saturate(int64_t value) {
  return int32_t(value < INT32_MIN ? INT32_MIN : value > INT32_MAX ? INT32_MAX : value);
}
int32_t addSaturated(int32_t a, int32_t b) { return saturate(int64_t(a) + b); }
int32_t subSaturated(int32_t a, int32_t b) { return saturate(int64_t(a) - b); }

//===-- Logic and shifts ---===//

uint16_t complement(uint16_t a) { return uint16_t(~a); }
constexpr auto isZero = [](auto a) { return decltype(a)(a == 0); };

template <typename T> T shiftLeft(T a, uint32_t count) {
  return count < bitsOf<T> ? T(Modular<T>(a) << (count & (bitsOf<T> - 1))) : T(0);
}
/// Of signed types with the sign.
template <typename T> T shiftRight(T a, uint32_t count) {
  if constexpr (std::is_signed_v<T>)
    return T(a >> (count < bitsOf<T> ? count : bitsOf<T> - 1));
  return count < bitsOf<T> ? T(a >> (count & (bitsOf<T> - 1))) : T(0);
}
template <typename T> constexpr LaneKernel leftKernel = binaryLanes<shiftLeft<T>, T, T, uint32_t>;
template <typename T> constexpr LaneKernel rightKernel = binaryLanes<shiftRight<T>, T, T, uint32_t>;

//===-- Decoding ---===//

constexpr InstructionClass alu = InstructionClass::Alu;

void finish(Decoder &decoder, LaneKernel kernel) { useKernel(decoder.instruction(), kernel, alu); }

LaneKernel additiveKernel(Operation operation, ScalarType type) {
  const LaneKernels &best = laneKernels();
  bool adds = operation == Operation::Add;
  switch (type.bits) {
  case 32: return adds ? best.addB32 : best.subB32;
  case 64: return adds ? best.addB64 : best.subB64;
  default: return adds ? bitKernels<addition>.of(type) : bitKernels<subtraction>.of(type);
  }
}

LaneKernel extremeKernel(Operation operation, ScalarType type) {
  const LaneKernels &best = laneKernels();
  bool isMin = operation == Operation::Min;
  if (type.bits == 32)
    return isSigned(type) ? (isMin ? best.minS32 : best.maxS32)
                          : (isMin ? best.minU32 : best.maxU32);
  if (type.bits == 64 && isSigned(type))
    return isMin ? best.minS64 : best.maxS64;
  return isMin ? binaryKernels<minimum>.of(type) : binaryKernels<maximum>.of(type);
}

LaneKernel saturatingKernel(Decoder &decoder, Operation operation, ScalarType type) {
  bool adds = operation == Operation::Add;
  if ((!adds && operation != Operation::Sub) || !isSigned(type) || type.bits != 32)
    decoder.fail(".sat is for add and sub of .s32");
  return adds ? binaryLanes<addSaturated, int32_t> : binaryLanes<subSaturated, int32_t>;
}

void decodeRemainder(Decoder &decoder) {
  ScalarType type = expectInteger(decoder);
  takeOperands(decoder, type, {type, type});
  finish(decoder, binaryKernels<remainder>.of(type));
}

void decodeSumOfDifferences(Decoder &decoder) {
  ScalarType type = expectInteger(decoder);
  takeOperands(decoder, type, {type, type, type});
  finish(decoder, ternaryKernels<difference>.of(type));
}

enum class Logic : uint8_t { And, Or, Xor };

/// Of predicates: `immediate` says which, bit 2 negates a and bit 3 b.
Outcome runPredicateLogic(Warp &warp, const Instruction &instruction, Mask mask) {
  Mask a = warp.predicate(instruction.a) ^ (instruction.immediate & 4 ? allLanes : 0);
  Mask b = warp.predicate(instruction.b) ^ (instruction.immediate & 8 ? allLanes : 0);
  Mask results[] = {a & b, a | b, a ^ b};
  warp.setPredicate(instruction.dst, results[instruction.immediate & 3], mask);
  return Outcome::Next;
}

void usePredicateLogic(Decoder &decoder, Logic logic, PredicateOperand a, PredicateOperand b) {
  Instruction &instruction = decoder.instruction();
  instruction.dst = decoder.predicateDestination(decoder.operand(0));
  instruction.a = a.index;
  instruction.b = b.index;
  instruction.immediate = int64_t(logic) | (a.negated ? 4 : 0) | (b.negated ? 8 : 0);
  instruction.run = runPredicateLogic;
}

LaneKernel logicKernel(Logic logic, ScalarType type) {
  const LaneKernels &best = laneKernels();
  // Of 16 bits like of 32, whose upper halves are 0.
  bool wide = type.bits == 64;
  switch (logic) {
  case Logic::And: return wide ? best.andB64 : best.andB32;
  case Logic::Or: return wide ? best.orB64 : best.orB32;
  default: return wide ? best.xorB64 : best.xorB32;
  }
}

template <Logic logic> void decodeLogic(Decoder &decoder) {
  if (decoder.take("pred")) {
    decoder.expectOperands(3);
    return usePredicateLogic(decoder, logic, decoder.predicateSource(decoder.operand(1)),
                             decoder.predicateSource(decoder.operand(2)));
  }
  ScalarType type = expectBits(decoder);
  takeOperands(decoder, type, {type, type});
  finish(decoder, logicKernel(logic, type));
}

void decodeNot(Decoder &decoder) {
  if (decoder.take("pred")) {
    decoder.expectOperands(2);
    PredicateOperand source = decoder.predicateSource(decoder.operand(1));
    source.negated = !source.negated;
    return usePredicateLogic(decoder, Logic::And, source, source);
  }
  ScalarType type = expectBits(decoder);
  takeOperands(decoder, type, {type});
  finish(decoder, type.bits == 32   ? laneKernels().notB32
                  : type.bits == 64 ? laneKernels().notB64
                                    : unaryLanes<complement, uint16_t, uint16_t>);
}

void decodeIsZero(Decoder &decoder) {
  ScalarType type = expectBits(decoder);
  takeOperands(decoder, type, {type});
  finish(decoder, unaryBitKernels<isZero>.of(type));
}

void decodeShiftLeft(Decoder &decoder) {
  ScalarType type = expectBits(decoder);
  takeOperands(decoder, type, {type, typeU32});
  finish(decoder, type.bits == 32   ? laneKernels().shlB32
                  : type.bits == 64 ? laneKernels().shlB64
                                    : leftKernel<uint16_t>);
}

void decodeShiftRight(Decoder &decoder) {
  static constexpr IntegerKernels kernels = {{{rightKernel<uint16_t>, rightKernel<int16_t>},
                                              {rightKernel<uint32_t>, rightKernel<int32_t>},
                                              {rightKernel<uint64_t>, rightKernel<int64_t>}}};
  ScalarType type = expectInteger(decoder, true);
  takeOperands(decoder, type, {type, typeU32});
  if (type.bits == 32)
    return finish(decoder, isSigned(type) ? laneKernels().shrS32 : laneKernels().shrU32);
  if (type.bits == 64 && !isSigned(type))
    return finish(decoder, laneKernels().shrU64);
  finish(decoder, kernels.of(type));
}

} // namespace

void decodeInteger(Decoder &decoder, Operation operation, const Modifiers &modifiers) {
  ScalarType type = modifiers.type;
  checkInteger(decoder, type);
  if (modifiers.rounding || modifiers.approx || modifiers.full || modifiers.ftz || modifiers.nan ||
      modifiers.relu)
    decoder.fail("integers have no such modifier");
  bool unary = operation == Operation::Neg || operation == Operation::Abs;
  if (unary && !isSigned(type))
    decoder.fail("expected a signed type");
  if (unary)
    takeOperands(decoder, type, {type});
  else
    takeOperands(decoder, type, {type, type});
  if (modifiers.sat)
    return finish(decoder, saturatingKernel(decoder, operation, type));
  switch (operation) {
  case Operation::Add:
  case Operation::Sub: return finish(decoder, additiveKernel(operation, type));
  case Operation::Min:
  case Operation::Max: return finish(decoder, extremeKernel(operation, type));
  case Operation::Neg: return finish(decoder, unaryKernels<negation>.of(type));
  case Operation::Abs: return finish(decoder, unaryKernels<absolute>.of(type));
  case Operation::Div: return finish(decoder, binaryKernels<quotient>.of(type));
  default:
    decoder.fail("the instruction has no form for this type; mul and mad of integers need .lo, "
                 ".hi or .wide");
  }
}

void decodeIntegerProduct(Decoder &decoder, Product product, bool adds) {
  ScalarType type = expectInteger(decoder), result = type;
  const LaneKernels &best = laneKernels();
  bool sign = isSigned(type), is32 = type.bits == 32;
  LaneKernel kernel = nullptr;
  switch (product) {
  case Product::Low:
    kernel = adds   ? (is32 ? best.madLoB32 : ternaryKernels<madLow>.of(type))
             : is32 ? best.mulLoB32
                    : (type.bits == 64 ? best.mulLoB64 : binaryKernels<productLow>.of(type));
    break;
  case Product::High:
    kernel = adds ? ternaryKernels<madHigh>.of(type) : binaryKernels<productHigh>.of(type);
    break;
  case Product::Wide:
    if (type.bits == 64)
      decoder.fail(".wide is for integers of 16 and 32 bits");
    result.bits *= 2;
    if (is32)
      kernel = adds ? (sign ? best.madWideS32 : best.madWideU32)
                    : (sign ? best.mulWideS32 : best.mulWideU32);
    else if (adds)
      kernel = sign ? ternaryLanes<madWideS16, uint32_t, int16_t, int16_t, uint32_t>
                    : ternaryLanes<madWideU16, uint32_t, uint16_t, uint16_t, uint32_t>;
    else
      kernel = sign ? binaryLanes<productWideS16, int32_t, int16_t>
                    : binaryLanes<productWideU16, uint32_t, uint16_t>;
    break;
  }
  if (adds)
    takeOperands(decoder, result, {type, type, result});
  else
    takeOperands(decoder, result, {type, type});
  finish(decoder, kernel);
}

void addIntegers(InstructionSet &set) {
  addArithmetic(set);
  addBitFields(set);
  set["rem"] = decodeRemainder;
  set["sad"] = decodeSumOfDifferences;
  set["and"] = decodeLogic<Logic::And>;
  set["or"] = decodeLogic<Logic::Or>;
  set["xor"] = decodeLogic<Logic::Xor>;
  set["not"] = decodeNot;
  set["cnot"] = decodeIsZero;
  set["shl"] = decodeShiftLeft;
  set["shr"] = decodeShiftRight;
}

} // namespace attune::sim
