// SPDX-License-Identifier: Apache-2.0
// What does a sweep plan compute? Runs it row by row in double: random tiles, random splits of the keys that
// are merged as monoids in random trees, eager and lazy frames.
#ifndef ATTUNE_TEST_COMPILER_ANALYSIS_PLANEXECUTOR_H
#define ATTUNE_TEST_COMPILER_ANALYSIS_PLANEXECUTOR_H

#include "compiler/analysis/Sweeps.h"
#include "test/compiler/reference/Cases.h"

namespace attune::test {

/// How a run of a plan is cut up. Nothing of it may change a result.
struct Execution {
  std::mt19937_64 *generator;
  unsigned maxTile = 5;
  unsigned maxRanges = 6;
  /// A frame that need not be exact keeps its origin until a tile exceeds it by this much.
  double slack = 0;
};

/// The results of a plan: batch x heads x queries [x value size].
std::vector<Tensor> execute(const SweepPlan &plan, llvm::ArrayRef<Argument> arguments,
                            const Execution &execution);

} // namespace attune::test

#endif // ATTUNE_TEST_COMPILER_ANALYSIS_PLANEXECUTOR_H
