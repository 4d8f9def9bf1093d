// SPDX-License-Identifier: Apache-2.0
// Which tiles does a loop copy ahead of their use, and where do they go?
#ifndef ATTUNE_COMPILER_TARGET_NVPTX_PIPELINE_H
#define ATTUNE_COMPILER_TARGET_NVPTX_PIPELINE_H

#include "compiler/target/nvptx/KernelEmitter.h"

namespace attune::nvptx {

struct Pipeline {
  /// In the order of the body; empty if nothing is copied ahead.
  llvm::SmallVector<tile::LoadOp> loads;
  /// Their places in the first stage.
  llvm::SmallVector<SharedTile> tiles;
  int64_t stages = 1;
  int64_t stageBytes = 0;
};

} // namespace attune::nvptx

#endif // ATTUNE_COMPILER_TARGET_NVPTX_PIPELINE_H
