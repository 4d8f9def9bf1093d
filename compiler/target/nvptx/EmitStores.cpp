// SPDX-License-Identifier: Apache-2.0
// Results to global memory: vectors through shared memory, so that each store is 16 bytes of one
// row.
#include "compiler/target/nvptx/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

LogicalResult KernelEmitter::emitStore(tile::StoreOp op) {
  FailureOr<TileValue> tile = toElements(op, op.getValue());
  auto share = shareOf(op, op.getValue().getType());
  if (failed(tile) || failed(share))
    return failure();
  Type scalar = tile::getScalarType(op.getValue().getType());
  if (!isa<VectorType>(tile::getElementType(op.getValue().getType()))) {
    storeScalars(op, *tile);
    return success();
  }
  unsigned bits = scalar.getIntOrFloatBitWidth();
  if (bits != 16 && bits != 32)
    return op.emitOpError()
           << "expected vectors of 16 or 32-bit numbers on the nvptx target, but got " << scalar;
  int64_t components = tile::getComponents(op.getValue().getType());
  SharedTile staging =
      placeStaging(op, SharedLayout(kernel.getConfig().getQueries(), components * bits / 16));
  staging.scalar = scalar;
  Value allLanes = i32(-1);
  NVVM::SyncWarpOp::create(builder, allLanes);
  stageRows(*tile, staging, scalar);
  NVVM::SyncWarpOp::create(builder, allLanes);
  storeStaged(op, staging, scalar);
  return success();
}

/// All warps must be done with what lay there before (tokens of a loop): a loop ends with a barrier.
SharedTile KernelEmitter::placeStaging(tile::StoreOp, const SharedLayout &layout) {
  SharedTile staging;
  staging.layout = layout;
  staging.offset = allocateShared(layout.bytes());
  return staging;
}

/// The address of row slot `row`, 16-bit column `column` (a multiple of 8 or of 16) + this lane's
/// two elements, in a tile whose rows are queries.
Value KernelEmitter::elementPointer(const SharedTile &tile, int64_t row, int64_t column) {
  const SharedLayout::Segment &segment = tile.layout.segmentOf(column);
  int64_t bytes = tile.scalar.getIntOrFloatBitWidth() / 8;
  Value place = rowPlace(row);
  Value swizzle = arith::ShRUIOp::create(
      builder, place, i32(llvm::Log2_64(SharedLayout::swizzleDivisor(segment.width))));
  swizzle =
      arith::AndIOp::create(builder, swizzle, i32(SharedLayout::swizzleModulus(segment.width) - 1));
  Value inRun = arith::MulIOp::create(builder, laneColumn, i32(bytes)); // below 16 or 32 bytes
  Value chunk = arith::ShRUIOp::create(builder, inRun, i32(4));
  chunk = arith::AddIOp::create(builder, chunk, i32((column - segment.firstColumn) / 8));
  chunk = arith::XOrIOp::create(builder, chunk, swizzle);
  Value offset = arith::MulIOp::create(builder, place, i32(2 * segment.width));
  offset = arith::AddIOp::create(builder, offset, arith::MulIOp::create(builder, chunk, i32(16)));
  offset = arith::AddIOp::create(builder, offset, arith::AndIOp::create(builder, inRun, i32(15)));
  if (tile.base)
    offset = arith::AddIOp::create(builder, offset, tile.base);
  return sharedPointer(offset, tile.offset + segment.offset);
}

void KernelEmitter::stageRows(const TileValue &tile, const SharedTile &staging, Type scalar) {
  int64_t wide = scalar.getIntOrFloatBitWidth() / 16;
  for (size_t index = 0; index < tile.elements.size(); index += 2) {
    int64_t row = index / tile.columns, column = index % tile.columns;
    Value low = tile.elements[index], high = tile.elements[index + 1], pair;
    if (scalar.isF16() || scalar.isBF16()) {
      pair = packPair(low, high, scalar);
    } else {
      pair = LLVM::PoisonOp::create(builder, VectorType::get(2, scalar));
      pair = LLVM::InsertElementOp::create(builder, pair, low, i32(0));
      pair = LLVM::InsertElementOp::create(builder, pair, high, i32(1));
    }
    LLVM::StoreOp::create(builder, pair, elementPointer(staging, row, 4 * column * wide));
  }
}

/// Each warp writes its own rows, 16 bytes a lane, those that exist.
void KernelEmitter::storeStaged(tile::StoreOp op, const SharedTile &staging, Type scalar) {
  const MemRefValue &memory = memories.find(op.getTarget())->second;
  TileTokens tokens = tokensOf(op.getFirst(), op.getValue().getType(), memory, scalars);
  Value target = tokenPointer(memory, lookup(op.getBatch()), lookup(op.getHead()), tokens, scalar);
  Type vector = VectorType::get(4, builder.getI32Type());
  for (const SharedLayout::Segment &segment : staging.layout.segments) {
    int64_t chunks = segment.width / 8, rowsAtOnce = 32 / chunks;
    Value chunk = arith::AndIOp::create(builder, lane, i32(chunks - 1));
    Value start = arith::ShRUIOp::create(builder, lane, i32(llvm::Log2_64(chunks)));
    start = arith::AddIOp::create(builder, start, warpRow);
    for (int64_t done = 0; done < 16 * rowBlocks; done += rowsAtOnce) {
      Value row = arith::AddIOp::create(builder, start, i32(done));
      Value place = chunkPlace(segment, row, chunk);
      Value data = LLVM::LoadOp::create(builder, vector,
                                        sharedPointer(place, staging.offset + segment.offset), 16);
      Value column = arith::MulIOp::create(builder, chunk, i32(16));
      column = arith::AddIOp::create(builder, column, i32(2 * segment.firstColumn));
      BoxPlace inBox = boxPlace(tokens.sizes, row, 0, false);
      Value own = elementsTo(tokens, inBox, memory.strides[2]).first;
      storeChunk(exists(tokens, inBox), globalPointer(target, own, scalar), column, data);
    }
  }
}

/// Stores 16 bytes at `column` (bytes) of the row at `pointer`, if it exists.
void KernelEmitter::storeChunk(Value exists, Value pointer, Value column, Value data) {
  auto some = scf::IfOp::create(builder, exists, false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(some.thenBlock());
  Value bytes = arith::ExtUIOp::create(builder, builder.getI64Type(), column);
  LLVM::StoreOp::create(builder, data, globalPointer(pointer, bytes, builder.getI8Type()), 16);
}

/// One number a row: the first lane of the quad writes it.
void KernelEmitter::storeScalars(tile::StoreOp op, const TileValue &tile) {
  const MemRefValue &memory = memories.find(op.getTarget())->second;
  Type type = op.getValue().getType(), scalar = tile::getScalarType(type);
  TileTokens tokens = tokensOf(op.getFirst(), type, memory, scalars);
  Value target = tokenPointer(memory, lookup(op.getBatch()), lookup(op.getHead()), tokens, scalar);
  Value leader = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, laneColumn, i32(0));
  for (auto [slot, element] : llvm::enumerate(tile.elements)) {
    BoxPlace place = rowBoxPlace(tokens.sizes, slot);
    Value writes = arith::AndIOp::create(builder, leader, exists(tokens, place));
    auto some = scf::IfOp::create(builder, writes, false);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(some.thenBlock());
    auto [own, ahead] = elementsTo(tokens, place, memory.strides[2]);
    Value stored = element;
    if (scalar.isInteger(1))
      stored = arith::ExtUIOp::create(builder, builder.getI8Type(), element);
    else if (scalar.isIndex())
      stored = toI64(element);
    Value pointer = globalPointer(globalPointer(target, own, scalar), ahead, scalar);
    LLVM::StoreOp::create(builder, stored, pointer);
  }
}
