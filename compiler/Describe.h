// SPDX-License-Identifier: Apache-2.0
// What does the bundle's manifest say of a kernel: operands, results, launch parameters?
#ifndef ATTUNE_COMPILER_DESCRIBE_H
#define ATTUNE_COMPILER_DESCRIBE_H

#include "dialects/attn/AttnOps.h"
#include "dialects/tile/TileOps.h"
#include "runtime/bundle/Bundle.h"

namespace attune {

/// Operands and results of `kernel`, without what it demands of them (see Conditions.h) and without
/// variants. Fails, having emitted why, at a type that no bundle can carry.
mlir::FailureOr<bundle::KernelInfo> describeKernel(attn::KernelOp kernel);

/// Grid and parameters of a variant of `info` with the code of `kernel`; the other fields are left.
mlir::FailureOr<bundle::Variant> describeLaunch(tile::KernelOp kernel,
                                                const bundle::KernelInfo &info);

} // namespace attune

#endif // ATTUNE_COMPILER_DESCRIBE_H
