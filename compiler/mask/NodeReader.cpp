// SPDX-License-Identifier: Apache-2.0
// Which linear form does an integer operation compute?
#include "compiler/mask/NodeReader.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <cmath>

using namespace mlir;
using namespace attune;
using namespace attune::mask;

std::optional<int64_t> mask::constantOf(const Node *node) {
  if (node->kind == NodeKind::Constant && node->number == std::floor(node->number) &&
      std::abs(node->number) <= double(lengthLimit) && node->type.isIntOrIndex())
    return int64_t(node->number);
  if (node->kind != NodeKind::Opaque)
    return std::nullopt;
  auto constant = dyn_cast<arith::ConstantOp>(node->operation);
  auto value = constant ? dyn_cast<IntegerAttr>(constant.getValue()) : IntegerAttr();
  if (!value)
    return std::nullopt;
  if (value.getType().isInteger(1))
    return value.getValue().isZero() ? 0 : 1;
  return value.getValue().isSignedIntN(61) ? std::optional(value.getValue().getSExtValue())
                                           : std::nullopt;
}

std::optional<NumberRange> mask::rangeOfType(Type type) {
  if (!type.isInteger() || type.getIntOrFloatBitWidth() > 32)
    return std::nullopt;
  if (type.isInteger(1))
    return NumberRange{0, 1};
  int64_t half = int64_t(1) << (type.getIntOrFloatBitWidth() - 1);
  return NumberRange{-half, half - 1};
}

Parsed mask::fittingType(Parsed form, Type type) {
  std::optional<NumberRange> range = form ? rangeOf(*form) : std::nullopt;
  if (!range)
    return std::nullopt;
  if (std::optional<NumberRange> limit = rangeOfType(type))
    if (range->low < limit->low || range->high > limit->high)
      return std::nullopt;
  return form;
}

static bool isNotNegative(const Parsed &form) {
  std::optional<NumberRange> range = form ? rangeOf(*form) : std::nullopt;
  return range && range->low >= 0;
}

Parsed NodeReader::read(const Node *node) {
  if (!node->type.isIntOrIndex())
    return std::nullopt;
  if (std::optional<int64_t> constant = constantOf(node))
    return constantForm(*constant);
  if (auto found = forms.find(node); found != forms.end())
    return found->second;
  Parsed form = node->type.isInteger(1) ? truthAsNumber(node) : readLeaf(node);
  if (!form && !node->type.isInteger(1))
    form = fittingType(readOperation(node), node->type);
  if (form && algebra.weightOf(*form) > maxWeight)
    form = std::nullopt;
  if (!form)
    form = numberOf(node);
  // Every launch checks what divides and is made of scalars.
  std::optional<NumberRange> range = form ? rangeOf(*form) : std::nullopt;
  if (positive.contains(node) && (!range || range->low < 1))
    form = algebra.uniform(node, {1, lengthLimit - 1});
  forms[node] = form;
  return form;
}

Parsed NodeReader::readOperation(const Node *node) {
  auto sum = [&](int64_t factor) -> Parsed {
    Parsed left = read(node->operands[0]), right = read(node->operands[1]);
    return left && right ? algebra.add(*left, *right, factor) : std::nullopt;
  };
  auto product = [&]() -> Parsed {
    Parsed left = read(node->operands[0]), right = read(node->operands[1]);
    return left && right ? algebra.multiply(*left, *right) : std::nullopt;
  };
  switch (node->kind) {
  case NodeKind::Add: return sum(1);
  case NodeKind::Sub: return sum(-1);
  case NodeKind::Mul: return product();
  case NodeKind::Opaque: break;
  default: return std::nullopt;
  }
  Operation *op = node->operation;
  if (isa<arith::AddIOp>(op))
    return sum(1);
  if (isa<arith::SubIOp>(op))
    return sum(-1);
  if (isa<arith::MulIOp>(op))
    return product();
  if (isa<arith::SelectOp>(op))
    return readSelect(node);
  if (op->getName().getStringRef() == "math.absi") {
    Parsed inner = read(node->operands[0]);
    return inner ? algebra.absolute(*inner) : std::nullopt;
  }
  if (op->getName().getStringRef().starts_with("affine."))
    return readAffine(node);
  for (auto reader : {&NodeReader::readCast, &NodeReader::readDivision, &NodeReader::readShift,
                      &NodeReader::readBinary})
    if (Parsed form = (this->*reader)(node))
      return form;
  return std::nullopt;
}

Parsed NodeReader::readCast(const Node *node) {
  Operation *op = node->operation;
  if (!isa<arith::IndexCastOp, arith::ExtSIOp, arith::TruncIOp, arith::IndexCastUIOp,
           arith::ExtUIOp>(op))
    return std::nullopt;
  Parsed inner = read(node->operands[0]);
  bool isUnsigned = isa<arith::IndexCastUIOp, arith::ExtUIOp>(op);
  if (!inner || isa<arith::TruncIOp>(op))
    return inner;
  // A signed true is -1.
  if (node->operands[0]->type.isInteger(1))
    return isUnsigned ? inner : algebra.add({}, *inner, -1);
  return !isUnsigned || isNotNegative(inner) ? inner : std::nullopt;
}

/// Truncated and unsigned divisions are floored where nothing is negative.
Parsed NodeReader::readDivision(const Node *node) {
  Operation *op = node->operation;
  if (!isa<arith::FloorDivSIOp, arith::CeilDivSIOp, arith::DivSIOp, arith::RemSIOp, arith::DivUIOp,
           arith::CeilDivUIOp, arith::RemUIOp>(op))
    return std::nullopt;
  Parsed dividend = read(node->operands[0]), size = divisor(node->operands[1]);
  if (!dividend || !size)
    return std::nullopt;
  if (!isa<arith::FloorDivSIOp, arith::CeilDivSIOp>(op) && !isNotNegative(dividend))
    return std::nullopt;
  if (isa<arith::RemSIOp, arith::RemUIOp>(op))
    return algebra.modulo(*dividend, *size);
  if (isa<arith::CeilDivSIOp, arith::CeilDivUIOp>(op)) {
    Parsed above = algebra.add(*dividend, *size);
    dividend = above ? algebra.add(*above, constantForm(-1)) : std::nullopt;
  }
  return dividend ? algebra.floorDivide(*dividend, *size) : std::nullopt;
}

Parsed NodeReader::readShift(const Node *node) {
  Operation *op = node->operation;
  if (!isa<arith::ShLIOp, arith::ShRSIOp, arith::ShRUIOp>(op))
    return std::nullopt;
  Parsed shifted = read(node->operands[0]), distance = read(node->operands[1]);
  unsigned width = node->type.isIndex() ? 64 : node->type.getIntOrFloatBitWidth();
  if (!shifted || !distance || !isConstant(*distance) || distance->constant < 0 ||
      distance->constant >= std::min(width, 60u))
    return std::nullopt;
  LinearForm unit = constantForm(int64_t(1) << distance->constant);
  if (isa<arith::ShLIOp>(op))
    return algebra.multiply(*shifted, unit);
  if (isa<arith::ShRUIOp>(op) && !isNotNegative(shifted))
    return std::nullopt;
  return algebra.floorDivide(*shifted, unit);
}

Parsed NodeReader::readBinary(const Node *node) {
  Operation *op = node->operation;
  if (!isa<arith::MaxSIOp, arith::MinSIOp, arith::MaxUIOp, arith::MinUIOp, arith::AndIOp,
           arith::OrIOp, arith::XOrIOp>(op))
    return std::nullopt;
  Parsed left = read(node->operands[0]), right = read(node->operands[1]);
  if (!left || !right)
    return std::nullopt;
  if (isa<arith::AndIOp>(op))
    return algebra.bitwise(AtomKind::BitAnd, *left, *right);
  if (isa<arith::OrIOp>(op))
    return algebra.bitwise(AtomKind::BitOr, *left, *right);
  if (isa<arith::XOrIOp>(op))
    return algebra.bitwise(AtomKind::BitXor, *left, *right);
  bool isUnsigned = isa<arith::MaxUIOp, arith::MinUIOp>(op);
  if (isUnsigned && !(isNotNegative(left) && isNotNegative(right)))
    return std::nullopt;
  bool isMaximum = isa<arith::MaxSIOp, arith::MaxUIOp>(op);
  return algebra.extremum(isMaximum ? AtomKind::Maximum : AtomKind::Minimum, *left, *right);
}

Parsed NodeReader::readSelect(const Node *node) {
  Parsed left = read(node->operands[1]), right = read(node->operands[2]);
  if (!left || !right)
    return std::nullopt;
  return algebra.select(predicate(node->operands[0], false), predicate(node->operands[0], true),
                        *left, *right);
}
