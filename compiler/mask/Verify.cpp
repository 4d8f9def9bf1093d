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

/// The tokens of each tile of a side.
using Tiles = std::vector<llvm::SmallVector<int64_t>>;
/// The same as stretches of consecutive tokens.
using Stretches = std::vector<llvm::SmallVector<Piece, 1>>;

Tiles tilesOf(const TileShape &shape, int64_t tokens, llvm::ArrayRef<int64_t> grid) {
  Tiles tiles;
  for (int64_t tile = 0, count = countTiles(shape, tokens, grid); tile < count; ++tile)
    tiles.push_back(tokensOf(shape, tokens, grid, tile));
  return tiles;
}

Stretches stretchesOf(const Tiles &tiles) {
  Stretches all(tiles.size());
  for (auto [stretches, tokens] : llvm::zip_equal(all, tiles))
    for (int64_t token : tokens) {
      if (stretches.empty() || stretches.back().last + 1 != token)
        stretches.push_back({token, token});
      stretches.back().last = token;
    }
  return all;
}

Witnesses findWitnesses(llvm::ArrayRef<int64_t> queries, llvm::ArrayRef<Piece> keys,
                        const PairBits &visible) {
  Witnesses found;
  auto look = [&](auto &witness, int64_t query, Piece stretch, bool wanted) {
    if (witness)
      return;
    if (auto key = visible.find(query, stretch.first, stretch.last, wanted))
      witness = {query, *key};
  };
  for (int64_t query : queries)
    for (Piece stretch : keys) {
      look(found.visible, query, stretch, true);
      look(found.hidden, query, stretch, false);
      if (found.visible && found.hidden)
        return found;
    }
  return found;
}

} // namespace

Verification attune::mask::verifySchedule(const Schedule &schedule, const RowTile::Sizes &sizes,
                                          const Environment &environment, const PairBits &visible) {
  Verification result;
  Tiles rows = tilesOf(schedule.rows, sizes.rowTokens, sizes.rowGrid);
  Tiles columns = tilesOf(schedule.columns, sizes.columnTokens, sizes.columnGrid);
  if (rows.empty() || columns.empty())
    return result;
  bool isForward = schedule.direction == Direction::Forward;
  Stretches keys = stretchesOf(isForward ? columns : rows);
  RowTile row(schedule, sizes, environment, 0);
  for (int64_t tile = 0; tile < int64_t(rows.size()); ++tile) {
    row = row.sibling(tile);
    int64_t next = row.next(row.first());
    for (int64_t t = 0; t < int64_t(columns.size()); ++t) {
      // What the kernel does not visit it takes for empty.
      TileClass claim = TileClass::Empty;
      if (t == next && t < row.end()) {
        claim = row.classify(t);
        next = row.next(t + 1);
      }
      Witnesses found = findWitnesses(isForward ? rows[size_t(tile)] : columns[size_t(t)],
                                      keys[size_t(isForward ? t : tile)], visible);
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
