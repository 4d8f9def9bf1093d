// SPDX-License-Identifier: Apache-2.0
// Which expression of the manifest computes a scalar of a kernel?
#ifndef ATTUNE_COMPILER_SCALAREXPRESSIONS_H
#define ATTUNE_COMPILER_SCALAREXPRESSIONS_H

#include "dialects/attn/AttnOps.h"
#include "runtime/bundle/Manifest.h"

namespace attune {

/// The expression of `value`, an integer computed from scalar operands of the kernel that `info`
/// describes, or of its tile kernel. Fails, having emitted why, where no launch can evaluate it; `user` asks for it.
mlir::FailureOr<bundle::Expression> translateScalar(mlir::Operation *user, mlir::Value value,
                                                    const bundle::KernelInfo &info);

/// The same for a value in a region that need not be one; null, and no message, where it is none.
std::optional<bundle::Expression> findExpression(mlir::Value value, const bundle::KernelInfo &info);
/// The same for a part of `map` applied to `operands`.
std::optional<bundle::Expression> findExpression(mlir::AffineExpr expression, mlir::AffineMap map,
                                                 mlir::ValueRange operands,
                                                 const bundle::KernelInfo &info);

/// Says at `op` that an expression has more parts than a launch evaluates.
mlir::InFlightDiagnostic emitTooLarge(mlir::Operation *op);

} // namespace attune

#endif // ATTUNE_COMPILER_SCALAREXPRESSIONS_H
