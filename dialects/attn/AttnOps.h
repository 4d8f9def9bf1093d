// SPDX-License-Identifier: Apache-2.0
// What are the ops of the attn language?
#ifndef ATTUNE_DIALECTS_ATTN_ATTNOPS_H
#define ATTUNE_DIALECTS_ATTN_ATTNOPS_H

#include "dialects/attn/AttnDialect.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/IntegerSet.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_OP_CLASSES
#include "dialects/attn/AttnOps.h.inc"

namespace attune::attn {

/// May `op` stand in a region (or in a helper function that a region calls)?
bool isAllowedInRegion(mlir::Operation *op);

/// Why `isAllowedInRegion` is false of `op`, and what to write instead.
std::string describeRefusal(mlir::Operation *op);

} // namespace attune::attn

#endif // ATTUNE_DIALECTS_ATTN_ATTNOPS_H
