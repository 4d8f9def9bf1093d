// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: running values along the keys of a row, and folds, which are the last of them.
#include "compiler/passes/LowerToTileSweep.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/RegionUtils.h"
#include <limits>

using namespace mlir;
using namespace attune;

/// What a state is before any pair: of the join's kind, or as the program says.
Value SweepEmitter::emitIdentity(const Node *scan, unsigned state) {
  if (ArrayRef<const Node *> identities = identitiesOf(scan); !identities.empty())
    return scope.scalar(identities[state]);
  auto kind = *cast<attn::ScanOp>(scan->operation).getKind();
  Type type = scan->operands[state]->type;
  if (type.isF32())
    return scope.number(identityOf(kind));
  using Limits = std::numeric_limits<int32_t>;
  int64_t number = kind == attn::ReduceKind::Max   ? Limits::min()
                   : kind == attn::ReduceKind::Min ? Limits::max()
                                                   : 0;
  return arith::ConstantOp::create(scope.top(), loc, scope.top().getIntegerAttr(type, number));
}

void SweepEmitter::emitInitialScans(SmallVectorImpl<Value> &initial) {
  for (ArrayRef<const Node *> scan : sweep.scans)
    for (unsigned state = 0; state < countStates(scan.front()); ++state) {
      Type rows = scope.rowsType(scan.front()->operands[state]->type);
      initial.push_back(
          tile::SplatOp::create(scope.top(), loc, rows, emitIdentity(scan.front(), state)));
    }
}

/// x as of each pair, in its own type.
Value SweepEmitter::emitPairs(const Node *node) {
  if (node->type.isF32())
    return emitCoefficient(node);
  MapBuilder map(scope, Places::Matrix);
  map.read(node);
  return map.build(body, scope.matrixType(node->type),
                   [&](PlaceEmitter &at, ValueRange) { return at.emit(node); });
}

/// A scalar of the program that a region uses from outside, as one of the block.
static void captureScalar(TileScope &scope, Value value, IRMapping &values) {
  Operation *op = value.getDefiningOp();
  if (!op || values.contains(value))
    return;
  for (Value operand : op->getOperands())
    captureScalar(scope, operand, values);
  if (auto size = dyn_cast<attn::SizeOp>(op))
    values.map(value, scope.length(size.getAxisAttr()));
  else
    scope.top().clone(*op, values);
}

/// The program's own region, of two states.
static void cloneJoin(TileScope &scope, OpBuilder &builder, Operation *scan, Block &block) {
  IRMapping values;
  scope.mapOperands(values);
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(scan->getRegion(0), captured);
  for (Value value : captured)
    captureScalar(scope, value, values);
  Block &own = scan->getRegion(0).front();
  values.map(own.getArguments(), block.getArguments());
  for (Operation &op : own.without_terminator()) {
    if (auto load = dyn_cast<attn::LoadOp>(op)) {
      SmallVector<Value> operands;
      for (Value operand : load->getOperands())
        operands.push_back(values.lookup(operand));
      values.map(load.getResult(), scope.emitLoad(builder, load, operands));
    } else {
      builder.clone(op, values);
    }
  }
  SmallVector<Value> joined;
  for (Value value : own.getTerminator()->getOperands())
    joined.push_back(values.lookup(value));
  tile::YieldOp::create(builder, scope.location(), joined);
}

static Value emitJoin(OpBuilder &builder, Location loc, attn::ReduceKind kind, Value a, Value b) {
  bool isFloat = isa<FloatType>(a.getType());
  switch (kind) {
  case attn::ReduceKind::Max:
    return isFloat ? Value(arith::MaximumFOp::create(builder, loc, a, b))
                   : Value(arith::MaxSIOp::create(builder, loc, a, b));
  case attn::ReduceKind::Min:
    return isFloat ? Value(arith::MinimumFOp::create(builder, loc, a, b))
                   : Value(arith::MinSIOp::create(builder, loc, a, b));
  default:
    return isFloat ? Value(arith::AddFOp::create(builder, loc, a, b))
                   : Value(arith::AddIOp::create(builder, loc, a, b));
  }
}

/// States of hidden pairs are identities: they leave every other as it is.
SmallVector<Value> SweepEmitter::emitScanned(const Node *scan, Value isPartial) {
  SmallVector<Source> states;
  unsigned mask = maskOf(domainOf(scan));
  for (unsigned state = 0; state < countStates(scan); ++state)
    states.push_back({emitPairs(scan->operands[state]), mask, 0, emitIdentity(scan, state)});
  // What the predicates read is loaded outside of the branch.
  MapBuilder reads(scope, Places::Matrix);
  for (const Node *predicate : masks[mask]->domain)
    predicates.read(reads, predicate, nullptr);
  return emitBranch(isPartial, states);
}

void SweepEmitter::emitScans(Value isPartial, ValueRange carried, SmallVectorImpl<Value> &next) {
  for (ArrayRef<const Node *> states : sweep.scans) {
    const Node *first = states.front();
    auto op = dyn_cast<attn::ScanOp>(first->operation);
    SmallVector<Value> inputs = emitScanned(first, isPartial);
    size_t count = inputs.size();
    auto scan = tile::ScanOp::create(body, loc, inputs, carried.take_front(count),
                                     op && op.getReverse(), op && op.getExclusive());
    carried = carried.drop_front(count);
    Block &block = scan.getBody().emplaceBlock();
    for (unsigned side = 0; side < 2; ++side)
      for (Value input : inputs)
        block.addArgument(tile::getScalarType(input.getType()), loc);
    OpBuilder builder = OpBuilder::atBlockEnd(&block);
    if (op && op.getKind())
      tile::YieldOp::create(
          builder, loc,
          emitJoin(builder, loc, *op.getKind(), block.getArgument(0), block.getArgument(1)));
    else
      cloneJoin(scope, builder, first->operation, block);
    for (const Node *state : states)
      scope.bindPairs(state, scan.getOutputs()[state->index]);
    llvm::append_range(next, scan.getNext());
  }
}

/// A fold is what its scan carries behind the last tile.
void SweepEmitter::finishFolds(ValueRange carried) {
  for (unsigned id : sweep.folds) {
    const Node *running = accumulator(id).coefficient;
    unsigned place = running->index;
    for (ArrayRef<const Node *> scan : sweep.scans) {
      if (llvm::is_contained(scan, running))
        break;
      place += countStates(scan.front());
    }
    scope.finish(NodeKind::AccumulatorRef, id, carried[place]);
  }
}
