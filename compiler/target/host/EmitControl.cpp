// SPDX-License-Identifier: Apache-2.0
// Loops, branches, sweeps and folds: what is carried is scalars and lanes; tiles in memory are copied
// where the plan could not give them one buffer.
#include "compiler/target/host/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace attune {

//===--- what control flow carries -------------------------------------------------------------===//

/// The scalars and lanes among `values`, in order.
SmallVector<Value> KernelEmitter::flatten(ValueRange tiles) {
  SmallVector<Value> flat;
  for (Value tile : tiles)
    if (!livesInMemory(tile.getType()))
      llvm::append_range(flat, values.lookup(tile));
  return flat;
}

SmallVector<Type> KernelEmitter::flattenTypes(TypeRange types) {
  SmallVector<Type> flat;
  for (Type type : types) {
    if (livesInMemory(type))
      continue;
    if (!isa<tile::RowsType, tile::PartialType>(type)) {
      flat.push_back(b.getHeldType(type));
      continue;
    }
    Shape shape = getShape(type);
    Type vector = b.vectorOf(b.getHeldType(tile::getScalarType(type)), shape.lanes);
    flat.append(shape.vectors, vector);
  }
  return flat;
}

void KernelEmitter::unflatten(ValueRange tiles, ValueRange flat) {
  for (Value tile : tiles) {
    if (livesInMemory(tile.getType()))
      continue;
    bool isTile = isa<tile::RowsType, tile::PartialType>(tile.getType());
    size_t count = isTile ? getShape(tile.getType()).vectors : 1;
    values[tile] = Lanes(flat.take_front(count));
    flat = flat.drop_front(count);
  }
}

/// Copies tiles that live in memory from one place to another, where the places differ.
void KernelEmitter::copyWhereApart(ValueRange from, ValueRange to) {
  for (auto [source, target] : llvm::zip(from, to)) {
    if (!livesInMemory(source.getType()) || plan.haveOneBuffer(source, target))
      continue;
    Type scalar = b.getScratchType(tile::getScalarType(source.getType()));
    Shape shape = getShape(source.getType());
    int64_t rows = tile::getComponents(source.getType());
    if (auto matrix = dyn_cast<tile::MatrixType>(source.getType()))
      rows = matrix.getCols();
    Value sourceBuffer = buffer(source), targetBuffer = buffer(target);
    b.loop(b.integer(0), b.integer(rows * shape.vectors), 1, [&](Value index) {
      Value offset = b.multiply(index, b.integer(shape.lanes));
      Value value =
          b.load(b.vectorOf(scalar, shape.lanes), b.address(sourceBuffer, scalar, offset));
      b.store(value, b.address(targetBuffer, scalar, offset));
    });
  }
}

/// Cols point into memory that only the op that made them keeps.
static LogicalResult refuseCols(Operation *op, TypeRange types) {
  for (Type type : types)
    if (isa<tile::ColsType>(type))
      return op->emitOpError() << "expected no cols to be carried or yielded on the host, but got "
                               << type;
  return success();
}

//===--- scf -----------------------------------------------------------------------------------===//

LogicalResult KernelEmitter::emitFor(scf::ForOp op) {
  if (failed(refuseCols(op, op.getResultTypes())))
    return failure();
  copyWhereApart(op.getInitArgs(), op.getRegionIterArgs());
  auto loop = scf::ForOp::create(b, scalar(op.getLowerBound()), scalar(op.getUpperBound()),
                                 scalar(op.getStep()), flatten(op.getInitArgs()), nullptr,
                                 op.getUnsignedCmp());
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    values[op.getInductionVar()] = {loop.getInductionVar()};
    unflatten(op.getRegionIterArgs(), loop.getRegionIterArgs());
    if (failed(emitBlock(*op.getBody())))
      return failure();
    auto yield = cast<scf::YieldOp>(op.getBody()->getTerminator());
    copyWhereApart(yield.getResults(), op.getRegionIterArgs());
    if (!loop.getInitArgs().empty())
      scf::YieldOp::create(b, flatten(yield.getResults()));
  }
  copyWhereApart(op.getRegionIterArgs(), op.getResults());
  unflatten(op.getResults(), loop.getResults());
  return success();
}

LogicalResult KernelEmitter::emitIf(scf::IfOp op) {
  if (failed(refuseCols(op, op.getResultTypes())))
    return failure();
  auto branch = scf::IfOp::create(b, flattenTypes(op.getResultTypes()), scalar(op.getCondition()),
                                  /*addThenBlock=*/true,
                                  /*addElseBlock=*/!op.getElseRegion().empty());
  for (auto [from, to] : llvm::zip(op->getRegions(), branch->getRegions())) {
    if (from.empty())
      continue;
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(&to.front());
    if (failed(emitBlock(from.front())))
      return failure();
    auto yield = cast<scf::YieldOp>(from.front().getTerminator());
    copyWhereApart(yield.getResults(), op.getResults());
    scf::YieldOp::create(b, flatten(yield.getResults()));
  }
  unflatten(op.getResults(), branch.getResults());
  return success();
}

LogicalResult KernelEmitter::emitWhile(scf::WhileOp op) {
  for (Type type : op->getOperandTypes())
    if (!type.isIntOrIndexOrFloat())
      return op->emitOpError() << "expected scalars to be carried on the host, but got " << type;
  auto loop = scf::WhileOp::create(b, flattenTypes(op.getResultTypes()), flatten(op.getInits()));
  OpBuilder::InsertionGuard guard(b);
  Block *before = b.createBlock(&loop.getBefore(), {}, flattenTypes(op.getInits().getTypes()),
                                SmallVector<Location>(op.getInits().size(), b.getLoc()));
  unflatten(op.getBeforeArguments(), before->getArguments());
  if (failed(emitBlock(*op.getBeforeBody())))
    return failure();
  scf::ConditionOp::create(b, scalar(op.getConditionOp().getCondition()),
                           flatten(op.getConditionOp().getArgs()));
  Block *after = b.createBlock(&loop.getAfter(), {}, loop.getResultTypes(),
                               SmallVector<Location>(loop.getNumResults(), b.getLoc()));
  unflatten(op.getAfterArguments(), after->getArguments());
  if (failed(emitBlock(*op.getAfterBody())))
    return failure();
  scf::YieldOp::create(b, flatten(op.getYieldOp().getResults()));
  unflatten(op.getResults(), loop.getResults());
  return success();
}

//===--- sweeps --------------------------------------------------------------------------------===//

/// `classify`, and the body where it says so; `state` is replaced by what the body yields.
LogicalResult KernelEmitter::emitVisit(tile::SweepOp op, Value tile, SmallVector<Value> &state) {
  values[op.getClassify().getArgument(0)] = {tile};
  values[op.getTile()] = {tile};
  unflatten(op.getState(), state);
  if (failed(emitBlock(op.getClassify().front())))
    return failure();
  values[op.getPartial()] = {scalar(op.getClasses()[1])};
  auto emitBody = [&]() -> LogicalResult {
    if (failed(emitBlock(op.getBody().front())))
      return failure();
    copyWhereApart(op.getNextState(), op.getState());
    return success();
  };
  if (matchPattern(op.getClasses()[0], m_One())) {
    if (failed(emitBody()))
      return failure();
    state = flatten(op.getNextState());
    return success();
  }
  auto branch = scf::IfOp::create(b, ValueRange(state).getTypes(), scalar(op.getClasses()[0]),
                                  /*addThenBlock=*/true, /*addElseBlock=*/!state.empty());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&branch.getThenRegion().front());
  if (failed(emitBody()))
    return failure();
  scf::YieldOp::create(b, flatten(op.getNextState()));
  if (state.empty())
    return success();
  b.setInsertionPointToEnd(&branch.getElseRegion().front());
  scf::YieldOp::create(b, state);
  state = branch.getResults();
  return success();
}

LogicalResult KernelEmitter::emitSweep(tile::SweepOp op) {
  if (failed(refuseCols(op, op.getResultTypes())))
    return failure();
  copyWhereApart(op.getInitial(), op.getState());
  SmallVector<Value> carried = flatten(op.getInitial());
  LogicalResult status = success();
  SmallVector<Value> final;
  if (op.getSeek().empty())
    final = b.loop(scalar(op.getFirst()), scalar(op.getEnd()), 1, carried,
                   [&](Value tile, ValueRange before) {
                     SmallVector<Value> state(before);
                     status = emitVisit(op, tile, state);
                     return failed(status) ? SmallVector<Value>(before) : state;
                   });
  else
    status = emitSeekingSweep(op, carried, final);
  if (failed(status))
    return failure();
  copyWhereApart(op.getState(), op.getResults());
  unflatten(op.getResults(), final);
  return success();
}

/// while (t = seek(next)) < end { visit t; next = t + 1 }
LogicalResult KernelEmitter::emitSeekingSweep(tile::SweepOp op, ValueRange carried,
                                              SmallVector<Value> &final) {
  // `seek` may be asked for tiles and the end; where there is nothing to visit, the first one can be
  // anything.
  Value zero = b.integer(0), end = arith::MaxSIOp::create(b, scalar(op.getEnd()), zero);
  Value first = arith::MaxSIOp::create(b, scalar(op.getFirst()), zero);
  SmallVector<Value> initial = {arith::MinSIOp::create(b, first, end)};
  llvm::append_range(initial, carried);
  SmallVector<Type> types(ValueRange(initial).getTypes());
  SmallVector<Location> locations(types.size(), b.getLoc());
  auto loop = scf::WhileOp::create(b, types, initial);
  OpBuilder::InsertionGuard guard(b);
  Block *before = b.createBlock(&loop.getBefore(), {}, types, locations);
  values[op.getSeek().getArgument(0)] = {before->getArgument(0)};
  if (failed(emitBlock(op.getSeek().front())))
    return failure();
  SmallVector<Value> found = {scalar(op.getSeek().front().getTerminator()->getOperand(0))};
  llvm::append_range(found, before->getArguments().drop_front());
  Value more = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, found.front(), end);
  scf::ConditionOp::create(b, more, found);
  Block *after = b.createBlock(&loop.getAfter(), {}, types, locations);
  Value tile = after->getArgument(0);
  SmallVector<Value> state(after->getArguments().drop_front());
  if (failed(emitVisit(op, tile, state)))
    return failure();
  state.insert(state.begin(), b.add(tile, b.integer(1)));
  b.setInsertionPointToEnd(after);
  scf::YieldOp::create(b, state);
  final = llvm::to_vector(ValueRange(loop.getResults().drop_front()));
  return success();
}

//===--- folds ---------------------------------------------------------------------------------===//

/// What the body yields for `numbers`: one, or lanes.
FailureOr<KernelEmitter::Lanes> KernelEmitter::emitFoldBody(tile::FoldOp op, Value numbers,
                                                            Shape shape) {
  Block &body = op.getBody().front();
  bool areLanes = isa<VectorType>(numbers.getType());
  values[body.getArgument(0)] = {numbers};
  for (Operation &nested : body.without_terminator())
    if (failed(areLanes ? emitScalarOp(&nested, shape) : emitOp(&nested)))
      return failure();
  Lanes yielded;
  for (Value value : body.getTerminator()->getOperands())
    yielded.push_back(areLanes ? asVectors(values.lookup(value), shape).front() : scalar(value));
  return yielded;
}

static Value joinFolded(LaneBuilder &b, tile::FoldKind kind, Value left, Value right) {
  switch (kind) {
  case tile::FoldKind::Least: return b.minimum(left, right);
  case tile::FoldKind::Greatest: return b.maximum(left, right);
  case tile::FoldKind::Union: return arith::OrIOp::create(b, left, right);
  }
  llvm_unreachable("all kinds are listed");
}

static Value joinLanes(LaneBuilder &b, tile::FoldKind kind, Value lanes) {
  if (!isa<VectorType>(lanes.getType()))
    return lanes;
  Type type = b.getI64Type();
  switch (kind) {
  case tile::FoldKind::Least: return LLVM::vector_reduce_smin::create(b, type, lanes);
  case tile::FoldKind::Greatest: return LLVM::vector_reduce_smax::create(b, type, lanes);
  case tile::FoldKind::Union: return LLVM::vector_reduce_or::create(b, type, lanes);
  }
  llvm_unreachable("all kinds are listed");
}

/// Numbers are lanes, those beyond the last are the last once more, which changes no fold; or one after
/// the other where the body has loops of its own.
LogicalResult KernelEmitter::emitFold(tile::FoldOp op) {
  bool areLanes = llvm::none_of(op.getBody().front(),
                                [](Operation &nested) { return nested.getNumRegions() > 0; });
  Shape shape = {areLanes ? b.facts.lanes : 1, 1};
  auto asLanes = [&](Value number) { return areLanes ? b.splat(number, shape.lanes) : number; };
  Lanes neutral;
  for (unsigned index = 0; index < op.getNumResults(); ++index)
    neutral.push_back(asLanes(b.integer(tile::FoldOp::getNeutral(op.getKind(index)))));
  Value last = scalar(op.getLast()), end = b.add(last, b.integer(1));
  LogicalResult status = success();
  auto joinNext = [&](Value number, ValueRange before) {
    SmallVector<Value> after(before);
    if (areLanes)
      number =
          b.minimum(b.add(asLanes(number), b.iota(b.getI64Type(), shape.lanes)), asLanes(last));
    FailureOr<Lanes> yielded = emitFoldBody(op, number, shape);
    if (failed(yielded))
      status = failure();
    else
      for (auto [index, next] : llvm::enumerate(*yielded))
        after[index] = joinFolded(b, op.getKind(index), after[index], next);
    return after;
  };
  SmallVector<Value> folded = b.loop(scalar(op.getFirst()), end, shape.lanes, neutral, joinNext);
  for (auto [index, lanes] : llvm::enumerate(folded))
    values[op->getResult(index)] = {joinLanes(b, op.getKind(index), lanes)};
  return status;
}

} // namespace attune
