// SPDX-License-Identifier: Apache-2.0
// How do kernels that evaluate a matrix again come to the same numbers?
#ifndef ATTUNE_COMPILER_PASSES_STOREDSUMS_H
#define ATTUNE_COMPILER_PASSES_STOREDSUMS_H

#include "mlir/IR/Builders.h"

namespace attune {

/// `matrix` with all sums and extrema of rows that it reads stored: kernels add up in orders of their own, and two
/// that compare, say, softmax's weights have to divide by one and the same number. `matrix` itself if it reads none.
mlir::Value createWithStoredSums(mlir::OpBuilder &builder, mlir::Value matrix);

} // namespace attune

#endif // ATTUNE_COMPILER_PASSES_STOREDSUMS_H
