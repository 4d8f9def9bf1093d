// SPDX-License-Identifier: Apache-2.0
// Which sizes does a result have?
#ifndef ATTUNE_COMPILER_DESCRIBERESULTS_H
#define ATTUNE_COMPILER_DESCRIBERESULTS_H

#include "dialects/attn/AttnOps.h"
#include "runtime/bundle/Manifest.h"

namespace attune {

/// Results that are matrices, or have fewer heads than the operands, are tables whose sizes the kernel
/// demands: adds a condition `size of the result == expression` for each dimension but those of elements.
/// `kernel` consists of primitives. Fails, having emitted why, where no launch knows a size.
mlir::LogicalResult describeResults(attn::KernelOp kernel, bundle::KernelInfo &info);

/// How many tokens the axis has.
mlir::FailureOr<bundle::Expression> describeLength(attn::KernelOp kernel, llvm::StringRef axis,
                                                   const bundle::KernelInfo &info);

/// What the batch (dimension 0) or the heads (1) of a value are the greatest of.
llvm::SmallVector<bundle::Expression>
findCounts(mlir::Value value, int64_t dimension,
           llvm::function_ref<llvm::SmallVector<bundle::Expression>(mlir::Value)> ofOperand);

/// 1 of nothing.
bundle::Expression greatestOf(llvm::ArrayRef<bundle::Expression> sizes);

} // namespace attune

#endif // ATTUNE_COMPILER_DESCRIBERESULTS_H
