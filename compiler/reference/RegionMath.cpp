// SPDX-License-Identifier: Apache-2.0
// What do the ops of the math dialect compute?
#include "compiler/reference/Region.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <bit>
#include <cmath>

using namespace mlir;

namespace attune::reference {
namespace {

template <typename Function> bool unary(RegionBuilder &builder, Operation *op, Function function) {
  Value result = op->getResult(0);
  Register operand = builder.use(op->getOperand(0)), out = builder.define(result);
  builder.add(pointwise<double, double>(out, {operand}, function));
  builder.addRounding(result);
  return true;
}

template <typename Function> bool binary(RegionBuilder &builder, Operation *op, Function function) {
  Value result = op->getResult(0);
  Register left = builder.use(op->getOperand(0)), right = builder.use(op->getOperand(1));
  Register out = builder.define(result);
  builder.add(pointwise<double, double, double>(out, {left, right}, function));
  builder.addRounding(result);
  return true;
}

template <typename Function>
bool ternary(RegionBuilder &builder, Operation *op, Function function) {
  Value result = op->getResult(0);
  std::array<Register, 3> in = {builder.use(op->getOperand(0)), builder.use(op->getOperand(1)),
                                builder.use(op->getOperand(2))};
  Register out = builder.define(result);
  builder.add(pointwise<double, double, double, double>(out, in, function));
  builder.addRounding(result);
  return true;
}

template <typename Function>
bool classify(RegionBuilder &builder, Operation *op, Function function) {
  Register operand = builder.use(op->getOperand(0)), out = builder.define(op->getResult(0));
  builder.add(pointwise<int64_t, double>(out, {operand},
                                         [=](double x) -> int64_t { return function(x) ? 1 : 0; }));
  return true;
}

template <typename Function>
bool unaryInteger(RegionBuilder &builder, Operation *op, Function function) {
  unsigned bits = bitsOf(op->getResult(0).getType());
  Register operand = builder.use(op->getOperand(0)), out = builder.define(op->getResult(0));
  builder.add(pointwise<int64_t, int64_t>(
      out, {operand}, [=](int64_t x) { return wrap(bits, function(x, bits)); }));
  return true;
}

/// The bits of x as an unsigned number of `bits` bits.
uint64_t pattern(int64_t x, unsigned bits) {
  return bits == 64 ? uint64_t(x) : uint64_t(x) & ((uint64_t(1) << bits) - 1);
}

/// x to an integer power, by repeated products modulo 2^64; 1 / x^-n for negative n, truncated.
int64_t integerPower(int64_t base, int64_t exponent) {
  if (exponent < 0)
    return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  uint64_t power = 1, factor = uint64_t(base);
  for (; exponent; exponent >>= 1, factor *= factor)
    if (exponent & 1)
      power *= factor;
  return int64_t(power);
}

bool translateInteger(RegionBuilder &builder, Operation *op) {
  if (isa<math::AbsIOp>(op))
    return unaryInteger(builder, op,
                        [](int64_t x, unsigned) { return x < 0 ? int64_t(-uint64_t(x)) : x; });
  if (isa<math::CtPopOp>(op))
    return unaryInteger(builder, op, [](int64_t x, unsigned bits) {
      return int64_t(std::popcount(pattern(x, bits)));
    });
  if (isa<math::CountLeadingZerosOp>(op))
    return unaryInteger(builder, op, [](int64_t x, unsigned bits) {
      return int64_t(std::countl_zero(pattern(x, bits))) - int64_t(64 - bits);
    });
  if (isa<math::CountTrailingZerosOp>(op))
    return unaryInteger(builder, op, [](int64_t x, unsigned bits) {
      return std::min<int64_t>(bits, std::countr_zero(pattern(x, bits)));
    });
  if (isa<math::IPowIOp>(op)) {
    unsigned bits = bitsOf(op->getResult(0).getType());
    std::array<Register, 2> in = {builder.use(op->getOperand(0)), builder.use(op->getOperand(1))};
    Register out = builder.define(op->getResult(0));
    builder.add(pointwise<int64_t, int64_t, int64_t>(
        out, in, [=](int64_t x, int64_t n) { return wrap(bits, integerPower(x, n)); }));
    return true;
  }
  if (isa<math::FPowIOp>(op)) {
    std::array<Register, 2> in = {builder.use(op->getOperand(0)), builder.use(op->getOperand(1))};
    Register out = builder.define(op->getResult(0));
    builder.add(pointwise<double, double, int64_t>(
        out, in, [](double x, int64_t n) { return std::pow(x, double(n)); }));
    builder.addRounding(op->getResult(0));
    return true;
  }
  return false;
}

bool translateClassification(RegionBuilder &builder, Operation *op) {
  if (isa<math::IsNaNOp>(op))
    return classify(builder, op, [](double x) { return std::isnan(x); });
  if (isa<math::IsInfOp>(op))
    return classify(builder, op, [](double x) { return std::isinf(x); });
  if (isa<math::IsFiniteOp>(op))
    return classify(builder, op, [](double x) { return std::isfinite(x); });
  return false;
}

bool translateSeveral(RegionBuilder &builder, Operation *op) {
  if (isa<math::FmaOp>(op))
    return ternary(builder, op, [](double x, double y, double z) { return std::fma(x, y, z); });
  if (isa<math::PowFOp>(op))
    return binary(builder, op, [](double x, double y) { return std::pow(x, y); });
  if (isa<math::Atan2Op>(op))
    return binary(builder, op, [](double x, double y) { return std::atan2(x, y); });
  if (isa<math::CopySignOp>(op))
    return binary(builder, op, [](double x, double y) { return std::copysign(x, y); });
  if (isa<math::SincosOp>(op)) {
    Register operand = builder.use(op->getOperand(0));
    Register sine = builder.define(op->getResult(0)), cosine = builder.define(op->getResult(1));
    builder.add(pointwise<double, double>(sine, {operand}, [](double x) { return std::sin(x); }));
    builder.add(pointwise<double, double>(cosine, {operand}, [](double x) { return std::cos(x); }));
    builder.addRounding(op->getResult(0));
    builder.addRounding(op->getResult(1));
    return true;
  }
  return false;
}

struct UnaryMeaning {
  StringRef name;
  double (*function)(double);
};

/// Functions of one float.
constexpr UnaryMeaning unaryMeanings[] = {
    {"math.absf", [](double x) { return std::fabs(x); }},
    {"math.exp", [](double x) { return std::exp(x); }},
    {"math.exp2", [](double x) { return std::exp2(x); }},
    {"math.expm1", [](double x) { return std::expm1(x); }},
    {"math.log", [](double x) { return std::log(x); }},
    {"math.log2", [](double x) { return std::log2(x); }},
    {"math.log10", [](double x) { return std::log10(x); }},
    {"math.log1p", [](double x) { return std::log1p(x); }},
    {"math.sqrt", [](double x) { return std::sqrt(x); }},
    {"math.rsqrt", [](double x) { return 1 / std::sqrt(x); }},
    {"math.cbrt", [](double x) { return std::cbrt(x); }},
    {"math.sin", [](double x) { return std::sin(x); }},
    {"math.cos", [](double x) { return std::cos(x); }},
    {"math.tan", [](double x) { return std::tan(x); }},
    {"math.asin", [](double x) { return std::asin(x); }},
    {"math.acos", [](double x) { return std::acos(x); }},
    {"math.atan", [](double x) { return std::atan(x); }},
    {"math.sinh", [](double x) { return std::sinh(x); }},
    {"math.cosh", [](double x) { return std::cosh(x); }},
    {"math.tanh", [](double x) { return std::tanh(x); }},
    {"math.asinh", [](double x) { return std::asinh(x); }},
    {"math.acosh", [](double x) { return std::acosh(x); }},
    {"math.atanh", [](double x) { return std::atanh(x); }},
    {"math.erf", [](double x) { return std::erf(x); }},
    {"math.erfc", [](double x) { return std::erfc(x); }},
    {"math.floor", [](double x) { return std::floor(x); }},
    {"math.ceil", [](double x) { return std::ceil(x); }},
    {"math.round", [](double x) { return std::round(x); }},
    {"math.roundeven", [](double x) { return std::nearbyint(x); }},
    {"math.trunc", [](double x) { return std::trunc(x); }},
};

} // namespace

bool translateMath(RegionBuilder &builder, Operation *op) {
  for (const UnaryMeaning &meaning : unaryMeanings)
    if (meaning.name == op->getName().getStringRef())
      return unary(builder, op, meaning.function);
  return translateSeveral(builder, op) || translateClassification(builder, op) ||
         translateInteger(builder, op);
}

} // namespace attune::reference
