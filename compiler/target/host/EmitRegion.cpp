// SPDX-License-Identifier: Apache-2.0
// Scalar ops, alone or inside a map: what depends only on the key or on scalars stays scalar, the rest
// is done on vectors of queries.
#include "compiler/target/host/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace attune {

static bool isUniform(ArrayRef<Value> lanes) { return !isa<VectorType>(lanes.front().getType()); }

FailureOr<KernelEmitter::Lanes> KernelEmitter::emitRegion(tile::MapOp op, Shape shape) {
  Block &block = op.getBody().front();
  for (Operation &nested : block.without_terminator())
    if (failed(emitScalarOp(&nested, shape)))
      return failure();
  return values.lookup(cast<tile::YieldOp>(block.getTerminator()).getValue());
}

KernelEmitter::Lanes KernelEmitter::rounded(const Lanes &lanes, Type type) {
  if (!isNarrowFloat(type))
    return lanes;
  Lanes results;
  for (Value value : lanes)
    results.push_back(b.roundTo(value, type));
  return results;
}

LogicalResult KernelEmitter::emitScalarOp(Operation *op, Shape shape) {
  if (isa<arith::ConstantOp>(op))
    return emitConstant(op);
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    if (!dim.getConstantIndex())
      return op->emitError("'memref.dim' on the host expected a constant index");
    values[op->getResult(0)] = {emitDim(op)};
    return success();
  }
  if (auto read = dyn_cast<tile::ReadOp>(op)) {
    values[read.getResult()] = emitRead(read, shape);
    return success();
  }
  if (isa<arith::ExtFOp, arith::TruncFOp, arith::IndexCastOp, arith::IndexCastUIOp>(op))
    return emitCast(op, shape);
  if (isa<math::MathDialect>(op->getDialect()) && op->getNumResults() == 1)
    return emitMath(op, shape);
  bool known = isa<arith::ArithDialect>(op->getDialect()) && op->getNumResults() == 1;
  if (!known || isa<arith::RemFOp>(op) ||
      (isa<arith::BitcastOp>(op) &&
       (isNarrowFloat(op->getOperand(0).getType()) || isNarrowFloat(op->getResult(0).getType()))))
    return op->emitError() << "'" << op->getName()
                           << "' has no code on the host; expected arith, math, tile.read or "
                              "memref.dim without a library call";
  return emitElementwise(op, shape);
}

LogicalResult KernelEmitter::emitConstant(Operation *op) {
  auto constant = cast<arith::ConstantOp>(op);
  Type type = constant.getType(), held = b.getHeldType(type);
  if (auto value = dyn_cast<FloatAttr>(constant.getValue()))
    values[constant] = {b.constantFloat(held, value.getValueAsDouble())};
  else if (auto value = dyn_cast<IntegerAttr>(constant.getValue()))
    values[constant] = {b.constant(held, value.getValue().getSExtValue())};
  else
    return op->emitError() << "expected a scalar constant on the host, but got " << type;
  return success();
}

Value KernelEmitter::emitDim(Operation *op) {
  auto dim = cast<memref::DimOp>(op);
  std::optional<int64_t> index = dim.getConstantIndex();
  const Memory &memory = memories[dim.getSource()];
  // A dim that is out of range has no value; any will do.
  return index && *index >= 0 && *index < int64_t(memory.sizes.size()) ? memory.sizes[*index]
                                                                       : b.integer(0);
}

/// The first vector that has the same values as vector `vector` in all operands: rows of a box repeat.
int64_t KernelEmitter::findFirst(ArrayRef<Lanes> operands, int64_t vector) {
  int64_t first = 0;
  while (!llvm::all_of(operands, [&](const Lanes &lanes) { return lanes[first] == lanes[vector]; }))
    ++first;
  return first;
}

/// A copy of `op` on other operands.
Value KernelEmitter::clone(Operation *op, ValueRange operands, Type result) {
  Operation *copy = Operation::create(b.getLoc(), op->getName(), TypeRange{result}, operands,
                                      op->getDiscardableAttrDictionary(),
                                      op->getPropertiesStorage(), BlockRange(), 0);
  b.insert(copy);
  return copy->getResult(0);
}

LogicalResult KernelEmitter::emitElementwise(Operation *op, Shape shape) {
  SmallVector<Lanes> operands;
  bool uniform = true;
  for (Value operand : op->getOperands()) {
    operands.push_back(values.lookup(operand));
    uniform &= isUniform(operands.back());
  }
  if (mayTrap(op)) {
    values[op->getResult(0)] = emitDivision(op, operands[0], operands[1], shape);
    return success();
  }
  Type type = b.getHeldType(op->getResult(0).getType());
  if (!uniform) {
    type = b.vectorOf(type, shape.lanes);
    for (Lanes &operand : operands)
      operand = asVectors(operand, shape);
  }
  Lanes results;
  for (int64_t vector = 0; vector < (uniform ? 1 : shape.vectors); ++vector) {
    int64_t first = findFirst(operands, vector);
    SmallVector<Value> parts;
    for (const Lanes &operand : operands)
      parts.push_back(operand[vector]);
    results.push_back(first < vector ? results[first] : clone(op, parts, type));
  }
  values[op->getResult(0)] = rounded(results, op->getResult(0).getType());
  return success();
}

/// Casts of floats and of index, by how the types are held.
LogicalResult KernelEmitter::emitCast(Operation *op, Shape shape) {
  Value input = op->getOperand(0);
  Type result = op->getResult(0).getType();
  Type from = b.getHeldType(input.getType()), to = b.getHeldType(result);
  if (auto row = rowIndices.find(input);
      row != rowIndices.end() && to.getIntOrFloatBitWidth() < 64) {
    Lanes lanes;
    Value narrow = arith::TruncIOp::create(b, to, row->second.origin);
    Lanes wide = values.lookup(input);
    for (int64_t vector = 0; vector < shape.vectors; ++vector) {
      if (int64_t first = findFirst(wide, vector); first < vector) {
        lanes.push_back(lanes[first]);
        continue;
      }
      if (!row->second.places.empty()) {
        Value places = b.lanes(to, row->second.places[vector]);
        lanes.push_back(b.add(b.splat(narrow, shape.lanes), places));
        continue;
      }
      Value first = b.add(narrow, b.constant(to, vector * shape.lanes));
      lanes.push_back(b.add(b.splat(first, shape.lanes), b.iota(to, shape.lanes)));
    }
    values[op->getResult(0)] = lanes;
    return success();
  }
  Lanes lanes, inputs = values.lookup(input);
  for (auto [number, value] : llvm::enumerate(inputs)) {
    if (int64_t first = findFirst(inputs, number); first < int64_t(number)) {
      lanes.push_back(lanes[first]);
      continue;
    }
    auto vector = dyn_cast<VectorType>(value.getType());
    Type type = vector ? Type(vector.clone(to)) : to;
    unsigned fromBits = from.getIntOrFloatBitWidth(), toBits = to.getIntOrFloatBitWidth();
    if (from == to)
      lanes.push_back(value);
    else if (isa<FloatType>(from))
      lanes.push_back(fromBits < toBits ? Value(arith::ExtFOp::create(b, type, value))
                                        : Value(arith::TruncFOp::create(b, type, value)));
    else if (fromBits > toBits)
      lanes.push_back(arith::TruncIOp::create(b, type, value));
    else if (isa<arith::IndexCastUIOp>(op))
      lanes.push_back(arith::ExtUIOp::create(b, type, value));
    else
      lanes.push_back(arith::ExtSIOp::create(b, type, value));
  }
  values[op->getResult(0)] = rounded(lanes, result);
  return success();
}

/// For e^(y * c) with a constant c that bounds of y can be divided by: y, with c log2(e) in `factor`.
static Value matchScaledExponent(Operation *op, double &factor) {
  auto product = op->getOperand(0).getDefiningOp<arith::MulFOp>();
  if (!isa<math::ExpOp>(op) || !product || !product.getType().isF32())
    return {};
  for (unsigned side : {0, 1}) {
    APFloat constant(0.0f);
    if (!matchPattern(product->getOperand(side), m_ConstantFloat(&constant)))
      continue;
    factor = constant.convertToFloat() * 1.44269504088896341;
    if (std::abs(factor) > 1e-30 && std::abs(factor) < 1e30)
      return product->getOperand(1 - side);
  }
  return {};
}

/// Math is done on vectors only, also for one scalar: the expansions are vector code.
LogicalResult KernelEmitter::emitMath(Operation *op, Shape shape) {
  SmallVector<Lanes> operands;
  bool uniform = true;
  double factor = 1;
  Value exponent = matchScaledExponent(op, factor);
  for (Value operand : op->getOperands()) {
    operands.push_back(values.lookup(exponent ? exponent : operand));
    uniform &= isUniform(operands.back());
  }
  Type type = b.getHeldType(op->getResult(0).getType());
  bool isPlain =
      isa<math::AbsFOp, math::SqrtOp, math::RsqrtOp, math::FmaOp, math::CopySignOp, math::ClampFOp,
          math::FloorOp, math::CeilOp, math::TruncOp, math::RoundOp, math::RoundEvenOp>(op);
  if (type.isF64() && !isPlain)
    return op->emitError() << "'" << op->getName()
                           << "' on f64 has no code on the host; expected f32 or narrower";
  Lanes results;
  for (int64_t vector = 0; vector < (uniform ? 1 : shape.vectors); ++vector) {
    int64_t lanes = uniform ? 4 : shape.lanes;
    SmallVector<Value> parts;
    for (const Lanes &operand : operands)
      parts.push_back(uniform ? b.splat(operand.front(), lanes)
                              : asVectors(operand, shape)[vector]);
    Type vectorType = b.vectorOf(type, lanes);
    Value result;
    if (isa<math::Exp2Op>(op))
      result = b.exp2(parts[0]);
    else if (exponent)
      result = b.exp2(parts[0], factor);
    else if (isa<math::ExpOp>(op))
      result = b.exp(parts[0]);
    else if (isa<math::TanhOp>(op))
      result = b.tanh(parts[0]);
    else if (isa<math::SinOp, math::CosOp>(op))
      result = b.sine(parts[0], isa<math::CosOp>(op) ? 1 : 0);
    else if (isa<math::TanOp>(op))
      result = arith::DivFOp::create(b, b.sine(parts[0], 0), b.sine(parts[0], 1));
    else if (isa<math::Log10Op>(op))
      result = arith::MulFOp::create(b, math::LogOp::create(b, parts[0]),
                                     b.constantFloat(vectorType, 0.43429448190325183));
    else if (isa<math::ClampFOp>(op)) // upstream's expansion takes the bounds for each other
      result =
          arith::MinimumFOp::create(b, arith::MaximumFOp::create(b, parts[0], parts[1]), parts[2]);
    else if (isa<math::FmaOp>(op))
      result = b.fma(parts[0], parts[1], parts[2]);
    else if (isa<math::RsqrtOp>(op))
      result = arith::DivFOp::create(b, b.constantFloat(vectorType, 1.0),
                                     math::SqrtOp::create(b, parts[0]));
    else
      result = clone(op, parts, vectorType);
    results.push_back(uniform ? Value(vector::ExtractOp::create(b, result, 0)) : result);
  }
  values[op->getResult(0)] = rounded(results, op->getResult(0).getType());
  return success();
}

} // namespace attune
