// SPDX-License-Identifier: Apache-2.0
// Sweeps: how does a block walk the key tiles that a mask leaves, and find them ahead of their use?
//
// Where all tiles are visited: a loop over tile numbers. Else, before -> after (S stages):
//   tile.sweep t0 to t1 classify {c} do {body}
//   copy the tiles of the first S - 1 numbers that take() finds
//   while first of the queue < t1 { n = take(); wait; barrier; copy the tiles of n; body; shift in n }
//
//   take(): while no bit is left and next < t1 {     one lane a tile, 32 tiles at once
//             next = seek(next); bits, partial = ballots of c(next + lane); next += 32 }
//           remove the lowest bit
// All warps do this on their own, and all find the same: nobody waits for anybody. Past the last tile
// take() gives numbers that are not below t1. `seek` is asked once in 32 tiles, as it and `classify`
// speak of the same mask: a tile that `seek` passes over holds no pair that counts.
#include "compiler/target/nvptx/Pipeline.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

LogicalResult KernelEmitter::emitSweep(tile::SweepOp sweep) {
  return sweep.visitsAll() ? emitDenseSweep(sweep) : emitSparseSweep(sweep);
}

static Pipeline pipelineOf(tile::SweepOp sweep) {
  Pipeline pipeline;
  pipeline.body = &sweep.getBody().front();
  pipeline.induction = sweep.getTile();
  return pipeline;
}

LogicalResult KernelEmitter::emitDenseSweep(tile::SweepOp sweep) {
  Pipeline pipeline = pipelineOf(sweep);
  DenseRange range{lookup(sweep.getFirst()), lookup(sweep.getEnd())};
  return emitDense(pipeline, range, sweep.getInitial(), [&]() -> LogicalResult {
    FailureOr<SmallVector<Value>> classes = evaluate(sweep.getClassify(), pipeline.current);
    if (failed(classes))
      return failure();
    scalars.map(sweep.getPartial(), (*classes)[1]);
    return success();
  });
}

//===--- finding tiles ------------------------------------------------------------------------===//

/// There are no more tiles than that: tokens are below 2^31, and each tile has one at least. A scan
/// looks at 32 more.
int64_t KernelEmitter::mostTiles() {
  constexpr int64_t tokens = (int64_t(1) << 31) - 1;
  tile::ConfigAttr config = kernel.getConfig();
  int64_t tiles = config.getKeyBox() ? tokens : llvm::divideCeil(tokens, config.getKeys());
  return std::min<int64_t>(tiles, tokens - 2 * 32);
}

/// A scan that has looked at nothing yet.
KernelEmitter::Scan KernelEmitter::startScan(tile::SweepOp sweep) {
  // Ends may be far out of range where a mask leaves nothing.
  Value zero = arith::ConstantIndexOp::create(builder, 0);
  Value most = arith::ConstantIndexOp::create(builder, mostTiles());
  Value end = arith::MinSIOp::create(builder, lookup(sweep.getEnd()), most);
  end = arith::MaxSIOp::create(builder, end, zero);
  Value first = arith::MaxSIOp::create(builder, lookup(sweep.getFirst()), zero);
  first = arith::MinSIOp::create(builder, first, end);
  Type narrow = builder.getI32Type();
  Scan scan;
  scan.sweep = sweep;
  scan.end = arith::IndexCastOp::create(builder, narrow, end);
  scan.next = arith::IndexCastOp::create(builder, narrow, first);
  scan.visit = scan.partial = i32(0);
  return scan;
}

/// The body of the loop in take(): `state` are next, visit, partial; yields the same.
LogicalResult KernelEmitter::scanWindow(Scan &scan, ValueRange state) {
  Value first = state[0];
  // Not needed, but then LLVM knows a bound too, and may divide in 32 bits.
  auto toTile = [&](Value number) {
    return toIndex(arith::MinUIOp::create(builder, number, i32(mostTiles() - 1)));
  };
  if (!scan.sweep.getSeek().empty()) {
    auto sought = evaluate(scan.sweep.getSeek(), toTile(first));
    if (failed(sought))
      return failure();
    Value bounded = arith::MinSIOp::create(builder, sought->front(), toIndex(scan.end));
    first = arith::IndexCastOp::create(builder, builder.getI32Type(), bounded);
  }
  Value number = arith::AddIOp::create(builder, first, lane);
  Type truth = builder.getI1Type();
  auto exists =
      scf::IfOp::create(builder, TypeRange{truth, truth}, lessThan(number, scan.end), true);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(exists.thenBlock());
    auto classes = evaluate(scan.sweep.getClassify(), toTile(number));
    if (failed(classes))
      return failure();
    scf::YieldOp::create(builder, *classes);
    builder.setInsertionPointToStart(exists.elseBlock());
    Value no = arith::ConstantIntOp::create(builder, truth, 0);
    scf::YieldOp::create(builder, ValueRange{no, no});
  }
  SmallVector<Value> yielded{arith::AddIOp::create(builder, first, i32(32))};
  for (Value vote : exists.getResults())
    yielded.push_back(NVVM::VoteSyncOp::create(builder, builder.getI32Type(), i32(-1), vote,
                                               NVVM::VoteSyncKind::ballot));
  scf::YieldOp::create(builder, yielded);
  return success();
}

/// Removes the first tile from `scan`.
FailureOr<KernelEmitter::FoundTile> KernelEmitter::takeTile(Scan &scan) {
  SmallVector<Type> types(3, builder.getI32Type());
  SmallVector<Location> locations(3, builder.getLoc());
  auto refill = scf::WhileOp::create(builder, types, scan.state());
  {
    OpBuilder::InsertionGuard guard(builder);
    Block *test = builder.createBlock(&refill.getBefore(), {}, types, locations);
    Value used =
        arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, test->getArgument(1), i32(0));
    Value more = lessThan(test->getArgument(0), scan.end);
    Value again = arith::AndIOp::create(builder, used, more);
    scf::ConditionOp::create(builder, again, test->getArguments());
    Block *body = builder.createBlock(&refill.getAfter(), {}, types, locations);
    if (failed(scanWindow(scan, body->getArguments())))
      return failure();
  }
  scan.next = refill.getResult(0);
  scan.partial = refill.getResult(2);
  Value bits = refill.getResult(1);
  // Where no bit is left, `next` is not below the end. (Else a branch would test for that.)
  Value none = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, bits, i32(0));
  Value place = LLVM::CountTrailingZerosOp::create(builder, bits.getType(), bits,
                                                   /*is_zero_poison=*/true);
  Value number = arith::SubIOp::create(builder, scan.next, i32(32));
  number = arith::AddIOp::create(builder, number, place);
  number = arith::SelectOp::create(builder, none, scan.next, number);
  Value rest = arith::AndIOp::create(builder, bits, arith::SubIOp::create(builder, bits, i32(1)));
  Value bit = arith::XOrIOp::create(builder, bits, rest);
  Value masked = arith::AndIOp::create(builder, scan.partial, bit);
  scan.visit = rest;
  return FoundTile{number,
                   arith::CmpIOp::create(builder, arith::CmpIPredicate::ne, masked, i32(0))};
}

//===--- the loop -----------------------------------------------------------------------------===//

/// `queue`, `count` numbers and then as many partials, without its first tile and with `found` behind
/// its last.
SmallVector<Value> KernelEmitter::shiftIn(ValueRange queue, int64_t count, const FoundTile &found) {
  SmallVector<Value> shifted(queue.slice(1, count - 1));
  shifted.push_back(found.number);
  llvm::append_range(shifted, queue.slice(count + 1, count - 1));
  shifted.push_back(found.partial);
  return shifted;
}

/// Finds the first tiles and sends for what is copied of them. `queue` becomes the numbers and
/// partials.
LogicalResult KernelEmitter::fillQueue(Pipeline &pipeline, Scan &scan,
                                       SmallVectorImpl<Value> &queue) {
  int64_t count = pipeline.lead();
  SmallVector<Value> initial(count, i32(0));
  initial.append(count, arith::ConstantIntOp::create(builder, builder.getI1Type(), 0));
  llvm::append_range(initial, scan.state());
  auto fill = scf::ForOp::create(builder, i32(0), i32(count), i32(1), initial);
  builder.setInsertionPointToStart(fill.getBody());
  ValueRange state = fill.getRegionIterArgs();
  scan.restore(state.take_back(3));
  FailureOr<FoundTile> found = takeTile(scan);
  if (failed(found))
    return failure();
  if (pipeline.isStaged())
    issueIfReached(
        pipeline, pipeline.loads.size(), found->number,
        arith::MulIOp::create(builder, fill.getInductionVar(), i32(pipeline.stageBytes)));
  else if (!pipeline.loads.empty())
    issueIfReached(pipeline, 1, found->number, Value());
  SmallVector<Value> yielded = shiftIn(state, count, *found);
  llvm::append_range(yielded, scan.state());
  scf::YieldOp::create(builder, yielded);
  builder.setInsertionPointAfter(fill);
  queue = llvm::to_vector_of<Value>(fill.getResults().take_front(2 * count));
  scan.restore(fill.getResults().take_back(3));
  return success();
}

LogicalResult KernelEmitter::emitSparseSweep(tile::SweepOp sweep) {
  Pipeline pipeline = pipelineOf(sweep);
  SmallVector<Value> flat, queue;
  if (failed(openLoop(pipeline, sweep.getInitial(), flat)))
    return failure();
  Scan scan = startScan(sweep);
  pipeline.end = scan.end;
  if (failed(fillQueue(pipeline, scan, queue)))
    return failure();
  keepOperandsInRegisters(pipeline, flat.size());
  if (pipeline.isStaged()) { // the stage that is read, and the one that is written
    flat.push_back(i32(0));
    flat.push_back(i32(pipeline.lead() * pipeline.stageBytes));
  }
  size_t stateSize = flat.size();
  llvm::append_range(flat, queue);
  llvm::append_range(flat, scan.state());
  auto types = llvm::to_vector(ValueRange(flat).getTypes());
  SmallVector<Location> locations(flat.size(), builder.getLoc());
  auto lowered = scf::WhileOp::create(builder, types, flat);
  Block *test = builder.createBlock(&lowered.getBefore(), {}, types, locations);
  scf::ConditionOp::create(builder, lessThan(test->getArgument(stateSize), scan.end),
                           test->getArguments());
  Block *body = builder.createBlock(&lowered.getAfter(), {}, types, locations);
  if (failed(emitSparseBody(pipeline, scan, body->getArguments(), stateSize)))
    return failure();
  builder.setInsertionPointAfter(lowered);
  return closeLoop(pipeline, lowered.getResults().take_front(stateSize));
}

/// An iteration: `flat` are `stateSize` values of the state, the queue, and the scan.
LogicalResult KernelEmitter::emitSparseBody(Pipeline &pipeline, Scan &scan, ValueRange flat,
                                            size_t stateSize) {
  int64_t count = pipeline.lead();
  ValueRange queue = flat.slice(stateSize, 2 * count);
  scan.restore(flat.take_back(3));
  FailureOr<FoundTile> found = takeTile(scan);
  if (failed(found))
    return failure();
  pipeline.current = queue[0];
  pipeline.following = found->number;
  scalars.map(scan.sweep.getPartial(), queue[count]);
  SmallVector<Value> yielded;
  if (failed(emitBody(pipeline, flat.take_front(stateSize), pipeline.following, yielded)))
    return failure();
  llvm::append_range(yielded, shiftIn(queue, count, *found));
  llvm::append_range(yielded, scan.state());
  scf::YieldOp::create(builder, yielded);
  return success();
}
