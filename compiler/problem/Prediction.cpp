// SPDX-License-Identifier: Apache-2.0
#include "compiler/problem/Prediction.h"

namespace attune {

TilePair getTiles(tile::ConfigAttr config) {
  auto box = [](mlir::DenseI64ArrayAttr sizes) {
    return sizes ? llvm::SmallVector<int64_t, 3>(sizes.asArrayRef())
                 : llvm::SmallVector<int64_t, 3>();
  };
  // What a mask leaves is the same for all heads that are packed.
  int64_t heads = std::max<int64_t>(1, config.getPackedHeads());
  return {{config.getQueries() / heads, box(config.getQueryBox())},
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

bool canSummarise(const SweepPlan &plan, llvm::StringRef keyAxis, const mask::TileShape &keys) {
  auto grid = getGridOperands(plan.graph->kernel(), keyAxis);
  return keys.box.empty() || (grid && grid->size() == keys.box.size());
}

MaskSchedule readMask(const SweepPlan &plan, const TilePair &tiles) {
  auto [rows, columns] = getScoreAxes(plan.graph->kernel());
  MaskSchedule planned;
  planned.formulas = std::make_unique<mask::FormulaBuilder>(
      *plan.graph, tiles.queries.box.empty() ? mask::TokenGrid() : getGrid(plan, rows),
      getKeys(plan, columns, !tiles.keys.box.empty()));
  planned.domains = getDomains(plan);
  planned.mask = buildMask(plan, *planned.formulas);
  planned.allowSummaries = canSummarise(plan, columns, tiles.keys);
  return planned;
}

MaskSchedule scheduleMask(const SweepPlan &plan, const TilePair &tiles,
                          std::optional<mask::Level> level) {
  MaskSchedule planned = readMask(plan, tiles);
  rescheduleMask(planned, tiles, level);
  return planned;
}

void rescheduleMask(MaskSchedule &planned, const TilePair &tiles,
                    std::optional<mask::Level> level) {
  mask::ScheduleOptions options;
  options.rows = tiles.queries;
  options.columns = tiles.keys;
  options.level = level;
  options.allowSummaries = planned.allowSummaries;
  planned.schedule = mask::buildSchedule(*planned.formulas, planned.mask, options);
}

mask::RowTile::Sizes getLengths(const MaskProblem &problem) {
  mask::RowTile::Sizes sizes;
  sizes.rowTokens = problem.queries();
  sizes.columnTokens = problem.keys();
  sizes.rowGrid = problem.grid(problem.queryAxis());
  sizes.columnGrid = problem.grid(problem.keyAxis());
  return sizes;
}

static bool hasUnknown(const mask::Formula &formula) {
  return formula.kind == mask::FormulaKind::Unknown || llvm::any_of(formula.parts, hasUnknown);
}

PairTester::PairTester(const MaskSchedule &planned, const MaskNumbers &numbers)
    : planned(planned), numbers(numbers) {
  if (!hasUnknown(planned.mask.visible))
    formula = std::make_shared<mask::PairTable>(planned.mask.visible, numbers);
}

const std::vector<bool> *PairTester::row(int64_t query) {
  if (query == rowQuery)
    return &visible;
  rowQuery = -1;
  visible.assign(size_t(numbers.values().place().keys), false);
  for (const Domain &domain : planned.domains) {
    for (const Node *predicate : domain)
      if (!numbers.values().row(predicate, query))
        return nullptr;
    std::vector<bool> seen = numbers.visible(domain, query, false);
    for (size_t key = 0; key < visible.size(); ++key)
      visible[key] = visible[key] || seen[key];
  }
  rowQuery = query;
  return &visible;
}

std::optional<bool> PairTester::operator()(int64_t query, int64_t key) {
  if (formula)
    return formula->holds(query, key);
  const std::vector<bool> *seen = row(query);
  return seen ? std::optional<bool>((*seen)[size_t(key)]) : std::nullopt;
}

std::optional<int64_t> PairTester::count(int64_t query) {
  const std::vector<bool> *seen = row(query);
  if (!seen)
    return std::nullopt;
  return std::count(seen->begin(), seen->end(), true);
}

static std::optional<int64_t> countVisiblePairs(const MaskSchedule &planned,
                                                const MaskNumbers &numbers) {
  constexpr int64_t most = 4 << 20;
  const ScorePlane &plane = numbers.values().place();
  if (plane.queries * plane.keys > most)
    return std::nullopt;
  PairTester tester(planned, numbers);
  int64_t count = 0;
  for (int64_t query = 0; query < plane.queries; ++query) {
    std::optional<int64_t> seen = tester.count(query);
    if (!seen)
      return std::nullopt;
    count += *seen;
  }
  return count;
}

mask::MaskWork predictWork(const MaskSchedule &planned, const MaskProblem &problem,
                           int64_t sequence, int64_t head) {
  const MaskNumbers &numbers = problem.numbers(sequence, head);
  mask::MaskWork work =
      mask::predictWork(planned.schedule, planned.mask, getLengths(problem), numbers);
  if (!work.visiblePairs)
    work.visiblePairs = countVisiblePairs(planned, numbers);
  return work;
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

PairEstimate estimatePairs(const mask::ScheduleCode &code, const MaskProblem &problem,
                           int64_t mostRows) {
  const mask::Schedule &schedule = code.schedule();
  mask::RowTile::Sizes sizes = getLengths(problem);
  PairEstimate estimate;
  int64_t rows = mask::countTiles(schedule.rows, sizes.rowTokens, sizes.rowGrid), visited = 0;
  if (rows == 0 || sizes.columnTokens == 0)
    return estimate;
  int64_t samples = std::min(rows, mostRows);
  mask::RowTile row(code, sizes, problem.numbers(0, 0), 0);
  for (int64_t sample = 0; sample < samples; ++sample) {
    row = row.sibling((2 * sample + 1) * rows / (2 * samples));
    estimate.effort += 1 + std::max<int64_t>(0, row.end() - row.first());
    for (int64_t at = row.next(row.first()); at < row.end(); at = row.next(at + 1))
      visited += row.isVisited(at);
  }
  estimate.computedPairs = double(visited) * double(rows) / double(samples) *
                           double(schedule.rows.tokens * schedule.columns.tokens);
  return estimate;
}

} // namespace attune
