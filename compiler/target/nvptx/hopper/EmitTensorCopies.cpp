// SPDX-License-Identifier: Apache-2.0
// The warpgroup that copies: one warp of it walks the tiles that a mask leaves, waits until a place is
// free, and sends for the tile by tensor maps. Tokens that do not exist arrive as zero.
//
//   for tile t of the sweep, the n-th {
//     for each load r { wait until ring r's place n % stages is empty;
//                       say how many bytes come, and the tile's number; copy }
//   }
// Where products overlap, what is needed only for the products that come a tile late goes a tile late.
// Numbers go with the first load's tile where the mask decides which tiles there are: the warpgroups
// that multiply read them, and stop at the number that says that there are no more.
#include "compiler/target/nvptx/hopper/WarpgroupEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

/// The generic pointer to the tensor map of `memory` for copies of so many tokens and columns.
Value WarpgroupEmitter::tensorMapOf(Value memory, int64_t tokens, int64_t columns) {
  unsigned argument = cast<BlockArgument>(memory).getArgNumber();
  for (auto &[parameter, pointer] : tensorMaps)
    if (parameter.argument == argument && parameter.tokens == tokens &&
        parameter.columns == columns)
      return pointer;
  llvm_unreachable("the signature has a map for each copy");
}

/// A copy for each run of tokens and each segment of columns. `indices` gives the emitted values of
/// the scalars that say where the tile is.
void WarpgroupEmitter::copyTile(tile::LoadOp load, const SharedLayout &layout, IRMapping &indices,
                                Value offset, int64_t constant, Value barrier) {
  const MemRefValue &memory = memories.find(load.getSource())->second;
  TileTokens tokens = tokensOf(load.getFirst(), load.getResult().getType(), memory, indices);
  auto narrow = [&](Value value) -> Value {
    return arith::TruncIOp::create(builder, builder.getI32Type(), toI64(value));
  };
  Value batch = narrow(indices.lookupOrDefault(load.getBatch()));
  Value head = narrow(indices.lookupOrDefault(load.getHead()));
  auto cluster = LLVM::LLVMPointerType::get(builder.getContext(), 7);
  auto mode = NVVM::TMALoadModeAttr::get(builder.getContext(), NVVM::TMALoadMode::TILE);
  int64_t run = getRunOfTokens(load);
  for (int64_t row = 0; row < layout.tokens; row += run) {
    // The run's first token: coordinates of the place in the box, outermost first.
    SmallVector<Value, 3> place(tokens.origin);
    int64_t rest = row;
    for (size_t dim = tokens.sizes.size(); dim-- > 0; rest /= tokens.sizes[dim])
      if (int64_t ahead = rest % tokens.sizes[dim])
        place[dim] = arith::AddIOp::create(builder, place[dim], i64(ahead));
    Value token = narrow(tokens.headStride ? place[1] : distanceOf(tokens, place));
    Value ofHead =
        tokens.headStride ? arith::AddIOp::create(builder, head, narrow(place[0])) : head;
    for (const SharedLayout::Segment &segment : layout.segments) {
      int64_t at = constant + segment.offset + row * segment.width * 2;
      Value target = LLVM::AddrSpaceCastOp::create(builder, cluster, sharedPointer(offset, at));
      NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
          builder, target, tensorMapOf(load.getSource(), run, segment.width),
          ValueRange{i32(segment.firstColumn), token, ofHead, batch}, barrier, ValueRange(),
          Value(), Value(), mode, builder.getBoolAttr(false), NVVM::CTAGroupKindAttr(), Value());
    }
  }
}

/// Says that `bytes` come, which completes the phase when they have landed.
static void expectBytes(ImplicitLocOpBuilder &builder, Value barrier, Value bytes) {
  NVVM::MBarrierArriveExpectTxOp::create(
      builder, Type(), barrier, bytes,
      NVVM::MemScopeKindAttr::get(builder.getContext(), NVVM::MemScopeKind::CTA),
      builder.getBoolAttr(false), Value());
}

void WarpgroupEmitter::copyRows(const RowsPlace &rows) {
  auto one = onFirstLane();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(one.thenBlock());
  Value barrier = sharedPointer(Value(), rows.landed);
  expectBytes(builder, barrier, i32(rows.tile.layout.bytes()));
  copyTile(rows.load, rows.tile.layout, scalars, Value(), rows.tile.offset, barrier);
}

/// The tiles of a visit, those that are needed at once or those that are needed late.
void WarpgroupEmitter::copyTiles(Traffic &traffic, const Visit &visit, bool late) {
  bool announces = !late && !traffic.sweep.visitsAll();
  for (auto [ring, load] : llvm::enumerate(traffic.pipeline.loads)) {
    if (traffic.isOnlyLate(ring) != late)
      continue;
    waitEmpty(ring, visit.index);
    IRMapping indices;
    for (Value part : placeOperands(load))
      indices.map(part, recomputeFrom(part, traffic.pipeline, visit.number));
    Value stage = stageOf(ring, visit.index);
    auto one = onFirstLane();
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(one.thenBlock());
    if (announces && ring == 0) {
      Value bit = arith::ExtUIOp::create(builder, builder.getI32Type(), visit.partial);
      bit = arith::ShLIOp::create(builder, bit, i32(31));
      Value word = arith::OrIOp::create(builder, visit.number, bit);
      Value offset = arith::MulIOp::create(builder, stage, i32(4));
      LLVM::StoreOp::create(builder, word, sharedPointer(offset, words));
    }
    Value barrier = sharedPointer(arith::MulIOp::create(builder, stage, i32(8)), rings[ring].full);
    expectBytes(builder, barrier, i32(traffic.layouts[ring].bytes()));
    Value offset = arith::MulIOp::create(builder, stage, i32(rings[ring].stageBytes));
    copyTile(load, traffic.layouts[ring], indices, offset, rings[ring].offset, barrier);
  }
}

/// In place of tile `index`: there is none.
void WarpgroupEmitter::announceEnd(Value index) {
  waitEmpty(0, index);
  Value stage = stageOf(0, index);
  auto one = onFirstLane();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(one.thenBlock());
  Value offset = arith::MulIOp::create(builder, stage, i32(4));
  LLVM::StoreOp::create(builder, i32(noMoreTiles), sharedPointer(offset, words));
  Value barrier = sharedPointer(arith::MulIOp::create(builder, stage, i32(8)), rings[0].full);
  arrive(barrier);
}

/// The late tiles of the visit before number `index`, if there is one: of tile `number`.
void WarpgroupEmitter::copyLateTiles(Traffic &traffic, Value number, Value index) {
  bool isAny = false;
  for (size_t ring = 0; ring < traffic.loads().size(); ++ring)
    isAny |= traffic.isOnlyLate(ring);
  if (!isAny)
    return;
  auto some = scf::IfOp::create(builder, lessThan(i32(0), index), false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(some.thenBlock());
  Value before = arith::SubIOp::create(builder, index, i32(1));
  copyTiles(traffic, {number, Value(), before}, true);
}

LogicalResult WarpgroupEmitter::copySweep(Traffic &traffic) {
  if (traffic.loads().empty())
    return success();
  return traffic.sweep.visitsAll() ? copyAllTiles(traffic) : copyFoundTiles(traffic);
}

LogicalResult WarpgroupEmitter::copyAllTiles(Traffic &traffic) {
  Scan scan = startScan(traffic.sweep);
  Value first = scan.next;
  Value count = arith::SubIOp::create(builder, scan.end, first);
  auto loop = scf::ForOp::create(builder, i32(0), count, i32(1));
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    Value index = loop.getInductionVar();
    Value number = arith::AddIOp::create(builder, first, index);
    copyTiles(traffic, {number, Value(), index}, false);
    copyLateTiles(traffic, arith::SubIOp::create(builder, number, i32(1)), index);
  }
  copyLateTiles(traffic, arith::SubIOp::create(builder, scan.end, i32(1)), count);
  leaveSweep(traffic, count);
  return success();
}

LogicalResult WarpgroupEmitter::copyFoundTiles(Traffic &traffic) {
  Scan scan = startScan(traffic.sweep);
  // The scan, how many tiles were found, and the last one's number.
  SmallVector<Value> state = scan.state();
  state.append({i32(0), i32(0)});
  auto types = llvm::to_vector(ValueRange(state).getTypes());
  SmallVector<Type> entered(types);
  entered.append({builder.getI32Type(), builder.getI1Type()});
  SmallVector<Location> before(types.size(), builder.getLoc()), after(entered.size(), before[0]);
  auto loop = scf::WhileOp::create(builder, entered, state);
  scans.push_back(loop);
  {
    OpBuilder::InsertionGuard guard(builder);
    Block *test = builder.createBlock(&loop.getBefore(), {}, types, before);
    scan.restore(test->getArguments());
    FailureOr<FoundTile> tile = takeTile(scan);
    if (failed(tile))
      return failure();
    SmallVector<Value> passed = scan.state();
    llvm::append_range(passed, test->getArguments().drop_front(3));
    passed.append({tile->number, tile->partial});
    scf::ConditionOp::create(builder, lessThan(tile->number, scan.end), passed);
    Block *body = builder.createBlock(&loop.getAfter(), {}, entered, after);
    Value index = body->getArgument(3), number = body->getArgument(5);
    copyTiles(traffic, {number, body->getArgument(6), index}, false);
    copyLateTiles(traffic, body->getArgument(4), index);
    SmallVector<Value> next(body->getArguments().take_front(3));
    next.append({arith::AddIOp::create(builder, index, i32(1)), number});
    scf::YieldOp::create(builder, next);
  }
  Value count = loop.getResult(3);
  copyLateTiles(traffic, loop.getResult(4), count);
  announceEnd(count);
  leaveSweep(traffic, count);
  return success();
}
