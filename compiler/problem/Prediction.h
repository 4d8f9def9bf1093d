// SPDX-License-Identifier: Apache-2.0
// What does a mask leave to do with tiles of a given shape?
#ifndef ATTUNE_COMPILER_PROBLEM_PREDICTION_H
#define ATTUNE_COMPILER_PROBLEM_PREDICTION_H

#include "compiler/mask/PairTable.h"
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

/// Can a pass before the kernel summarise what a mask reads of each tile of keys? A launch has to know
/// how many tiles there are: of boxes where the sizes of the grid are operands.
bool canSummarise(const SweepPlan &plan, llvm::StringRef keyAxis, const mask::TileShape &keys);

/// The mask of a plan (see buildMask) and the schedule of a loop over key tiles. Movable; the plan has to
/// live as long.
struct MaskSchedule {
  std::vector<Domain> domains;
  std::unique_ptr<mask::FormulaBuilder> formulas;
  mask::MaskFormula mask;
  mask::Schedule schedule;
  /// See canSummarise.
  bool allowSummaries = true;
};
/// Without a schedule yet.
MaskSchedule readMask(const SweepPlan &plan, const TilePair &tiles);
/// `level`: nothing lets the analysis choose.
MaskSchedule scheduleMask(const SweepPlan &plan, const TilePair &tiles,
                          std::optional<mask::Level> level = std::nullopt);
/// The schedule of other tiles, that are boxes where those were for which `planned` was made.
void rescheduleMask(MaskSchedule &planned, const TilePair &tiles, std::optional<mask::Level> level);

/// The lengths of a problem, rows being queries.
mask::RowTile::Sizes getLengths(const MaskProblem &problem);

/// Is a pair visible in some mask? By the formula, or, where that does not know, by the predicates
/// themselves; nothing where a number is missing, or the predicates depend on scores.
class PairTester {
public:
  PairTester(const MaskSchedule &planned, const MaskNumbers &numbers);
  std::optional<bool> operator()(int64_t query, int64_t key);
  /// How many keys a query sees.
  std::optional<int64_t> count(int64_t query);

private:
  const std::vector<bool> *row(int64_t query);

  const MaskSchedule &planned;
  const MaskNumbers &numbers;
  /// Null where the formula does not know.
  std::shared_ptr<mask::PairTable> formula;
  int64_t rowQuery = -1;
  std::vector<bool> visible;
};

/// The work of one sequence and head. Where the formula does not know, visible pairs of up to 4
/// million are counted one by one.
mask::MaskWork predictWork(const MaskSchedule &planned, const MaskProblem &problem,
                           int64_t sequence = 0, int64_t head = 0);

/// The work of all sequences and heads; those that the mask does not tell apart are counted once.
mask::MaskWork predictTotalWork(const MaskSchedule &planned, const MaskProblem &problem);

/// Pairs of the tiles that the first sequence and head visits, as far as `mostRows` row tiles, evenly
/// spread, tell.
struct PairEstimate {
  double computedPairs = 0;
  /// Pairs of tiles that were looked at: what the estimate cost.
  int64_t effort = 0;
};
PairEstimate estimatePairs(const mask::ScheduleCode &code, const MaskProblem &problem,
                           int64_t mostRows);

} // namespace attune

#endif // ATTUNE_COMPILER_PROBLEM_PREDICTION_H
