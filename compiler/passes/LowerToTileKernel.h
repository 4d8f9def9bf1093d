// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: which arguments does the tile kernel of a kernel have?
#ifndef ATTUNE_COMPILER_PASSES_LOWERTOTILEKERNEL_H
#define ATTUNE_COMPILER_PASSES_LOWERTOTILEKERNEL_H

#include "dialects/attn/AttnOps.h"
#include "dialects/tile/TileOps.h"

namespace attune {

/// A tile kernel with an empty body in front of `source`: the operands of `source`, the workspace of what
/// its masks know of tiles (null: none), and its results. Without results the workspace is the only one.
tile::KernelOp createTileKernel(attn::KernelOp source, llvm::StringRef name,
                                tile::ConfigAttr config, mlir::Type workspace, bool hasResults);

/// The program of a kernel of tokens (`attn.tokens`), which replaces it: each component of each token by
/// itself. Fails, having emitted why, where a map of vectors is none of components.
mlir::LogicalResult lowerTokens(attn::KernelOp source, tile::ConfigAttr config);

} // namespace attune

#endif // ATTUNE_COMPILER_PASSES_LOWERTOTILEKERNEL_H
