// SPDX-License-Identifier: Apache-2.0
// Branches in place of selections between values that cost much.
#ifndef ATTUNE_COMPILER_TARGET_NVPTX_BRANCHARMS_H
#define ATTUNE_COMPILER_TARGET_NVPTX_BRANCHARMS_H

#include "dialects/tile/TileOps.h"

namespace attune::nvptx {

/// Computes what only one arm of a selection of the region needs where that arm is taken.
void branchOnSelections(tile::ElementsOp elements);

} // namespace attune::nvptx

#endif // ATTUNE_COMPILER_TARGET_NVPTX_BRANCHARMS_H
