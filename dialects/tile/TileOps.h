// SPDX-License-Identifier: Apache-2.0
// The ops of the tile dialect.
#ifndef ATTUNE_DIALECTS_TILE_TILEOPS_H
#define ATTUNE_DIALECTS_TILE_TILEOPS_H

#include "dialects/tile/TileDialect.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferIntRangeInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_OP_CLASSES
#include "dialects/tile/TileOps.h.inc"

#endif // ATTUNE_DIALECTS_TILE_TILEOPS_H
