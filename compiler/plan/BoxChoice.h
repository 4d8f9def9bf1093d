// SPDX-License-Identifier: Apache-2.0
// Should tiles be boxes of the tokens' grid?
#ifndef ATTUNE_COMPILER_PLAN_BOXCHOICE_H
#define ATTUNE_COMPILER_PLAN_BOXCHOICE_H

#include "compiler/plan/TileChoice.h"

namespace attune {

/// `config` with boxes of as many queries and keys, where the masks of `plan` leave noticeably fewer
/// pairs to compute with them, on a battery of canvases; else `config`.
tile::ConfigAttr chooseBoxes(tile::ConfigAttr config, const SweepPlan &plan,
                             const KernelShape &shape);

} // namespace attune

#endif // ATTUNE_COMPILER_PLAN_BOXCHOICE_H
