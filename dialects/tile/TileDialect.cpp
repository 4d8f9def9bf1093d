// SPDX-License-Identifier: Apache-2.0
// Registration of the tile dialect, and facts about its types.
#include "dialects/tile/TileDialect.h"

#include "dialects/tile/TileOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attune::tile;

#include "dialects/tile/TileDialect.cpp.inc"
#include "dialects/tile/TileEnums.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/tile/TileTypes.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/tile/TileAttributes.cpp.inc"

void TileDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/tile/TileTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/tile/TileAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/tile/TileOps.cpp.inc"
      >();
}

Type attune::tile::getElementType(Type tile) {
  return TypeSwitch<Type, Type>(tile)
      .Case<RowsType, PartialType, ColsType, MatrixType>([](auto t) { return t.getElementType(); })
      .Default([](Type) { return Type(); });
}

Type attune::tile::getScalarType(Type tile) { return getElementTypeOrSelf(getElementType(tile)); }

int64_t attune::tile::getComponents(Type tile) {
  auto vector = dyn_cast<VectorType>(getElementType(tile));
  return vector ? vector.getNumElements() : 1;
}
