// SPDX-License-Identifier: Apache-2.0
#include "compiler/problem/Prediction.h"

namespace attune {

TilePair getTiles(tile::ConfigAttr config) {
  auto box = [](mlir::DenseI64ArrayAttr sizes) {
    return sizes ? llvm::SmallVector<int64_t, 3>(sizes.asArrayRef())
                 : llvm::SmallVector<int64_t, 3>();
  };
  return {{config.getQueries(), box(config.getQueryBox())},
          {config.getKeys(), box(config.getKeyBox())}};
}

llvm::StringRef spell(mask::Level level) {
  switch (level) {
  case mask::Level::All: return "all";
  case mask::Level::Ranges: return "ranges";
  case mask::Level::Test: return "test";
  case mask::Level::Pieces: return "pieces";
  }
  llvm_unreachable("no such level");
}

std::string spell(const mask::TileShape &shape) {
  if (shape.box.empty())
    return std::to_string(shape.tokens);
  std::string text;
  for (int64_t size : shape.box)
    text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text;
}

MaskSchedule scheduleMask(const SweepPlan &plan, const TilePair &tiles,
                          std::optional<mask::Level> level) {
  auto [rows, columns] = getScoreAxes(plan.graph->kernel());
  auto gridOf = [&](const mask::TileShape &shape, llvm::StringRef axis) {
    return shape.box.empty() ? mask::TokenGrid() : getGrid(plan, axis);
  };
  MaskSchedule planned;
  planned.formulas = std::make_unique<mask::FormulaBuilder>(
      *plan.graph, gridOf(tiles.queries, rows), gridOf(tiles.keys, columns));
  planned.mask = buildMask(plan, *planned.formulas);
  mask::ScheduleOptions options;
  options.rows = tiles.queries;
  options.columns = tiles.keys;
  options.level = level;
  planned.schedule = mask::buildSchedule(*planned.formulas, planned.mask, options);
  return planned;
}

mask::RowTile::Sizes getLengths(const MaskProblem &problem) {
  mask::RowTile::Sizes sizes;
  sizes.rowTokens = problem.queries();
  sizes.columnTokens = problem.keys();
  sizes.rowGrid = problem.grid(problem.queryAxis());
  sizes.columnGrid = problem.grid(problem.keyAxis());
  return sizes;
}

mask::MaskWork predictWork(const MaskSchedule &planned, const MaskProblem &problem,
                           int64_t sequence, int64_t head) {
  return mask::predictWork(planned.schedule, planned.mask, getLengths(problem),
                           problem.numbers(sequence, head));
}

mask::MaskWork predictTotalWork(const MaskSchedule &planned, const MaskProblem &problem) {
  int64_t sequences = planned.schedule.onBatch ? problem.batch() : 1;
  int64_t heads = planned.schedule.onHead ? problem.heads() : 1;
  int64_t times = problem.batch() / sequences * (problem.heads() / heads);
  mask::MaskWork total;
  total.visiblePairs = 0;
  for (int64_t sequence = 0; sequence < sequences; ++sequence)
    for (int64_t head = 0; head < heads; ++head) {
      mask::MaskWork work = predictWork(planned, problem, sequence, head);
      if (!work.visiblePairs)
        total.visiblePairs.reset();
      if (total.visiblePairs)
        *total.visiblePairs += times * *work.visiblePairs;
      total.computedPairs += times * work.computedPairs;
      total.emptyTiles += times * work.emptyTiles;
      total.partialTiles += times * work.partialTiles;
      total.fullTiles += times * work.fullTiles;
    }
  return total;
}

int64_t countComputedPairs(const mask::Schedule &schedule, const MaskProblem &problem,
                           int64_t sequence, int64_t head) {
  mask::RowTile::Sizes sizes = getLengths(problem);
  int64_t rows = mask::countTiles(schedule.rows, sizes.rowTokens, sizes.rowGrid), visited = 0;
  if (rows == 0 || sizes.columnTokens == 0)
    return 0;
  mask::RowTile row(schedule, sizes, problem.numbers(sequence, head), 0);
  for (int64_t tile = 0; tile < rows; ++tile) {
    row = row.sibling(tile);
    for (int64_t at = row.next(row.first()); at < row.end(); at = row.next(at + 1))
      visited += row.classify(at) != mask::TileClass::Empty;
  }
  return visited * schedule.rows.tokens * schedule.columns.tokens;
}

} // namespace attune
