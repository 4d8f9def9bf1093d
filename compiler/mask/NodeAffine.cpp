// SPDX-License-Identifier: Apache-2.0
// Which linear forms do affine maps and coordinates compute?
#include "compiler/mask/NodeReader.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"

using namespace mlir;
using namespace attune;
using namespace attune::mask;

Parsed NodeReader::readMap(AffineExpr expression, ArrayRef<const Node *> operands,
                           unsigned dimensions) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return std::abs(constant.getValue()) <= valueLimit ? Parsed(constantForm(constant.getValue()))
                                                       : std::nullopt;
  if (auto dimension = dyn_cast<AffineDimExpr>(expression))
    return read(operands[dimension.getPosition()]);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression))
    return read(operands[dimensions + symbol.getPosition()]);
  auto binary = cast<AffineBinaryOpExpr>(expression);
  Parsed left = readMap(binary.getLHS(), operands, dimensions);
  Parsed right = readMap(binary.getRHS(), operands, dimensions);
  if (!left || !right)
    return std::nullopt;
  if (expression.getKind() == AffineExprKind::Add)
    return algebra.add(*left, *right);
  if (expression.getKind() == AffineExprKind::Mul)
    return algebra.multiply(*left, *right);
  Parsed size = asDivisor(right);
  if (!size)
    return std::nullopt;
  if (expression.getKind() == AffineExprKind::Mod)
    return algebra.modulo(*left, *size);
  if (expression.getKind() == AffineExprKind::CeilDiv) {
    Parsed above = algebra.add(*left, *size);
    left = above ? algebra.add(*above, constantForm(-1)) : std::nullopt;
  }
  return left ? algebra.floorDivide(*left, *size) : std::nullopt;
}

Parsed NodeReader::readAffine(const Node *node) {
  Operation *op = node->operation;
  if (isa<affine::AffineDelinearizeIndexOp>(op))
    return readDelinearize(node);
  if (isa<affine::AffineLinearizeIndexOp>(op))
    return readLinearize(node);
  AffineMap map;
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op))
    map = apply.getAffineMap();
  else if (auto minimum = dyn_cast<affine::AffineMinOp>(op))
    map = minimum.getMap();
  else if (auto maximum = dyn_cast<affine::AffineMaxOp>(op))
    map = maximum.getMap();
  else
    return std::nullopt;
  AtomKind kind = isa<affine::AffineMaxOp>(op) ? AtomKind::Maximum : AtomKind::Minimum;
  Parsed result;
  for (AffineExpr expression : map.getResults()) {
    Parsed value = readMap(expression, node->operands, map.getNumDims());
    if (!value)
      return std::nullopt;
    result = result ? algebra.extremum(kind, *result, *value) : value;
    if (!result)
      return std::nullopt;
  }
  return result;
}

/// The last coordinates are remainders, the first one is what is left.
Parsed NodeReader::readDelinearize(const Node *node) {
  auto op = cast<affine::AffineDelinearizeIndexOp>(node->operation);
  ArrayRef<int64_t> basis = op.getStaticBasis();
  Parsed rest = read(node->operands[0]);
  size_t results = op.getNumResults(), dynamic = node->operands.size();
  for (size_t result = results; rest && result-- > 0;) {
    if (result == 0)
      return node->index == 0 ? rest : std::nullopt;
    int64_t size = basis[basis.size() - (results - result)];
    Parsed extent = ShapedType::isDynamic(size) ? divisor(node->operands[--dynamic])
                                                : asDivisor(constantForm(size));
    if (!extent)
      return std::nullopt;
    if (node->index == result)
      return algebra.modulo(*rest, *extent);
    rest = algebra.floorDivide(*rest, *extent);
  }
  return std::nullopt;
}

Parsed NodeReader::readLinearize(const Node *node) {
  auto op = cast<affine::AffineLinearizeIndexOp>(node->operation);
  ArrayRef<int64_t> basis = op.getStaticBasis();
  size_t count = op.getMultiIndex().size(), dynamic = node->operands.size();
  Parsed sum = LinearForm(), stride = constantForm(1);
  for (size_t index = count; sum && index-- > 0;) {
    Parsed coordinate = read(node->operands[index]);
    Parsed term = coordinate && stride ? algebra.multiply(*coordinate, *stride) : std::nullopt;
    sum = term ? algebra.add(*sum, *term) : std::nullopt;
    if (index == 0)
      break;
    int64_t size = basis[basis.size() - (count - index)];
    Parsed extent =
        ShapedType::isDynamic(size) ? read(node->operands[--dynamic]) : Parsed(constantForm(size));
    stride = extent && stride ? algebra.multiply(*extent, *stride) : std::nullopt;
  }
  return sum;
}
