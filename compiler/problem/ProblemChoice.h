// SPDX-License-Identifier: Apache-2.0
// At which sizes is a kernel tried, where the user leaves that open?
#ifndef ATTUNE_COMPILER_PROBLEM_PROBLEMCHOICE_H
#define ATTUNE_COMPILER_PROBLEM_PROBLEMCHOICE_H

#include "compiler/problem/Problem.h"

namespace attune {

/// `given`, with lengths and scalar operands drawn by `seed` where it has none: ragged, aligned,
/// short and unequal lengths, small grids, scalars from a few units to a few hundred. Draws again
/// until the kernel's conditions are met; fails with the last one that was not.
llvm::Expected<ProblemSizes> chooseSizes(const SweepPlan &plan, const ProblemSizes &given,
                                         uint64_t seed);

} // namespace attune

#endif // ATTUNE_COMPILER_PROBLEM_PROBLEMCHOICE_H
