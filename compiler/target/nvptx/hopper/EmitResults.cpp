// SPDX-License-Identifier: Apache-2.0
// Results of the warpgroups that multiply: each puts its rows into shared memory, where a tensor map finds
// them, and one thread of it sends them off. What a tensor map cannot say, boxes and 32-bit numbers, is
// stored by each warp as elsewhere.
#include "compiler/target/nvptx/hopper/WarpgroupEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

/// Barriers 4 + g are for warpgroup g alone, barrier 7 for all that multiply; see also passTurn.
void WarpgroupEmitter::syncWarpgroup() {
  emitAsm("bar.sync $0, 128;", "r,~{memory}", {arith::AddIOp::create(builder, group, i32(4))}, 0);
}

void WarpgroupEmitter::syncMultipliers() {
  emitAsm("bar.sync 7, $0;", "r,~{memory}", {i32(128 * groups)}, 0);
}

/// A tile of queries that no one reads after `op`, and whose rows are at least as long.
bool WarpgroupEmitter::mayStageOver(const RowsPlace &rows, tile::StoreOp op,
                                    const SharedLayout &layout) {
  const SharedLayout &own = rows.tile.layout;
  if (own.segments.size() < layout.segments.size())
    return false;
  for (auto [segment, theirs] : llvm::zip(layout.segments, own.segments))
    if (segment.width != theirs.width)
      return false;
  return llvm::none_of(rows.load->getUsers(), [&](Operation *user) {
    Operation *place = op->getBlock()->findAncestorOpInBlock(*user);
    return !place || op->isBeforeInBlock(place);
  });
}

/// Rows go where the warpgroup's own queries were, if they fit; else where tiles of keys were, once
/// nobody reads those any more.
SharedTile WarpgroupEmitter::placeStaging(tile::StoreOp op, const SharedLayout &layout) {
  SharedTile staging;
  staging.layout = layout;
  for (const RowsPlace &rows : rowPlacesInMemory)
    if (mayStageOver(rows, op, layout)) {
      syncWarpgroup(); // a product of the warpgroup reads the rows of all its warps
      staging.offset = rows.tile.offset;
      return staging;
    }
  int64_t room = 0;
  for (const Ring &ring : rings)
    room += ring.stageBytes * kernel.getConfig().getStages();
  bool isLast = llvm::none_of(sweeps, [&](Traffic &traffic) {
    return op->getBlock() == traffic.sweep->getBlock() && op->isBeforeInBlock(traffic.sweep);
  });
  if (isLast && layout.bytes() <= room) {
    syncMultipliers();
    staging.offset = rings.front().offset;
    return staging;
  }
  staging.offset = allocateShared(layout.bytes());
  return staging;
}

/// Accumulators, rounded, are what stmatrix stores: four 8 x 8 blocks at once (PTX ISA, "stmatrix").
void WarpgroupEmitter::stageRows(const TileValue &tile, const SharedTile &staging, Type scalar) {
  if (scalar.getIntOrFloatBitWidth() != 16)
    return KernelEmitter::stageRows(tile, staging, scalar);
  SmallVector<Value> packed = packOperandA(tile, scalar);
  auto shape = NVVM::LdStMatrixShapeAttr::get(builder.getContext(), 8, 8);
  for (size_t step = 0; step < packed.size() / 4; ++step)
    NVVM::StMatrixOp::create(builder, matrixPointer(staging, 0, step, Operand::Queries),
                             ArrayRef(packed).slice(4 * step, 4), NVVM::MMALayout::row, shape,
                             NVVM::LdStMatrixEltType::B16);
}

void WarpgroupEmitter::storeStaged(tile::StoreOp op, const SharedTile &staging, Type scalar) {
  if (!storesTiles(op))
    return KernelEmitter::storeStaged(op, staging, scalar);
  // Copies by tensor map see what was written here only after a fence of each writer.
  NVVM::FenceProxyOp::create(
      builder, NVVM::ProxyKind::async_shared,
      NVVM::SharedSpaceAttr::get(builder.getContext(), NVVM::SharedSpace::shared_cta));
  syncWarpgroup();
  Value inGroup = arith::AndIOp::create(builder, warp, i32(3));
  Value own = arith::OrIOp::create(builder, inGroup, lane);
  auto one = scf::IfOp::create(
      builder, arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, own, i32(0)), false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(one.thenBlock());
  auto narrow = [&](Value index) -> Value {
    return arith::TruncIOp::create(builder, builder.getI32Type(), toI64(lookup(index)));
  };
  Value rows = arith::MulIOp::create(builder, group, i32(warpgroupTokens));
  Value token = arith::AddIOp::create(builder, narrow(op.getFirst()), rows);
  Value head = narrow(op.getHead()), batch = narrow(op.getBatch());
  for (const SharedLayout::Segment &segment : staging.layout.segments) {
    Value offset = arith::MulIOp::create(builder, rows, i32(2 * segment.width));
    NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp::create(
        builder, tensorMapOf(op.getTarget(), warpgroupTokens, segment.width),
        sharedPointer(offset, staging.offset + segment.offset),
        ValueRange{i32(segment.firstColumn), token, head, batch}, Value(), NVVM::TMAStoreMode::TILE,
        Value());
  }
  NVVM::CpAsyncBulkCommitGroupOp::create(builder);
  // The block's shared memory may not go before it was read.
  NVVM::CpAsyncBulkWaitGroupOp::create(builder, 0, builder.getUnitAttr());
}
