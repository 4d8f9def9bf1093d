// SPDX-License-Identifier: Apache-2.0
// Integer division of lanes, which no processor has: by doubles where they give the exact quotient,
// lane after lane elsewhere.
#include "compiler/target/host/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace attune {

/// Let |a|, d < 2^51. If a / d is no whole number, it is 1 / d or more away from the next one, and
/// rounding it to a double moves it by less: by 2^-53 |a| / d. So its whole part is that of a / d.
static constexpr int64_t ExactMagnitude = int64_t(1) << 51;

static Value compare(LaneBuilder &b, arith::CmpIPredicate predicate, Value left, int64_t right) {
  return arith::CmpIOp::create(b, predicate, left, b.constant(left.getType(), right));
}

static bool isUnsigned(Operation *op) {
  return isa<arith::DivUIOp, arith::RemUIOp, arith::CeilDivUIOp>(op);
}

/// True if `op` could trap: an integer division by what is not known to be harmless.
bool KernelEmitter::mayTrap(Operation *op) {
  APInt divisor;
  return isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::FloorDivSIOp,
             arith::CeilDivSIOp, arith::CeilDivUIOp>(op) &&
         !(matchPattern(op->getOperand(1), m_ConstantInt(&divisor)) && !divisor.isZero() &&
           !divisor.isAllOnes());
}

/// The divisor, or 1 where it is 0 or the quotient overflows: such a quotient has no meaning, and at
/// hidden places it must do no harm.
static Value makeHarmless(LaneBuilder &b, Operation *op, Value dividend, Value divisor) {
  Type type = divisor.getType();
  unsigned width = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  Value harmful = compare(b, arith::CmpIPredicate::eq, divisor, 0);
  if (!isUnsigned(op)) {
    Value least = compare(b, arith::CmpIPredicate::eq, dividend,
                          APInt::getSignedMinValue(width).getSExtValue());
    Value isMinusOne = compare(b, arith::CmpIPredicate::eq, divisor, -1);
    harmful = arith::OrIOp::create(b, harmful, arith::AndIOp::create(b, isMinusOne, least));
  }
  return arith::SelectOp::create(b, harmful, b.constant(type, 1), divisor);
}

/// Are the numbers small enough for `divideByDoubles`? Null: all of their type are.
static Value isExact(LaneBuilder &b, Operation *op, Value dividend) {
  Type type = dividend.getType();
  if (getElementTypeOrSelf(type).getIntOrFloatBitWidth() <= 32)
    return {};
  if (isUnsigned(op))
    return compare(b, arith::CmpIPredicate::ult, dividend, ExactMagnitude);
  Value moved = b.add(dividend, b.constant(type, ExactMagnitude - 1));
  return compare(b, arith::CmpIPredicate::ult, moved, 2 * ExactMagnitude - 1);
}

/// Is the divisor above 0, and small enough?
static Value isExactDivisor(LaneBuilder &b, Operation *op, Value divisor) {
  if (getElementTypeOrSelf(divisor.getType()).getIntOrFloatBitWidth() <= 32)
    return compare(b, isUnsigned(op) ? arith::CmpIPredicate::ne : arith::CmpIPredicate::sgt,
                   divisor, 0);
  Value less = b.subtract(divisor, b.constant(divisor.getType(), 1));
  return compare(b, arith::CmpIPredicate::ult, less, ExactMagnitude - 1);
}

/// What `op` gives for lanes that are exact by the checks above.
static Value divideByDoubles(LaneBuilder &b, Operation *op, Value dividend, Value divisor) {
  auto type = cast<VectorType>(dividend.getType());
  VectorType doubles = type.clone(b.getF64Type());
  // Wider numbers than 32 bits are below 2^51, where both conversions agree; processors have the
  // signed one for longer.
  bool asUnsigned = isUnsigned(op) && type.getElementTypeBitWidth() <= 32;
  auto convert = [&](Value number) -> Value {
    return asUnsigned ? Value(arith::UIToFPOp::create(b, doubles, number))
                      : Value(arith::SIToFPOp::create(b, doubles, number));
  };
  Value ratio = arith::DivFOp::create(b, convert(dividend), convert(divisor));
  Value quotient = asUnsigned ? Value(arith::FPToUIOp::create(b, type, ratio))
                              : Value(arith::FPToSIOp::create(b, type, ratio));
  if (isa<arith::DivSIOp, arith::DivUIOp>(op))
    return quotient;
  Value rest = b.subtract(dividend, b.multiply(quotient, divisor));
  if (isa<arith::RemSIOp, arith::RemUIOp>(op))
    return rest;
  bool isFloor = isa<arith::FloorDivSIOp>(op);
  auto predicate = isFloor          ? arith::CmpIPredicate::slt
                   : isUnsigned(op) ? arith::CmpIPredicate::ne
                                    : arith::CmpIPredicate::sgt;
  Value isOff = compare(b, predicate, rest, 0);
  Value one = arith::ExtUIOp::create(b, type, isOff);
  return isFloor ? b.subtract(quotient, one) : b.add(quotient, one);
}

static Value isAll(LaneBuilder &b, Value lanes) {
  return LLVM::vector_reduce_and::create(b, b.getI1Type(), lanes);
}

/// `divisor`: the one number that all of `below` are, if they are.
KernelEmitter::Lanes KernelEmitter::emitDistinctDivisions(Operation *op, const Lanes &above,
                                                          const Lanes &below, Value divisor) {
  Value exact, exactLanes;
  auto join = [&](Value &all, Value next) {
    if (next)
      all = all ? Value(arith::AndIOp::create(b, all, next)) : next;
  };
  if (divisor)
    join(exact, isExactDivisor(b, op, divisor));
  for (auto [a, d] : llvm::zip(above, below)) {
    join(exactLanes, isExact(b, op, a));
    if (!divisor)
      join(exactLanes, isExactDivisor(b, op, d));
  }
  if (exactLanes)
    join(exact, isAll(b, exactLanes));
  auto branch = scf::IfOp::create(b, ValueRange(above).getTypes(), exact, /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(b);
  Lanes results;
  b.setInsertionPointToEnd(&branch.getThenRegion().front());
  for (auto [a, d] : llvm::zip(above, below))
    results.push_back(divideByDoubles(b, op, a, d));
  scf::YieldOp::create(b, results);
  results.clear();
  b.setInsertionPointToEnd(&branch.getElseRegion().front());
  for (auto [a, d] : llvm::zip(above, below))
    results.push_back(clone(op, {a, makeHarmless(b, op, a, d)}, a.getType()));
  scf::YieldOp::create(b, results);
  return Lanes(branch.getResults());
}

KernelEmitter::Lanes KernelEmitter::emitDivision(Operation *op, const Lanes &dividend,
                                                 const Lanes &divisor, Shape shape) {
  bool isVaryingDivisor = isa<VectorType>(divisor.front().getType());
  if (!isVaryingDivisor && !isa<VectorType>(dividend.front().getType()))
    return {clone(op, {dividend[0], makeHarmless(b, op, dividend[0], divisor[0])},
                  dividend[0].getType())};
  SmallVector<Lanes> operands = {asVectors(dividend, shape), asVectors(divisor, shape)};
  SmallVector<int64_t> place;
  Lanes above, below;
  for (int64_t vector = 0; vector < shape.vectors; ++vector) {
    int64_t first = findFirst(operands, vector);
    place.push_back(first < vector ? place[first] : int64_t(above.size()));
    if (first == vector) {
      above.push_back(operands[0][vector]);
      below.push_back(operands[1][vector]);
    }
  }
  Lanes distinct = emitDistinctDivisions(op, above, below, isVaryingDivisor ? Value() : divisor[0]);
  return llvm::map_to_vector<4>(place, [&](int64_t number) { return distinct[number]; });
}

} // namespace attune
