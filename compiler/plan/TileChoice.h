// SPDX-License-Identifier: Apache-2.0
// Which tile sizes, threads and stages does a kernel get on a target, and does a choice fit?
#ifndef ATTUNE_COMPILER_PLAN_TILECHOICE_H
#define ATTUNE_COMPILER_PLAN_TILECHOICE_H

#include "compiler/plan/KernelShape.h"

namespace attune {

/// Why no choice of tiles can run the kernel on the target; empty if some can.
std::string checkShape(const Target &target, const KernelShape &shape);

/// The target's own choice.
tile::ConfigAttr chooseTiles(mlir::MLIRContext *context, const Target &target,
                             const KernelShape &shape);

/// The choice for a kernel of tokens (`attn.tokens`): so many of them a block.
tile::ConfigAttr chooseTokens(mlir::MLIRContext *context, const Target &target);

/// The choice for a kernel whose rows walk lists of keys (`attn.gathered`): tiles are the packed heads of one
/// query, `shape.packedHeads` of them.
tile::ConfigAttr chooseGathered(mlir::MLIRContext *context, const Target &target,
                                const KernelShape &shape);

/// Why the choice cannot be used, what was expected and what to change; empty if it can.
std::string checkTiles(tile::ConfigAttr config, const Target &target, const KernelShape &shape);

/// `config` with the fields that `text` names: "queries=64,key_box=8x8". On an error the message is
/// returned in `error` and the result is null.
tile::ConfigAttr overrideTiles(tile::ConfigAttr config, llvm::StringRef text, std::string &error);

} // namespace attune

#endif // ATTUNE_COMPILER_PLAN_TILECHOICE_H
