// SPDX-License-Identifier: Apache-2.0
// The tile dialect, its types, enums and attributes.
#ifndef ATTUNE_DIALECTS_TILE_TILEDIALECT_H
#define ATTUNE_DIALECTS_TILE_TILEDIALECT_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"

#include "dialects/tile/TileDialect.h.inc"
#include "dialects/tile/TileEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/tile/TileTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/tile/TileAttributes.h.inc"

namespace attune::tile {

/// The element of a tile type (`f32`, `vector<64xbf16>`), and its scalar (`f32`, `bf16`).
mlir::Type getElementType(mlir::Type tile);
mlir::Type getScalarType(mlir::Type tile);

/// The number of components of a tile's element: 1 for a scalar, D for a vector of D.
int64_t getComponents(mlir::Type tile);

} // namespace attune::tile

#endif // ATTUNE_DIALECTS_TILE_TILEDIALECT_H
