// SPDX-License-Identifier: Apache-2.0
// What do the ops of the arith dialect compute?
//
// Guarded readings. A row whose visible scores are all -inf counts as empty: its weights are 0, not
// NaN. That must hold for the literal spelling (maximum, exp(s - m), sum, quotient), too, since the
// compiler does not tell it from `softmax`. So two readings are guarded, each only where the right
// operand was computed from a reduction over the row, which the translation follows:
//   x - r is -inf  where both are -inf and r came from a maximum (exp of it is then 0);
//   x / r is 0     where both are 0 and r came from a sum.
// Everything else is IEEE arithmetic, NaN included.
#include "compiler/reference/Region.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

#include <bit>
#include <cmath>
#include <limits>

using namespace mlir;

namespace attune::reference {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// An i1 is kept as 0 or 1, but is 0 or -1 where an op reads it as signed.
int64_t asSigned(unsigned bits, int64_t value) { return bits == 1 ? -value : value; }

uint64_t asUnsigned(unsigned bits, int64_t value) {
  return bits == 64 ? uint64_t(value) : uint64_t(value) & ((uint64_t(1) << bits) - 1);
}

//===--- Floats -------------------------------------------------------------------------------===//

template <typename Function>
bool binaryFloat(RegionBuilder &builder, Operation *op, Function function) {
  Value result = op->getResult(0);
  std::array<Register, 2> in = {builder.use(op->getOperand(0)), builder.use(op->getOperand(1))};
  Register out = builder.define(result);
  builder.add(pointwise<double, double, double>(out, in, function));
  builder.addRounding(result);
  return true;
}

double maximum(double x, double y) {
  if (std::isnan(x) || std::isnan(y))
    return std::numeric_limits<double>::quiet_NaN();
  return x == y ? (std::signbit(x) ? y : x) : std::max(x, y);
}

double minimum(double x, double y) { return -maximum(-x, -y); }

bool translateSubtraction(RegionBuilder &builder, Operation *op) {
  if (builder.getFacts(op->getOperand(1)) & FromMaximum)
    return binaryFloat(builder, op, [](double x, double row) {
      return x == -infinity && row == -infinity ? -infinity : x - row;
    });
  return binaryFloat(builder, op, [](double x, double y) { return x - y; });
}

bool translateDivision(RegionBuilder &builder, Operation *op) {
  if (builder.getFacts(op->getOperand(1)) & FromSum)
    return binaryFloat(builder, op,
                       [](double x, double row) { return x == 0 && row == 0 ? 0.0 : x / row; });
  return binaryFloat(builder, op, [](double x, double y) { return x / y; });
}

bool translateFloat(RegionBuilder &builder, Operation *op) {
  if (isa<arith::AddFOp>(op))
    return binaryFloat(builder, op, [](double x, double y) { return x + y; });
  if (isa<arith::SubFOp>(op))
    return translateSubtraction(builder, op);
  if (isa<arith::MulFOp>(op))
    return binaryFloat(builder, op, [](double x, double y) { return x * y; });
  if (isa<arith::DivFOp>(op))
    return translateDivision(builder, op);
  if (isa<arith::RemFOp>(op))
    return binaryFloat(builder, op, [](double x, double y) { return std::fmod(x, y); });
  if (isa<arith::MaximumFOp>(op))
    return binaryFloat(builder, op, maximum);
  if (isa<arith::MinimumFOp>(op))
    return binaryFloat(builder, op, minimum);
  if (isa<arith::MaxNumFOp>(op))
    return binaryFloat(builder, op, [](double x, double y) { return std::fmax(x, y); });
  if (isa<arith::MinNumFOp>(op))
    return binaryFloat(builder, op, [](double x, double y) { return std::fmin(x, y); });
  if (isa<arith::NegFOp>(op)) {
    Register operand = builder.use(op->getOperand(0)), out = builder.define(op->getResult(0));
    builder.add(pointwise<double, double>(out, {operand}, [](double x) { return -x; }));
    return true;
  }
  return false;
}

//===--- Integers -----------------------------------------------------------------------------===//

template <typename Function>
bool binaryInteger(RegionBuilder &builder, Operation *op, Function function) {
  unsigned bits = bitsOf(op->getResult(0).getType());
  std::array<Register, 2> in = {builder.use(op->getOperand(0)), builder.use(op->getOperand(1))};
  Register out = builder.define(op->getResult(0));
  builder.add(pointwise<int64_t, int64_t, int64_t>(
      out, in, [=](int64_t x, int64_t y) { return wrap(bits, function(x, y, bits)); }));
  return true;
}

/// A quotient: a divisor of 0 stops the evaluation.
template <typename Function>
bool division(RegionBuilder &builder, Operation *op, Function function) {
  Register divisor = builder.use(op->getOperand(1));
  builder.add([=, name = op->getName().getStringRef().str()](Frame &frame) {
    for (int64_t value : frame.registers[divisor].integers)
      if (value == 0)
        frame.error = "'" + name + "' divides by zero at a visible place";
  });
  return binaryInteger(builder, op, [=](int64_t x, int64_t y, unsigned bits) {
    return y == 0 ? 0 : function(x, y, bits);
  });
}

int64_t negate(int64_t x) { return int64_t(-uint64_t(x)); }

int64_t floorDivide(int64_t x, int64_t y, unsigned) {
  if (y == -1)
    return negate(x);
  return x / y - (x % y != 0 && (x < 0) != (y < 0));
}

int64_t ceilDivide(int64_t x, int64_t y, unsigned) {
  if (y == -1)
    return negate(x);
  return x / y + (x % y != 0 && (x < 0) == (y < 0));
}

bool translateDivisions(RegionBuilder &builder, Operation *op) {
  if (isa<arith::FloorDivSIOp>(op))
    return division(builder, op, floorDivide);
  if (isa<arith::CeilDivSIOp>(op))
    return division(builder, op, ceilDivide);
  if (isa<arith::DivUIOp>(op))
    return division(builder, op, [](int64_t x, int64_t y, unsigned bits) {
      return int64_t(asUnsigned(bits, x) / asUnsigned(bits, y));
    });
  if (isa<arith::RemUIOp>(op))
    return division(builder, op, [](int64_t x, int64_t y, unsigned bits) {
      return int64_t(asUnsigned(bits, x) % asUnsigned(bits, y));
    });
  if (isa<arith::CeilDivUIOp>(op))
    return division(builder, op, [](int64_t x, int64_t y, unsigned bits) {
      uint64_t n = asUnsigned(bits, x), d = asUnsigned(bits, y);
      return int64_t(n / d + (n % d != 0));
    });
  if (isa<arith::DivSIOp, arith::RemSIOp>(op)) {
    builder.fail(op, "truncates, and is no part of the language; use 'arith.floordivsi', or "
                     "'affine.apply' for modulo");
    return true;
  }
  return false;
}

bool translateShift(RegionBuilder &builder, Operation *op) {
  // A shift by the width or more is poison upstream: here 0, or the sign.
  if (isa<arith::ShLIOp>(op))
    return binaryInteger(builder, op, [](int64_t x, int64_t y, unsigned bits) {
      return asUnsigned(bits, y) >= bits ? 0 : int64_t(uint64_t(x) << y);
    });
  if (isa<arith::ShRUIOp>(op))
    return binaryInteger(builder, op, [](int64_t x, int64_t y, unsigned bits) {
      return asUnsigned(bits, y) >= bits ? 0 : int64_t(asUnsigned(bits, x) >> y);
    });
  if (isa<arith::ShRSIOp>(op))
    return binaryInteger(builder, op, [](int64_t x, int64_t y, unsigned bits) {
      uint64_t distance = std::min<uint64_t>(asUnsigned(bits, y), bits - 1);
      return asSigned(bits, x) >> distance;
    });
  return false;
}

template <typename Read, typename Better>
bool translateChoice(RegionBuilder &builder, Operation *op, Read read, Better better) {
  return binaryInteger(builder, op, [=](int64_t x, int64_t y, unsigned bits) {
    return better(read(bits, x), read(bits, y)) ? x : y;
  });
}

bool translateIntegerOrder(RegionBuilder &builder, Operation *op) {
  if (isa<arith::MaxSIOp>(op))
    return translateChoice(builder, op, asSigned, std::greater<>());
  if (isa<arith::MinSIOp>(op))
    return translateChoice(builder, op, asSigned, std::less<>());
  if (isa<arith::MaxUIOp>(op))
    return translateChoice(builder, op, asUnsigned, std::greater<>());
  if (isa<arith::MinUIOp>(op))
    return translateChoice(builder, op, asUnsigned, std::less<>());
  return false;
}

bool translateInteger(RegionBuilder &builder, Operation *op) {
  using U = uint64_t;
  if (isa<arith::AddIOp>(op))
    return binaryInteger(builder, op,
                         [](int64_t x, int64_t y, unsigned) { return int64_t(U(x) + U(y)); });
  if (isa<arith::SubIOp>(op))
    return binaryInteger(builder, op,
                         [](int64_t x, int64_t y, unsigned) { return int64_t(U(x) - U(y)); });
  if (isa<arith::MulIOp>(op))
    return binaryInteger(builder, op,
                         [](int64_t x, int64_t y, unsigned) { return int64_t(U(x) * U(y)); });
  if (isa<arith::AndIOp>(op))
    return binaryInteger(builder, op, [](int64_t x, int64_t y, unsigned) { return x & y; });
  if (isa<arith::OrIOp>(op))
    return binaryInteger(builder, op, [](int64_t x, int64_t y, unsigned) { return x | y; });
  if (isa<arith::XOrIOp>(op))
    return binaryInteger(builder, op, [](int64_t x, int64_t y, unsigned) { return x ^ y; });
  return translateDivisions(builder, op) || translateShift(builder, op) ||
         translateIntegerOrder(builder, op);
}

//===--- Comparisons and choice ---------------------------------------------------------------===//

bool compare(arith::CmpIPredicate predicate, unsigned bits, int64_t x, int64_t y) {
  int64_t sx = asSigned(bits, x), sy = asSigned(bits, y);
  uint64_t ux = asUnsigned(bits, x), uy = asUnsigned(bits, y);
  switch (predicate) {
  case arith::CmpIPredicate::eq: return x == y;
  case arith::CmpIPredicate::ne: return x != y;
  case arith::CmpIPredicate::slt: return sx < sy;
  case arith::CmpIPredicate::sle: return sx <= sy;
  case arith::CmpIPredicate::sgt: return sx > sy;
  case arith::CmpIPredicate::sge: return sx >= sy;
  case arith::CmpIPredicate::ult: return ux < uy;
  case arith::CmpIPredicate::ule: return ux <= uy;
  case arith::CmpIPredicate::ugt: return ux > uy;
  case arith::CmpIPredicate::uge: return ux >= uy;
  }
  return false;
}

/// Bits of a CmpFPredicate (as in LLVM): equal, greater, less, unordered.
bool compare(arith::CmpFPredicate predicate, double x, double y) {
  unsigned relation = std::isnan(x) || std::isnan(y) ? 8 : x == y ? 1 : x > y ? 2 : 4;
  using P = arith::CmpFPredicate;
  constexpr std::pair<P, unsigned> accepted[] = {
      {P::AlwaysFalse, 0}, {P::OEQ, 1},  {P::OGT, 2},  {P::OGE, 3},
      {P::OLT, 4},         {P::OLE, 5},  {P::ONE, 6},  {P::ORD, 7},
      {P::UNO, 8},         {P::UEQ, 9},  {P::UGT, 10}, {P::UGE, 11},
      {P::ULT, 12},        {P::ULE, 13}, {P::UNE, 14}, {P::AlwaysTrue, 15}};
  for (auto [candidate, relations] : accepted)
    if (candidate == predicate)
      return relations & relation;
  return false;
}

template <typename T>
Step choose(Register out, Register condition, Register whenTrue, Register whenFalse) {
  return [=](Frame &frame) {
    bool uniform = frame.registers[condition].uniform && frame.registers[whenTrue].uniform &&
                   frame.registers[whenFalse].uniform;
    int64_t width = frame.registers[whenTrue].width;
    Lanes &result = frame.define(out, std::is_same_v<T, int64_t>, width, uniform);
    const Lanes &keep = frame.registers[condition];
    T *to = result.values<T>().data();
    for (int64_t place = 0, end = uniform ? 1 : frame.places; place < end; ++place)
      for (int64_t lane = 0; lane < width; ++lane) {
        // A scalar condition chooses whole vectors.
        bool yes = keep.integers[place * keep.stride() + (keep.width == 1 ? 0 : lane)];
        const Lanes &from = frame.registers[yes ? whenTrue : whenFalse];
        *to++ = from.values<T>()[place * from.stride() + lane];
      }
  };
}

bool translateChoice(RegionBuilder &builder, Operation *op) {
  if (auto comparison = dyn_cast<arith::CmpIOp>(op)) {
    unsigned bits = bitsOf(comparison.getLhs().getType());
    std::array<Register, 2> in = {builder.use(op->getOperand(0)), builder.use(op->getOperand(1))};
    Register out = builder.define(op->getResult(0));
    builder.add(pointwise<int64_t, int64_t, int64_t>(
        out, in, [=, predicate = comparison.getPredicate()](int64_t x, int64_t y) -> int64_t {
          return compare(predicate, bits, x, y);
        }));
    return true;
  }
  if (auto comparison = dyn_cast<arith::CmpFOp>(op)) {
    std::array<Register, 2> in = {builder.use(op->getOperand(0)), builder.use(op->getOperand(1))};
    Register out = builder.define(op->getResult(0));
    builder.add(pointwise<int64_t, double, double>(
        out, in, [predicate = comparison.getPredicate()](double x, double y) -> int64_t {
          return compare(predicate, x, y);
        }));
    return true;
  }
  if (isa<arith::SelectOp>(op)) {
    Register condition = builder.use(op->getOperand(0));
    Register whenTrue = builder.use(op->getOperand(1)), whenFalse = builder.use(op->getOperand(2));
    Register out = builder.define(op->getResult(0));
    builder.add(isInteger(op->getResult(0).getType())
                    ? choose<int64_t>(out, condition, whenTrue, whenFalse)
                    : choose<double>(out, condition, whenTrue, whenFalse));
    return true;
  }
  return false;
}

//===--- Conversions --------------------------------------------------------------------------===//

/// Float to integer: towards zero, saturating; NaN becomes 0.
int64_t toInteger(double value, bool isSigned, unsigned bits) {
  if (std::isnan(value))
    return 0;
  value = std::trunc(value);
  double low = isSigned ? -std::ldexp(1.0, int(bits) - 1) : 0;
  double high = std::ldexp(1.0, int(bits) - (isSigned ? 1 : 0)); // one too many
  if (value <= low)
    return isSigned ? wrap(bits, int64_t(uint64_t(1) << (bits - 1))) : 0;
  if (value >= high)
    return isSigned ? int64_t((uint64_t(1) << (bits - 1)) - 1) : wrap(bits, -1);
  return isSigned ? wrap(bits, int64_t(value)) : wrap(bits, int64_t(uint64_t(value)));
}

template <typename Out, typename In, typename Function>
bool conversion(RegionBuilder &builder, Operation *op, Function function) {
  Register operand = builder.use(op->getOperand(0)), out = builder.define(op->getResult(0));
  builder.add(pointwise<Out, In>(out, {operand}, function));
  builder.addRounding(op->getResult(0));
  builder.setFacts(op->getResult(0), builder.getFacts(op->getOperand(0)));
  return true;
}

bool translateIntegerConversion(RegionBuilder &builder, Operation *op, unsigned from, unsigned to) {
  if (isa<arith::ExtSIOp, arith::TruncIOp, arith::IndexCastOp>(op))
    return conversion<int64_t, int64_t>(builder, op,
                                        [=](int64_t x) { return wrap(to, asSigned(from, x)); });
  if (isa<arith::ExtUIOp, arith::IndexCastUIOp>(op))
    return conversion<int64_t, int64_t>(
        builder, op, [=](int64_t x) { return wrap(to, int64_t(asUnsigned(from, x))); });
  if (isa<arith::SIToFPOp>(op))
    return conversion<double, int64_t>(builder, op,
                                       [=](int64_t x) { return double(asSigned(from, x)); });
  if (isa<arith::UIToFPOp>(op))
    return conversion<double, int64_t>(builder, op,
                                       [=](int64_t x) { return double(asUnsigned(from, x)); });
  if (isa<arith::FPToSIOp>(op))
    return conversion<int64_t, double>(builder, op,
                                       [=](double x) { return toInteger(x, true, to); });
  if (isa<arith::FPToUIOp>(op))
    return conversion<int64_t, double>(builder, op,
                                       [=](double x) { return toInteger(x, false, to); });
  return false;
}

/// The bits of a float of a type, and back. The float is rounded to its type first.
int64_t toBits(Type type, double value) {
  ElementType element = floatTypeOf(type);
  value = roundTo(element, value);
  if (element == ElementType::F64)
    return std::bit_cast<int64_t>(value);
  if (element == ElementType::F32)
    return std::bit_cast<int32_t>(float(value));
  return int16_t(encodeHalf(element, value));
}

double fromBits(Type type, int64_t bits) {
  ElementType element = floatTypeOf(type);
  if (element == ElementType::F64)
    return std::bit_cast<double>(bits);
  if (element == ElementType::F32)
    return std::bit_cast<float>(int32_t(bits));
  return decodeHalf(element, uint16_t(bits));
}

bool translateBitcast(RegionBuilder &builder, Operation *op) {
  Type from = op->getOperand(0).getType(), to = op->getResult(0).getType();
  if (isInteger(from) && isInteger(to))
    return conversion<int64_t, int64_t>(builder, op, [](int64_t x) { return x; });
  if (isInteger(from))
    return conversion<double, int64_t>(builder, op, [=](int64_t x) { return fromBits(to, x); });
  if (isInteger(to))
    return conversion<int64_t, double>(builder, op, [=](double x) { return toBits(from, x); });
  return conversion<double, double>(builder, op,
                                    [=](double x) { return fromBits(to, toBits(from, x)); });
}

bool translateConversion(RegionBuilder &builder, Operation *op) {
  if (isa<arith::ExtFOp, arith::TruncFOp>(op))
    return conversion<double, double>(builder, op, [](double x) { return x; });
  if (isa<arith::BitcastOp>(op))
    return translateBitcast(builder, op);
  if (op->getNumOperands() != 1 || op->getNumResults() != 1)
    return false;
  unsigned from = bitsOf(op->getOperand(0).getType()), to = bitsOf(op->getResult(0).getType());
  return translateIntegerConversion(builder, op, from, to);
}

bool translateConstant(RegionBuilder &builder, Operation *op) {
  auto constant = dyn_cast<arith::ConstantOp>(op);
  if (!constant)
    return false;
  Lanes lanes;
  lanes.uniform = true;
  lanes.integer = isInteger(constant.getType());
  lanes.width = widthOf(constant.getType());
  unsigned bits = bitsOf(constant.getType());
  auto real = [&](APFloat value) {
    bool inexact;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
    lanes.reals.push_back(value.convertToDouble());
  };
  auto integer = [&](const APInt &value) {
    lanes.integers.push_back(wrap(bits, value.sextOrTrunc(64).getSExtValue()));
  };
  if (auto value = dyn_cast<FloatAttr>(constant.getValue()))
    real(value.getValue());
  else if (auto value = dyn_cast<IntegerAttr>(constant.getValue()))
    integer(value.getValue());
  else if (auto values = dyn_cast<DenseElementsAttr>(constant.getValue())) {
    if (lanes.integer)
      llvm::for_each(values.getValues<APInt>(), integer);
    else
      llvm::for_each(values.getValues<APFloat>(), real);
  } else {
    builder.fail(op, "has a value of a kind that the reference does not know");
  }
  builder.defineConstant(op->getResult(0), std::move(lanes));
  return true;
}

} // namespace

bool translateArith(RegionBuilder &builder, Operation *op) {
  if (op->getName().getDialectNamespace() != "arith")
    return false;
  return translateConstant(builder, op) || translateFloat(builder, op) ||
         translateInteger(builder, op) || translateChoice(builder, op) ||
         translateConversion(builder, op);
}

} // namespace attune::reference
