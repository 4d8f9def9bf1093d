// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: which tokens does a tile have? Consecutive ones, or a box of a grid of tokens.
#ifndef ATTUNE_COMPILER_PASSES_LOWERTOTILEPLACES_H
#define ATTUNE_COMPILER_PASSES_LOWERTOTILEPLACES_H

#include "dialects/tile/TileOps.h"
#include "mlir/IR/Builders.h"

namespace attune {

/// One tile: a coordinate each, outermost first; consecutive tokens have one, the token's number.
struct TilePlace {
  using Values = llvm::SmallVector<mlir::Value, 3>;

  /// What loads, stores and maps take.
  mlir::Value place;
  llvm::SmallVector<int64_t, 3> sizes;
  Values first, extents;

  bool isBox() const { return !place.getType().isIndex(); }
  /// The last coordinates of the tile that exist.
  Values last(mlir::OpBuilder &builder, mlir::Location loc) const;
  /// Does part of the tile lie behind the last token?
  mlir::Value reachesOut(mlir::OpBuilder &builder, mlir::Location loc) const;
};

/// All tiles of a side.
struct TileGrid {
  bool isBox = false;
  llvm::SmallVector<int64_t, 3> sizes;
  TilePlace::Values extents;

  /// Tile number `tile`; boxes are numbered row by row.
  TilePlace at(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value tile) const;
};

/// The coordinates of place `number` of a box, from its first ones.
TilePlace::Values unravelPlace(mlir::OpBuilder &builder, mlir::Location loc, const TilePlace &tile,
                               mlir::Value number);
/// Are the coordinates inside of the grid?
mlir::Value isInside(mlir::OpBuilder &builder, mlir::Location loc, mlir::ValueRange coordinates,
                     mlir::ValueRange extents);
/// The number of the token at `coordinates`.
mlir::Value tokenAt(mlir::OpBuilder &builder, mlir::Location loc, mlir::ValueRange coordinates,
                    mlir::ValueRange extents);

} // namespace attune

#endif // ATTUNE_COMPILER_PASSES_LOWERTOTILEPLACES_H
