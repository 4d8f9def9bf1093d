// SPDX-License-Identifier: Apache-2.0
// May a tile of queries hold rows of several heads that read the same keys?
#ifndef ATTUNE_COMPILER_PLAN_PACKEDHEADS_H
#define ATTUNE_COMPILER_PLAN_PACKEDHEADS_H

#include "compiler/analysis/Sweeps.h"
#include "compiler/plan/KernelShape.h"

namespace attune {

/// Why the heads of no tile can be packed, whatever its size; empty if they can.
std::string findPackingObstacle(const SweepPlan &plan);

/// Why the config's packed heads cannot be; empty if they can, or there are none.
std::string checkPackedHeads(tile::ConfigAttr config, const KernelShape &shape);

} // namespace attune

#endif // ATTUNE_COMPILER_PLAN_PACKEDHEADS_H
