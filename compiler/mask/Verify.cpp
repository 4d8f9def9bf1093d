// SPDX-License-Identifier: Apache-2.0
// Is every claim of a schedule right? Against the mask itself, pair by pair.
#include "compiler/mask/Schedule.h"

using namespace attune;
using namespace attune::mask;

namespace {

/// The first visible and the first hidden pair of two tiles.
struct Witnesses {
  std::optional<std::pair<int64_t, int64_t>> visible, hidden;
};

Witnesses findWitnesses(llvm::ArrayRef<int64_t> queries, llvm::ArrayRef<int64_t> keys,
                        llvm::function_ref<bool(int64_t query, int64_t key)> isVisible) {
  Witnesses found;
  for (int64_t query : queries)
    for (int64_t key : keys) {
      auto &witness = isVisible(query, key) ? found.visible : found.hidden;
      if (!witness)
        witness = {query, key};
      if (found.visible && found.hidden)
        return found;
    }
  return found;
}

} // namespace

Verification
attune::mask::verifySchedule(const Schedule &schedule, const RowTile::Sizes &sizes,
                             const Environment &environment,
                             llvm::function_ref<bool(int64_t query, int64_t key)> visible) {
  Verification result;
  int64_t rowTiles = countTiles(schedule.rows, sizes.rowTokens, sizes.rowGrid);
  int64_t columnTiles = countTiles(schedule.columns, sizes.columnTokens, sizes.columnGrid);
  if (rowTiles == 0 || columnTiles == 0)
    return result;
  bool isForward = schedule.direction == Direction::Forward;
  RowTile row(schedule, sizes, environment, 0);
  for (int64_t tile = 0; tile < rowTiles; ++tile) {
    row = row.sibling(tile);
    auto rows = tokensOf(schedule.rows, sizes.rowTokens, sizes.rowGrid, tile);
    int64_t next = row.next(row.first());
    for (int64_t t = 0; t < columnTiles; ++t) {
      // What the kernel does not visit it takes for empty.
      TileClass claim = TileClass::Empty;
      if (t == next && t < row.end()) {
        claim = row.classify(t);
        next = row.next(t + 1);
      }
      auto columns = tokensOf(schedule.columns, sizes.columnTokens, sizes.columnGrid, t);
      Witnesses found =
          findWitnesses(isForward ? rows : columns, isForward ? columns : rows, visible);
      TileClass best = !found.visible  ? TileClass::Empty
                       : !found.hidden ? TileClass::Full
                                       : TileClass::Partial;
      ++result.tiles;
      ++(claim == TileClass::Empty  ? result.emptyTiles
         : claim == TileClass::Full ? result.fullTiles
                                    : result.partialTiles);
      result.tight += claim == best;
      result.bestEmptyTiles += best == TileClass::Empty;
      result.bestPartialTiles += best == TileClass::Partial;
      auto &witness = claim == TileClass::Empty ? found.visible : found.hidden;
      if (claim != TileClass::Partial && witness)
        result.contradictions.push_back({tile, t, claim, witness->first, witness->second});
    }
  }
  return result;
}
