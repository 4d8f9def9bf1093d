// SPDX-License-Identifier: Apache-2.0
// Which tiles does a loop copy ahead of their use, and where do they go?
#ifndef ATTUNE_COMPILER_TARGET_NVPTX_PIPELINE_H
#define ATTUNE_COMPILER_TARGET_NVPTX_PIPELINE_H

#include "compiler/target/nvptx/KernelEmitter.h"

namespace attune::nvptx {

/// A loop over key tiles of the tile program, and what is copied ahead for it.
struct Pipeline {
  /// The body, and its argument that says which iteration it is. The carried state are the last
  /// arguments, and all that the terminator yields.
  mlir::Block *body = nullptr;
  mlir::Value induction;
  /// In the order of the body; empty if nothing is copied ahead.
  llvm::SmallVector<tile::LoadOp> loads;
  /// Their places in the first stage.
  llvm::SmallVector<SharedTile> tiles;
  int64_t stages = 1;
  int64_t stageBytes = 0;
  /// What was allocated before the loop.
  int64_t sharedBefore = 0;
  /// Of the loop that is emitted, as `induction` counts (index, or i32): this iteration, the one
  /// after it, and what all iterations are below of.
  mlir::Value current, following, end;

  mlir::Operation *loop() const { return body->getParentOp(); }
  mlir::Block::BlockArgListType state() const {
    return body->getArguments().take_back(loop()->getNumResults());
  }
  /// Are all tiles of an iteration copied together?
  bool isStaged() const { return !loads.empty() && stages > 1; }
  /// How many iterations lie between that whose copies are sent for and that which uses its tiles.
  int64_t lead() const { return std::max<int64_t>(stages - 1, 1); }
};

/// What says where a load finds its tokens: indices; of a box, those that it is made of.
llvm::SmallVector<mlir::Value> placeOperands(tile::LoadOp load);

/// What was found of a sweep's tiles and not yet taken; all numbers are i32.
struct KernelEmitter::Scan {
  tile::SweepOp sweep;
  /// Behind the last tile.
  mlir::Value end;
  /// The first tile that was not looked at; bits of the 32 tiles before it that are still to be
  /// visited, and which of the 32 are partial.
  mlir::Value next, visit, partial;

  llvm::SmallVector<mlir::Value> state() const { return {next, visit, partial}; }
  void restore(mlir::ValueRange state) {
    next = state[0];
    visit = state[1];
    partial = state[2];
  }
};

/// The number of a tile that is visited, or something not below the end; must it be masked?
struct KernelEmitter::FoundTile {
  mlir::Value number, partial;
};

} // namespace attune::nvptx

#endif // ATTUNE_COMPILER_TARGET_NVPTX_PIPELINE_H
