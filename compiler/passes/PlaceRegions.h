// SPDX-License-Identifier: Apache-2.0
// How do passes write ops whose region is evaluated at one place?
#ifndef ATTUNE_COMPILER_PASSES_PLACEREGIONS_H
#define ATTUNE_COMPILER_PASSES_PLACEREGIONS_H

#include "dialects/attn/AttnOps.h"

namespace attune {

/// What a region yields of its arguments before the indices.
using PlaceBody = llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::ValueRange)>;

/// Fills a region that is evaluated at a place of `place`: it takes what `leading` says, then one
/// element an operand, of which `body` makes what it yields.
void createPlaceRegion(mlir::OpBuilder &builder, mlir::Location loc, mlir::Region &region,
                       mlir::TypeRange leading, mlir::ValueRange inputs, mlir::Type place,
                       PlaceBody body);

/// A map whose region is `body` of one element an operand.
mlir::Value createMap(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type type,
                      mlir::ValueRange inputs, PlaceBody body);

/// Erases what nobody uses any more.
void eraseDeadOps(mlir::Block &block);

} // namespace attune

#endif // ATTUNE_COMPILER_PASSES_PLACEREGIONS_H
