// SPDX-License-Identifier: Apache-2.0
// What must hold of every op whose region is evaluated at one place?
#ifndef ATTUNE_DIALECTS_ATTN_ATTNVERIFY_H
#define ATTUNE_DIALECTS_ATTN_ATTNVERIFY_H

#include "dialects/attn/AttnOps.h"

namespace attune::attn {

/// Each operand can be read at a place of `place`: rows at its row, cols at its key.
mlir::LogicalResult verifyReadable(mlir::Operation *op, mlir::ValueRange inputs, mlir::Type place);

/// The region's arguments are of the types `leading`, then one element an operand, then the indices
/// of a place of `place`.
mlir::LogicalResult verifyArguments(mlir::Operation *op, mlir::ValueRange inputs, mlir::Type place,
                                    mlir::Block &block, mlir::TypeRange leading = {});

/// The region yields one value of type `expected`.
mlir::LogicalResult verifyYield(mlir::Operation *op, mlir::Type expected, mlir::Block &block);

/// No virtual value is captured, and nothing stands here that a region may not contain.
mlir::LogicalResult verifyContents(mlir::Block &block);

} // namespace attune::attn

#endif // ATTUNE_DIALECTS_ATTN_ATTNVERIFY_H
