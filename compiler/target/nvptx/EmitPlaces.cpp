// SPDX-License-Identifier: Apache-2.0
// Which tokens does a tile have, and where are they? Boxes have constant sizes: where those are powers
// of two, shifts and masks turn a lane's first place into coordinates once, and constants lead on.
#include "compiler/target/nvptx/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

/// `indices` gives the emitted values of the scalars that `place` is made of.
TileTokens KernelEmitter::tokensOf(Value place, Type tile, const MemRefValue &memory,
                                   IRMapping &indices) {
  TileTokens tokens;
  if (auto box = place.getDefiningOp<tile::BoxOp>()) {
    llvm::append_range(tokens.sizes, cast<tile::BoxType>(place.getType()).getSizes());
    for (Value origin : box.getOrigin())
      tokens.origin.push_back(toI64(indices.lookupOrDefault(origin)));
    for (Value size : box.getGrid())
      tokens.grid.push_back(toI64(indices.lookupOrDefault(size)));
    if (box.getHeads())
      tokens.headStride = memory.strides[1];
    return tokens;
  }
  auto cols = dyn_cast<tile::ColsType>(tile);
  tokens.sizes.push_back(cols ? cols.getTokens() : cast<tile::RowsType>(tile).getTokens());
  tokens.origin.push_back(toI64(indices.lookupOrDefault(place)));
  tokens.grid.push_back(memory.sizes[2]);
  return tokens;
}

/// Those of a load, which may take them from a list.
TileTokens KernelEmitter::tokensOf(tile::LoadOp load, const MemRefValue &memory,
                                   IRMapping &indices) {
  TileTokens tokens = tokensOf(load.getFirst(), load.getResult().getType(), memory, indices);
  if (!load.getList())
    return tokens;
  const MemRefValue &list = memories.find(load.getList())->second;
  Value offset = i64(0);
  for (auto [dim, index] : llvm::enumerate(load.getRow())) {
    Value own =
        arith::MulIOp::create(builder, toI64(indices.lookupOrDefault(index)), list.strides[dim]);
    offset = arith::AddIOp::create(builder, offset, own);
  }
  tokens.entries = globalPointer(list.pointer, offset, builder.getI32Type());
  tokens.entryStride = list.strides.back();
  tokens.grid = {toI64(indices.lookupOrDefault(load.getCount()))};
  return tokens;
}

/// How many elements from token 0 the token at `place` is that a list names: the last entry's where there
/// are fewer.
Value KernelEmitter::elementsToEntry(const TileTokens &tokens, const BoxPlace &place,
                                     Value stride) {
  Value number = arith::ExtUIOp::create(builder, builder.getI64Type(), place.lane[0]);
  number = arith::AddIOp::create(builder, number, i64(place.ahead[0]));
  number = arith::AddIOp::create(builder, number, tokens.origin[0]);
  Value last = arith::SubIOp::create(builder, tokens.grid[0], i64(1));
  number = arith::MinSIOp::create(builder, number, last);
  Value away = arith::MulIOp::create(builder, number, tokens.entryStride);
  Type type = builder.getI32Type();
  auto entry = LLVM::LoadOp::create(builder, type, globalPointer(tokens.entries, away, type));
  entry.setInvariant(true); // operands do not change while a kernel runs
  Value token = arith::ExtUIOp::create(builder, builder.getI64Type(), entry);
  return arith::MulIOp::create(builder, token, stride);
}

/// Where place `place` + `distance` is. `apart`: in each dimension it is as far as both together.
BoxPlace KernelEmitter::boxPlace(ArrayRef<int64_t> sizes, Value place, int64_t distance,
                                 bool apart) {
  if (!apart && distance)
    return boxPlace(sizes, arith::AddIOp::create(builder, place, i32(distance)), 0, true);
  BoxPlace result;
  result.lane.resize(sizes.size());
  result.ahead.resize(sizes.size());
  for (size_t dim = sizes.size(); dim-- > 1;) {
    result.lane[dim] = arith::RemUIOp::create(builder, place, i32(sizes[dim]));
    place = arith::DivUIOp::create(builder, place, i32(sizes[dim]));
    result.ahead[dim] = distance % sizes[dim];
    distance /= sizes[dim];
  }
  result.lane[0] = place;
  result.ahead[0] = distance;
  return result;
}

static bool arePowersOfTwo(ArrayRef<int64_t> sizes) {
  return llvm::all_of(sizes, [](int64_t size) { return llvm::isPowerOf2_64(size); });
}

/// A lane's first row and the distance to its other rows have no bit in common, if there is a power of
/// two of them.
BoxPlace KernelEmitter::rowBoxPlace(ArrayRef<int64_t> sizes, int64_t slot) {
  bool apart = sizes.size() == 1 || (arePowersOfTwo(sizes) && llvm::isPowerOf2_64(rowBlocks));
  return boxPlace(sizes, rowPlaces[0], 8 * slot, apart);
}

/// A lane's first column is 0, 2, 4 or 6: it and the distance to others have no bit in common.
BoxPlace KernelEmitter::columnBoxPlace(ArrayRef<int64_t> sizes, int64_t slot) {
  return boxPlace(sizes, laneColumn, columnDistance(slot),
                  sizes.size() == 1 || arePowersOfTwo(sizes));
}

/// The number of the token at `coordinates` (i64), or tokens between two that are so far apart.
Value KernelEmitter::distanceOf(const TileTokens &tokens, ValueRange coordinates) {
  Value token = coordinates.front();
  for (size_t dim = 1; dim < coordinates.size(); ++dim) {
    token = arith::MulIOp::create(builder, token, tokens.grid[dim]);
    token = arith::AddIOp::create(builder, token, coordinates[dim]);
  }
  return token;
}

/// How many elements from the memory's first the token at `coordinates` is.
Value KernelEmitter::elementsAt(const TileTokens &tokens, ValueRange coordinates, Value stride) {
  if (!tokens.headStride)
    return arith::MulIOp::create(builder, distanceOf(tokens, coordinates), stride);
  Value heads = arith::MulIOp::create(builder, coordinates[0], tokens.headStride);
  Value rows = arith::MulIOp::create(builder, coordinates[1], stride);
  return arith::AddIOp::create(builder, heads, rows);
}

std::pair<Value, Value> KernelEmitter::elementsTo(const TileTokens &tokens, const BoxPlace &place,
                                                  Value stride) {
  if (tokens.entries)
    return {elementsToEntry(tokens, place, stride), i64(0)};
  SmallVector<Value, 3> own, ahead;
  for (auto [lane, constant] : llvm::zip(place.lane, place.ahead)) {
    own.push_back(arith::ExtUIOp::create(builder, builder.getI64Type(), lane));
    ahead.push_back(i64(constant));
  }
  return {elementsAt(tokens, own, stride), elementsAt(tokens, ahead, stride)};
}

/// Is the place's token inside of the grid?
Value KernelEmitter::exists(const TileTokens &tokens, const BoxPlace &place) {
  Value result;
  for (size_t dim = 0; dim < place.lane.size(); ++dim) {
    // Lengths and tokens are below 2^31: the runtime checks the lengths.
    Value left = arith::SubIOp::create(builder, tokens.grid[dim], tokens.origin[dim]);
    left = arith::TruncIOp::create(builder, builder.getI32Type(), left);
    left = arith::SubIOp::create(builder, left, i32(place.ahead[dim]));
    Value inside = lessThan(place.lane[dim], left);
    result = result ? Value(arith::AndIOp::create(builder, result, inside)) : inside;
  }
  return result;
}
