// SPDX-License-Identifier: Apache-2.0
// What does a kernel demand of the sizes and scalars that it is launched with?
#ifndef ATTUNE_COMPILER_CONDITIONS_H
#define ATTUNE_COMPILER_CONDITIONS_H

#include "dialects/attn/AttnOps.h"
#include "runtime/bundle/Bundle.h"

namespace attune {

/// Adds to `info`, which describes the operands and results of `kernel`, the checks and conditions
/// of its `axis` and `assume` ops, and that divisors made of scalar operands are above 0. `kernel`
/// consists of primitives: no helper is called. Fails, having emitted why, at an `axis` or `assume`
/// that no launch can evaluate; a divisor that is none for a launch is left to the kernel.
mlir::LogicalResult describeConditions(attn::KernelOp kernel, bundle::KernelInfo &info);

/// The same for what is about scalars alone: all but the `axis` ops.
mlir::LogicalResult describeScalarConditions(attn::KernelOp kernel, bundle::KernelInfo &info);

/// `expression` as people write it, with the names of `info`: "w * 2 + 1 < size q".
std::string renderExpression(const bundle::Expression &expression, const bundle::KernelInfo &info);

} // namespace attune

#endif // ATTUNE_COMPILER_CONDITIONS_H
