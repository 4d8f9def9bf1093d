// SPDX-License-Identifier: Apache-2.0
// Work on elements: maps, splats, and joins along a row, in the lane and across its quad.
#include "compiler/target/nvptx/MapExpander.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

FailureOr<std::pair<int64_t, int64_t>> KernelEmitter::shareOf(Operation *user, Type type) {
  int64_t rows = kernel.getConfig().getQueries(), cols = 0;
  int64_t components = tile::getComponents(type);
  if (auto matrix = dyn_cast<tile::MatrixType>(type)) {
    rows = matrix.getRows();
    cols = matrix.getCols();
  } else if (auto keys = dyn_cast<tile::ColsType>(type)) {
    if (components > 1)
      return user->emitOpError() << "computes " << type
                                 << "; on the nvptx target vectors of a key "
                                    "can only be loaded";
    cols = keys.getTokens();
  } else {
    rows = isa<tile::RowsType>(type) ? cast<tile::RowsType>(type).getTokens()
                                     : cast<tile::PartialType>(type).getTokens();
    cols = components > 1 ? components : 0;
  }
  if (rows != kernel.getConfig().getQueries())
    return user->emitOpError() << "expected tiles of " << kernel.getConfig().getQueries()
                               << " rows (the kernel's queries), but got " << type;
  if (cols % 16)
    return user->emitOpError() << "expected a multiple of 16 columns on the nvptx target, but got "
                               << type;
  int64_t rowSlots = isa<tile::ColsType>(type) ? 1 : 2 * rowBlocks;
  return std::pair<int64_t, int64_t>{rowSlots, cols ? cols / 4 : 1};
}

Value KernelEmitter::rowPlace(int64_t slot) { return rowPlaces[slot]; }

Value KernelEmitter::columnPlace(int64_t slot) {
  auto flags = arith::IntegerOverflowFlags::nsw | arith::IntegerOverflowFlags::nuw;
  return arith::AddIOp::create(builder, laneColumn, i32(columnDistance(slot)), flags);
}

/// The same of a slot that is known when the kernel runs (i32).
Value KernelEmitter::columnPlace(Value slot) {
  Value pair = arith::ShRUIOp::create(builder, slot, i32(1));
  Value distance = arith::MulIOp::create(builder, pair, i32(8));
  distance = arith::OrIOp::create(builder, distance, arith::AndIOp::create(builder, slot, i32(1)));
  return arith::AddIOp::create(builder, laneColumn, distance);
}

/// A tile's elements in registers; tokens in shared memory are read from there.
FailureOr<TileValue> KernelEmitter::toElements(Operation *user, Value value) {
  FailureOr<const TileValue *> tile = lookupTile(user, value);
  if (failed(tile))
    return failure();
  if (!(*tile)->shared)
    return **tile;
  auto share = shareOf(user, value.getType());
  if (failed(share))
    return failure();
  settlePendingCopies();
  SharedTile shared = *(*tile)->shared;
  TileValue result;
  result.columns = share->second;
  for (int64_t row = 0; row < share->first; ++row)
    for (int64_t column = 0; column < share->second; column += 2) {
      Value pointer = elementPointer(shared, row, 4 * column);
      Value pair = LLVM::LoadOp::create(builder, VectorType::get(2, shared.scalar), pointer);
      for (int64_t half = 0; half < 2; ++half)
        result.elements.push_back(LLVM::ExtractElementOp::create(builder, pair, i32(half)));
    }
  return result;
}

/// Does `op` make a value of each key from the key's place alone, for maps over pairs only?
bool KernelEmitter::isComputedWhereUsed(tile::MapOp op) {
  auto isPlain = [&](Value input) { return columnMaps.contains(input); };
  auto isPairs = [](Operation *user) {
    auto map = dyn_cast<tile::MapOp>(user);
    return map && (isa<tile::MatrixType>(map.getResult().getType()) ||
                   isa<tile::ColsType>(map.getResult().getType()));
  };
  return isa<tile::ColsType>(op.getResult().getType()) && llvm::all_of(op.getInputs(), isPlain) &&
         llvm::all_of(op->getUsers(), isPairs);
}

LogicalResult KernelEmitter::emitMap(tile::MapOp op) {
  if (isComputedWhereUsed(op)) {
    columnMaps[op.getResult()] = op;
    return success();
  }
  auto share = shareOf(op, op.getResult().getType());
  if (failed(share))
    return failure();
  SmallVector<TileValue, 0> inputs;
  bool partial = isa<tile::PartialType>(op.getResult().getType());
  for (Value input : op.getInputs()) {
    if (columnMaps.contains(input)) {
      inputs.emplace_back();
      continue;
    }
    FailureOr<TileValue> elements = toElements(op, input);
    if (failed(elements))
      return failure();
    partial &= !isa<tile::PartialType>(input.getType());
    inputs.push_back(*elements);
  }
  MapExpander expander(*this, op, inputs);
  if (failed(expander.gatherConditions(share->first, share->second)))
    return failure();
  TileValue result;
  result.columns = share->second;
  result.elements.resize(share->first * share->second);
  // Column by column: a lane has few rows, so that what depends on a row alone may stay, and what
  // depends on a column alone is soon forgotten.
  for (int64_t column = 0; column < share->second; ++column)
    for (int64_t row = 0; row < share->first; ++row) {
      Value element = expander.expand(row, column);
      if (!element)
        return failure();
      // A partial made from whole rows: the quad must hold each value once.
      result.elements[row * share->second + column] =
          partial ? shareOfPartial(op.getResult(), element) : element;
    }
  tiles[op.getResult()] = result;
  return success();
}

LogicalResult KernelEmitter::emitSplat(tile::SplatOp op) {
  auto share = shareOf(op, op.getResult().getType());
  if (failed(share))
    return failure();
  Value element = lookup(op.getScalar());
  if (isa<tile::PartialType>(op.getResult().getType()))
    element = shareOfPartial(op.getResult(), element);
  TileValue result;
  result.columns = share->second;
  result.elements.assign(share->first * share->second, element);
  tiles[op.getResult()] = result;
  return success();
}

/// Is `partial` joined by sum anywhere it goes?
static bool isSummed(Value partial, llvm::SmallPtrSetImpl<Value> &seen) {
  if (!isa<tile::PartialType>(partial.getType()) || !seen.insert(partial).second)
    return false;
  for (OpOperand &use : partial.getUses()) {
    Operation *user = use.getOwner();
    auto combine = dyn_cast<tile::CombineOp>(user);
    auto reduce = dyn_cast<tile::ReduceOp>(user);
    if ((combine && combine.getKind() == tile::JoinKind::Sum) ||
        (reduce && reduce.getKind() == tile::JoinKind::Sum))
      return true;
    SmallVector<Value> next;
    if (auto sweep = dyn_cast<tile::SweepOp>(user))
      next = {sweep.getState()[use.getOperandNumber() - 2],
              sweep.getResult(use.getOperandNumber() - 2)};
    else if (isa<scf::YieldOp, tile::YieldOp>(user))
      next = {user->getParentOp()->getResult(use.getOperandNumber())};
    else
      llvm::append_range(next, user->getResults());
    for (Value value : next)
      if (isSummed(value, seen))
        return true;
  }
  return false;
}

/// This lane's part of a row's `value`, the same in the quad: all of it where parts are joined by
/// max or min; where they are summed, one lane has it and the others 0.
Value KernelEmitter::shareOfPartial(Value partial, Value value) {
  llvm::SmallPtrSet<Value, 8> seen;
  if (matchPattern(value, m_AnyZeroFloat()) || !isSummed(partial, seen))
    return value;
  Value first = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, laneColumn, i32(0));
  return arith::SelectOp::create(builder, first, value, zero(value.getType()));
}

Value KernelEmitter::join(tile::JoinKind kind, bool ignoreNan, Value a, Value b) {
  switch (kind) {
  case tile::JoinKind::Sum: return arith::AddFOp::create(builder, a, b);
  case tile::JoinKind::Max:
    return ignoreNan ? Value(arith::MaxNumFOp::create(builder, a, b))
                     : Value(arith::MaximumFOp::create(builder, a, b));
  case tile::JoinKind::Min:
    return ignoreNan ? Value(arith::MinNumFOp::create(builder, a, b))
                     : Value(arith::MinimumFOp::create(builder, a, b));
  }
  llvm_unreachable("all kinds are listed");
}

/// Joins the four lanes that share a row.
Value KernelEmitter::joinQuad(tile::JoinKind kind, bool ignoreNan, Value value) {
  for (int64_t distance : {1, 2}) {
    Value other = NVVM::ShflOp::create(builder, value.getType(), i32(-1), value, i32(distance),
                                       i32(31), NVVM::ShflKind::bfly, UnitAttr());
    value = join(kind, ignoreNan, value, other);
  }
  return value;
}

LogicalResult KernelEmitter::emitReduce(tile::ReduceOp op) {
  auto share = shareOf(op, op.getInput().getType());
  FailureOr<const TileValue *> input = lookupTile(op, op.getInput());
  FailureOr<const TileValue *> initial = lookupTile(op, op.getInitial());
  if (failed(share) || failed(input) || failed(initial))
    return failure();
  if (!tile::getScalarType(op.getInput().getType()).isF32())
    return op.emitOpError() << "expected f32 on the nvptx target, but got "
                            << tile::getScalarType(op.getInput().getType());
  bool whole = isa<tile::RowsType>(op.getResult().getType()), ignore = op.getIgnoreNan();
  TileValue result;
  for (int64_t row = 0; row < share->first; ++row) {
    // Two chains: half the latency of one, and a fixed order.
    SmallVector<Value, 2> chains;
    for (int64_t column = 0; column < share->second; ++column) {
      Value element = (*input)->at(row, column);
      if (column < 2)
        chains.push_back(element);
      else
        chains[column % 2] = join(op.getKind(), ignore, chains[column % 2], element);
    }
    Value joined = join(op.getKind(), ignore, chains[0], chains[1]);
    if (whole)
      joined = joinQuad(op.getKind(), ignore, joined);
    result.elements.push_back(join(op.getKind(), ignore, (*initial)->at(row, 0), joined));
  }
  tiles[op.getResult()] = result;
  return success();
}

LogicalResult KernelEmitter::emitCombine(tile::CombineOp op) {
  FailureOr<const TileValue *> input = lookupTile(op, op.getInput());
  if (failed(input))
    return failure();
  if (!tile::getScalarType(op.getInput().getType()).isF32())
    return op.emitOpError() << "expected f32 on the nvptx target, but got "
                            << tile::getScalarType(op.getInput().getType());
  TileValue result;
  for (Value part : (*input)->elements)
    result.elements.push_back(joinQuad(op.getKind(), false, part));
  tiles[op.getResult()] = result;
  return success();
}
