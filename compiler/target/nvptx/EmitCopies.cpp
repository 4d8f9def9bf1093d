// SPDX-License-Identifier: Apache-2.0
// Tokens from global memory: vectors by cp.async into shared memory, scalars straight into
// registers. What is beyond the end of the tokens becomes zero and is not read.
#include "compiler/target/nvptx/Pipeline.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

LogicalResult KernelEmitter::emitLoad(tile::LoadOp op) {
  if (ring && llvm::is_contained(ring->loads, op)) {
    advanceRing(op);
    return success();
  }
  if (tiles.count(op.getResult()))
    return success(); // copied ahead by the loop's pipeline
  if (!isa<VectorType>(tile::getElementType(op.getResult().getType())))
    return emitScalarLoad(op);
  FailureOr<SharedTile> tile = allocateTokens(op);
  if (failed(tile))
    return failure();
  // A loop may come here again while other warps still read what the last time brought.
  bool again = op->getParentOp() != kernel;
  if (again)
    barrier();
  issueCopy(op, scalars, *tile);
  commitCopies();
  copiesPending = true;
  if (again)
    settlePendingCopies();
  tiles[op.getResult()].shared = *tile;
  return success();
}

FailureOr<SharedTile> KernelEmitter::allocateTokens(tile::LoadOp op) {
  Type type = op.getResult().getType(), scalar = tile::getScalarType(type);
  int64_t components = tile::getComponents(type);
  if (!scalar.isF16() && !scalar.isBF16())
    return op.emitOpError() << "expected tokens of f16 or bf16 for the nvptx target, but got "
                            << scalar << "; convert them, or compile for the host";
  if (components % 16)
    return op.emitOpError() << "expected a multiple of 16 components a token for the nvptx target, "
                               "but got "
                            << components;
  auto cols = dyn_cast<tile::ColsType>(type);
  int64_t tokens = cols ? cols.getTokens() : cast<tile::RowsType>(type).getTokens();
  if (tokens % 16)
    return op.emitOpError()
           << "expected a multiple of 16 tokens a tile for the nvptx target, but got " << tokens;
  SharedTile tile;
  tile.layout = SharedLayout(tokens, components);
  tile.offset = allocateShared(tile.layout.bytes());
  tile.scalar = scalar;
  return tile;
}

/// The address of the tile's first token, for a batch and head; of token 0 where a list names the tokens.
Value KernelEmitter::tokenPointer(const MemRefValue &memory, Value batch, Value head,
                                  const TileTokens &tokens, Type scalar) {
  Value offset = arith::MulIOp::create(builder, toI64(batch), memory.strides[0]);
  Value heads = arith::MulIOp::create(builder, toI64(head), memory.strides[1]);
  Value start =
      globalPointer(memory.pointer, arith::AddIOp::create(builder, offset, heads), scalar);
  if (tokens.entries)
    return start;
  return globalPointer(start, elementsAt(tokens, tokens.origin, memory.strides[2]), scalar);
}

void KernelEmitter::issueCopy(tile::LoadOp op, IRMapping &indices, const SharedTile &tile) {
  const MemRefValue &memory = memories.find(op.getSource())->second;
  TileTokens tokens = tokensOf(op, memory, indices);
  Value source = tokenPointer(memory, indices.lookupOrDefault(op.getBatch()),
                              indices.lookupOrDefault(op.getHead()), tokens, tile.scalar);
  for (const SharedLayout::Segment &segment : tile.layout.segments)
    copySegment(segment, tile, source, memory.strides[2], tokens, tile.scalar);
}

/// Is the place `token` + `done`, for each token < step and each multiple of `step`, in each dimension
/// as far as both of them together?
static bool splitsEvenly(ArrayRef<int64_t> sizes, int64_t step) {
  int64_t below = 1;
  for (size_t dim = sizes.size(); dim-- > 1; below *= sizes[dim])
    if (step < below * sizes[dim])
      return step % below == 0 && sizes[dim] % (step / below) == 0;
  return step % below == 0;
}

/// All threads copy the chunks of one segment: consecutive threads consecutive chunks of a token.
void KernelEmitter::copySegment(const SharedLayout::Segment &segment, const SharedTile &tile,
                                Value source, Value tokenStride, const TileTokens &tokens,
                                Type scalar) {
  int64_t chunks = segment.width / 8, tokensAtOnce = threads / chunks;
  bool even = splitsEvenly(tokens.sizes, tokensAtOnce);
  Value chunk = arith::AndIOp::create(builder, thread, i32(chunks - 1));
  Value token = arith::ShRUIOp::create(builder, thread, i32(llvm::Log2_64(chunks)));
  Value column = arith::ExtUIOp::create(builder, builder.getI64Type(),
                                        arith::MulIOp::create(builder, chunk, i32(8)));
  Value place;
  int64_t placeOf = 0;
  for (int64_t done = 0; done < tile.layout.tokens; done += tokensAtOnce) {
    // The swizzle repeats every 8 tokens: then a constant leads to the next place.
    if (!place || tokensAtOnce % 8) {
      place = chunkPlace(segment, arith::AddIOp::create(builder, token, i32(done)), chunk);
      if (tile.base)
        place = arith::AddIOp::create(builder, place, tile.base);
      placeOf = done;
    }
    BoxPlace inBox = boxPlace(tokens.sizes, token, done, even);
    auto [own, ahead] = elementsTo(tokens, inBox, tokenStride);
    own = arith::AddIOp::create(builder, own, column);
    ahead = arith::AddIOp::create(builder, ahead, i64(segment.firstColumn));
    Value from = globalPointer(globalPointer(source, ahead, scalar), own, scalar);
    Value bytes = arith::SelectOp::create(builder, exists(tokens, inBox), i32(16), i32(0));
    OpBuilder::InsertionGuard guard(builder);
    if (done + tokensAtOnce > tile.layout.tokens) {
      auto some =
          scf::IfOp::create(builder, lessThan(token, i32(tile.layout.tokens - done)), false);
      builder.setInsertionPointToStart(some.thenBlock());
    }
    int64_t offset = tile.offset + segment.offset + (done - placeOf) * 2 * segment.width;
    NVVM::CpAsyncOp::create(builder, sharedPointer(place, offset), from, 16,
                            NVVM::LoadCacheModifierKind::CG, bytes);
  }
}

/// Bytes from the segment's start to chunk `chunk` of `token`.
Value KernelEmitter::chunkPlace(const SharedLayout::Segment &segment, Value token, Value chunk) {
  int64_t divisor = SharedLayout::swizzleDivisor(segment.width);
  Value swizzle = arith::ShRUIOp::create(builder, token, i32(llvm::Log2_64(divisor)));
  swizzle =
      arith::AndIOp::create(builder, swizzle, i32(SharedLayout::swizzleModulus(segment.width) - 1));
  Value place = arith::XOrIOp::create(builder, chunk, swizzle);
  place = arith::MulIOp::create(builder, place, i32(16));
  return arith::AddIOp::create(builder, place,
                               arith::MulIOp::create(builder, token, i32(2 * segment.width)));
}

void KernelEmitter::commitCopies() { NVVM::CpAsyncCommitGroupOp::create(builder); }

void KernelEmitter::waitCopies(int64_t pending) {
  NVVM::CpAsyncWaitGroupOp::create(builder, pending);
}

void KernelEmitter::barrier() { NVVM::BarrierOp::create(builder); }

/// Makes all copies that were committed so far visible to the whole block.
void KernelEmitter::settlePendingCopies() {
  if (!copiesPending)
    return;
  waitCopies(0);
  barrier();
  copiesPending = false;
}

/// A load that happens only under `condition`; zero otherwise.
Value KernelEmitter::guardedLoad(Value condition, Value pointer, Type scalar) {
  Type stored = scalar.isInteger(1) ? builder.getI8Type() : scalar;
  if (scalar.isIndex())
    stored = builder.getI64Type();
  auto branch = scf::IfOp::create(builder, TypeRange(stored), condition, true);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(branch.thenBlock());
    auto load = LLVM::LoadOp::create(builder, stored, pointer);
    load.setInvariant(true); // operands do not change while a kernel runs
    scf::YieldOp::create(builder, load.getResult());
    builder.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(builder, zero(stored));
  }
  Value value = branch.getResult(0);
  if (scalar.isInteger(1))
    return arith::CmpIOp::create(builder, arith::CmpIPredicate::ne, value, zero(stored));
  return scalar.isIndex() ? toIndex(value) : value;
}

/// One number a token: each lane reads those that it needs.
LogicalResult KernelEmitter::emitScalarLoad(tile::LoadOp op) {
  Type type = op.getResult().getType(), scalar = tile::getScalarType(type);
  const MemRefValue &memory = memories.find(op.getSource())->second;
  FailureOr<std::pair<int64_t, int64_t>> share = shareOf(op, type);
  if (failed(share))
    return failure();
  TileTokens tokens = tokensOf(op, memory, scalars);
  Value source = tokenPointer(memory, lookup(op.getBatch()), lookup(op.getHead()), tokens, scalar);
  TileValue tile;
  tile.columns = share->second;
  auto isCols = isa<tile::ColsType>(type);
  auto loadEach = [&] {
    SmallVector<Value> elements;
    for (int64_t slot = 0; slot < share->first * share->second; ++slot) {
      // One address a lane; the way from there to its other places is the same for all lanes.
      BoxPlace place =
          isCols ? columnBoxPlace(tokens.sizes, slot) : rowBoxPlace(tokens.sizes, slot);
      auto [own, ahead] = elementsTo(tokens, place, memory.strides[2]);
      Value pointer = globalPointer(globalPointer(source, own, scalar), ahead, scalar);
      elements.push_back(guardedLoad(exists(tokens, place), pointer, scalar));
    }
    return elements;
  };
  if (isCols && tokens.sizes.size() == 1 && !tokens.entries && scalar.isIntOrFloat() &&
      scalar.getIntOrFloatBitWidth() >= 8)
    tile.elements = loadPairsOr(loadEach, memory, tokens, source, scalar, share->second);
  else
    tile.elements = loadEach();
  tiles[op.getResult()] = tile;
  return success();
}

/// A lane's columns come in pairs. Where all tokens exist and lie side by side, from an address that a
/// pair may be read from, no load is guarded and each brings two; else what `loadEach` emits is done.
SmallVector<Value> KernelEmitter::loadPairsOr(llvm::function_ref<SmallVector<Value>()> loadEach,
                                              const MemRefValue &memory, const TileTokens &tokens,
                                              Value source, Type scalar, int64_t count) {
  int64_t bytes = scalar.getIntOrFloatBitWidth() / 8;
  Value left = arith::SubIOp::create(builder, tokens.grid[0], tokens.origin[0]);
  Value whole =
      arith::CmpIOp::create(builder, arith::CmpIPredicate::sge, left, i64(tokens.sizes[0]));
  Value close = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, memory.strides[2], i64(1));
  Value address = LLVM::PtrToIntOp::create(builder, builder.getI64Type(), source);
  Value odd = arith::AndIOp::create(builder, address, i64(2 * bytes - 1));
  Value aligned = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, odd, i64(0));
  Value both =
      arith::AndIOp::create(builder, arith::AndIOp::create(builder, whole, close), aligned);
  auto branch =
      scf::IfOp::create(builder, SmallVector<Type>(count, scalar), both, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(builder, loadEach());
  builder.setInsertionPointToStart(branch.thenBlock());
  Value first = globalPointer(
      source, arith::ExtUIOp::create(builder, builder.getI64Type(), laneColumn), scalar);
  SmallVector<Value> elements;
  for (int64_t slot = 0; slot < count; slot += 2) {
    Value pointer = globalPointer(first, i64(columnDistance(slot)), scalar);
    auto pair = LLVM::LoadOp::create(builder, VectorType::get(2, scalar), pointer, 2 * bytes);
    pair.setInvariant(true); // operands do not change while a kernel runs
    for (int64_t half = 0; half < 2; ++half)
      elements.push_back(LLVM::ExtractElementOp::create(builder, pair, i32(half)));
  }
  scf::YieldOp::create(builder, elements);
  return SmallVector<Value>(branch.getResults());
}
