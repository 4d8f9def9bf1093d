// SPDX-License-Identifier: Apache-2.0
// What is one round of a search for the thresholds of rows, in primitives?
#ifndef ATTUNE_COMPILER_PASSES_EXPANDSOLVE_H
#define ATTUNE_COMPILER_PASSES_EXPANDSOLVE_H

#include "dialects/attn/AttnOps.h"
#include "mlir/IR/IRMapping.h"

namespace attune {

/// The thresholds of rows that are still possible: rows of f32. The sums at `high` are known to be
/// small enough, or it is the end that was given; those at `low` are not, or it is that end.
struct ThresholdInterval {
  mlir::Value low, high;
};

/// Writes one round of `solve` where `builder` stands: the sums at `probes` thresholds inside of the
/// interval, and the part of it that is left, of 1 / (probes + 1) of its length. `values` says what
/// the operands of `solve`, and what its region captures, are there; without an entry they are
/// themselves.
ThresholdInterval createSolveRound(mlir::OpBuilder &builder, attn::SolveOp solve,
                                   ThresholdInterval interval, unsigned probes,
                                   mlir::IRMapping values = {});

} // namespace attune

#endif // ATTUNE_COMPILER_PASSES_EXPANDSOLVE_H
