// SPDX-License-Identifier: Apache-2.0
// Loops over key tiles: their copies run ahead of their products. Branches, which are uniform.
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
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

//===--- what can be copied ahead -------------------------------------------------------------===//

/// Can `value` be computed for any iteration of `loop` from its induction variable alone?
static bool isRecomputable(Value value, scf::ForOp loop) {
  if (value == loop.getInductionVar() || !loop.getRegion().isAncestor(value.getParentRegion()))
    return true;
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != loop.getBody() || op->getNumRegions() ||
      !(isMemoryEffectFree(op) || isa<tile::ReadOp>(op)))
    return false;
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    return isa<MemRefType>(operand.getType()) || isRecomputable(operand, loop);
  });
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

FailureOr<Pipeline> KernelEmitter::planPipeline(scf::ForOp loop) {
  Pipeline pipeline;
  pipeline.stages = kernel.getConfig().getStages();
  for (auto load : loop.getBody()->getOps<tile::LoadOp>()) {
    bool known = isRecomputable(load.getBatch(), loop) && isRecomputable(load.getHead(), loop) &&
                 isRecomputable(load.getFirst(), loop);
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
  return pipeline;
}

//===--- copies ahead -------------------------------------------------------------------------===//

/// `value` of `loop`'s iteration that `mapping` gives the induction variable of.
Value KernelEmitter::recompute(Value value, scf::ForOp loop, IRMapping &mapping) {
  if (mapping.contains(value) || !loop.getRegion().isAncestor(value.getParentRegion()))
    return mapping.lookupOrDefault(value);
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    if (!isa<MemRefType>(operand.getType()))
      recompute(operand, loop, mapping);
  if (auto read = dyn_cast<tile::ReadOp>(op)) {
    SmallVector<Value> indices;
    for (Value index : read.getIndices())
      indices.push_back(mapping.lookupOrDefault(index));
    mapping.map(value, emitRead(read, indices));
  } else if (auto dim = dyn_cast<memref::DimOp>(op)) {
    mapping.map(value, toIndex(memories[dim.getSource()].sizes[*dim.getConstantIndex()]));
  } else {
    builder.clone(*op, mapping);
  }
  return mapping.lookup(value);
}

/// Copies tiles [first, first + count) of the iteration at `induction` into `stage` (bytes, or
/// null).
void KernelEmitter::issueStage(Pipeline &pipeline, size_t first, size_t count, Value induction,
                               Value stage) {
  for (size_t index = first; index < first + count; ++index) {
    tile::LoadOp load = pipeline.loads[index];
    auto loop = cast<scf::ForOp>(load->getParentOp());
    IRMapping mapping;
    for (Value value : {Value(load.getBatch()), Value(load.getHead()), load.getFirst()})
      mapping.map(value, recomputeFrom(value, loop, induction));
    SharedTile tile = pipeline.tiles[index];
    tile.base = stage;
    issueCopy(load, mapping, tile);
  }
}

Value KernelEmitter::recomputeFrom(Value value, scf::ForOp loop, Value induction) {
  IRMapping mapping = scalars;
  for (Operation &op : loop.getBody()->without_terminator())
    for (Value result : op.getResults())
      mapping.erase(result);
  mapping.map(loop.getInductionVar(), induction);
  return recompute(value, loop, mapping);
}

/// Issues tiles of the iteration at `induction` if the loop gets there, and closes their group.
void KernelEmitter::issueIfReached(Pipeline &pipeline, size_t count, Value induction, Value end,
                                   Value stage) {
  auto reached = scf::IfOp::create(builder, lessThan(induction, end), false);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(reached.thenBlock());
    issueStage(pipeline, 0, count, induction, stage);
  }
  commitCopies();
}

/// What must be on its way before the loop's first iteration.
void KernelEmitter::fillPipeline(Pipeline &pipeline, scf::ForOp loop) {
  if (pipeline.loads.empty())
    return;
  Value induction = lookup(loop.getLowerBound()), end = lookup(loop.getUpperBound());
  if (pipeline.stages == 1)
    return issueIfReached(pipeline, 1, induction, end, Value());
  for (int64_t stage = 0; stage < pipeline.stages - 1; ++stage) {
    issueIfReached(pipeline, pipeline.loads.size(), induction, end,
                   i32(stage * pipeline.stageBytes));
    induction = arith::AddIOp::create(builder, induction, lookup(loop.getStep()));
  }
}

/// At the top of an iteration: its tiles are there, those of a later one are sent for.
void KernelEmitter::advanceStages(Pipeline &pipeline, scf::ForOp lowered, Value read, Value write) {
  waitCopies(pipeline.stages - 2);
  barrier();
  copiesPending = false;
  Value distance = lowered.getStep();
  for (int64_t ahead = 2; ahead < pipeline.stages; ++ahead)
    distance = arith::AddIOp::create(builder, distance, lowered.getStep());
  Value induction = arith::AddIOp::create(builder, lowered.getInductionVar(), distance);
  issueIfReached(pipeline, pipeline.loads.size(), induction, lowered.getUpperBound(), write);
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
  auto loop = cast<scf::ForOp>(load->getParentOp());
  Value induction = lookup(loop.getInductionVar());
  if (index + 1 < pipeline.loads.size()) {
    issueStage(pipeline, index + 1, 1, induction, Value());
    commitCopies();
  } else {
    induction = arith::AddIOp::create(builder, induction, lookup(loop.getStep()));
    issueIfReached(pipeline, 1, induction, lookup(loop.getUpperBound()), Value());
  }
  tiles[load.getResult()].shared = pipeline.tiles[index];
}

/// Queries that the loop multiplies again and again stay in registers where there is room: they
/// save a third of what ldmatrix reads.
void KernelEmitter::keepOperandsInRegisters(scf::ForOp loop, int64_t carried,
                                            int64_t groupsInFlight) {
  constexpr int64_t others = 96; // what masks and score functions were seen to need beside tiles
  int64_t room = std::min<int64_t>(255, 65536 / threads) - others - carried;
  SmallVector<Value> operands;
  loop.walk([&](tile::DotOp dot) {
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
      waitCopies(groupsInFlight);
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

LogicalResult KernelEmitter::emitFor(scf::ForOp loop) {
  int64_t top = sharedTop;
  FailureOr<Pipeline> planned = planPipeline(loop);
  SmallVector<Value> initial;
  if (failed(planned) || failed(flatten(loop, loop.getInitArgs(), initial)))
    return failure();
  Pipeline &pipeline = *planned;
  bool pipelined = !pipeline.loads.empty(), staged = pipelined && pipeline.stages > 1;
  if (!pipelined)
    settlePendingCopies();
  fillPipeline(pipeline, loop);
  keepOperandsInRegisters(loop, initial.size(), staged ? pipeline.stages - 1 : 1);
  if (staged) { // the stage that is read, and the one that is written
    initial.push_back(i32(0));
    initial.push_back(i32((pipeline.stages - 1) * pipeline.stageBytes));
  }
  auto lowered = scf::ForOp::create(builder, lookup(loop.getLowerBound()),
                                    lookup(loop.getUpperBound()), lookup(loop.getStep()), initial);
  if (failed(emitBody(loop, lowered, pipeline)))
    return failure();
  builder.setInsertionPointAfter(lowered);
  if (sharedTop != top) { // what follows may reuse this shared memory
    waitCopies(0);
    barrier();
    copiesPending = false;
  }
  sharedTop = top;
  return bindFlat(loop, loop.getResults(), lowered.getResults());
}

LogicalResult KernelEmitter::emitBody(scf::ForOp loop, scf::ForOp lowered, Pipeline &pipeline) {
  Block *body = lowered.getBody();
  if (!body->empty())
    body->clear();
  builder.setInsertionPointToStart(body);
  scalars.map(loop.getInductionVar(), lowered.getInductionVar());
  if (failed(bindFlat(loop, loop.getRegionIterArgs(), lowered.getRegionIterArgs())))
    return failure();
  bool staged = !pipeline.loads.empty() && pipeline.stages > 1;
  Value read, write;
  if (staged) {
    read = lowered.getRegionIterArgs().drop_back().back();
    write = lowered.getRegionIterArgs().back();
    advanceStages(pipeline, lowered, read, write);
  }
  Pipeline *outerRing = ring;
  ring = pipeline.stages == 1 ? &pipeline : nullptr;
  SmallVector<Value> yielded;
  if (failed(emitBlock(*loop.getBody())) ||
      failed(flatten(loop, loop.getBody()->getTerminator()->getOperands(), yielded)))
    return failure();
  ring = outerRing;
  if (staged) {
    Value next = arith::AddIOp::create(builder, read, i32(pipeline.stageBytes));
    Value wraps = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, next,
                                        i32(pipeline.stages * pipeline.stageBytes));
    yielded.push_back(arith::SelectOp::create(builder, wraps, i32(0), next));
    yielded.push_back(read);
  }
  scf::YieldOp::create(builder, yielded);
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
