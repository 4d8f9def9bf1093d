// SPDX-License-Identifier: Apache-2.0
// Converting between types (PTX ISA, cvt). What is hot is a kernel; all else goes lane by lane
// through an exact number.
#include "runtime/sim/numerics/ScalarFloat.h"
#include "runtime/sim/ops/Arithmetic.h"
#include "runtime/sim/ops/Ops.h"

#include "runtime/sim/machine/Warp.h"

#include <algorithm>
#include <cmath>

namespace attune::sim {
namespace {

using Kind = ScalarType::Kind;

//===-- Integers to integers ---===//

/// Reads the low part of a register as N, and extends it to the register D.
template <typename N, typename D, typename S> D extend(S source) { return D(N(source)); }

/// From registers S to registers D, read as integers of 8, 16, 32 and 64 bits, unsigned or signed.
template <typename D, typename S>
constexpr LaneKernel extendKernels[4][2] = {
    {unaryLanes<extend<uint8_t, D, S>, D, S>, unaryLanes<extend<int8_t, D, S>, D, S>},
    {unaryLanes<extend<uint16_t, D, S>, D, S>, unaryLanes<extend<int16_t, D, S>, D, S>},
    {unaryLanes<extend<uint32_t, D, S>, D, S>, unaryLanes<extend<int32_t, D, S>, D, S>},
    {unaryLanes<extend<uint64_t, D, S>, D, S>, unaryLanes<extend<int64_t, D, S>, D, S>}};

template <typename D> LaneKernel extendKernel(ScalarType narrow, Width source) {
  unsigned size = narrow.bits == 8 ? 0 : narrow.bits == 16 ? 1 : narrow.bits == 32 ? 2 : 3;
  bool sign = isSigned(narrow);
  return source == Width::B64 ? extendKernels<D, uint64_t>[size][sign]
                              : extendKernels<D, uint32_t>[size][sign];
}

/// The conversion as one extension of the narrower type, or null when it is none: a negative
/// number that the result's type makes unsigned, in a register that is wider still.
LaneKernel integerKernel(ScalarType to, Width result, ScalarType from, Width source) {
  bool widens = from.bits < to.bits;
  if (widens && isSigned(from) && !isSigned(to) && 8 * bytesOf(result) > to.bits)
    return nullptr;
  ScalarType narrow = widens ? from : to;
  if (narrow.bits == 32 && result == Width::B64 && source == Width::B32)
    return isSigned(narrow) ? laneKernels().S32ToB64 : laneKernels().U32ToB64;
  if (narrow.bits == 32 && result == Width::B32 && source == Width::B64)
    return laneKernels().B64ToB32;
  switch (result) {
  case Width::B16: return extendKernel<uint16_t>(narrow, source);
  case Width::B32: return extendKernel<uint32_t>(narrow, source);
  default: return extendKernel<uint64_t>(narrow, source);
  }
}

//===-- Other kernels ---===//

float fromU32(uint32_t a) { return float(a); }
int32_t truncateS32(float a) {
  float clamped = a > -0x1p31f ? a : -0x1p31f;
  clamped = clamped < 0x1p31f ? clamped : 0x1.fffffep30f;
  int32_t result = int32_t(a == a ? clamped : 0.0f);
  return a >= 0x1p31f ? INT32_MAX : result;
}
uint32_t shiftUp(uint32_t a) { return a << 16; }

/// .rn.f32.{s32,u32}, .rzi.s32.f32, .f32.{f16,bf16}, .rn.{f16,bf16}.f32: without other modifiers.
LaneKernel hotKernel(ScalarType to, ScalarType from, Rounding rounding) {
  bool nearest = rounding == Rounding::NearestEven;
  bool toF32 = isFloat(to, 32), fromF32 = isFloat(from, 32);
  if (toF32 && from.kind == Kind::BFloat)
    return unaryLanes<shiftUp, uint32_t, uint32_t>;
  if (toF32 && isFloat(from, 16))
    return laneKernels().widenF16;
  if (toF32 && nearest && from.bits == 32 && from.kind == Kind::Signed)
    return laneKernels().S32ToF32;
  if (toF32 && nearest && from.bits == 32 && from.kind == Kind::Unsigned)
    return unaryLanes<fromU32, float, uint32_t>;
  if (fromF32 && nearest && isFloat(to, 16))
    return unaryLanes<roundToF16, uint32_t, float>;
  if (fromF32 && nearest && to.kind == Kind::BFloat)
    return unaryLanes<roundToBf16, uint32_t, float>;
  if (fromF32 && rounding == Rounding::TowardZero && isSigned(to) && to.bits == 32)
    return unaryLanes<truncateS32, int32_t, float>;
  return nullptr;
}

//===-- Everything else: through an exact number ---===//

FloatFormat formatOf(ScalarType type) {
  switch (type.kind) {
  case Kind::BFloat: return formatBf16;
  case Kind::Float8E4M3: return formatE4M3;
  case Kind::Float8E5M2: return formatE5M2;
  case Kind::TF32: return formatTf32;
  default: return type.bits == 64 ? formatF64 : type.bits == 32 ? formatF32 : formatF16;
  }
}

bool isInteger(ScalarType type) { return type.kind == Kind::Unsigned || isSigned(type); }

struct Conversion : Detail {
  ScalarType to, from;
  FloatFormat toFormat = formatF32, fromFormat = formatF32;
  Rounding rounding = Rounding::NearestEven;
  /// Of floats: .rni and the like.
  bool toInteger = false;
  bool ftz = false, sat = false, satfinite = false, relu = false;
  /// Bits of the registers.
  unsigned resultBits = 32, sourceBits = 32;
};

/// An integer, exactly, or a float, exactly.
struct Number {
  bool isInteger = false;
  __int128 integer = 0;
  double real = 0;
};

Number readNumber(const Conversion &how, uint64_t bits) {
  Number number;
  if (isInteger(how.from)) {
    number.isInteger = true;
    unsigned unused = 64 - how.from.bits;
    number.integer = isSigned(how.from) ? __int128(int64_t(bits << unused) >> unused)
                                        : __int128(bits << unused >> unused);
    return number;
  }
  bool isF32 = how.from.kind == Kind::Float && how.from.bits == 32;
  if (isF32)
    number.real =
        how.ftz ? flush<true>(bitsAs<float>(uint32_t(bits))) : bitsAs<float>(uint32_t(bits));
  else if (how.from.bits == 64)
    number.real = bitsAs<double>(bits);
  else
    number.real = widen(bits, how.fromFormat);
  return number;
}

double roundToInteger(double value, Rounding rounding) {
  switch (rounding) {
  case Rounding::TowardZero: return std::trunc(value);
  case Rounding::Down: return std::floor(value);
  case Rounding::Up: return std::ceil(value);
  default:
    // The processor's rounding mode is to nearest, and nobody changes it.
    return std::rint(value);
  }
}

/// In the range of the type. What is no number gives 0 (PTX ISA, cvt).
__int128 integerOf(const Conversion &how, double real) {
  if (std::isnan(real))
    return 0;
  real = roundToInteger(real, how.rounding);
  // Doubles up to 2^64 fit; beyond, any larger number does.
  return __int128(std::clamp(real, -0x1p65, 0x1p65));
}

uint64_t writeInteger(const Conversion &how, Number number) {
  __int128 value = number.isInteger ? number.integer : integerOf(how, number.real);
  bool clamps = how.sat || !number.isInteger;
  unsigned width = how.to.bits - isSigned(how.to);
  __int128 most = (__int128(1) << width) - 1, least = isSigned(how.to) ? -most - 1 : 0;
  if (clamps)
    value = std::clamp(value, least, most);
  unsigned unused = 64 - how.to.bits;
  uint64_t bits = uint64_t(value) << unused;
  return isSigned(how.to) ? uint64_t(int64_t(bits) >> unused) : bits >> unused;
}

uint64_t roundNumber(const Conversion &how, Number number) {
  if (number.isInteger) {
    bool negative = number.integer < 0;
    uint64_t size = uint64_t(negative ? -number.integer : number.integer);
    return roundScaled(negative, size, 0, how.toFormat, how.rounding, how.satfinite);
  }
  double real = how.toInteger ? roundToInteger(number.real, how.rounding) : number.real;
  if (how.relu && real <= 0)
    real = 0;
  return roundTo(real, how.toFormat, how.rounding, how.satfinite);
}

uint64_t writeFloat(const Conversion &how, Number number) {
  uint64_t bits = roundNumber(how, number);
  if (how.sat) {
    // To [0, 1]; what is no number gives +0.
    double value = widen(bits, how.toFormat);
    bits = roundTo(value > 0 ? std::min(value, 1.0) : 0.0, how.toFormat);
  }
  bool isF32 = how.to.kind == Kind::Float && how.to.bits == 32;
  if (how.ftz && isF32)
    bits = bitsAs<uint32_t>(flush<true>(bitsAs<float>(uint32_t(bits))));
  // The upper 19 bits of an f32; what is no number is that of f32.
  if (how.to.kind == Kind::TF32)
    bits = (bits & formatTf32.nan()) > formatTf32.infinity() ? canonicalNan : bits << 13;
  return bits;
}

uint64_t convert(const Conversion &how, uint64_t bits) {
  Number number = readNumber(how, bits);
  return isInteger(how.to) ? writeInteger(how, number) : writeFloat(how, number);
}

Outcome runConvert(Warp &warp, const Instruction &instruction, Mask mask) {
  auto &how = static_cast<const Conversion &>(*instruction.detail);
  for (unsigned lane = 0; lane < warpSize; ++lane) {
    if (!(mask >> lane & 1))
      continue;
    uint64_t result = convert(how, warp.lane(instruction.a, lane, how.sourceBits == 64));
    if (how.resultBits == 64)
      warp.lanes64(instruction.dst)[lane] = result;
    else
      warp.lanes32(instruction.dst)[lane] =
          how.resultBits == 16 ? uint16_t(result) : uint32_t(result);
  }
  return Outcome::Next;
}

/// Two results in one register: from two sources, the first of them high, or from two halves.
Outcome runConvertPair(Warp &warp, const Instruction &instruction, Mask mask) {
  auto &how = static_cast<const Conversion &>(*instruction.detail);
  const uint32_t *a = warp.lanes32(instruction.a), *b = warp.lanes32(instruction.b);
  uint32_t *dst = warp.lanes32(instruction.dst);
  bool isPacked = instruction.a == instruction.b && how.from.elements == 2;
  uint32_t part = (uint32_t(1) << (how.from.bits & 31)) - 1;
  for (unsigned lane = 0; lane < warpSize; ++lane) {
    if (!(mask >> lane & 1))
      continue;
    uint64_t high = isPacked ? a[lane] >> how.from.bits & part : a[lane];
    uint64_t low = isPacked ? a[lane] & part : b[lane];
    dst[lane] = uint32_t(convert(how, high) << how.to.bits | convert(how, low));
  }
  return Outcome::Next;
}

//===-- Decoding ---===//

struct ConvertModifiers {
  std::optional<Rounding> rounding;
  bool toInteger = false, ftz = false, sat = false, satfinite = false, relu = false;
};

ConvertModifiers takeConvertModifiers(Decoder &decoder) {
  ConvertModifiers modifiers;
  static constexpr Rounding roundings[] = {Rounding::NearestEven, Rounding::TowardZero,
                                           Rounding::Down, Rounding::Up, Rounding::NearestAway};
  int rounding = decoder.takeOneOf({"rn", "rz", "rm", "rp", "rna", "rni", "rzi", "rmi", "rpi"});
  if (rounding >= 0) {
    modifiers.toInteger = rounding > 4;
    modifiers.rounding = roundings[rounding > 4 ? rounding - 5 : rounding];
  }
  // Their order differs between forms.
  bool *flags[] = {&modifiers.ftz, &modifiers.relu, &modifiers.satfinite, &modifiers.sat};
  for (int found; (found = decoder.takeOneOf({"ftz", "relu", "satfinite", "sat"})) >= 0;)
    *flags[found] = true;
  return modifiers;
}

Conversion &makeConversion(Decoder &decoder, ScalarType to, ScalarType from,
                           const ConvertModifiers &modifiers) {
  auto &how = decoder.makeDetail<Conversion>();
  how.to = to;
  how.from = from;
  how.toFormat = formatOf(to);
  how.fromFormat = formatOf(from);
  how.rounding = modifiers.rounding.value_or(Rounding::NearestEven);
  how.toInteger = modifiers.toInteger;
  how.ftz = modifiers.ftz;
  how.sat = modifiers.sat;
  how.satfinite = modifiers.satfinite;
  how.relu = modifiers.relu;
  decoder.instruction().kind = InstructionClass::Convert;
  return how;
}

bool isHalf(ScalarType type) { return isFloating(type) && type.bits == 16; }
bool isFloat8(ScalarType type) {
  return type.kind == Kind::Float8E4M3 || type.kind == Kind::Float8E5M2;
}

/// cvt.{f16x2,bf16x2,e4m3x2,e5m2x2}.f32 d, high, low.
void decodePack(Decoder &decoder, ScalarType to, const ConvertModifiers &modifiers) {
  bool float8 = isFloat8(to);
  decoder.require(float8 ? 89 : 80);
  if (float8 && !modifiers.satfinite)
    decoder.fail("expected .satfinite, which conversions to 8 bits always have");
  if (!modifiers.rounding || modifiers.toInteger || modifiers.ftz || modifiers.sat ||
      (*modifiers.rounding != Rounding::NearestEven &&
       (float8 || *modifiers.rounding != Rounding::TowardZero)))
    decoder.fail(float8
                     ? "expected .rn as the rounding mode"
                     : "expected .rn or .rz as the rounding mode, and .relu or .satfinite at most");
  ScalarType f32{Kind::Float, 32, 1};
  takeOperands(decoder, {Kind::Bits, to.bits * to.elements, 1}, {f32, f32});
  bool isHot =
      *modifiers.rounding == Rounding::NearestEven && !modifiers.relu && !modifiers.satfinite;
  if (isHot) {
    const LaneKernels &best = laneKernels();
    return useKernel(decoder.instruction(), to.kind == Kind::BFloat ? best.packBf16 : best.packF16,
                     InstructionClass::Convert);
  }
  makeConversion(decoder, to, f32, modifiers);
  decoder.instruction().run = runConvertPair;
}

/// cvt.{e4m3x2,e5m2x2}.f16x2 and back.
void decodePair(Decoder &decoder, ScalarType to, ScalarType from,
                const ConvertModifiers &modifiers) {
  decoder.require(89);
  bool narrows = isFloat8(to) && isFloat(ScalarType{from.kind, from.bits, 1}, 16);
  bool widens = isFloat8(from) && isFloat(ScalarType{to.kind, to.bits, 1}, 16);
  if ((!narrows && !widens) || to.elements != 2 || from.elements != 2)
    decoder.fail("cvt has no form for these types");
  if (modifiers.rounding != Rounding::NearestEven || modifiers.toInteger || modifiers.ftz ||
      modifiers.sat || modifiers.satfinite != narrows)
    decoder.fail(narrows ? "expected .rn.satfinite" : "expected .rn, and .relu at most");
  takeOperands(decoder, {Kind::Bits, to.bits * 2, 1}, {from});
  decoder.instruction().b = decoder.instruction().a;
  makeConversion(decoder, to, from, modifiers);
  decoder.instruction().run = runConvertPair;
}

/// cvt.{rna,rn,rz}.tf32.f32
void decodeTf32(Decoder &decoder, ScalarType from, const ConvertModifiers &modifiers) {
  decoder.require(80);
  if (!isFloat(from, 32))
    decoder.fail(".tf32 is converted from .f32 alone");
  bool isKnown = modifiers.rounding == Rounding::NearestAway ||
                 modifiers.rounding == Rounding::NearestEven ||
                 modifiers.rounding == Rounding::TowardZero;
  // With .rn and .rz, .satfinite is of sm_100.
  bool saturates = modifiers.satfinite && modifiers.rounding != Rounding::NearestAway;
  if (!isKnown || modifiers.toInteger || modifiers.ftz || modifiers.sat || saturates)
    decoder.fail(
        "expected .rna, .rn or .rz as the rounding mode, .relu, and .satfinite with .rna alone");
  if (modifiers.rounding != Rounding::NearestAway)
    decoder.require(90);
  takeOperands(decoder, typeB32, {from});
  makeConversion(decoder, {Kind::TF32, 32, 1}, from, modifiers);
  decoder.instruction().run = runConvert;
}

void checkRounding(Decoder &decoder, ScalarType to, ScalarType from,
                   const ConvertModifiers &modifiers) {
  bool between = isFloating(to) && isFloating(from);
  bool sameSize = between && to.bits == from.bits && to.kind == from.kind;
  bool narrows = between && !sameSize && to.bits <= from.bits;
  bool toInteger = (isInteger(to) && isFloating(from)) || (sameSize && modifiers.rounding);
  bool rounds = toInteger || narrows || (isFloating(to) && isInteger(from));
  if (modifiers.rounding == Rounding::NearestAway)
    decoder.fail(".rna is for .tf32");
  if (rounds && !modifiers.rounding)
    decoder.fail(toInteger ? "expected a rounding mode (.rni, .rzi, .rmi, .rpi)"
                           : "expected a rounding mode (.rn, .rz, .rm, .rp)");
  // From .bf16 one can be written and changes nothing.
  if (!rounds && modifiers.rounding && (from.kind != Kind::BFloat || isInteger(to)))
    decoder.fail("the conversion is exact and has no rounding mode");
  if (modifiers.rounding && modifiers.toInteger != toInteger)
    decoder.fail(toInteger ? "conversions to integers have .rni, .rzi, .rmi, .rpi"
                           : "conversions to floating-point types have .rn, .rz, .rm, .rp");
}

/// Whether all values of an integer type are in the other.
bool contains(ScalarType to, ScalarType from) {
  return isSigned(to) == isSigned(from) ? to.bits >= from.bits
                                        : isSigned(to) && to.bits > from.bits;
}

void checkScalar(Decoder &decoder, ScalarType to, ScalarType from,
                 const ConvertModifiers &modifiers) {
  auto isScalar = [](ScalarType type) {
    return type.elements == 1 && (isInteger(type) || isFloating(type)) && type.bits <= 64;
  };
  bool fromBf16 = from.kind == Kind::BFloat, toBf16 = to.kind == Kind::BFloat;
  if (!isScalar(to) || !isScalar(from) || (fromBf16 && to.bits == 8) || (toBf16 && from.bits == 8))
    decoder.fail("cvt has no form for these types");
  checkRounding(decoder, to, from, modifiers);
  bool isOlder = (fromBf16 && isFloat(to, 32) && !modifiers.ftz) || isFloat(from, 32);
  if ((fromBf16 || toBf16) && !isOlder)
    decoder.require(90);
  bool isNeedless = isInteger(to) && isInteger(from) && contains(to, from);
  if (modifiers.sat && (isNeedless || fromBf16 || toBf16))
    decoder.fail(".sat is neither for .bf16 nor where every value is in range");
  bool toHalf = isHalf(to) && isFloat(from, 32);
  if ((modifiers.relu || modifiers.satfinite) && !toHalf)
    decoder.fail(".relu and .satfinite are for conversions from .f32 to .f16 and .bf16");
  if (modifiers.ftz && !isFloat(to, 32) && !isFloat(from, 32))
    decoder.fail(".ftz is for conversions from or to .f32");
}

/// Integers may lie in wider registers than their type says (PTX ISA, "Operand Size Exceeding
/// Instruction-Type Size").
Width registerWidth(Decoder &decoder, const ptx::Operand &operand, ScalarType type) {
  Width width = decoder.widthOf(operand).value_or(type.width());
  if (!isInteger(type) || 8 * bytesOf(width) < type.bits || width == Width::B128)
    return type.width();
  return width;
}

void decodeScalar(Decoder &decoder, ScalarType to, ScalarType from,
                  const ConvertModifiers &modifiers) {
  checkScalar(decoder, to, from, modifiers);
  decoder.expectOperands(2);
  Width result = registerWidth(decoder, decoder.operand(0), to);
  Width source = registerWidth(decoder, decoder.operand(1), from);
  Instruction &instruction = decoder.instruction();
  bool isRegister = decoder.operand(1).kind == ptx::Operand::Kind::Register;
  ScalarType bits{Kind::Bits, 8 * bytesOf(source), 1};
  instruction.a = decoder.source(decoder.operand(1), isRegister ? bits : from);
  instruction.dst = decoder.destination(decoder.operand(0), result);
  LaneKernel kernel = nullptr;
  if (isInteger(to) && isInteger(from) && !modifiers.sat)
    kernel = integerKernel(to, result, from, source);
  bool isPlain = !modifiers.ftz && !modifiers.sat && !modifiers.relu && !modifiers.satfinite &&
                 8 * bytesOf(result) == to.bits && 8 * bytesOf(source) == from.bits;
  if (!kernel && isPlain && (!isInteger(to) || !isInteger(from)))
    kernel = hotKernel(to, from, modifiers.rounding.value_or(Rounding::NearestEven));
  if (kernel)
    return useKernel(instruction, kernel, InstructionClass::Convert);
  Conversion &how = makeConversion(decoder, to, from, modifiers);
  how.resultBits = 8 * bytesOf(result);
  how.sourceBits = 8 * bytesOf(source);
  decoder.instruction().run = runConvert;
}

void decodeConvert(Decoder &decoder) {
  ConvertModifiers modifiers = takeConvertModifiers(decoder);
  ScalarType to = decoder.expectType("the type of the result");
  ScalarType from = decoder.expectType("the type of the source");
  decoder.endModifiers();
  if (to.kind == Kind::TF32)
    return decodeTf32(decoder, from, modifiers);
  bool toPair = to.elements == 2 && (isHalf(to) || isFloat8(to));
  if (toPair && isFloat(from, 32))
    return decodePack(decoder, to, modifiers);
  if (toPair || isFloat8(from))
    return decodePair(decoder, to, from, modifiers);
  decodeScalar(decoder, to, from, modifiers);
}

} // namespace

void addConversions(InstructionSet &set) { set["cvt"] = decodeConvert; }

} // namespace attune::sim
