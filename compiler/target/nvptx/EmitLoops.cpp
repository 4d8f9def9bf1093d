// SPDX-License-Identifier: Apache-2.0
// Loops over key tiles, as sweeps need them: their copies run ahead of their products. Branches,
// which are uniform.
//
// stages >= 2, before -> after (S stages, all tiles of an iteration in one stage):
//   for j { k = load K[j]; ..; v = load V[j]; .. }
//   copy K, V of iterations 0 .. S - 2, one group each
//   for j { wait until S - 2 groups are in flight; barrier;
//           copy K, V of iteration j + S - 1 into the stage that iteration j - 1 used; .. }
// The barrier says both that the copies of all threads have landed and that no warp still reads the
// stage that is overwritten next.
//
// stages = 1 and at least two tiles: each tile is copied while the tile before it is used:
//   copy K[0];  for j { wait; barrier; copy V[j]; use K ..; wait; barrier; copy K[j + 1]; use V ..
//   }
#include "compiler/target/nvptx/Pipeline.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

//===--- what can be copied ahead -------------------------------------------------------------===//

/// Can `value` be computed for any iteration from its number alone?
static bool isRecomputable(Value value, Pipeline &pipeline) {
  if (value == pipeline.induction ||
      !pipeline.body->getParent()->isAncestor(value.getParentRegion()))
    return true;
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != pipeline.body || op->getNumRegions() ||
      !(isMemoryEffectFree(op) || isa<tile::ReadOp>(op)))
    return false;
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    return isa<MemRefType>(operand.getType()) || isRecomputable(operand, pipeline);
  });
}

SmallVector<Value> attune::nvptx::placeOperands(tile::LoadOp load) {
  SmallVector<Value> values{load.getBatch(), load.getHead()};
  if (auto box = load.getFirst().getDefiningOp<tile::BoxOp>())
    llvm::append_range(values, box->getOperands());
  else
    values.push_back(load.getFirst());
  llvm::append_range(values, load.getRow());
  if (load.getCount())
    values.push_back(load.getCount());
  return values;
}

/// A ring of single tiles overwrites the first tile when the last one is reached.
static bool canRing(ArrayRef<tile::LoadOp> loads) {
  if (loads.size() < 2)
    return false;
  tile::LoadOp first = loads.front(), last = loads.back();
  return llvm::all_of(first->getUsers(), [&](Operation *user) {
    Operation *place = last->getBlock()->findAncestorOpInBlock(*user);
    return place && place->isBeforeInBlock(last);
  });
}

/// Moves a load to its first use: there its tile is waited for.
static void sinkToFirstUse(tile::LoadOp load) {
  Operation *first = load->getBlock()->getTerminator();
  for (Operation *user : load->getUsers()) {
    Operation *place = load->getBlock()->findAncestorOpInBlock(*user);
    if (place && place->isBeforeInBlock(first))
      first = place;
  }
  load->moveBefore(first);
}

LogicalResult KernelEmitter::planPipeline(Pipeline &pipeline) {
  pipeline.stages = kernel.getConfig().getStages();
  for (auto load : pipeline.body->getOps<tile::LoadOp>()) {
    bool known = llvm::all_of(placeOperands(load),
                              [&](Value value) { return isRecomputable(value, pipeline); });
    Type type = load.getResult().getType();
    if (known && isa<tile::ColsType>(type) && isa<VectorType>(tile::getElementType(type)))
      pipeline.loads.push_back(load);
  }
  if (pipeline.stages == 1) {
    for (tile::LoadOp load : pipeline.loads)
      sinkToFirstUse(load);
    llvm::sort(pipeline.loads,
               [](tile::LoadOp a, tile::LoadOp b) { return a->isBeforeInBlock(b); });
    if (!canRing(pipeline.loads))
      pipeline.loads.clear();
  }
  int64_t start = sharedTop;
  for (tile::LoadOp load : pipeline.loads) {
    FailureOr<SharedTile> tile = allocateTokens(load);
    if (failed(tile))
      return failure();
    pipeline.tiles.push_back(*tile);
  }
  pipeline.stageBytes = sharedTop - start;
  if (!pipeline.loads.empty())
    allocateShared(pipeline.stageBytes * (pipeline.stages - 1));
  return success();
}

//===--- copies ahead -------------------------------------------------------------------------===//

/// `value` of the iteration that `mapping` gives the number of.
Value KernelEmitter::recompute(Value value, Pipeline &pipeline, IRMapping &mapping) {
  if (mapping.contains(value) || !pipeline.body->getParent()->isAncestor(value.getParentRegion()))
    return mapping.lookupOrDefault(value);
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    if (!isa<MemRefType>(operand.getType()))
      recompute(operand, pipeline, mapping);
  (void)emitScalar(*op, mapping); // the body's own copy of the op reports what it refuses
  return mapping.lookupOrDefault(value);
}

Value KernelEmitter::recomputeFrom(Value value, Pipeline &pipeline, Value iteration) {
  IRMapping mapping = scalars;
  for (Operation &op : pipeline.body->without_terminator())
    for (Value result : op.getResults())
      mapping.erase(result);
  mapping.map(pipeline.induction, toIndex(iteration));
  return recompute(value, pipeline, mapping);
}

/// Copies tiles [first, first + count) of `iteration` into `stage` (bytes, or null).
void KernelEmitter::issueStage(Pipeline &pipeline, size_t first, size_t count, Value iteration,
                               Value stage) {
  for (size_t index = first; index < first + count; ++index) {
    tile::LoadOp load = pipeline.loads[index];
    IRMapping mapping;
    for (Value value : placeOperands(load))
      mapping.map(value, recomputeFrom(value, pipeline, iteration));
    SharedTile tile = pipeline.tiles[index];
    tile.base = stage;
    issueCopy(load, mapping, tile);
  }
}

/// Issues the first `count` tiles of `iteration` if the loop gets there, and closes their group.
void KernelEmitter::issueIfReached(Pipeline &pipeline, size_t count, Value iteration, Value stage) {
  auto reached = scf::IfOp::create(builder, lessThan(iteration, pipeline.end), false);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(reached.thenBlock());
    issueStage(pipeline, 0, count, iteration, stage);
  }
  commitCopies();
}

/// What must be on its way before the loop's first iteration.
void KernelEmitter::fillPipeline(Pipeline &pipeline, DenseRange range) {
  if (pipeline.loads.empty())
    return;
  if (!pipeline.isStaged())
    return issueIfReached(pipeline, 1, range.first, Value());
  Value iteration = range.first, one = arith::ConstantIndexOp::create(builder, 1);
  for (int64_t stage = 0; stage < pipeline.lead(); ++stage) {
    issueIfReached(pipeline, pipeline.loads.size(), iteration, i32(stage * pipeline.stageBytes));
    iteration = arith::AddIOp::create(builder, iteration, one);
  }
}

/// At the top of an iteration: its tiles are there, those of iteration `ahead` are sent for.
void KernelEmitter::advanceStages(Pipeline &pipeline, Value ahead, Value read, Value write) {
  waitCopies(pipeline.stages - 2);
  barrier();
  copiesPending = false;
  issueIfReached(pipeline, pipeline.loads.size(), ahead, write);
  for (auto [load, tile] : llvm::zip(pipeline.loads, pipeline.tiles)) {
    TileValue &value = tiles[load.getResult()];
    value.shared = tile;
    value.shared->base = read;
  }
}

/// At a load of a ring: its tile is there, the next one is sent for.
void KernelEmitter::advanceRing(tile::LoadOp load) {
  Pipeline &pipeline = *ring;
  size_t index = llvm::find(pipeline.loads, load) - pipeline.loads.begin();
  waitCopies(0);
  barrier();
  copiesPending = false;
  if (index + 1 < pipeline.loads.size()) {
    issueStage(pipeline, index + 1, 1, pipeline.current, Value());
    commitCopies();
  } else {
    issueIfReached(pipeline, 1, pipeline.following, Value());
  }
  tiles[load.getResult()].shared = pipeline.tiles[index];
}

/// Registers of what finds the tiles of a sweep and is the same for all.
static int64_t countScheduleRegisters(Operation *loop) {
  auto sweep = cast<tile::SweepOp>(loop);
  llvm::SetVector<Value> values;
  for (Region *region : {&sweep.getSeek(), &sweep.getClassify()})
    getUsedValuesDefinedAbove(*region, values);
  int64_t count = 0;
  for (Value value : values)
    if (!matchPattern(value, m_Constant()) && !isa<MemRefType>(value.getType()))
      count += value.getType().isInteger(1) ? 0 : value.getType().isInteger(32) ? 1 : 2;
  return count;
}

/// Queries that the loop multiplies again and again stay in registers where there is room: they
/// save a third of what ldmatrix reads.
void KernelEmitter::keepOperandsInRegisters(Pipeline &pipeline, int64_t carried) {
  // What masks and score functions were seen to need beside tiles; some masks need more.
  int64_t others = std::max<int64_t>(96, 64 + countScheduleRegisters(pipeline.loop()));
  int64_t room = std::min<int64_t>(255, 65536 / threads) - others - carried;
  SmallVector<Value> operands;
  pipeline.body->walk([&](tile::DotOp dot) {
    room -= cast<tile::MatrixType>(dot.getResult().getType()).getCols() * rowBlocks / 2;
    auto found = tiles.find(dot.getRows());
    if (found != tiles.end() && found->second.shared && found->second.operandA.empty())
      operands.push_back(dot.getRows());
  });
  for (Value operand : operands) {
    TileValue &tile = tiles[operand];
    room -= rowBlocks * tile.shared->layout.columns / 4;
    if (room < 0 || !tile.operandA.empty())
      continue;
    if (copiesPending) {
      waitCopies(pipeline.isStaged() ? pipeline.lead() : 1);
      barrier();
      copiesPending = false;
    }
    tile.operandA = loadOperandA(*tile.shared);
  }
}

//===--- loops and branches -------------------------------------------------------------------===//

LogicalResult KernelEmitter::flatten(Operation *user, ValueRange values,
                                     SmallVectorImpl<Value> &flat) {
  for (Value value : values) {
    if (value.getType().isIntOrIndexOrFloat()) {
      flat.push_back(lookup(value));
      continue;
    }
    FailureOr<TileValue> tile = toElements(user, value);
    if (failed(tile))
      return failure();
    llvm::append_range(flat, tile->elements);
  }
  return success();
}

/// The reverse of `flatten`: `flat` are the elements and scalars of `values`, in order.
LogicalResult KernelEmitter::bindFlat(Operation *user, ValueRange values, ValueRange flat) {
  for (Value value : values) {
    if (value.getType().isIntOrIndexOrFloat()) {
      scalars.map(value, flat.front());
      flat = flat.drop_front();
      continue;
    }
    auto share = shareOf(user, value.getType());
    if (failed(share))
      return failure();
    TileValue tile;
    tile.columns = share->second;
    tile.elements = llvm::to_vector(flat.take_front(share->first * share->second));
    flat = flat.drop_front(tile.elements.size());
    tiles[value] = tile;
  }
  return success();
}

/// Plans the copies of a loop. `flat` becomes its state before the first iteration.
LogicalResult KernelEmitter::openLoop(Pipeline &pipeline, ValueRange initial,
                                      SmallVectorImpl<Value> &flat) {
  pipeline.sharedBefore = sharedTop;
  if (failed(planPipeline(pipeline)) || failed(flatten(pipeline.loop(), initial, flat)))
    return failure();
  if (pipeline.loads.empty())
    settlePendingCopies();
  return success();
}

/// `flat` is the state after the last iteration.
LogicalResult KernelEmitter::closeLoop(Pipeline &pipeline, ValueRange flat) {
  if (sharedTop != pipeline.sharedBefore) { // what follows may reuse this shared memory
    waitCopies(0);
    barrier();
    copiesPending = false;
  }
  sharedTop = pipeline.sharedBefore;
  return bindFlat(pipeline.loop(), pipeline.loop()->getResults(), flat);
}

/// A loop that leaves nothing out.
LogicalResult KernelEmitter::emitDense(Pipeline &pipeline, DenseRange range, ValueRange initial,
                                       llvm::function_ref<LogicalResult()> enter) {
  SmallVector<Value> flat, yielded;
  if (failed(openLoop(pipeline, initial, flat)))
    return failure();
  pipeline.end = range.end;
  fillPipeline(pipeline, range);
  keepOperandsInRegisters(pipeline, flat.size());
  if (pipeline.isStaged()) { // the stage that is read, and the one that is written
    flat.push_back(i32(0));
    flat.push_back(i32(pipeline.lead() * pipeline.stageBytes));
  }
  Value one = arith::ConstantIndexOp::create(builder, 1);
  auto lowered = scf::ForOp::create(builder, range.first, range.end, one, flat);
  if (!lowered.getBody()->empty())
    lowered.getBody()->clear();
  builder.setInsertionPointToStart(lowered.getBody());
  pipeline.current = lowered.getInductionVar();
  pipeline.following = arith::AddIOp::create(builder, pipeline.current, one);
  Value ahead = pipeline.following;
  for (int64_t distance = 1; distance < pipeline.lead(); ++distance)
    ahead = arith::AddIOp::create(builder, ahead, one);
  if (failed(enter()) || failed(emitBody(pipeline, lowered.getRegionIterArgs(), ahead, yielded)))
    return failure();
  scf::YieldOp::create(builder, yielded);
  builder.setInsertionPointAfter(lowered);
  return closeLoop(pipeline, lowered.getResults());
}

/// The body of iteration `pipeline.current`. `flat` are the state and, where copies go in stages,
/// the stages that are read and written; `yielded` becomes the same of the next iteration.
LogicalResult KernelEmitter::emitBody(Pipeline &pipeline, ValueRange flat, Value ahead,
                                      SmallVectorImpl<Value> &yielded) {
  scalars.map(pipeline.induction, toIndex(pipeline.current));
  if (failed(bindFlat(pipeline.loop(), pipeline.state(), flat)))
    return failure();
  Value read;
  if (pipeline.isStaged()) {
    read = flat.drop_back().back();
    advanceStages(pipeline, ahead, read, flat.back());
  }
  Pipeline *outerRing = ring;
  ring = pipeline.stages == 1 ? &pipeline : nullptr;
  if (failed(emitBlock(*pipeline.body)) ||
      failed(flatten(pipeline.loop(), pipeline.body->getTerminator()->getOperands(), yielded)))
    return failure();
  ring = outerRing;
  if (pipeline.isStaged()) {
    Value next = arith::AddIOp::create(builder, read, i32(pipeline.stageBytes));
    Value wraps = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, next,
                                        i32(pipeline.stages * pipeline.stageBytes));
    yielded.push_back(arith::SelectOp::create(builder, wraps, i32(0), next));
    yielded.push_back(read);
  }
  return success();
}

LogicalResult KernelEmitter::emitIf(scf::IfOp branch) {
  settlePendingCopies();
  SmallVector<Type> types;
  for (Type type : branch.getResultTypes()) {
    if (type.isIntOrIndexOrFloat()) {
      types.push_back(type);
      continue;
    }
    auto share = shareOf(branch, type);
    if (failed(share))
      return failure();
    types.append(share->first * share->second, tile::getScalarType(type));
  }
  bool hasElse = !branch.getElseRegion().empty();
  auto lowered = scf::IfOp::create(builder, types, lookup(branch.getCondition()), hasElse);
  for (unsigned side = 0; side < (hasElse ? 2u : 1u); ++side) {
    Block &from = branch->getRegion(side).front(), &to = lowered->getRegion(side).front();
    to.clear();
    builder.setInsertionPointToStart(&to);
    SmallVector<Value> yielded;
    if (failed(emitBlock(from)) ||
        failed(flatten(branch, from.getTerminator()->getOperands(), yielded)))
      return failure();
    scf::YieldOp::create(builder, yielded);
  }
  builder.setInsertionPointAfter(lowered);
  return bindFlat(branch, branch.getResults(), lowered.getResults());
}
