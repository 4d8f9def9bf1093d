// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: can tiles hold what a plan computes? Asked before anything is emitted.
#ifndef ATTUNE_COMPILER_PASSES_LOWERTOTILECHECK_H
#define ATTUNE_COMPILER_PASSES_LOWERTOTILECHECK_H

#include "compiler/analysis/Sweeps.h"

namespace attune {

/// Fails, having emitted why at the op, where the plan needs what tile programs do not have yet.
mlir::LogicalResult checkLowerable(const SweepPlan &plan);

} // namespace attune

#endif // ATTUNE_COMPILER_PASSES_LOWERTOTILECHECK_H
