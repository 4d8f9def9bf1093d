// SPDX-License-Identifier: Apache-2.0
#include "test/compiler/mask/ScalarOps.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <gtest/gtest.h>
#include <bit>
#include <cmath>

using namespace mlir;
using namespace attune;
using namespace attune::mask;

static unsigned widthOf(Type type) { return type.isIndex() ? 64 : type.getIntOrFloatBitWidth(); }

static int64_t wrap(unsigned width, int64_t value) {
  if (width == 64)
    return value;
  if (width == 1)
    return value & 1;
  return int64_t(uint64_t(value) << (64 - width)) >> (64 - width);
}

static int64_t asSigned(unsigned width, int64_t value) { return width == 1 ? -value : value; }
static uint64_t asUnsigned(unsigned width, int64_t value) {
  return width == 64 ? uint64_t(value) : uint64_t(value) & ((uint64_t(1) << width) - 1);
}

static int64_t floorQuotient(int64_t x, int64_t y) {
  return y == 0 ? 0 : x / y - (x % y != 0 && (x < 0) != (y < 0));
}

static int64_t evaluateAffine(AffineExpr expression, ArrayRef<int64_t> x, unsigned dims) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return constant.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expression))
    return x[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression))
    return x[dims + symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expression);
  int64_t a = evaluateAffine(binary.getLHS(), x, dims);
  int64_t b = evaluateAffine(binary.getRHS(), x, dims);
  switch (expression.getKind()) {
  case AffineExprKind::Add: return a + b;
  case AffineExprKind::Mul: return a * b;
  case AffineExprKind::FloorDiv: return floorQuotient(a, b);
  case AffineExprKind::CeilDiv: return -floorQuotient(-a, b);
  default: return a - b * floorQuotient(a, b);
  }
}

static std::optional<int64_t> evaluateMap(const Node *node, ArrayRef<int64_t> x) {
  Operation *op = node->operation;
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op)) {
    AffineMap map = apply.getAffineMap();
    return evaluateAffine(map.getResult(0), x, map.getNumDims());
  }
  auto extremum = [&](AffineMap map, auto better) {
    int64_t best = evaluateAffine(map.getResult(0), x, map.getNumDims());
    for (AffineExpr expression : map.getResults().drop_front()) {
      int64_t value = evaluateAffine(expression, x, map.getNumDims());
      best = better(value, best) ? value : best;
    }
    return best;
  };
  if (auto minimum = dyn_cast<affine::AffineMinOp>(op))
    return extremum(minimum.getMap(), std::less<>());
  if (auto maximum = dyn_cast<affine::AffineMaxOp>(op))
    return extremum(maximum.getMap(), std::greater<>());
  return std::nullopt;
}

/// Sizes of a basis, dynamic ones from the end of `x`.
static SmallVector<int64_t> basisOf(ArrayRef<int64_t> fixed, ArrayRef<int64_t> dynamic) {
  SmallVector<int64_t> sizes(fixed);
  size_t next = 0;
  for (int64_t &size : sizes)
    if (ShapedType::isDynamic(size))
      size = dynamic[next++];
  return sizes;
}

static std::optional<int64_t> evaluateCoordinates(const Node *node, ArrayRef<int64_t> x) {
  if (auto split = dyn_cast<affine::AffineDelinearizeIndexOp>(node->operation)) {
    SmallVector<int64_t> sizes = basisOf(split.getStaticBasis(), x.drop_front());
    int64_t rest = x[0];
    for (unsigned result = split.getNumResults(); result-- > 1;) {
      int64_t size = sizes[sizes.size() - (split.getNumResults() - result)];
      if (node->index == result)
        return rest - size * floorQuotient(rest, size);
      rest = floorQuotient(rest, size);
    }
    return rest;
  }
  if (auto join = dyn_cast<affine::AffineLinearizeIndexOp>(node->operation)) {
    size_t count = join.getMultiIndex().size();
    SmallVector<int64_t> sizes = basisOf(join.getStaticBasis(), x.drop_front(count));
    int64_t sum = 0;
    for (size_t index = 0; index < count; ++index)
      sum = sum * (index == 0 ? 1 : sizes[sizes.size() - (count - index)]) + x[index];
    return sum;
  }
  return std::nullopt;
}

static bool compare(arith::CmpIPredicate predicate, unsigned width, int64_t x, int64_t y) {
  int64_t sx = asSigned(width, x), sy = asSigned(width, y);
  uint64_t ux = asUnsigned(width, x), uy = asUnsigned(width, y);
  using P = arith::CmpIPredicate;
  switch (predicate) {
  case P::eq: return x == y;
  case P::ne: return x != y;
  case P::slt: return sx < sy;
  case P::sle: return sx <= sy;
  case P::sgt: return sx > sy;
  case P::sge: return sx >= sy;
  case P::ult: return ux < uy;
  case P::ule: return ux <= uy;
  case P::ugt: return ux > uy;
  case P::uge: return ux >= uy;
  }
  return false;
}

static bool compare(arith::CmpFPredicate predicate, double x, double y) {
  using P = arith::CmpFPredicate;
  switch (predicate) {
  case P::OEQ: return x == y;
  case P::OGT: return x > y;
  case P::OGE: return x >= y;
  case P::OLT: return x < y;
  case P::OLE: return x <= y;
  case P::UNE: return x != y;
  default: ADD_FAILURE() << "the evaluator does not know this order of floats"; return false;
  }
}

static std::optional<int64_t> evaluateDivision(Operation *op, unsigned width, ArrayRef<int64_t> x) {
  uint64_t ua = asUnsigned(width, x[0]), ub = x.size() > 1 ? asUnsigned(width, x[1]) : 0;
  if (isa<arith::FloorDivSIOp>(op))
    return floorQuotient(x[0], x[1]);
  if (isa<arith::CeilDivSIOp>(op))
    return -floorQuotient(-x[0], x[1]);
  if (isa<arith::DivSIOp>(op))
    return x[1] == 0 ? 0 : x[0] / x[1];
  if (isa<arith::RemSIOp>(op))
    return x[1] == 0 ? 0 : x[0] % x[1];
  if (isa<arith::DivUIOp>(op))
    return ub == 0 ? 0 : int64_t(ua / ub);
  if (isa<arith::RemUIOp>(op))
    return ub == 0 ? 0 : int64_t(ua % ub);
  if (isa<arith::CeilDivUIOp>(op))
    return ub == 0 ? 0 : int64_t(ua / ub + (ua % ub != 0));
  return std::nullopt;
}

static std::optional<int64_t> evaluateBits(Operation *op, unsigned width, ArrayRef<int64_t> x) {
  if (isa<arith::AndIOp>(op))
    return x[0] & x[1];
  if (isa<arith::OrIOp>(op))
    return x[0] | x[1];
  if (isa<arith::XOrIOp>(op))
    return x[0] ^ x[1];
  if (op->getName().getStringRef() == "math.ctpop")
    return std::popcount(asUnsigned(width, x[0]));
  if (!isa<arith::ShLIOp, arith::ShRUIOp, arith::ShRSIOp>(op))
    return std::nullopt;
  uint64_t distance = asUnsigned(width, x[1]);
  if (isa<arith::ShRSIOp>(op))
    return asSigned(width, x[0]) >> std::min<uint64_t>(distance, width - 1);
  if (distance >= width)
    return 0;
  return isa<arith::ShLIOp>(op) ? int64_t(uint64_t(x[0]) << distance)
                                : int64_t(asUnsigned(width, x[0]) >> distance);
}

static std::optional<int64_t> evaluateOrder(Operation *op, unsigned width, ArrayRef<int64_t> x) {
  auto choose = [&](bool isFirst) { return isFirst ? x[0] : x[1]; };
  if (isa<arith::MaxSIOp>(op))
    return choose(asSigned(width, x[0]) >= asSigned(width, x[1]));
  if (isa<arith::MinSIOp>(op))
    return choose(asSigned(width, x[0]) <= asSigned(width, x[1]));
  if (isa<arith::MaxUIOp>(op))
    return choose(asUnsigned(width, x[0]) >= asUnsigned(width, x[1]));
  if (isa<arith::MinUIOp>(op))
    return choose(asUnsigned(width, x[0]) <= asUnsigned(width, x[1]));
  return std::nullopt;
}

static std::optional<int64_t> evaluateSum(Operation *op, ArrayRef<int64_t> x) {
  auto wide = [](int64_t value) { return uint64_t(value); };
  if (isa<arith::AddIOp>(op))
    return int64_t(wide(x[0]) + wide(x[1]));
  if (isa<arith::SubIOp>(op))
    return int64_t(wide(x[0]) - wide(x[1]));
  if (isa<arith::MulIOp>(op))
    return int64_t(wide(x[0]) * wide(x[1]));
  if (op->getName().getStringRef() == "math.absi")
    return std::abs(x[0]);
  if (isa<arith::SelectOp>(op))
    return x[0] ? x[1] : x[2];
  return std::nullopt;
}

static std::optional<int64_t> evaluateCast(Operation *op, unsigned from, ArrayRef<int64_t> x) {
  if (isa<arith::ExtSIOp, arith::IndexCastOp>(op))
    return asSigned(from, x[0]);
  if (isa<arith::ExtUIOp, arith::IndexCastUIOp>(op))
    return int64_t(asUnsigned(from, x[0]));
  if (isa<arith::TruncIOp>(op))
    return x[0];
  return std::nullopt;
}

int64_t mask::test::evaluateInteger(const Node *node, ArrayRef<int64_t> x, ArrayRef<double> reals) {
  Operation *op = node->operation;
  unsigned width = widthOf(node->type);
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return wrap(width, cast<IntegerAttr>(constant.getValue()).getValue().getSExtValue());
  if (auto order = dyn_cast<arith::CmpIOp>(op))
    return compare(order.getPredicate(), widthOf(order.getLhs().getType()), x[0], x[1]);
  if (auto order = dyn_cast<arith::CmpFOp>(op))
    return compare(order.getPredicate(), reals[0], reals[1]);
  if (isa<arith::FPToSIOp>(op))
    return wrap(width, int64_t(reals[0]));
  unsigned from = op->getNumOperands() && op->getOperand(0).getType().isIntOrIndex()
                      ? widthOf(op->getOperand(0).getType())
                      : width;
  for (std::optional<int64_t> value :
       {evaluateMap(node, x), evaluateCoordinates(node, x), evaluateDivision(op, width, x),
        evaluateBits(op, width, x), evaluateOrder(op, width, x), evaluateSum(op, x),
        evaluateCast(op, from, x)})
    if (value)
      return wrap(width, *value);
  ADD_FAILURE() << "the evaluator does not know " << op->getName().getStringRef().str();
  return 0;
}

double mask::test::evaluateReal(const Node *node, ArrayRef<int64_t> x, ArrayRef<double> reals) {
  Operation *op = node->operation;
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return cast<FloatAttr>(constant.getValue()).getValueAsDouble();
  if (isa<arith::SIToFPOp>(op))
    return double(asSigned(widthOf(op->getOperand(0).getType()), x[0]));
  if (isa<arith::ExtFOp, arith::TruncFOp>(op))
    return reals[0];
  ADD_FAILURE() << "the evaluator does not know " << op->getName().getStringRef().str();
  return 0;
}
