// SPDX-License-Identifier: Apache-2.0
// The expansion of a map's region over the places of a lane.
#include "compiler/target/nvptx/MapExpander.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

MapExpander::MapExpander(KernelEmitter &emitter, tile::MapOp map, ArrayRef<TileValue> inputs)
    : emitter(emitter), map(map), inputs(inputs) {
  classify();
}

/// A value varies with the union of what its operands vary with. Vector elements count as columns.
void MapExpander::classify() {
  bool byColumn = isa<tile::ColsType>(map.getResult().getType());
  for (auto [number, argument, input] : llvm::enumerate(map.getElementArguments(), inputs))
    dependence[argument] = isColumnMap(number)
                               ? Column
                               : (input.elements.size() > size_t(input.columns) ? Row : Uniform) |
                                     (input.columns > 1 ? Column : Uniform);
  for (unsigned origin = 0; origin < map.getOrigins().size(); ++origin)
    for (auto [dim, argument] : llvm::enumerate(map.getIndexArguments(origin))) {
      dependence[argument] = origin == 1 || byColumn ? Column : Row;
      indices[argument] = {origin, unsigned(dim)};
    }
  for (Operation &op : map.getBody().front()) {
    unsigned joined = Uniform;
    op.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        joined |= dependenceOf(operand);
    });
    for (Value result : op.getResults())
      dependence[result] = joined;
  }
}

MapExpander::Place MapExpander::placeOf(unsigned kind, int64_t row, int64_t column) const {
  return {kind & Row ? row : -1, kind & Column ? column : -1};
}

Value MapExpander::expand(int64_t row, int64_t column) {
  auto yield = cast<tile::YieldOp>(map.getBody().front().getTerminator());
  return get(yield.getValue(), row, column);
}

Value MapExpander::get(Value value, int64_t row, int64_t column) {
  if (value.getParentBlock() != &map.getBody().front())
    return emitter.lookup(value); // the same in the whole block
  std::pair<Value, Place> key{value, placeOf(dependenceOf(value), row, column)};
  if (Value found = known.lookup(key))
    return found;
  if (auto gathered = words.find(value); gathered != words.end() && column != running)
    return known[key] = readBit(gathered->second, row, column);
  Value result;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    unsigned number = argument.getArgNumber(), elements = inputs.size();
    result = number < elements ? getElement(number, row, column) : getIndex(argument, row, column);
  } else {
    auto defined = cast<OpResult>(value);
    result = expandOp(*defined.getOwner(), defined.getResultNumber(), row, column);
  }
  return known[key] = result;
}

bool MapExpander::isColumnMap(unsigned number) const {
  return emitter.columnMaps.contains(tile::MapOp(map).getInputs()[number]);
}

Value MapExpander::getElement(unsigned number, int64_t row, int64_t column) {
  if (isColumnMap(number)) {
    std::unique_ptr<MapExpander> &producer = columnMaps[number];
    if (!producer) {
      tile::MapOp source = emitter.columnMaps.lookup(map.getInputs()[number]);
      SmallVector<TileValue, 0> none(source.getInputs().size());
      producer = std::make_unique<MapExpander>(emitter, source, none);
    }
    producer->runningColumn = runningColumn;
    return producer->expand(0, column);
  }
  const TileValue &input = inputs[number];
  bool rows = input.elements.size() > size_t(input.columns);
  return input.at(rows ? row : 0, input.columns > 1 ? column : 0);
}

/// An index is its origin plus a distance (i32) that is known for each place.
std::pair<Value, Value> MapExpander::splitIndex(Value argument, int64_t row, int64_t column) {
  auto [number, dim] = indices.find(argument)->second;
  Value origin = map.getOrigins()[number];
  bool byRow = dependenceOf(argument) & Row;
  auto box = origin.getDefiningOp<tile::BoxOp>();
  if (!box)
    return {emitter.lookup(origin), byRow               ? emitter.rowPlace(row)
                                    : column == running ? emitter.columnPlace(runningColumn)
                                                        : emitter.columnPlace(column)};
  ArrayRef<int64_t> sizes = cast<tile::BoxType>(origin.getType()).getSizes();
  BoxPlace place = byRow ? emitter.rowBoxPlace(sizes, row)
                   : column == running
                       ? emitter.boxPlace(sizes, emitter.columnPlace(runningColumn), 0, true)
                       : emitter.columnBoxPlace(sizes, column);
  return {emitter.lookup(box.getOrigin()[dim]),
          arith::AddIOp::create(emitter.builder, place.lane[dim], emitter.i32(place.ahead[dim]))};
}

Value MapExpander::getIndex(Value argument, int64_t row, int64_t column) {
  auto [origin, distance] = splitIndex(argument, row, column);
  return arith::AddIOp::create(emitter.builder, origin, emitter.toIndex(distance));
}

/// An index that the region narrows to i32 at once: computed in i32 throughout. Token indices are
/// below 2^31 (the runtime checks the lengths).
Value MapExpander::expandNarrowIndex(Operation &op, int64_t row, int64_t column) {
  if (!isa<arith::IndexCastOp, arith::IndexCastUIOp>(op) ||
      !op.getResult(0).getType().isInteger(32))
    return Value();
  auto argument = dyn_cast<BlockArgument>(op.getOperand(0));
  if (!argument || argument.getOwner() != &map.getBody().front() ||
      argument.getArgNumber() < inputs.size())
    return Value();
  auto [origin, place] = splitIndex(argument, row, column);
  Value narrow =
      arith::TruncIOp::create(emitter.builder, emitter.builder.getI32Type(), emitter.toI64(origin));
  return arith::AddIOp::create(emitter.builder, narrow, place);
}

Value MapExpander::expandOp(Operation &op, unsigned result, int64_t row, int64_t column) {
  emitter.builder.setLoc(op.getLoc());
  if (Value narrow = expandNarrowIndex(op, row, column))
    return narrow;
  if (Value converted = expandConversion(op, row, column))
    return converted;
  if (Value compared = expandComparison(op, row, column))
    return compared;
  if (auto read = dyn_cast<tile::ReadOp>(op))
    return expandRead(read, row, column);
  IRMapping mapping;
  WalkResult walked = op.walk([&](Operation *inner) {
    for (Value operand : inner->getOperands()) {
      if (isa<MemRefType>(operand.getType()) ||
          op.isAncestor(operand.getParentBlock()->getParentOp()))
        continue;
      Value value = get(operand, row, column);
      if (!value)
        return WalkResult::interrupt();
      mapping.map(operand, value);
    }
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return Value();
  Operation *clone = emitter.builder.clone(op, mapping);
  if (failed(lowerNested(*clone)))
    return Value();
  for (auto [number, value] : llvm::enumerate(op.getResults()))
    known[{value, placeOf(dependenceOf(value), row, column)}] = clone->getResult(number);
  return clone->getResult(result);
}

/// What an index adds to a read is computed as rarely as the index itself.
Value MapExpander::expandRead(tile::ReadOp read, int64_t row, int64_t column) {
  SmallVector<KernelEmitter::ReadTerm> terms;
  for (auto [dim, operand] : llvm::enumerate(read.getIndicesMutable())) {
    Value index = get(operand.get(), row, column);
    if (!index)
      return Value();
    auto &term = knownTerms[{&operand, placeOf(dependenceOf(operand.get()), row, column)}];
    if (!term.inside)
      term = emitter.readTerm(read, dim, index);
    terms.push_back(term);
  }
  return emitter.emitRead(read, terms);
}

/// Reads of tables inside the regions of a cloned op, which no one else would see.
LogicalResult MapExpander::lowerNested(Operation &clone) {
  SmallVector<tile::ReadOp> reads;
  clone.walk([&](tile::ReadOp read) { reads.push_back(read); });
  OpBuilder::InsertionGuard guard(emitter.builder);
  for (tile::ReadOp read : reads) {
    emitter.builder.setInsertionPoint(read);
    SmallVector<Value> indices(read.getIndices());
    read.getResult().replaceAllUsesWith(emitter.emitRead(read, indices));
    read.erase();
  }
  for (Type type : clone.getResultTypes())
    if (!type.isIntOrIndexOrFloat())
      return map.emitOpError() << "has an op with a result of type " << type
                               << ", which the nvptx target does not support";
  return success();
}
