// SPDX-License-Identifier: Apache-2.0
// Comparing and selecting (PTX ISA, "Comparison and Selection Instructions"): setp, set, selp,
// slct, testp.
#include "runtime/sim/numerics/ScalarFloat.h"
#include "runtime/sim/ops/Arithmetic.h"
#include "runtime/sim/ops/Ops.h"

#include "runtime/sim/machine/Warp.h"

#include <bit>
#include <utility>

namespace attune::sim {
namespace {

//===-- Kernels ---===//

/// What all comparisons of a type are made of; integers have two.
struct CompareKernels {
  CompareKernel equal, less, lessEqual = nullptr, unordered = nullptr;
};

template <typename T> bool equal(T a, T b) { return a == b; }
template <typename T> bool less(T a, T b) { return a < b; }
template <typename T> bool lessEqual(T a, T b) { return a <= b; }
template <typename T> bool unordered(T a, T b) { return a != a || b != b; }

template <typename T>
constexpr CompareKernels integerKernels = {compareLanes<equal<T>, T>, compareLanes<less<T>, T>};
constexpr CompareKernels kernelsF64 = {
    compareLanes<equal<double>, double>, compareLanes<less<double>, double>,
    compareLanes<lessEqual<double>, double>, compareLanes<unordered<double>, double>};

template <auto widen>
constexpr CompareKernels halfKernels = {
    compareLanes<[](uint32_t a, uint32_t b) { return widen(a) == widen(b); }, uint32_t>,
    compareLanes<[](uint32_t a, uint32_t b) { return widen(a) < widen(b); }, uint32_t>,
    compareLanes<[](uint32_t a, uint32_t b) { return widen(a) <= widen(b); }, uint32_t>,
    compareLanes<[](uint32_t a, uint32_t b) { return unordered(widen(a), widen(b)); }, uint32_t>};
constexpr auto lowF16 = [](uint32_t a) { return widenF16(a & 0xffff); };
constexpr auto highF16 = [](uint32_t a) { return widenF16(a >> 16); };
/// The smallest normal f16 is 2^-14.
template <auto widen> float flushWidened(uint32_t a) {
  float value = widen(a);
  return value < 0x1p-14f && value > -0x1p-14f ? value * 0 : value;
}
constexpr auto lowFlushedF16 = [](uint32_t a) { return flushWidened<lowF16>(a); };
constexpr auto highFlushedF16 = [](uint32_t a) { return flushWidened<highF16>(a); };
constexpr auto lowBf16 = [](uint32_t a) { return widenBf16(a & 0xffff); };
constexpr auto highBf16 = [](uint32_t a) { return widenBf16(a >> 16); };

CompareKernels integerKernelsOf(ScalarType type) {
  const LaneKernels &best = laneKernels();
  bool sign = isSigned(type);
  switch (type.bits) {
  case 32: return {best.equalB32, sign ? best.lessS32 : best.lessU32};
  case 64: return {best.equalB64, sign ? best.lessS64 : best.lessU64};
  default: return sign ? integerKernels<int16_t> : integerKernels<uint16_t>;
  }
}

/// `high`: of the upper one of two halves.
CompareKernels floatKernelsOf(ScalarType type, bool ftz, bool high) {
  const LaneKernels &best = laneKernels();
  if (type.kind == ScalarType::Kind::BFloat)
    return high ? halfKernels<highBf16> : halfKernels<lowBf16>;
  if (type.bits == 16 && ftz)
    return high ? halfKernels<highFlushedF16> : halfKernels<lowFlushedF16>;
  if (type.bits == 16)
    return high ? halfKernels<highF16> : halfKernels<lowF16>;
  if (type.bits == 64)
    return kernelsF64;
  return ftz ? CompareKernels{best.equalF32Ftz, best.lessF32Ftz, best.lessEqualF32Ftz,
                              best.unorderedF32}
             : CompareKernels{best.equalF32, best.lessF32, best.lessEqualF32, best.unorderedF32};
}

//===-- Comparisons as kernels ---===//

enum class Compare : uint8_t {
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge,
  Lo,
  Ls,
  Hi,
  Hs,
  Equ,
  Neu,
  Ltu,
  Leu,
  Gtu,
  Geu,
  Num,
  Nan,
};

/// One comparison: a kernel, with sources or result turned round, or'ed with another.
struct Comparison {
  CompareKernel kernel = nullptr, orElse = nullptr;
  bool swaps = false, negates = false;

  Mask run(const void *a, const void *b) const {
    Mask result = swaps ? kernel(b, a) : kernel(a, b);
    if (orElse)
      result |= orElse(a, b);
    return negates ? ~result : result;
  }
};

Comparison integerComparison(Compare compare, const CompareKernels &kernels) {
  switch (compare) {
  case Compare::Eq: return {kernels.equal};
  case Compare::Ne: return {kernels.equal, nullptr, false, true};
  case Compare::Lt:
  case Compare::Lo: return {kernels.less};
  case Compare::Ge:
  case Compare::Hs: return {kernels.less, nullptr, false, true};
  case Compare::Gt:
  case Compare::Hi: return {kernels.less, nullptr, true};
  default: return {kernels.less, nullptr, true, true};
  }
}

/// The negation of an ordered comparison is the opposite one or unordered.
Comparison floatComparison(Compare compare, const CompareKernels &kernels) {
  switch (compare) {
  case Compare::Eq: return {kernels.equal};
  case Compare::Neu: return {kernels.equal, nullptr, false, true};
  case Compare::Equ: return {kernels.equal, kernels.unordered};
  case Compare::Ne: return {kernels.equal, kernels.unordered, false, true};
  case Compare::Lt: return {kernels.less};
  case Compare::Geu: return {kernels.less, nullptr, false, true};
  case Compare::Le: return {kernels.lessEqual};
  case Compare::Gtu: return {kernels.lessEqual, nullptr, false, true};
  case Compare::Gt: return {kernels.less, nullptr, true};
  case Compare::Leu: return {kernels.less, nullptr, true, true};
  case Compare::Ge: return {kernels.lessEqual, nullptr, true};
  case Compare::Ltu: return {kernels.lessEqual, nullptr, true, true};
  case Compare::Nan: return {kernels.unordered};
  default: return {kernels.unordered, nullptr, false, true};
  }
}

bool isFloatCompare(Compare compare) { return compare <= Compare::Ge || compare >= Compare::Equ; }

Comparison makeComparison(Decoder &decoder, Compare compare, ScalarType type, bool ftz, bool high) {
  if (type.kind == ScalarType::Kind::BFloat)
    decoder.require(90);
  if (isFloating(type)) {
    if (!isFloatCompare(compare))
      decoder.fail(".lo, .ls, .hi and .hs are for unsigned integers");
    if (ftz && (type.bits == 64 || type.kind == ScalarType::Kind::BFloat))
      decoder.fail(".ftz is for .f32, .f16 and .f16x2");
    return floatComparison(compare, floatKernelsOf(type, ftz, high));
  }
  checkInteger(decoder, type, true);
  if (ftz)
    decoder.fail("integers have no .ftz");
  if (compare >= Compare::Equ)
    decoder.fail("this comparison is for floating-point numbers");
  if (type.kind == ScalarType::Kind::Bits && compare > Compare::Ne)
    decoder.fail("bits can be compared by .eq and .ne only");
  if (compare >= Compare::Lo && compare <= Compare::Hs && isSigned(type))
    decoder.fail(".lo, .ls, .hi and .hs are for unsigned integers");
  return integerComparison(compare, integerKernelsOf(type));
}

//===-- setp and set ---===//

enum class Combine : uint8_t { And, Or, Xor, None };

struct CompareDetail : Detail {
  /// `second` is that of the upper halves.
  Comparison first, second;
  bool hasSecond = false;
  Combine combine = Combine::None;
  PredicateOperand with;
  PredicateIndex p = Decoder::unwantedPredicate, q = Decoder::unwantedPredicate;
  /// What set writes for true.
  uint32_t valueOfTrue = 0;
};

Mask combined(Warp &warp, const CompareDetail &detail, Mask result) {
  Mask with = warp.predicate(detail.with.index) ^ (detail.with.negated ? allLanes : 0);
  switch (detail.combine) {
  case Combine::And: return result & with;
  case Combine::Or: return result | with;
  case Combine::Xor: return result ^ with;
  case Combine::None: break;
  }
  return result;
}

Outcome runSetPredicate(Warp &warp, const Instruction &instruction, Mask mask) {
  auto &detail = static_cast<const CompareDetail &>(*instruction.detail);
  const void *a = warp.lanes32(instruction.a), *b = warp.lanes32(instruction.b);
  Mask p = detail.first.run(a, b);
  Mask q = detail.hasSecond ? detail.second.run(a, b) : ~p;
  // Both read the third predicate before either is written.
  p = combined(warp, detail, p);
  q = combined(warp, detail, q);
  warp.setPredicate(detail.p, p, mask);
  if (detail.q != Decoder::unwantedPredicate)
    warp.setPredicate(detail.q, q, mask);
  return Outcome::Next;
}

Outcome runSet(Warp &warp, const Instruction &instruction, Mask mask) {
  auto &detail = static_cast<const CompareDetail &>(*instruction.detail);
  Mask result = detail.first.run(warp.lanes32(instruction.a), warp.lanes32(instruction.b));
  result = combined(warp, detail, result);
  fillLanes<uint32_t>(warp.lanes32(instruction.dst), mask, [&](auto *out) {
    for (unsigned lane = 0; lane < laneCount; ++lane)
      out[lane] = result & laneBit[lane] ? detail.valueOfTrue : 0;
  });
  return Outcome::Next;
}

Compare expectCompare(Decoder &decoder) {
  return Compare(decoder.expectOneOf({"eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs",
                                      "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"},
                                     "a comparison"));
}

Combine takeCombine(Decoder &decoder) {
  int found = decoder.takeOneOf({"and", "or", "xor"});
  return found < 0 ? Combine::None : Combine(found);
}

/// The operands behind the first: two values, and a predicate when it is combined.
void takeCompared(Decoder &decoder, CompareDetail &detail, ScalarType type) {
  decoder.endModifiers();
  decoder.expectOperands(detail.combine == Combine::None ? 3 : 4);
  Instruction &instruction = decoder.instruction();
  instruction.a = decoder.source(decoder.operand(1), type);
  instruction.b = decoder.source(decoder.operand(2), type);
  if (detail.combine != Combine::None)
    detail.with = decoder.predicateSource(decoder.operand(3));
}

void decodeSetPredicate(Decoder &decoder) {
  auto &detail = decoder.makeDetail<CompareDetail>();
  Compare compare = expectCompare(decoder);
  detail.combine = takeCombine(decoder);
  bool ftz = decoder.take("ftz");
  ScalarType type = decoder.expectType();
  bool paired = isFloating(type) && type.elements == 2;
  detail.first = makeComparison(decoder, compare, type, ftz, false);
  detail.hasSecond = paired;
  if (paired)
    detail.second = makeComparison(decoder, compare, type, ftz, true);
  takeCompared(decoder, detail, type);
  const ptx::Operand &result = decoder.operand(0);
  bool isPair = result.kind == ptx::Operand::Kind::Pair;
  if (isPair && isFloating(type) && type.bits == 16 && !paired)
    decoder.fail("the comparison of one half has one result");
  detail.p = decoder.predicateDestination(isPair ? result.parts[0] : result);
  if (isPair)
    detail.q = decoder.predicateDestination(result.parts[1]);
  decoder.instruction().run = runSetPredicate;
}

void decodeSet(Decoder &decoder) {
  auto &detail = decoder.makeDetail<CompareDetail>();
  Compare compare = expectCompare(decoder);
  detail.combine = takeCombine(decoder);
  bool ftz = decoder.take("ftz");
  ScalarType result = decoder.expectType("the type of the result");
  ScalarType type = decoder.expectType("the type of the sources");
  bool isInteger = result.kind == ScalarType::Kind::Unsigned || isSigned(result);
  if ((!isInteger && !isFloat(result, 32)) || result.bits != 32 || type.elements != 1)
    decoder.fail("set is simulated for results of .u32, .s32 and .f32");
  if (!isInteger && isFloating(type) && type.bits == 16)
    decoder.fail("a comparison of halves gives no .f32");
  detail.first = makeComparison(decoder, compare, type, ftz, false);
  detail.valueOfTrue = isInteger ? ~0u : 0x3f800000;
  takeCompared(decoder, detail, type);
  decoder.instruction().dst = decoder.destination(decoder.operand(0), Width::B32);
  decoder.instruction().run = runSet;
}

//===-- selp and slct ---===//

/// `immediate` is the kernel, c the predicate: a where it is true.
Outcome runSelect(Warp &warp, const Instruction &instruction, Mask mask) {
  Mask chosen = warp.predicate(instruction.c);
  std::bit_cast<LaneKernel>(instruction.immediate)(warp.lanes32(instruction.dst),
                                                   warp.lanes32(instruction.a),
                                                   warp.lanes32(instruction.b), &chosen, mask);
  return Outcome::Next;
}

/// The same by the sign of c; `immediate` has bit 0 when that is a float, bit 1 when values have 64
/// bits, bit 2 when c is flushed.
Outcome runSelectBySign(Warp &warp, const Instruction &instruction, Mask mask) {
  Mask chosen = 0;
  const uint32_t *c = warp.lanes32(instruction.c);
  for (unsigned lane = 0; lane < warpSize; ++lane) {
    float real = bitsAs<float>(c[lane]);
    real = instruction.immediate & 4 ? flush<true>(real) : real;
    bool notNegative = instruction.immediate & 1 ? real >= 0 : int32_t(c[lane]) >= 0;
    chosen |= notNegative ? laneBit[lane] : 0;
  }
  const LaneKernels &best = laneKernels();
  LaneKernel kernel = instruction.immediate & 2 ? best.selectB64 : best.selectB32;
  kernel(warp.lanes32(instruction.dst), warp.lanes32(instruction.a), warp.lanes32(instruction.b),
         &chosen, mask);
  return Outcome::Next;
}

ScalarType expectSelectable(Decoder &decoder) {
  ScalarType type = decoder.expectType();
  if (!isFloat(type, 32) && !isFloat(type, 64))
    checkInteger(decoder, type, true);
  return type;
}

void decodeSelect(Decoder &decoder) {
  ScalarType type = expectSelectable(decoder);
  decoder.expectOperands(4);
  PredicateOperand predicate = decoder.predicateSource(decoder.operand(3));
  Instruction &instruction = decoder.instruction();
  instruction.a = decoder.source(decoder.operand(1), type);
  instruction.b = decoder.source(decoder.operand(2), type);
  instruction.c = predicate.index;
  instruction.dst = decoder.destination(decoder.operand(0), type.width());
  if (predicate.negated)
    std::swap(instruction.a, instruction.b);
  const LaneKernels &best = laneKernels();
  instruction.immediate = std::bit_cast<int64_t>(type.bits == 64 ? best.selectB64 : best.selectB32);
  instruction.run = runSelect;
}

void decodeSelectBySign(Decoder &decoder) {
  bool ftz = decoder.take("ftz");
  ScalarType type = expectSelectable(decoder), by = decoder.expectType("the type of c");
  bool isReal = isFloat(by, 32);
  if (!isReal && (ftz || !isSigned(by) || by.bits != 32))
    decoder.fail("expected .s32 or, maybe with .ftz, .f32 as the type of c");
  takeOperands(decoder, type, {type, type, by});
  Instruction &instruction = decoder.instruction();
  instruction.immediate = int64_t(isReal) | (type.bits == 64 ? 2 : 0) | (ftz ? 4 : 0);
  instruction.run = runSelectBySign;
}

//===-- testp ---===//

enum class Test : uint8_t { Finite, Infinite, Number, NotANumber, Normal, Subnormal };

template <typename Bits, unsigned fractionBits> bool passes(Test test, Bits bits) {
  constexpr Bits sign = Bits(1) << (sizeof(Bits) * 8 - 1);
  constexpr Bits fraction = (Bits(1) << fractionBits) - 1, infinity = (sign - 1) & ~fraction;
  Bits size = bits & ~sign;
  switch (test) {
  case Test::Finite: return size < infinity;
  case Test::Infinite: return size == infinity;
  case Test::Number: return size <= infinity;
  case Test::NotANumber: return size > infinity;
  case Test::Normal: return size > fraction && size < infinity;
  case Test::Subnormal: return size != 0 && size <= fraction;
  }
  return false;
}

/// `immediate` is the test, and 8 more for f64.
Outcome runTest(Warp &warp, const Instruction &instruction, Mask mask) {
  Mask result = 0;
  Test test = Test(instruction.immediate & 7);
  for (unsigned lane = 0; lane < warpSize; ++lane) {
    bool passed = instruction.immediate & 8
                      ? passes<uint64_t, 52>(test, warp.lanes64(instruction.a)[lane])
                      : passes<uint32_t, 23>(test, warp.lanes32(instruction.a)[lane]);
    result |= passed ? laneBit[lane] : 0;
  }
  warp.setPredicate(instruction.dst, result, mask);
  return Outcome::Next;
}

void decodeTest(Decoder &decoder) {
  int test = decoder.expectOneOf(
      {"finite", "infinite", "number", "notanumber", "normal", "subnormal"}, "a test");
  ScalarType type = decoder.expectType();
  if (!isFloat(type, 32) && !isFloat(type, 64))
    decoder.fail("expected .f32 or .f64 as the type");
  decoder.expectOperands(2);
  Instruction &instruction = decoder.instruction();
  instruction.a = decoder.source(decoder.operand(1), type);
  instruction.dst = decoder.predicateDestination(decoder.operand(0));
  instruction.immediate = test | (type.bits == 64 ? 8 : 0);
  instruction.run = runTest;
}

} // namespace

void addComparisons(InstructionSet &set) {
  set["setp"] = decodeSetPredicate;
  set["set"] = decodeSet;
  set["selp"] = decodeSelect;
  set["slct"] = decodeSelectBySign;
  set["testp"] = decodeTest;
}

} // namespace attune::sim
