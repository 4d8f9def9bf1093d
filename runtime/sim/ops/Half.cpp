// SPDX-License-Identifier: Apache-2.0
// Arithmetic of f16 and bf16, one or two in a register (PTX ISA, "Half Precision Floating Point
// Instructions"). Every result is rounded once.
#include "runtime/sim/numerics/Approximate.h"
#include "runtime/sim/numerics/ScalarFloat.h"
#include "runtime/sim/ops/Arithmetic.h"

#include <type_traits>

namespace attune::sim {
namespace {

struct F16 {
  static float widen(uint32_t bits) { return widenF16(bits & 0xffff); }
  static uint32_t round(float value) { return roundToF16(value); }
  static constexpr uint32_t exponentMask = 0x7c00;
};
struct BF16 {
  static float widen(uint32_t bits) { return widenBf16(bits & 0xffff); }
  static uint32_t round(float value) { return roundToBf16(value); }
  static constexpr uint32_t exponentMask = 0x7f80;
};

// Of two halves in f32, sum, difference and product are right after a second rounding, for 24 bits
// are at least twice 11 and 2 more (Figueroa, "When is double rounding innocuous?"), and products
// of subnormal bf16 are exact or round to 0 either way. A fused multiply-add needs rounding to odd.
constexpr auto add = [](float a, float b) { return a + b; };
constexpr auto subtract = [](float a, float b) { return a - b; };
constexpr auto multiply = [](float a, float b) { return a * b; };
constexpr auto multiplyAdd = [](float a, float b, float c) { return toOddF32(fmaToOdd(a, b, c)); };
constexpr auto exponential = [](float a) { return exp2Lane(a); };
constexpr auto hyperbolic = [](float a) { return approximateTanh(a); };
constexpr auto exponentialFtz = [](float a) { return flush<true>(exp2Lane(a)); };
constexpr auto saturate = [](float a) { return a > 0 ? (a < 1 ? a : 1.0f) : 0.0f; };
constexpr auto rectify = [](float a) { return a != a ? a : a > 0 ? a : 0.0f; };

/// The high half of a register with one half is 0, and of all of these but negation and
/// exponential f(0) = 0: the same kernels serve for one half and for two.
template <typename Format, auto f> uint32_t unaryHalves(uint32_t a) {
  return Format::round(f(Format::widen(a >> 16))) << 16 | Format::round(f(Format::widen(a)));
}
template <typename Format, auto f> uint32_t unaryHalf(uint32_t a) {
  return Format::round(f(Format::widen(a)));
}
template <typename Format, auto f> uint32_t binaryHalves(uint32_t a, uint32_t b) {
  return Format::round(f(Format::widen(a >> 16), Format::widen(b >> 16))) << 16 |
         Format::round(f(Format::widen(a), Format::widen(b)));
}
template <typename Format, auto f> uint32_t ternaryHalves(uint32_t a, uint32_t b, uint32_t c) {
  return Format::round(f(Format::widen(a >> 16), Format::widen(b >> 16), Format::widen(c >> 16)))
             << 16 |
         Format::round(f(Format::widen(a), Format::widen(b), Format::widen(c)));
}

template <typename Format> uint32_t flushHalves(uint32_t a) {
  constexpr uint32_t low = Format::exponentMask, high = low << 16;
  return (a & 0x80008000) | (a & low ? a & 0x7fff : 0) | (a & high ? a & 0x7fff0000 : 0);
}
template <typename Format>
constexpr LaneKernel flushKernel = unaryLanes<flushHalves<Format>, uint32_t, uint32_t>;
template <typename Format, auto f>
constexpr LaneKernel unaryKernel = unaryLanes<unaryHalves<Format, f>, uint32_t, uint32_t>;
template <typename Format, auto f>
constexpr LaneKernel binaryKernel = binaryLanes<binaryHalves<Format, f>, uint32_t>;

uint32_t negateHalf(uint32_t a) { return a ^ 0x8000; }
uint32_t negateHalves(uint32_t a) { return a ^ 0x80008000; }
uint32_t absoluteHalves(uint32_t a) { return a & 0x7fff7fff; }

/// That of bf16 has .ftz, that of f16 has not.
template <typename Format> LaneKernel exponentialKernel(bool paired) {
  constexpr auto f = [](float a) {
    return std::is_same_v<Format, BF16> ? exponentialFtz(a) : exponential(a);
  };
  return paired ? unaryKernel<Format, f> : unaryLanes<unaryHalf<Format, f>, uint32_t, uint32_t>;
}

/// `paired`: two halves.
template <typename Format> LaneKernel kernelOf(Operation operation, bool nan, bool paired) {
  switch (operation) {
  case Operation::Add: return binaryKernel<Format, add>;
  case Operation::Sub: return binaryKernel<Format, subtract>;
  case Operation::Mul: return binaryKernel<Format, multiply>;
  case Operation::Fma: return ternaryLanes<ternaryHalves<Format, multiplyAdd>, uint32_t>;
  case Operation::Min:
    return nan ? binaryKernel<Format, extremum<false, true>>
               : binaryKernel<Format, extremum<false, false>>;
  case Operation::Max:
    return nan ? binaryKernel<Format, extremum<true, true>>
               : binaryKernel<Format, extremum<true, false>>;
  case Operation::Neg:
    return paired ? unaryLanes<negateHalves, uint32_t, uint32_t>
                  : unaryLanes<negateHalf, uint32_t, uint32_t>;
  case Operation::Abs: return unaryLanes<absoluteHalves, uint32_t, uint32_t>;
  case Operation::Ex2: return exponentialKernel<Format>(paired);
  case Operation::Tanh: return unaryKernel<Format, hyperbolic>;
  case Operation::Div: break;
  }
  return nullptr;
}

template <typename Format, auto f, bool ftz> uint32_t finishHalves(uint32_t a) {
  return unaryHalves<Format, f>(ftz ? flushHalves<Format>(a) : a);
}
/// .relu and .sat leave no number subnormal that .ftz has flushed before.
template <typename Format, auto f>
constexpr LaneKernel finishKernels[] = {
    unaryLanes<finishHalves<Format, f, false>, uint32_t, uint32_t>,
    unaryLanes<finishHalves<Format, f, true>, uint32_t, uint32_t>};

/// What follows the operation.
template <typename Format> LaneKernel after(const Modifiers &modifiers) {
  return modifiers.sat    ? finishKernels<Format, saturate>[modifiers.ftz]
         : modifiers.relu ? finishKernels<Format, rectify>[modifiers.ftz]
         : modifiers.ftz  ? flushKernel<Format>
                          : nullptr;
}

template <typename Format> void use(Decoder &decoder, Operation operation, const Modifiers &how) {
  LaneKernel kernel = kernelOf<Format>(operation, how.nan, how.type.elements == 2);
  if (!kernel)
    decoder.fail("the instruction has no form for this type");
  if (how.approx)
    return useApproximateKernel(decoder.instruction(), kernel,
                                Format::exponentMask == 0x7c00 ? formatF16 : formatBf16);
  bool isFma = operation <= Operation::Fma;
  useKernel(decoder, kernel, how.ftz ? flushKernel<Format> : nullptr, after<Format>(how),
            isFma ? InstructionClass::Fma : InstructionClass::Alu);
}

void checkModifiers(Decoder &decoder, Operation operation, const Modifiers &modifiers) {
  bool isExtreme = operation == Operation::Min || operation == Operation::Max;
  bool isArithmetic = operation <= Operation::Fma;
  bool isBf16 = modifiers.type.kind == ScalarType::Kind::BFloat;
  if (modifiers.rounding && *modifiers.rounding != Rounding::NearestEven)
    decoder.fail("f16 and bf16 have .rn alone");
  if (operation == Operation::Fma && !modifiers.rounding)
    decoder.fail("expected a rounding mode (.rn)");
  if (modifiers.full || (modifiers.rounding && !isArithmetic) || (modifiers.nan && !isExtreme) ||
      (modifiers.sat && (!isArithmetic || isBf16)) ||
      (modifiers.relu && operation != Operation::Fma) ||
      (modifiers.ftz && isBf16 && operation != Operation::Ex2) ||
      (modifiers.approx && operation != Operation::Ex2 && operation != Operation::Tanh))
    decoder.fail("the instruction has no such modifier for this type");
  bool isEx2 = operation == Operation::Ex2;
  if (isEx2 && modifiers.ftz != isBf16)
    decoder.fail("ex2.approx has .ftz for .bf16 and not for .f16");
}

} // namespace

void decodeHalf(Decoder &decoder, Operation operation, const Modifiers &modifiers) {
  ScalarType type = modifiers.type;
  checkModifiers(decoder, operation, modifiers);
  bool isOlder = operation == Operation::Fma || operation == Operation::Min ||
                 operation == Operation::Max || operation == Operation::Neg ||
                 operation == Operation::Abs;
  if (type.kind == ScalarType::Kind::BFloat && !isOlder)
    decoder.require(90);
  bool isUnary = operation >= Operation::Neg;
  if (isUnary)
    takeOperands(decoder, type, {type});
  else if (operation == Operation::Fma)
    takeOperands(decoder, type, {type, type, type});
  else
    takeOperands(decoder, type, {type, type});
  if (type.kind == ScalarType::Kind::BFloat)
    use<BF16>(decoder, operation, modifiers);
  else
    use<F16>(decoder, operation, modifiers);
}

} // namespace attune::sim
