// SPDX-License-Identifier: Apache-2.0
// Arithmetic of f32 and f64, and the approximate functions (PTX ISA, "Floating Point
// Instructions").
#include "runtime/sim/numerics/Approximate.h"
#include "runtime/sim/numerics/ScalarFloat.h"
#include "runtime/sim/ops/Arithmetic.h"
#include "runtime/sim/ops/Ops.h"

#include <cmath>

namespace attune::sim {
namespace {

//===-- f32: what LaneKernels does not have ---===//

float saturated(float a) { return a > 0 ? (a < 1 ? a : 1.0f) : 0.0f; }
constexpr LaneKernel flushF32 = unaryLanes<flush<true>, float, float>;
constexpr LaneKernel saturateF32 = unaryLanes<saturated, float, float>;
float flushedSaturated(float a) { return saturated(flush<true>(a)); }
constexpr LaneKernel flushSaturateF32 = unaryLanes<flushedSaturated, float, float>;

float copySign(float a, float b) {
  return bitsAs<float>((bitsAs<uint32_t>(a) & 0x80000000) | (bitsAs<uint32_t>(b) & 0x7fffffff));
}
double copySign64(double a, double b) { return std::copysign(b, a); }

//===-- f32 with other roundings than to nearest ---===//

/// `nearest` moved to the odd neighbour when the exact value is on the side that `error` says.
double toOdd(double nearest, double error) {
  if (!std::isfinite(nearest) || !(error < 0 || error > 0))
    return nearest;
  uint64_t bits = bitsAs<uint64_t>(nearest);
  bits -= (error > 0) != (nearest > 0);
  return bitsAs<double>(bits | 1);
}

template <Rounding rounding> float round(double value) {
  return bitsAs<float>(uint32_t(roundTo(value, formatF32, rounding)));
}

/// An exact zero is negative when rounding down, unless both addends are +0.
template <Rounding rounding> float multiplyAdd(float a, float b, float c) {
  double product = double(a) * b, sum = fmaToOdd(a, b, c);
  if (rounding == Rounding::Down && sum == 0 && (std::signbit(product) || std::signbit(c)))
    return -0.0f;
  return round<rounding>(sum);
}
template <Rounding rounding> float add(float a, float b) { return multiplyAdd<rounding>(a, 1, b); }
template <Rounding rounding> float subtract(float a, float b) {
  return multiplyAdd<rounding>(a, 1, -b);
}
template <Rounding rounding> float multiply(float a, float b) {
  return round<rounding>(double(a) * b);
}
template <Rounding rounding> float divide(float a, float b) {
  double quotient = double(a) / b;
  // The remainder's sign, turned into the quotient's.
  double error = std::fma(-quotient, b, a);
  return round<rounding>(toOdd(quotient, b < 0 ? -error : error));
}
template <Rounding rounding> float reciprocal(float a) { return divide<rounding>(1, a); }
template <Rounding rounding> float squareRoot(float a) {
  double root = std::sqrt(double(a));
  return round<rounding>(toOdd(root, std::fma(-root, root, a)));
}

/// One operation under .rz, .rm, .rp.
struct RoundedKernels {
  LaneKernel towardZero, down, up;
  LaneKernel of(Rounding rounding) const {
    return rounding == Rounding::TowardZero ? towardZero : rounding == Rounding::Down ? down : up;
  }
};
constexpr Rounding rz = Rounding::TowardZero, rm = Rounding::Down, rp = Rounding::Up;
constexpr RoundedKernels roundedAdd = {binaryLanes<add<rz>, float>, binaryLanes<add<rm>, float>,
                                       binaryLanes<add<rp>, float>};
constexpr RoundedKernels roundedSub = {binaryLanes<subtract<rz>, float>,
                                       binaryLanes<subtract<rm>, float>,
                                       binaryLanes<subtract<rp>, float>};
constexpr RoundedKernels roundedMul = {binaryLanes<multiply<rz>, float>,
                                       binaryLanes<multiply<rm>, float>,
                                       binaryLanes<multiply<rp>, float>};
constexpr RoundedKernels roundedFma = {ternaryLanes<multiplyAdd<rz>, float>,
                                       ternaryLanes<multiplyAdd<rm>, float>,
                                       ternaryLanes<multiplyAdd<rp>, float>};
constexpr RoundedKernels roundedDiv = {
    binaryLanes<divide<rz>, float>, binaryLanes<divide<rm>, float>, binaryLanes<divide<rp>, float>};
constexpr RoundedKernels roundedRcp = {unaryLanes<reciprocal<rz>, float, float>,
                                       unaryLanes<reciprocal<rm>, float, float>,
                                       unaryLanes<reciprocal<rp>, float, float>};
constexpr RoundedKernels roundedSqrt = {unaryLanes<squareRoot<rz>, float, float>,
                                        unaryLanes<squareRoot<rm>, float, float>,
                                        unaryLanes<squareRoot<rp>, float, float>};

float divideToNearest(float a, float b) { return canonical(a / b); }
float rootToNearest(float a) { return canonical(std::sqrt(a)); }
constexpr LaneKernel divF32 = binaryLanes<divideToNearest, float>;
constexpr LaneKernel sqrtF32 = unaryLanes<rootToNearest, float, float>;

//===-- f64, to nearest ---===//

template <bool isMax> double extremum64(double a, double b) {
  if (a == b)
    return std::signbit(a) == isMax ? b : a;
  double result = (isMax ? a > b : a < b) ? a : b;
  return std::isnan(b) ? a : result;
}
constexpr LaneKernel kernelsF64[] = {
    binaryLanes<[](double a, double b) { return a + b; }, double>,
    binaryLanes<[](double a, double b) { return a - b; }, double>,
    binaryLanes<[](double a, double b) { return a * b; }, double>,
    ternaryLanes<[](double a, double b, double c) { return std::fma(a, b, c); }, double>,
    binaryLanes<[](double a, double b) { return a / b; }, double>,
    binaryLanes<extremum64<false>, double>,
    binaryLanes<extremum64<true>, double>,
    unaryLanes<[](double a) { return -a; }, double, double>,
    unaryLanes<[](double a) { return std::fabs(a); }, double, double>};
constexpr LaneKernel rcpF64 = unaryLanes<[](double a) { return 1 / a; }, double, double>;
constexpr LaneKernel sqrtF64 = unaryLanes<[](double a) { return std::sqrt(a); }, double, double>;

//===-- Approximate functions ---===//

template <auto f, bool ftz> float flushed(float a) { return flush<ftz>(f(flush<ftz>(a))); }
/// Without and with .ftz.
template <auto f>
constexpr LaneKernel approximateKernels[] = {unaryLanes<flushed<f, false>, float, float>,
                                             unaryLanes<flushed<f, true>, float, float>};

/// div.approx multiplies by the reciprocal, which is lost for the largest divisors: 0, and none
/// for an infinite dividend (PTX ISA, div).
template <bool ftz> float divideApproximately(float a, float b) {
  a = flush<ftz>(a);
  b = flush<ftz>(b);
  float size = std::fabs(b);
  bool lost = size > 0x1p126f && size < HUGE_VALF;
  float quotient = lost ? a * std::copysign(0.0f, b) : a / b;
  return canonical(flush<ftz>(quotient));
}
template <bool ftz> float divideInFull(float a, float b) {
  return canonical(flush<ftz>(flush<ftz>(a) / flush<ftz>(b)));
}

//===-- Decoding ---===//

InstructionClass classOf(Operation operation) {
  switch (operation) {
  case Operation::Add:
  case Operation::Sub:
  case Operation::Mul:
  case Operation::Fma: return InstructionClass::Fma;
  case Operation::Div: return InstructionClass::Special;
  default: return InstructionClass::Alu;
  }
}

/// The kernel to nearest, which flushes by itself when `ftz`.
LaneKernel nearestKernel(Operation operation, bool ftz, bool nan) {
  const LaneKernels &best = laneKernels();
  switch (operation) {
  case Operation::Add: return ftz ? best.addF32Ftz : best.addF32;
  case Operation::Sub: return ftz ? best.subF32Ftz : best.subF32;
  case Operation::Mul: return ftz ? best.mulF32Ftz : best.mulF32;
  case Operation::Fma: return ftz ? best.fmaF32Ftz : best.fmaF32;
  case Operation::Min:
    return nan ? (ftz ? best.minNanF32Ftz : best.minNanF32) : ftz ? best.minF32Ftz : best.minF32;
  case Operation::Max:
    return nan ? (ftz ? best.maxNanF32Ftz : best.maxNanF32) : ftz ? best.maxF32Ftz : best.maxF32;
  case Operation::Neg: return ftz ? best.negF32Ftz : best.negF32;
  case Operation::Abs: return ftz ? best.absF32Ftz : best.absF32;
  default: return divF32;
  }
}

const RoundedKernels &roundedKernels(Operation operation) {
  switch (operation) {
  case Operation::Add: return roundedAdd;
  case Operation::Sub: return roundedSub;
  case Operation::Mul: return roundedMul;
  case Operation::Fma: return roundedFma;
  default: return roundedDiv;
  }
}

bool takesRounding(Operation operation) { return operation <= Operation::Div; }

void useF32(Decoder &decoder, Operation operation, const Modifiers &modifiers) {
  InstructionClass kind = classOf(operation);
  LaneKernel saturate = modifiers.sat ? saturateF32 : nullptr;
  Rounding rounding = modifiers.rounding.value_or(Rounding::NearestEven);
  bool flushes = operation != Operation::Div && rounding == Rounding::NearestEven;
  LaneKernel kernel = rounding == Rounding::NearestEven
                          ? nearestKernel(operation, modifiers.ftz, modifiers.nan)
                          : roundedKernels(operation).of(rounding);
  if (flushes || !modifiers.ftz)
    useKernel(decoder, kernel, nullptr, saturate, kind);
  else
    useKernel(decoder, kernel, flushF32, modifiers.sat ? flushSaturateF32 : flushF32, kind);
  bool mayContract =
      operation == Operation::Add || operation == Operation::Sub || operation == Operation::Mul;
  if (mayContract && !modifiers.rounding && !modifiers.sat)
    decoder.instruction().flags |= MayContract;
}

void useF64(Decoder &decoder, Operation operation, const Modifiers &modifiers) {
  if (modifiers.ftz || modifiers.nan || modifiers.sat ||
      modifiers.rounding.value_or(Rounding::NearestEven) != Rounding::NearestEven)
    decoder.fail(".f64 is simulated with .rn and no other modifier");
  useKernel(decoder.instruction(), kernelsF64[unsigned(operation)], classOf(operation));
}

void checkModifiers(Decoder &decoder, Operation operation, const Modifiers &modifiers) {
  bool isExtreme = operation == Operation::Min || operation == Operation::Max;
  bool isApproximate = modifiers.approx || modifiers.full;
  if (modifiers.relu || (modifiers.nan && !isExtreme) ||
      (isApproximate && operation != Operation::Div) ||
      (modifiers.sat && operation >= Operation::Div) ||
      (modifiers.rounding && !takesRounding(operation)))
    decoder.fail("the instruction has no such modifier for this type");
  bool needsRounding = operation == Operation::Fma || operation == Operation::Div;
  if (needsRounding && !modifiers.rounding && !isApproximate)
    decoder.fail("expected a rounding mode (.rn, .rz, .rm, .rp)");
}

void useApproximateDivision(Decoder &decoder, const Modifiers &modifiers) {
  if (!isFloat(modifiers.type, 32))
    decoder.fail(".approx and .full are for .f32");
  static constexpr LaneKernel kernels[2][2] = {
      {binaryLanes<divideInFull<false>, float>, binaryLanes<divideInFull<true>, float>},
      {binaryLanes<divideApproximately<false>, float>,
       binaryLanes<divideApproximately<true>, float>}};
  useApproximateKernel(decoder.instruction(), kernels[modifiers.approx][modifiers.ftz], formatF32);
}

/// lg2, sin, cos: .approx{.ftz}.f32 alone.
template <const LaneKernel *kernels> void decodeApproximate(Decoder &decoder) {
  decoder.expectOneOf({"approx"}, "the modifier");
  bool ftz = decoder.take("ftz");
  if (!isFloat(decoder.expectType(), 32))
    decoder.fail("expected .f32 as the type");
  ScalarType type{ScalarType::Kind::Float, 32, 1};
  takeOperands(decoder, type, {type});
  useApproximateKernel(decoder.instruction(), kernels[ftz], formatF32);
}

/// rcp, sqrt, rsqrt: kernels for .approx (without and with .ftz), and for the roundings.
struct RootKernels {
  const LaneKernel *approximate;
  LaneKernel nearest = nullptr;
  const RoundedKernels *rounded = nullptr;
  LaneKernel nearest64 = nullptr;
};

void decodeRoot(Decoder &decoder, const RootKernels &kernels) {
  Modifiers modifiers = takeModifiers(decoder);
  ScalarType type = modifiers.type;
  bool is64 = isFloat(type, 64);
  if ((!is64 && !isFloat(type, 32)) || modifiers.full || modifiers.nan || modifiers.sat ||
      modifiers.relu)
    decoder.fail("the instruction has no such form");
  bool isRounded = modifiers.rounding.has_value();
  if (isRounded ? !kernels.nearest : !modifiers.approx)
    decoder.fail(kernels.nearest ? "expected .approx or a rounding mode" : "expected .approx");
  takeOperands(decoder, type, {type});
  if (is64) {
    if (modifiers.rounding != Rounding::NearestEven || modifiers.ftz)
      decoder.fail(".f64 is simulated with .rn and no other modifier");
    return useKernel(decoder.instruction(), kernels.nearest64, InstructionClass::Special);
  }
  if (!isRounded)
    return useApproximateKernel(decoder.instruction(), kernels.approximate[modifiers.ftz],
                                formatF32);
  LaneKernel kernel = modifiers.rounding == Rounding::NearestEven
                          ? kernels.nearest
                          : kernels.rounded->of(*modifiers.rounding);
  LaneKernel flushes = modifiers.ftz ? flushF32 : nullptr;
  useKernel(decoder, kernel, flushes, flushes, InstructionClass::Special);
}

void decodeReciprocal(Decoder &decoder) {
  const LaneKernel approximate[] = {laneKernels().rcpF32, laneKernels().rcpF32Ftz};
  decodeRoot(decoder, {approximate, laneKernels().rcpF32, &roundedRcp, rcpF64});
}
void decodeSquareRoot(Decoder &decoder) {
  decodeRoot(decoder, {approximateKernels<approximateSqrt>, sqrtF32, &roundedSqrt, sqrtF64});
}
void decodeReciprocalRoot(Decoder &decoder) {
  decodeRoot(decoder, {approximateKernels<approximateRsqrt>});
}

void decodeExponential(Decoder &decoder) {
  decoder.expectOneOf({"approx"}, "the modifier");
  Modifiers modifiers;
  modifiers.approx = true;
  modifiers.ftz = decoder.take("ftz");
  modifiers.type = decoder.expectType();
  if (isFloating(modifiers.type) && modifiers.type.bits == 16)
    return decodeHalf(decoder, Operation::Ex2, modifiers);
  if (!isFloat(modifiers.type, 32))
    decoder.fail("expected .f32, .f16, .f16x2, .bf16 or .bf16x2 as the type");
  takeOperands(decoder, modifiers.type, {modifiers.type});
  const LaneKernels &best = laneKernels();
  useApproximateKernel(decoder.instruction(), modifiers.ftz ? best.ex2F32Ftz : best.ex2F32,
                       formatF32);
}

void decodeTanh(Decoder &decoder) {
  decoder.expectOneOf({"approx"}, "the modifier");
  Modifiers modifiers;
  modifiers.approx = true;
  modifiers.type = decoder.expectType();
  if (isFloating(modifiers.type) && modifiers.type.bits == 16)
    return decodeHalf(decoder, Operation::Tanh, modifiers);
  if (!isFloat(modifiers.type, 32))
    decoder.fail("expected .f32, .f16, .f16x2, .bf16 or .bf16x2 as the type");
  takeOperands(decoder, modifiers.type, {modifiers.type});
  useApproximateKernel(decoder.instruction(), approximateKernels<approximateTanhF32>[0], formatF32);
}

void decodeCopySign(Decoder &decoder) {
  ScalarType type = decoder.expectType();
  if (!isFloat(type, 32) && !isFloat(type, 64))
    decoder.fail("expected .f32 or .f64 as the type");
  takeOperands(decoder, type, {type, type});
  useKernel(decoder.instruction(),
            type.bits == 64 ? binaryLanes<copySign64, double> : binaryLanes<copySign, float>,
            InstructionClass::Alu);
}

} // namespace

void decodeFloat(Decoder &decoder, Operation operation, const Modifiers &modifiers) {
  ScalarType type = modifiers.type;
  checkModifiers(decoder, operation, modifiers);
  if (operation == Operation::Neg || operation == Operation::Abs)
    takeOperands(decoder, type, {type});
  else if (operation == Operation::Fma)
    takeOperands(decoder, type, {type, type, type});
  else
    takeOperands(decoder, type, {type, type});
  if (modifiers.approx || modifiers.full)
    return useApproximateDivision(decoder, modifiers);
  if (isFloat(type, 64))
    return useF64(decoder, operation, modifiers);
  useF32(decoder, operation, modifiers);
}

void addFloats(InstructionSet &set) {
  set["ex2"] = decodeExponential;
  set["lg2"] = decodeApproximate<approximateKernels<approximateLg2>>;
  set["sin"] = decodeApproximate<approximateKernels<approximateSin>>;
  set["cos"] = decodeApproximate<approximateKernels<approximateCos>>;
  set["tanh"] = decodeTanh;
  set["rcp"] = decodeReciprocal;
  set["sqrt"] = decodeSquareRoot;
  set["rsqrt"] = decodeReciprocalRoot;
  set["copysign"] = decodeCopySign;
}

} // namespace attune::sim
