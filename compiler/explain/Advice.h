// SPDX-License-Identifier: Apache-2.0
// Which other tiles, or which nearby scalar, would leave a kernel less to compute?
#ifndef ATTUNE_COMPILER_EXPLAIN_ADVICE_H
#define ATTUNE_COMPILER_EXPLAIN_ADVICE_H

#include "compiler/plan/TileChoice.h"
#include "compiler/problem/Prediction.h"

namespace attune {

/// What advice is about.
struct AdviceScene {
  const SweepPlan &plan;
  const Target &target;
  tile::ConfigAttr config;
  const ProblemSizes &sizes;
  const MaskProblem &problem;
  const MaskSchedule &planned;
  mask::MaskWork work;
};

/// Sentences, each with the share of computed pairs that would be saved, 5 % at least; none where
/// nothing nearby is better. Looks at a sample of tiles, and gives up looking where that takes long.
std::vector<std::string> advise(const AdviceScene &scene);

} // namespace attune

#endif // ATTUNE_COMPILER_EXPLAIN_ADVICE_H
