// SPDX-License-Identifier: Apache-2.0
// Maps and reduces: a matrix's in a loop over keys, a row of queries at a time; those of rows of
// vectors in a loop over components; those of cols with lanes = keys (or components).
#include "compiler/target/host/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace attune {

//===--- groups over a matrix ------------------------------------------------------------------===//

/// Reads `shape` lanes of row `row` of a tile that lives in memory.
KernelEmitter::Lanes KernelEmitter::loadRow(Value tile, Value row, Shape shape) {
  Type type = tile::getScalarType(tile.getType()), held = b.getScratchType(type);
  Value offset = b.multiply(row, b.integer(shape.lanes * shape.vectors));
  Value start = b.address(buffer(tile), held, offset);
  Lanes lanes;
  for (int64_t v = 0; v < shape.vectors; ++v) {
    Value raw = b.load(b.vectorOf(held, shape.lanes), b.address(start, held, v * shape.lanes));
    lanes.push_back(b.fromScratch(raw, type));
  }
  return lanes;
}

void KernelEmitter::storeRow(const Lanes &lanes, Value tile, Value row, Shape shape) {
  Type type = tile::getScalarType(tile.getType()), held = b.getScratchType(type);
  Value offset = b.multiply(row, b.integer(shape.lanes * shape.vectors));
  Value start = b.address(buffer(tile), held, offset);
  for (auto [v, vector] : llvm::enumerate(asVectors(lanes, shape)))
    b.store(b.toScratch(vector, type), b.address(start, held, v * shape.lanes));
}

/// An operand of a member at `key`: a row of a matrix, lanes of rows, or a number of cols.
KernelEmitter::Lanes KernelEmitter::loadGroupInput(MapGroup *group, Value input, Value key,
                                                   Shape shape) {
  if (isa<tile::RowsType, tile::PartialType>(input.getType()))
    return values.lookup(input);
  if (isa<tile::ColsType>(input.getType())) {
    Type type = tile::getScalarType(input.getType()), held = b.getScratchType(type);
    return {b.fromScratch(b.load(held, b.address(buffer(input), held, key)), type)};
  }
  if (Operation *definition = input.getDefiningOp(); definition && groups.find(definition) == group)
    return values.lookup(input);
  return loadRow(input, key, shape);
}

KernelEmitter::Lanes KernelEmitter::join(tile::ReduceOp op, const Lanes &input, const Lanes &sums,
                                         Shape shape) {
  Lanes joined;
  bool isMax = op.getKind() == tile::JoinKind::Max;
  for (auto [x, sum] : llvm::zip(asVectors(input, shape), sums)) {
    if (op.getKind() == tile::JoinKind::Sum) {
      joined.push_back(arith::AddFOp::create(b, sum, x));
    } else if (op.getIgnoreNan()) {
      auto predicate = isMax ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT;
      Value beyond = arith::CmpFOp::create(b, predicate, x, sum);
      joined.push_back(arith::SelectOp::create(b, beyond, x, sum));
    } else if (isMax) {
      joined.push_back(arith::MaximumFOp::create(b, sum, x, arith::FastMathFlags::nsz));
    } else {
      joined.push_back(arith::MinimumFOp::create(b, sum, x, arith::FastMathFlags::nsz));
    }
  }
  return joined;
}

LogicalResult KernelEmitter::emitGroupMember(Operation *op, Value key, Shape shape,
                                             llvm::DenseMap<Operation *, Lanes> &sums) {
  b.setLoc(op->getLoc());
  MapGroup *group = groups.find(op);
  if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
    Lanes input = loadGroupInput(group, reduce.getInput(), key, shape);
    sums[op] = join(reduce, input, sums.lookup(op), shape);
    return success();
  }
  auto map = cast<tile::MapOp>(op);
  for (auto [argument, input] : llvm::zip(map.getElementArguments(), map.getInputs()))
    values[argument] = loadGroupInput(group, input, key, shape);
  if (!map.getOrigins().empty()) {
    bindRowIndices(map, shape);
    bindKeyIndices(map, 1, key);
  }
  FailureOr<Lanes> result = emitRegion(map, shape);
  if (failed(result))
    return failure();
  values[map.getResult()] = *result;
  return success();
}

LogicalResult KernelEmitter::emitGroup(MapGroup &group) {
  Value first = isa<tile::MapOp>(group.ops.front()) ? group.ops.front()->getResult(0)
                                                    : group.ops.front()->getOperand(0);
  Shape shape = getShape(first.getType());
  int64_t keys = cast<tile::MatrixType>(first.getType()).getCols();
  SmallVector<tile::ReduceOp> reduces;
  SmallVector<Value> initial;
  for (Operation *op : group.ops)
    if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
      reduces.push_back(reduce);
      llvm::append_range(initial, asVectors(values.lookup(reduce.getInitial()), shape));
    }
  LogicalResult status = success();
  SmallVector<Value> final =
      b.loop(b.integer(0), b.integer(keys), 1, initial, [&](Value key, ValueRange carried) {
        llvm::DenseMap<Operation *, Lanes> sums;
        for (auto [index, reduce] : llvm::enumerate(reduces))
          sums[reduce] = Lanes(carried.slice(index * shape.vectors, shape.vectors));
        for (Operation *op : group.ops)
          if (failed(emitGroupMember(op, key, shape, sums)))
            status = failure();
        if (failed(status))
          return SmallVector<Value>(carried);
        for (Operation *op : group.ops)
          if (isa<tile::MapOp>(op) && !groups.isInternal(op->getResult(0))) {
            Lanes lanes = values.lookup(op->getResult(0));
            if (Type narrow = groups.getStoredRounding(op->getResult(0)))
              lanes = rounded(lanes, narrow);
            storeRow(lanes, op->getResult(0), key, shape);
          }
        SmallVector<Value> next;
        for (tile::ReduceOp reduce : reduces)
          llvm::append_range(next, sums[reduce]);
        return next;
      });
  for (auto [index, reduce] : llvm::enumerate(reduces))
    values[reduce.getResult()] =
        rounded(Lanes(ValueRange(final).slice(index * shape.vectors, shape.vectors)),
                tile::getScalarType(reduce.getResult().getType()));
  return status;
}

//===--- maps over rows and cols ---------------------------------------------------------------===//

LogicalResult KernelEmitter::emitMap(tile::MapOp op) {
  Type type = op.getResult().getType();
  bool vectors = isa<VectorType>(tile::getElementType(type));
  if (isa<tile::ColsType>(type))
    return vectors ? emitVectorColsMap(op) : emitColsMap(op);
  return vectors ? emitVectorRowsMap(op) : emitRowsMap(op);
}

LogicalResult KernelEmitter::emitRowsMap(tile::MapOp op) {
  Shape shape = getShape(op.getResult().getType());
  for (auto [argument, input] : llvm::zip(op.getElementArguments(), op.getInputs()))
    values[argument] = Lanes(values.lookup(input));
  if (!op.getOrigins().empty())
    bindRowIndices(op, shape);
  FailureOr<Lanes> result = emitRegion(op, shape);
  if (failed(result))
    return failure();
  values[op.getResult()] = asVectors(*result, shape);
  return success();
}

LogicalResult KernelEmitter::emitVectorRowsMap(tile::MapOp op) {
  Shape shape = getShape(op.getResult().getType());
  LogicalResult status = success();
  int64_t components = tile::getComponents(op.getResult().getType());
  b.loop(b.integer(0), b.integer(components), 1, [&](Value component) {
    for (auto [argument, input] : llvm::zip(op.getElementArguments(), op.getInputs())) {
      bool isVector = tile::getComponents(input.getType()) > 1 || livesInMemory(input.getType());
      values[argument] = isVector ? loadRow(input, component, shape) : Lanes(values.lookup(input));
    }
    if (!op.getOrigins().empty())
      bindRowIndices(op, shape);
    FailureOr<Lanes> result = emitRegion(op, shape);
    if (failed(result))
      status = failure();
    else
      storeRow(*result, op.getResult(), component, shape);
  });
  return status;
}

LogicalResult KernelEmitter::emitColsMap(tile::MapOp op) {
  Shape whole = getShape(op.getResult().getType()), shape = {whole.lanes, 1};
  Type type = tile::getScalarType(op.getResult().getType()), held = b.getScratchType(type);
  LogicalResult status = success();
  auto place = [&](Value tile, Type element, Value first) {
    return b.address(buffer(tile), element, first);
  };
  b.loop(b.integer(0), b.integer(whole.lanes * whole.vectors), whole.lanes, [&](Value first) {
    for (auto [argument, input] : llvm::zip(op.getElementArguments(), op.getInputs())) {
      Type scalarType = tile::getScalarType(input.getType());
      Type element = b.getScratchType(scalarType);
      Value raw = b.load(b.vectorOf(element, shape.lanes), place(input, element, first));
      values[argument] = {b.fromScratch(raw, scalarType)};
    }
    if (!op.getOrigins().empty())
      bindLaneIndices(op, first, shape);
    FailureOr<Lanes> result = emitRegion(op, shape);
    if (failed(result))
      status = failure();
    else
      b.store(b.toScratch(asVectors(*result, shape).front(), type),
              place(op.getResult(), held, first));
  });
  return status;
}

LogicalResult KernelEmitter::emitVectorColsMap(tile::MapOp op) {
  auto type = cast<tile::ColsType>(op.getResult().getType());
  Type scalarType = tile::getScalarType(type), held = b.getScratchType(scalarType);
  int64_t components = tile::getComponents(type);
  Shape shape = {std::gcd(components, b.facts.lanes), 1};
  LogicalResult status = success();
  auto emitChunk = [&](Value key, Value component) {
    for (auto [argument, input] : llvm::zip(op.getElementArguments(), op.getInputs())) {
      if (!isa<VectorType>(tile::getElementType(input.getType()))) {
        values[argument] = loadGroupInput(nullptr, input, key, shape);
        continue;
      }
      Type inputType = tile::getScalarType(input.getType()), element = b.getScratchType(inputType);
      Value offset = b.add(b.multiply(key, view(input).stride), component);
      Value raw =
          b.load(b.vectorOf(element, shape.lanes), b.address(view(input).pointer, element, offset));
      values[argument] = {b.fromScratch(raw, inputType)};
    }
    if (!op.getOrigins().empty())
      bindKeyIndices(op, 0, key);
    FailureOr<Lanes> result = emitRegion(op, shape);
    if (failed(result)) {
      status = failure();
      return;
    }
    Value offset = b.add(b.multiply(key, b.integer(components)), component);
    b.store(b.toScratch(asVectors(*result, shape).front(), scalarType),
            b.address(buffer(op.getResult()), held, offset));
  };
  b.loop(b.integer(0), b.integer(type.getTokens()), 1, [&](Value key) {
    b.loop(b.integer(0), b.integer(components), shape.lanes,
           [&](Value component) { emitChunk(key, component); });
  });
  views[op.getResult()] = {buffer(op.getResult()), b.integer(components)};
  return status;
}

} // namespace attune
