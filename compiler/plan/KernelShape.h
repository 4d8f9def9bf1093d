// SPDX-License-Identifier: Apache-2.0
// What does a kernel hold of each tile? The demand side of the budgets that a choice of tiles has to meet.
#ifndef ATTUNE_COMPILER_PLAN_KERNELSHAPE_H
#define ATTUNE_COMPILER_PLAN_KERNELSHAPE_H

#include "compiler/target/Target.h"
#include "dialects/attn/AttnOps.h"
#include "dialects/tile/TileDialect.h"
#include "llvm/ADT/SmallVector.h"
#include <string>

namespace attune {

struct SweepPlan;

/// In numbers.
struct KernelShape {
  /// Bits of an element of the rows and cols that are multiplied.
  int64_t elementBits = 32;
  bool isFloat16 = false; // f16 or bf16: what matrix units take
  /// Components of the query vectors, one entry for each distinct rows operand.
  llvm::SmallVector<int64_t> queryWidths;
  /// Components of key and value vectors, one entry for each distinct cols operand, of the sweep that has
  /// the most.
  llvm::SmallVector<int64_t> keyWidths;
  /// Components of each carried vector.
  llvm::SmallVector<int64_t> accumulatorWidths;
  /// Matrices alive at once: scores and weights of one sweep, or the products that scores are made of.
  int64_t matrices = 1;
  /// Numbers of a row that one sweep carries, beside vectors: sums and extrema.
  int64_t sums = 0;
  /// Running values of scans, of those `matrices`.
  int64_t running = 0;
  /// Numbers of each key that maps and masks read, and those that both do: what they say of a pair is found
  /// once and kept.
  int64_t keyNumbers = 0, comparedTwice = 0;
  /// Reads of memory for each pair, in maps.
  int64_t pairReads = 0;
  /// Row values of earlier sweeps that are read at pairs.
  int64_t rowValues = 0;
  /// Ops that the maps and masks of a program run at each pair; a number of each key and a read of a
  /// table of pairs count as 8, and each integer division as 2 more.
  int64_t pairOps = 0;
  /// Does a mask leave more than one range of keys a row, divide, or compare with numbers of keys?
  /// What finds the tiles that such masks leave takes registers all along.
  bool hasScatteredKeys = false;
  /// How many sizes the grids of the axes have, 0 where tiles cannot be boxes of one.
  size_t queryGrid = 0, keyGrid = 0;
  /// How many heads a tile is to hold rows of; 0: it has one.
  int64_t packedHeads = 0;
  /// Why no tile can hold rows of several heads; empty if some can.
  std::string packingObstacle;
};

/// `kernel` is the program that was planned.
KernelShape getKernelShape(const SweepPlan &plan, attn::KernelOp kernel);

/// Shared memory that a block's tiles take, in bytes (0 on the host).
int64_t getSharedBytes(tile::ConfigAttr config, const Target &target, const KernelShape &shape);

} // namespace attune

#endif // ATTUNE_COMPILER_PLAN_KERNELSHAPE_H
