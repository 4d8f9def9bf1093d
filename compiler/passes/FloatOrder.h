// SPDX-License-Identifier: Apache-2.0
// In which order do `select` and `list` have floats?
#ifndef ATTUNE_COMPILER_PASSES_FLOATORDER_H
#define ATTUNE_COMPILER_PASSES_FLOATORDER_H

#include "mlir/IR/Builders.h"

namespace attune {

/// An i32 in the order of the f32 `x`, or a vector of them: -0 is 0, NaN is below all.
mlir::Value createFloatOrder(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value x);

} // namespace attune

#endif // ATTUNE_COMPILER_PASSES_FLOATORDER_H
