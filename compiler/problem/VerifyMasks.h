// SPDX-License-Identifier: Apache-2.0
// Is what the mask analysis claims of a kernel's tiles true? Every claim against every pair.
#ifndef ATTUNE_COMPILER_PROBLEM_VERIFYMASKS_H
#define ATTUNE_COMPILER_PROBLEM_VERIFYMASKS_H

#include "compiler/mask/Schedule.h"
#include "compiler/problem/Problem.h"
#include "llvm/Support/raw_ostream.h"

namespace attune {

/// What `--verify-masks` was told: names and values, read for one kernel by parseVerifyOptions.
struct VerifyOptions {
  ProblemSizes given;
  /// Tokens a tile: queries, keys.
  std::vector<std::pair<int64_t, int64_t>> tiles = {{128, 128}, {64, 64}, {128, 64}};
  int64_t problems = 4, seed = 1;
};

/// Reads "q=300,k=1000,w=64,doc=doc.npy,tiles=128x128:64x64,problems=4,seed=1,batch=2,heads=2" for
/// `kernel`: names of scalar operands, of axes, and files for tensors. Fails with a sentence.
llvm::Expected<VerifyOptions> parseVerifyOptions(attn::KernelOp kernel, llvm::StringRef text);

/// Verifies every mask of a kernel of primitives, in both directions, for all tiles and, where both
/// axes have grids, for boxes; prints a line a mask, and a counterexample of each kind of wrong claim.
/// Returns how many masks have a wrong claim; fails with a sentence where sizes do not fit.
llvm::Expected<unsigned> verifyMasks(const SweepPlan &plan, const VerifyOptions &options,
                                     llvm::raw_ostream &stream);

} // namespace attune

#endif // ATTUNE_COMPILER_PROBLEM_VERIFYMASKS_H
