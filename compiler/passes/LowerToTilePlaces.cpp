// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: which tokens does a tile have?
#include "compiler/passes/LowerToTilePlaces.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attune;

static Value constantIndex(OpBuilder &builder, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}

/// The last coordinates of the tile, whether they exist or not: unlike those behind it, they are
/// below 2^31.
static Value lastOf(OpBuilder &builder, Location loc, Value first, int64_t size) {
  return builder.createOrFold<arith::AddIOp>(loc, first, constantIndex(builder, loc, size - 1));
}

TilePlace::Values TilePlace::last(OpBuilder &builder, Location loc) const {
  Values ends;
  for (auto [origin, size, extent] : llvm::zip(first, sizes, extents)) {
    Value last = lastOf(builder, loc, origin, size);
    Value greatest =
        builder.createOrFold<arith::SubIOp>(loc, extent, constantIndex(builder, loc, 1));
    ends.push_back(builder.createOrFold<arith::MinSIOp>(loc, last, greatest));
  }
  return ends;
}

Value TilePlace::reachesOut(OpBuilder &builder, Location loc) const {
  Value any;
  for (auto [origin, size, extent] : llvm::zip(first, sizes, extents)) {
    Value last = lastOf(builder, loc, origin, size);
    Value out = builder.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::sge, last, extent);
    any = any ? builder.createOrFold<arith::OrIOp>(loc, any, out) : out;
  }
  return any;
}

TilePlace TileGrid::at(OpBuilder &builder, Location loc, Value tile) const {
  TilePlace result;
  result.sizes = sizes;
  result.extents = extents;
  if (!isBox) {
    result.place =
        builder.createOrFold<arith::MulIOp>(loc, tile, constantIndex(builder, loc, sizes[0]));
    result.first = {result.place};
    return result;
  }
  // Tiles are fewer than tokens, which are below 2^31; short divisions are cheaper.
  Type narrow = builder.getI32Type(), index = builder.getIndexType();
  Value rest = arith::IndexCastOp::create(builder, loc, narrow, tile);
  result.first.resize(sizes.size());
  for (size_t dim = sizes.size(); dim-- > 0;) {
    Value size = constantIndex(builder, loc, sizes[dim]), own = rest;
    if (dim > 0) {
      Value count = arith::CeilDivUIOp::create(builder, loc, extents[dim], size);
      count = arith::IndexCastOp::create(builder, loc, narrow, count);
      own = arith::RemUIOp::create(builder, loc, rest, count);
      rest = arith::DivUIOp::create(builder, loc, rest, count);
    }
    // No bound of it, but one of what is known of it: all places of the box are below 2^31.
    int64_t greatest = ((int64_t(1) << 31) - sizes[dim]) / sizes[dim];
    own = arith::MinUIOp::create(builder, loc, own,
                                 arith::ConstantIntOp::create(builder, loc, greatest, 32));
    Value wide = arith::IndexCastOp::create(builder, loc, index, own);
    result.first[dim] = arith::MulIOp::create(builder, loc, wide, size);
  }
  result.place = tile::BoxOp::create(builder, loc, tile::BoxType::get(builder.getContext(), sizes),
                                     result.first, result.extents);
  return result;
}

TilePlace::Values attune::unravelPlace(OpBuilder &builder, Location loc, const TilePlace &tile,
                                       Value number) {
  TilePlace::Values coordinates(tile.sizes.size());
  for (size_t dim = tile.sizes.size(); dim-- > 0;) {
    Value own = number;
    if (dim > 0) {
      Value size = constantIndex(builder, loc, tile.sizes[dim]);
      own = arith::RemUIOp::create(builder, loc, number, size);
      number = arith::DivUIOp::create(builder, loc, number, size);
    }
    coordinates[dim] = arith::AddIOp::create(builder, loc, tile.first[dim], own);
  }
  return coordinates;
}

Value attune::isInside(OpBuilder &builder, Location loc, ValueRange coordinates,
                       ValueRange extents) {
  Value all;
  for (auto [coordinate, extent] : llvm::zip(coordinates, extents)) {
    Value inside =
        arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, coordinate, extent);
    all = all ? Value(arith::AndIOp::create(builder, loc, all, inside)) : inside;
  }
  return all;
}

Value attune::tokenAt(OpBuilder &builder, Location loc, ValueRange coordinates,
                      ValueRange extents) {
  Value token = coordinates.front();
  for (size_t dim = 1; dim < coordinates.size(); ++dim) {
    token = arith::MulIOp::create(builder, loc, token, extents[dim]);
    token = arith::AddIOp::create(builder, loc, token, coordinates[dim]);
  }
  return token;
}
