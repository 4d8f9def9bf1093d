// SPDX-License-Identifier: Apache-2.0
// Exponentials, hyperbolic tangents and narrow floats as vector code without a call.
#include "compiler/target/host/LaneBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <algorithm>

using namespace mlir;

namespace attune {

Value LaneBuilder::fma(Value left, Value right, Value addend) {
  return LLVM::FMulAddOp::create(*this, left, right, addend);
}

Value LaneBuilder::bitcast(Value value, Type element) {
  return arith::BitcastOp::create(*this, likeShape(value.getType(), element), value);
}

//===--- exponentials --------------------------------------------------------------------------===//

/// 1.5 * 2^23: adding it to |t| < 2^22 leaves round(t) in the low bits of the sum.
static constexpr double kRoundingShift = 12582912.0;

/// Coefficients of 2^f on [-1/2, 1/2], least relative error (1.9e-9; 0.9 units in the last place).
static constexpr double kExp2Coefficients[] = {
    1.0,           6.931471825e-1, 2.402264625e-1, 5.550328642e-2, 9.618489072e-3, 1.339993090e-3,
    1.534582116e-4};

static bool canScale(const HostFacts &facts, Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return facts.scales && vector && vector.getNumElements() == 16;
}

/// Returns round(t); `rounded` is what scaledPolynomial needs to scale by it.
Value LaneBuilder::roundForExponent(Value t, Value &rounded) {
  Type type = t.getType();
  if (canScale(facts, type))
    return rounded = math::RoundEvenOp::create(*this, t);
  // At most 129, where 2^(n-1) of scaledPolynomial is just infinite.
  Value shift = constantFloat(type, kRoundingShift);
  Value sum = arith::AddFOp::create(*this, t, shift);
  Value limit = constantFloat(type, kRoundingShift + 129);
  Value above = arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, sum, limit);
  rounded = arith::SelectOp::create(*this, above, limit, sum);
  return arith::SubFOp::create(*this, rounded, shift);
}

Value LaneBuilder::scaledPolynomial(Value fraction, Value rounded) {
  Type type = fraction.getType();
  // Without an instruction that scales, twice the polynomial times 2^(n-1), so that results next to
  // infinity are right.
  bool scales = canScale(facts, type);
  double factor = scales ? 1.0 : 2.0;
  Value sum = constantFloat(type, factor * kExp2Coefficients[6]);
  for (int power = 5; power >= 0; --power)
    sum = fma(sum, fraction, constantFloat(type, factor * kExp2Coefficients[power]));
  if (scales) {
    // Lanes below 2^-126, most of them hidden pairs, are 0 without being scaled: a result that
    // underflows would cost some hundred cycles.
    Value zero = constantFloat(type, 0), nearest = constant(getI32Type(), 4);
    Value isNormal =
        arith::CmpFOp::create(*this, arith::CmpFPredicate::UGE, rounded, constantFloat(type, -126));
    Value lanes = LLVM::BitcastOp::create(*this, getIntegerType(16), isNormal);
    return LLVM::CallIntrinsicOp::create(*this, type,
                                         getStringAttr("llvm.x86.avx512.mask.scalef.ps.512"),
                                         ValueRange{sum, rounded, zero, lanes, nearest})
        .getResult(0);
  }
  // (126 + n) << 23 is 2^(n-1), and 0 for n = -126; the shift's own bits leave at the top.
  Value bits = bitcast(rounded, getI32Type());
  Value biased = add(bits, constant(bits.getType(), 126));
  Value scale = arith::ShLIOp::create(*this, biased, constant(bits.getType(), 23));
  return arith::MulFOp::create(*this, sum, bitcast(scale, getF32Type()));
}

/// max(x, low), NaN for NaN.
static Value clampBelow(LaneBuilder &b, Value x, double low) {
  Value limit = b.constantFloat(x.getType(), low);
  Value below = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, limit, x);
  return arith::SelectOp::create(b, below, limit, x);
}

Value LaneBuilder::exp2(Value x) {
  bool scales = canScale(facts, x.getType());
  Value t = clampBelow(*this, x, scales ? -150.0 : -126.0);
  if (scales) {
    // inf - round(inf) would be NaN.
    Value limit = constantFloat(x.getType(), 129.0);
    Value above = arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, t, limit);
    t = arith::SelectOp::create(*this, above, limit, t);
  }
  Value rounded;
  Value whole = roundForExponent(t, rounded);
  return scaledPolynomial(arith::SubFOp::create(*this, t, whole), rounded);
}

Value LaneBuilder::exp2(Value x, double factor) {
  // The bounds of t = x * factor, as bounds of x: what is beyond them is 0 or infinite.
  Type type = x.getType();
  // A little below 2^-150, which rounds to 0: the bound of x is rounded, and 0 must be 0.
  double least = (canScale(facts, type) ? -152.0 : -126.0) / factor, most = 129.0 / factor;
  Value low = clampBelow(*this, x, std::min(least, most));
  Value limit = constantFloat(type, std::max(least, most));
  Value above = arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, low, limit);
  Value clamped = arith::SelectOp::create(*this, above, limit, low);
  // x * factor - whole in fused steps: the product's rounding does not reach the fraction.
  double high = float(factor);
  Value rounded;
  Value t = arith::MulFOp::create(*this, clamped, constantFloat(type, high));
  Value whole = roundForExponent(t, rounded);
  Value fraction = fma(clamped, constantFloat(type, high), arith::NegFOp::create(*this, whole));
  fraction = fma(clamped, constantFloat(type, factor - high), fraction);
  return scaledPolynomial(fraction, rounded);
}

Value LaneBuilder::exp(Value x) {
  // x = n ln2 + r, ln2 in two parts: the product n ln2 is then exact enough for any n.
  Type type = x.getType();
  bool scales = canScale(facts, type);
  Value low = clampBelow(*this, x, scales ? -104.0 : -87.4);
  Value limit = constantFloat(type, 89.0);
  Value above = arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, low, limit);
  Value clamped = arith::SelectOp::create(*this, above, limit, low);
  Value rounded;
  Value t = arith::MulFOp::create(*this, clamped, constantFloat(type, 1.44269504088896341));
  Value whole = roundForExponent(t, rounded);
  Value rest = fma(whole, constantFloat(type, -0.693145751953125), clamped);
  rest = fma(whole, constantFloat(type, -1.42860682030941723e-6), rest);
  Value fraction = arith::MulFOp::create(*this, rest, constantFloat(type, 1.44269504088896341));
  return scaledPolynomial(fraction, rounded);
}

//===--- hyperbolic tangents ---------------------------------------------------------------------===//

/// Where the series below ends: beyond it 1 - 2 / (e^2x + 1) loses too little to matter.
static constexpr double kTanhSeriesEnd = 0.9;

/// Coefficients of (tanh(x) - x) / x^3 in powers of x^2 up to there, least relative error of the
/// tangent (1.6e-8).
static constexpr double kTanhCoefficients[] = {-3.333321218e-1, 1.333035999e-1,  -5.372149058e-2,
                                               2.090412750e-2,  -6.860056964e-3, 1.303960205e-3};

Value LaneBuilder::tanh(Value x) {
  Type type = x.getType();
  Value size = math::AbsFOp::create(*this, x);
  Value square = arith::MulFOp::create(*this, size, size);
  Value series = constantFloat(type, kTanhCoefficients[5]);
  for (int power = 4; power >= 0; --power)
    series = fma(series, square, constantFloat(type, kTanhCoefficients[power]));
  Value small = fma(series, arith::MulFOp::create(*this, size, square), size);

  Value power = exp2(size, 2 * 1.44269504088896341);
  Value one = constantFloat(type, 1.0);
  Value rest = arith::DivFOp::create(*this, constantFloat(type, 2.0),
                                     arith::AddFOp::create(*this, power, one));
  Value large = arith::SubFOp::create(*this, one, rest);

  Value end = constantFloat(type, kTanhSeriesEnd);
  Value isSmall = arith::CmpFOp::create(*this, arith::CmpFPredicate::OLT, size, end);
  Value result = arith::SelectOp::create(*this, isSmall, small, large);
  return math::CopySignOp::create(*this, result, x);
}

//===--- sines ---------------------------------------------------------------------------------===//

/// 1.5 * 2^52: adding it to |t| < 2^51 leaves round(t) in the low bits of the sum, a double.
static constexpr double kDoubleRoundingShift = 6755399441055744.0;

/// Taylor's, in powers of x^2 up to x = pi / 4: the next terms are below 2e-9.
static constexpr double kSineCoefficients[] = {-1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880};
static constexpr double kCosineCoefficients[] = {1.0,        -1.0 / 2,    1.0 / 24,
                                                 -1.0 / 720, 1.0 / 40320, -1.0 / 3628800};

static Value polynomial(LaneBuilder &b, Value x, ArrayRef<double> coefficients) {
  Value sum = b.constantFloat(x.getType(), coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = b.fma(sum, x, b.constantFloat(x.getType(), coefficient));
  return sum;
}

Value LaneBuilder::sine(Value x, int64_t quadrants) {
  // x = n pi / 2 + r in doubles: a position of many tokens is a large angle.
  Type type = x.getType(), wideType = likeShape(type, getF64Type());
  Value wide = arith::ExtFOp::create(*this, wideType, x);
  Value shift = constantFloat(wideType, kDoubleRoundingShift);
  Value t = arith::MulFOp::create(*this, wide, constantFloat(wideType, 0.63661977236758134308));
  Value sum = arith::AddFOp::create(*this, t, shift);
  Value whole = arith::SubFOp::create(*this, sum, shift);
  Value multiple =
      arith::MulFOp::create(*this, whole, constantFloat(wideType, 1.57079632679489661923));
  Value r = arith::TruncFOp::create(*this, type, arith::SubFOp::create(*this, wide, multiple));
  // What is too large for this stays bounded.
  Value one = constantFloat(type, 1.0);
  r = clampBelow(*this, r, -1.0);
  Value above = arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, r, one);
  r = arith::SelectOp::create(*this, above, one, r);

  Type bits = likeShape(type, getI32Type());
  Value quadrant = arith::TruncIOp::create(*this, bits, bitcast(sum, getI64Type()));
  quadrant = add(quadrant, constant(bits, quadrants));
  auto hasBit = [&](int64_t bit) -> Value {
    Value masked = arith::AndIOp::create(*this, quadrant, constant(bits, bit));
    return arith::CmpIOp::create(*this, arith::CmpIPredicate::ne, masked, constant(bits, 0));
  };
  Value square = arith::MulFOp::create(*this, r, r);
  Value odd = polynomial(*this, square, kSineCoefficients);
  odd = fma(arith::MulFOp::create(*this, odd, square), r, r);
  Value even = polynomial(*this, square, kCosineCoefficients);
  Value result = arith::SelectOp::create(*this, hasBit(1), even, odd);
  return arith::SelectOp::create(*this, hasBit(2), arith::NegFOp::create(*this, result), result);
}

//===--- narrow floats -------------------------------------------------------------------------===//

/// The f32 bits of x rounded to bf16, the low half not yet cleared; NaN stays a NaN.
Value LaneBuilder::roundedBFloatBits(Value x) {
  Value bits = bitcast(x, getI32Type());
  Type type = bits.getType();
  Value high = arith::ShRUIOp::create(*this, bits, constant(type, 16));
  Value odd = arith::AndIOp::create(*this, high, constant(type, 1));
  Value sum = add(add(bits, constant(type, 0x7fff)), odd);
  Value quiet = arith::OrIOp::create(*this, bits, constant(type, 0x400000));
  Value isNan = arith::CmpFOp::create(*this, arith::CmpFPredicate::UNO, x, x);
  return arith::SelectOp::create(*this, isNan, quiet, sum);
}

Value LaneBuilder::roundTo(Value x, Type type) {
  if (type.isBF16()) {
    Value bits = roundedBFloatBits(x);
    Value mask = constant(bits.getType(), int32_t(0xffff0000));
    return bitcast(arith::AndIOp::create(*this, bits, mask), getF32Type());
  }
  return type.isF16() ? widen(narrow(x, type), type) : x;
}

Value LaneBuilder::widen(Value bits, Type type) {
  if (type.isF16() && facts.fused)
    return arith::ExtFOp::create(*this, likeShape(bits.getType(), getF32Type()),
                                 bitcast(bits, type));
  if (type.isF16())
    return widenHalfByBits(bits);
  Value wide = arith::ExtUIOp::create(*this, likeShape(bits.getType(), getI32Type()), bits);
  Value shifted = arith::ShLIOp::create(*this, wide, constant(wide.getType(), 16));
  return bitcast(shifted, getF32Type());
}

Value LaneBuilder::narrow(Value x, Type type) {
  Type bitsType = likeShape(x.getType(), getIntegerType(16));
  if (type.isF16() && facts.fused)
    return bitcast(arith::TruncFOp::create(*this, likeShape(x.getType(), type), x),
                   getIntegerType(16));
  if (type.isF16())
    return narrowHalfByBits(x);
  Value bits = roundedBFloatBits(x);
  Value high = arith::ShRUIOp::create(*this, bits, constant(bits.getType(), 16));
  return arith::TruncIOp::create(*this, bitsType, high);
}

Value LaneBuilder::widenHalfByBits(Value bits) {
  Type type = likeShape(bits.getType(), getI32Type());
  Value wide = arith::ExtUIOp::create(*this, type, bits);
  Value sign = arith::ShLIOp::create(
      *this, arith::AndIOp::create(*this, wide, constant(type, 0x8000)), constant(type, 16));
  Value magnitude = arith::ShLIOp::create(
      *this, arith::AndIOp::create(*this, wide, constant(type, 0x7fff)), constant(type, 13));
  // The exponent is 112 too small, also for subnormals; infinity and NaN are put right apart.
  Value small = bitcast(magnitude, getF32Type());
  Value finite = bitcast(
      arith::MulFOp::create(*this, small, constantFloat(small.getType(), 0x1p112)), getI32Type());
  Value special = arith::OrIOp::create(*this, magnitude, constant(type, 0x7f800000));
  Value isFinite =
      arith::CmpIOp::create(*this, arith::CmpIPredicate::ult, magnitude, constant(type, 31 << 23));
  Value result = arith::SelectOp::create(*this, isFinite, finite, special);
  return bitcast(arith::OrIOp::create(*this, result, sign), getF32Type());
}

Value LaneBuilder::narrowHalfByBits(Value x) {
  Value bits = bitcast(x, getI32Type());
  Type type = bits.getType();
  auto compare = [&](arith::CmpIPredicate predicate, Value left, int64_t right) -> Value {
    return arith::CmpIOp::create(*this, predicate, left, constant(type, right));
  };
  auto shift = [&](Value value, int64_t count) -> Value {
    return arith::ShRUIOp::create(*this, value, constant(type, count));
  };
  Value sign = shift(arith::AndIOp::create(*this, bits, constant(type, int32_t(0x80000000))), 16);
  Value magnitude = arith::AndIOp::create(*this, bits, constant(type, 0x7fffffff));
  Value odd = arith::AndIOp::create(*this, shift(magnitude, 13), constant(type, 1));
  Value biased = add(magnitude, constant(type, 0xfff - (112 << 23)));
  Value normal = shift(add(biased, odd), 13);
  // Adding 1/2 rounds to multiples of 2^-24, the unit of f16's subnormals.
  Value half = constantFloat(x.getType(), 0.5);
  Value sum = arith::AddFOp::create(*this, bitcast(magnitude, getF32Type()), half);
  Value subnormal = subtract(bitcast(sum, getI32Type()), bitcast(half, getI32Type()));
  Value result = arith::SelectOp::create(
      *this, compare(arith::CmpIPredicate::ult, magnitude, 0x38800000), subnormal, normal);
  result = arith::SelectOp::create(*this, compare(arith::CmpIPredicate::uge, magnitude, 0x47800000),
                                   constant(type, 0x7c00), result);
  result = arith::SelectOp::create(*this, compare(arith::CmpIPredicate::ugt, magnitude, 0x7f800000),
                                   constant(type, 0x7e00), result);
  return arith::TruncIOp::create(*this, likeShape(type, getIntegerType(16)),
                                 arith::OrIOp::create(*this, result, sign));
}

} // namespace attune
