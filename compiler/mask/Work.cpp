// SPDX-License-Identifier: Apache-2.0
// How much work does a mask leave?
#include "compiler/mask/PairTable.h"
#include "compiler/mask/Schedule.h"

using namespace attune;
using namespace attune::mask;

namespace {

/// Pairs of two tiles at which the formula holds; nothing where that is not known.
std::optional<int64_t> countVisible(PairTable &visible, llvm::ArrayRef<int64_t> queries,
                                    llvm::ArrayRef<int64_t> keys) {
  int64_t count = 0;
  for (int64_t query : queries)
    for (int64_t key : keys) {
      std::optional<bool> found = visible.holds(query, key);
      if (!found)
        return std::nullopt;
      count += *found;
    }
  return count;
}

} // namespace

MaskWork attune::mask::predictWork(const Schedule &schedule, const MaskFormula &mask,
                                   const RowTile::Sizes &sizes, const Environment &environment) {
  MaskWork work;
  work.visiblePairs = 0;
  int64_t rowTiles = countTiles(schedule.rows, sizes.rowTokens, sizes.rowGrid);
  int64_t columnTiles = countTiles(schedule.columns, sizes.columnTokens, sizes.columnGrid);
  if (rowTiles == 0 || columnTiles == 0)
    return work;
  PairTable visible(mask.visible, environment);
  bool isForward = schedule.direction == Direction::Forward;
  RowTile row(schedule, sizes, environment, 0);
  for (int64_t tile = 0; tile < rowTiles; ++tile) {
    row = row.sibling(tile);
    auto rows = tokensOf(schedule.rows, sizes.rowTokens, sizes.rowGrid, tile);
    int64_t visited = 0;
    for (int64_t t = row.next(row.first()); t < row.end(); t = row.next(t + 1)) {
      TileClass found = row.classify(t);
      if (found == TileClass::Empty)
        continue;
      ++visited;
      ++(found == TileClass::Full ? work.fullTiles : work.partialTiles);
      auto columns = tokensOf(schedule.columns, sizes.columnTokens, sizes.columnGrid, t);
      std::optional<int64_t> pairs = int64_t(rows.size() * columns.size());
      if (found == TileClass::Partial && work.visiblePairs)
        pairs = countVisible(visible, isForward ? rows : columns, isForward ? columns : rows);
      if (!pairs || !work.visiblePairs)
        work.visiblePairs.reset();
      else
        *work.visiblePairs += *pairs;
    }
    work.computedPairs += visited * schedule.rows.tokens * schedule.columns.tokens;
    work.emptyTiles += columnTiles - visited;
  }
  return work;
}
