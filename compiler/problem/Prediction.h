// SPDX-License-Identifier: Apache-2.0
// What does a mask leave to do with tiles of a given shape?
#ifndef ATTUNE_COMPILER_PROBLEM_PREDICTION_H
#define ATTUNE_COMPILER_PROBLEM_PREDICTION_H

#include "compiler/mask/Schedule.h"
#include "compiler/problem/Problem.h"
#include "dialects/tile/TileDialect.h"

namespace attune {

/// Tiles of both sides.
struct TilePair {
  mask::TileShape queries, keys;
};

/// The tiles that a plan chose.
TilePair getTiles(tile::ConfigAttr config);

/// "ranges"
llvm::StringRef spell(mask::Level level);

/// "64", or "8 x 8" for a box.
std::string spell(const mask::TileShape &shape);

/// The mask of a plan (see buildMask) and the schedule of a loop over key tiles. Movable; the plan has to
/// live as long.
struct MaskSchedule {
  std::unique_ptr<mask::FormulaBuilder> formulas;
  mask::MaskFormula mask;
  mask::Schedule schedule;
};
/// `level`: nothing lets the analysis choose.
MaskSchedule scheduleMask(const SweepPlan &plan, const TilePair &tiles,
                          std::optional<mask::Level> level = std::nullopt);

/// The lengths of a problem, rows being queries.
mask::RowTile::Sizes getLengths(const MaskProblem &problem);

/// The work of one sequence and head.
mask::MaskWork predictWork(const MaskSchedule &planned, const MaskProblem &problem,
                           int64_t sequence = 0, int64_t head = 0);

/// The work of all sequences and heads; those that the mask does not tell apart are counted once.
mask::MaskWork predictTotalWork(const MaskSchedule &planned, const MaskProblem &problem);

/// Pairs of the tiles that one sequence and head visits: predictWork without its count of visible pairs.
int64_t countComputedPairs(const mask::Schedule &schedule, const MaskProblem &problem,
                           int64_t sequence = 0, int64_t head = 0);

} // namespace attune

#endif // ATTUNE_COMPILER_PROBLEM_PREDICTION_H
