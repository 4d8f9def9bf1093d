// SPDX-License-Identifier: Apache-2.0
// Which tokens does a tile have, and which indices does a map get at its places? Boxes have constant
// sizes, so that places turn into coordinates by shifts and masks where sizes are powers of two.
#include "compiler/target/host/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace attune {

//===--- tokens --------------------------------------------------------------------------------===//

/// How far place `number` (a scalar or lanes) of a box is from the box's origin, a dimension each.
static SmallVector<Value, 3> unravel(LaneBuilder &b, ArrayRef<int64_t> sizes, Value number) {
  SmallVector<Value, 3> distances(sizes.size());
  Type type = number.getType();
  for (size_t dim = sizes.size(); dim-- > 1;) {
    Value size = b.constant(type, sizes[dim]);
    distances[dim] = arith::RemUIOp::create(b, number, size);
    number = arith::DivUIOp::create(b, number, size);
  }
  distances[0] = number;
  return distances;
}

static Value isBelow(LaneBuilder &b, Value left, Value right) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, left, right);
}

KernelEmitter::Tokens KernelEmitter::tokensOf(Value place, Type tile, const Memory &memory) {
  Tokens tokens;
  if (auto box = place.getDefiningOp<tile::BoxOp>()) {
    tokens = boxes.lookup(place);
    if (box.getHeads())
      tokens.headStride = memory.strides[1];
  } else {
    auto cols = dyn_cast<tile::ColsType>(tile);
    int64_t count = cols ? cols.getTokens() : cast<tile::RowsType>(tile).getTokens();
    tokens.sizes = {count};
    tokens.origin = {scalar(place)};
    tokens.grid = {memory.sizes[2]};
  }
  tokens.stride = memory.strides[2];
  return tokens;
}

/// The tokens of consecutive places are any: each is a run.
void KernelEmitter::addList(tile::LoadOp op, Tokens &tokens) {
  const Memory &list = memories[op.getList()];
  Value offset = b.integer(0);
  for (auto [dim, index] : llvm::enumerate(op.getRow()))
    offset = b.add(offset, b.multiply(scalar(index), list.strides[dim]));
  tokens.entries = b.address(list.pointer, b.getI32Type(), offset);
  tokens.entryStride = list.strides.back();
  tokens.sizes.push_back(1);
  tokens.origin.push_back(b.integer(0));
  tokens.grid = {scalar(op.getCount()), b.integer(1)};
}

/// Entry `number` of the list (a scalar or lanes), or the last one before it.
Value KernelEmitter::entryOf(const Tokens &tokens, Value number) {
  Value last = b.maximum(b.subtract(tokens.grid[0], b.integer(1)), b.integer(0));
  auto lanes = dyn_cast<VectorType>(number.getType());
  if (!lanes) {
    Value place = b.multiply(b.minimum(number, last), tokens.entryStride);
    Value entry = b.load(b.getI32Type(), b.address(tokens.entries, b.getI32Type(), place));
    return arith::ExtSIOp::create(b, b.getI64Type(), entry);
  }
  int64_t count = lanes.getNumElements();
  Value place = arith::MinSIOp::create(b, number, b.splat(last, count));
  place = b.multiply(place, b.splat(tokens.entryStride, count));
  Value all = b.constant(b.vectorOf(b.getI1Type(), count), 1);
  Value entries = b.gather(b.getI32Type(), tokens.entries, place, all);
  return arith::ExtSIOp::create(b, lanes, entries);
}

/// How many elements from the memory's first the token at `coordinates` (scalars or lanes) is.
Value KernelEmitter::offsetOf(const Tokens &tokens, ValueRange coordinates) {
  auto times = [&](Value number, Value factor) {
    if (auto lanes = dyn_cast<VectorType>(number.getType()))
      factor = b.splat(factor, lanes.getNumElements());
    return b.multiply(number, factor);
  };
  if (tokens.headStride)
    return b.add(times(coordinates[0], tokens.headStride), times(coordinates[1], tokens.stride));
  if (tokens.entries)
    return times(entryOf(tokens, coordinates.front()), tokens.stride);
  Value token = coordinates.front();
  for (size_t dim = 1; dim < coordinates.size(); ++dim)
    token = b.add(times(token, tokens.grid[dim]), coordinates[dim]);
  return times(token, tokens.stride);
}

/// Where the tile's tokens `numbers` are (offsetOf), and which of them exist.
std::pair<Value, Value> KernelEmitter::tokenLanes(const Tokens &tokens, Value numbers) {
  int64_t lanes = cast<VectorType>(numbers.getType()).getNumElements();
  SmallVector<Value, 3> coordinates = unravel(b, tokens.sizes, numbers);
  Value exists;
  for (size_t dim = 0; dim < coordinates.size(); ++dim) {
    coordinates[dim] = b.add(coordinates[dim], b.splat(tokens.origin[dim], lanes));
    Value inside = isBelow(b, coordinates[dim], b.splat(tokens.grid[dim], lanes));
    exists = exists ? Value(arith::AndIOp::create(b, exists, inside)) : inside;
  }
  return {offsetOf(tokens, coordinates), exists};
}

/// Calls `body` for each run of consecutive tokens, which has as many places as the innermost size:
/// with the number of its first place, where that place's token is (offsetOf), and how many tokens exist.
void KernelEmitter::eachRun(const Tokens &tokens,
                            llvm::function_ref<void(Value, Value, Value)> body) {
  int64_t width = tokens.sizes.back();
  Value rest = b.subtract(tokens.grid.back(), tokens.origin.back());
  Value count = b.maximum(b.minimum(rest, b.integer(width)), b.integer(0));
  ArrayRef<int64_t> outer = ArrayRef(tokens.sizes).drop_back();
  if (outer.empty())
    return body(b.integer(0), offsetOf(tokens, tokens.origin), count);
  int64_t runs = llvm::product_of(outer);
  b.loop(b.integer(0), b.integer(runs), 1, [&](Value run) {
    SmallVector<Value, 3> coordinates = unravel(b, outer, run);
    Value existing = count;
    for (size_t dim = 0; dim < outer.size(); ++dim) {
      coordinates[dim] = b.add(coordinates[dim], tokens.origin[dim]);
      Value inside = isBelow(b, coordinates[dim], tokens.grid[dim]);
      existing = arith::SelectOp::create(b, inside, existing, b.integer(0));
    }
    coordinates.push_back(tokens.origin.back());
    body(b.multiply(run, b.integer(width)), offsetOf(tokens, coordinates), existing);
  });
}

//===--- indices of maps -----------------------------------------------------------------------===//

/// Binds a row index: lanes origin, origin + 1, ... The origin is kept, so that a cast to narrower
/// integers need not go through wide lanes.
void KernelEmitter::bindRowIndex(Value argument, Value origin, Shape shape) {
  rowIndices[argument] = {origin, {}};
  Lanes lanes;
  for (int64_t vector = 0; vector < shape.vectors; ++vector) {
    Value first = b.add(origin, b.integer(vector * shape.lanes));
    lanes.push_back(b.add(b.splat(first, shape.lanes), b.iota(b.getI64Type(), shape.lanes)));
  }
  values[argument] = lanes;
}

/// Binds the indices of a map's rows, all of them at once.
void KernelEmitter::bindRowIndices(tile::MapOp op, Shape shape) {
  Value place = op.getOrigins()[0];
  if (!isa<tile::BoxType>(place.getType()))
    return bindRowIndex(op.getIndexArguments()[0], scalar(place), shape);
  Tokens tokens = boxes.lookup(place);
  int64_t below = 1;
  for (size_t dim = tokens.sizes.size(); dim-- > 0; below *= tokens.sizes[dim]) {
    Value argument = op.getIndexArguments(0)[dim];
    RowIndex &index = rowIndices[argument];
    index = {tokens.origin[dim], {}};
    Lanes lanes;
    for (int64_t vector = 0; vector < shape.vectors; ++vector) {
      SmallVector<int64_t> &places = index.places.emplace_back();
      for (int64_t lane = 0; lane < shape.lanes; ++lane)
        places.push_back((vector * shape.lanes + lane) / below % tokens.sizes[dim]);
      auto known = llvm::find(index.places, places);
      if (known - index.places.begin() < vector) {
        lanes.push_back(lanes[known - index.places.begin()]);
        continue;
      }
      Value origin = b.splat(tokens.origin[dim], shape.lanes);
      lanes.push_back(b.add(origin, b.lanes(b.getI64Type(), places)));
    }
    values[argument] = lanes;
  }
}

/// Binds the indices of places `first` ... of a map whose lanes are its places.
void KernelEmitter::bindLaneIndices(tile::MapOp op, Value first, Shape shape) {
  Value place = op.getOrigins()[0];
  if (!isa<tile::BoxType>(place.getType()))
    return bindRowIndex(op.getIndexArguments()[0], b.add(scalar(place), first), shape);
  Tokens tokens = boxes.lookup(place);
  Value numbers = b.add(b.splat(first, shape.lanes), b.iota(b.getI64Type(), shape.lanes));
  for (auto [argument, distance, origin] :
       llvm::zip(op.getIndexArguments(0), unravel(b, tokens.sizes, numbers), tokens.origin))
    values[argument] = {b.add(b.splat(origin, shape.lanes), distance)};
}

/// Binds the indices of origin `origin` at place `key`.
void KernelEmitter::bindKeyIndices(tile::MapOp op, unsigned origin, Value key) {
  Value place = op.getOrigins()[origin];
  if (!isa<tile::BoxType>(place.getType())) {
    values[op.getIndexArguments(origin)[0]] = {b.add(scalar(place), key)};
    return;
  }
  Tokens tokens = boxes.lookup(place);
  for (auto [argument, distance, start] :
       llvm::zip(op.getIndexArguments(origin), unravel(b, tokens.sizes, key), tokens.origin))
    values[argument] = {b.add(start, distance)};
}

} // namespace attune
