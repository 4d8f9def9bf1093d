// SPDX-License-Identifier: Apache-2.0
// Which column tiles must a row tile visit, and which of them need no mask? The answer as a program,
// with what it needs from tables, for one mask, one direction and one pair of tile shapes.
//
// Two questions about tiles, each erring only towards "may": can some pair be visible, can some pair
// be hidden? Closed-form ranges (KeyRanges: every literal inverted for a row) and the tile test
// (intervals on row-aligned pieces) each prove what they can; a tile is empty or full as soon as
// either does.
#ifndef ATTUNE_COMPILER_MASK_SCHEDULE_H
#define ATTUNE_COMPILER_MASK_SCHEDULE_H

#include "compiler/mask/PairBits.h"
#include "compiler/mask/Program.h"
#include <string>

namespace attune::mask {

/// Forward: queries own tiles and walk keys. Transposed: keys own tiles and walk queries (dK, dV).
enum class Direction { Forward, Transposed };

/// A side's tile: `tokens` consecutive tokens, or, with `box`, that many of a box of its grid
/// (row-major, outermost first; the product of the box is `tokens`).
struct TileShape {
  int64_t tokens = 0;
  llvm::SmallVector<int64_t, 3> box;
};

/// How values of many tokens become one; over none: Least 2^61, Greatest -2^61, Union 0.
/// Union: OR of 1 << (value & 63).
enum class FoldKind { Least, Greatest, Union };

/// A number of a tile: the fold of `value` over its tokens where `when` is 1. Both are functions of
/// RowToken (folds, over the rows of the tile, made by the block itself) or of ColumnToken
/// (summaries, over the columns of a tile, made for all tiles by a pass before the kernel).
struct TileFold {
  FoldKind kind = FoldKind::Least;
  Value value, when;
  /// Of a summary: what its table of results has a dimension for, beside tiles.
  bool onBatch = false, onHead = false;
};

/// Where a token range is cut so that x // divisor and x % divisor are a box on each piece: where
/// t + offset is a multiple of `divisor`. Program values of uniforms and of the First input of that
/// side, which is the first token of the range being cut.
struct Cut {
  Value divisor, offset;
};

/// A range of tokens, inclusive; empty if last < first.
struct Piece {
  int64_t first = 0, last = -1;
};
/// A range cut by one cut:
///   begin = min(first + (-(first + offset)) mod divisor, last + 1)
///   end   = max(last + 1 - (last + 1 + offset) mod divisor, begin)
///   [first, begin - 1], [begin, end - 1], [end, last]: what is left of a row, whole rows, what is
///   left of a row.
std::array<Piece, 3> cutRange(Piece range, int64_t divisor, int64_t offset);
/// By several, outermost first: each piece that is not empty is cut by the next cut, whose values are
/// taken at the piece's own first token (`values`: divisor and offset). Empty pieces are left out.
llvm::SmallVector<Piece, 9>
pieces(Piece range, unsigned cuts,
       llvm::function_ref<std::pair<int64_t, int64_t>(unsigned cut, int64_t first)> values);

/// Columns [low, high], inclusive; one pair a coordinate (one for flat tiles). Empty if low > high.
struct ColumnRange {
  llvm::SmallVector<Value, 3> low, high;
};

/// The cheapest machinery that was as sharp as the richest on the battery (mask-analysis, section 8).
enum class Level {
  All,    // no mask: everything is visible
  Ranges, // closed form alone
  Test,   // + a test of each tile in the ranges
  Pieces, // + on row-aligned pieces
};

struct Schedule {
  Direction direction = Direction::Forward;
  TileShape rows, columns;
  Program program;
  Level level = Level::Pieces;

  /// What the block computes once from its rows, and the pass before the kernel from the columns.
  std::vector<TileFold> folds, summaries;

  /// Values of inputs RowFirst, RowLast, uniforms and folds: no column outside of the visible ranges is
  /// visible to any row of the tile; every pair outside of the hidden ranges is visible.
  std::vector<ColumnRange> visible, hidden;
  /// The number of the first column tile to visit, and behind the last one (0 <= first; may cross).
  Value firstTile, endTile;
  /// Of ColumnTile: the least tile >= it that some visible range touches; null where that is itself.
  Value seek;

  /// Where `seek` is not null the tiles that it yields are touched.
  /// May the column tile [ColumnFirst, ColumnLast] of the row tile [RowFirst, RowLast] hold a visible
  /// (hidden) pair, as far as ranges tell? Constant true where they tell nothing beyond first and end.
  Value touched, blemished;
  /// The same as far as the tile test tells, on the tile or on any piece of it; null below Level::Test.
  Value mayVisible, mayHidden;
  /// Outermost first; at most two a side; only at Level::Pieces.
  std::vector<Cut> rowCuts, columnCuts;

  /// Does it depend on the batch, the head?
  bool onBatch = false, onHead = false;
  /// Why this level, in words, for --explain.
  std::string reason;
  /// Ranges alone were as sharp as the richest machinery on the battery; false where none was tried.
  bool isClosedFormExact = false;

  struct Costs {
    int64_t rowTile = 0; // ranges and ends, once a row tile
    int64_t row = 0;     // folds, for each row
    int64_t pair = 0;    // test of one pair of tiles (one piece)
    int64_t column = 0;  // summaries, for each column
  };
  Costs costs() const;
};

struct ScheduleOptions {
  Direction direction = Direction::Forward;
  TileShape rows, columns;
  /// The level to build; nothing: choose by the battery of shapes.
  std::optional<Level> level;
  /// May summaries of column tables be asked for?
  bool allowSummaries = true;
};

/// Builds the schedule of a mask. `formulas` made it.
Schedule buildSchedule(FormulaBuilder &formulas, const MaskFormula &mask,
                       const ScheduleOptions &options);

enum class TileClass { Empty, Partial, Full };

/// A schedule made ready to be interpreted, for any number of problems; the schedule has to live as long.
class ScheduleCode {
public:
  ScheduleCode(const Schedule &schedule);
  const Schedule &schedule() const;

private:
  friend class RowTile;
  struct Body;
  std::shared_ptr<const Body> body;
};

/// Interprets a schedule for one row tile of one problem: what the emitted code does, step by step.
class RowTile {
public:
  /// Row tile `tile`. `rowTokens`, `columnTokens`: lengths; grids: sizes, where tiles are boxes.
  struct Sizes {
    int64_t rowTokens = 0, columnTokens = 0;
    llvm::SmallVector<int64_t, 3> rowGrid, columnGrid;
  };
  RowTile(const ScheduleCode &code, const Sizes &sizes, const Environment &environment,
          int64_t tile);

  /// Another row tile of the same problem; shares what was computed of column tiles.
  RowTile sibling(int64_t tile) const;

  int64_t first() const { return firstTile; }
  int64_t end() const { return endTile; }
  /// The least tile >= `tile` that may hold a visible pair, skipping as the kernel skips; end() if none.
  int64_t next(int64_t tile);
  TileClass classify(int64_t columnTile);
  /// Is a tile that classify may call Empty not? Cheaper.
  bool isVisited(int64_t columnTile);
  /// How many evaluations of the tile test were made so far.
  int64_t evaluations() const { return evaluated; }
  /// How many instructions were interpreted for this problem so far, by all of its row tiles.
  int64_t instructions() const;

private:
  RowTile() = default;
  void start(int64_t tile);

  struct Problem;
  struct State;
  std::shared_ptr<Problem> problem;
  std::shared_ptr<State> state;
  int64_t firstTile = 0, endTile = 0, evaluated = 0;
};

/// Number of tiles of a side.
int64_t countTiles(const TileShape &shape, int64_t tokens, llvm::ArrayRef<int64_t> grid);
/// The tokens of tile `tile`, those that exist, in order.
llvm::SmallVector<int64_t> tokensOf(const TileShape &shape, int64_t tokens,
                                    llvm::ArrayRef<int64_t> grid, int64_t tile);

/// The work that a mask leaves.
struct MaskWork {
  /// Pairs that contribute; nothing where the mask is not understood.
  std::optional<int64_t> visiblePairs;
  /// Pairs of visited tiles, padding included.
  int64_t computedPairs = 0;
  int64_t emptyTiles = 0, partialTiles = 0, fullTiles = 0;
};
MaskWork predictWork(const Schedule &schedule, const MaskFormula &mask, const RowTile::Sizes &sizes,
                     const Environment &environment);

/// A claim that brute force contradicts.
struct Contradiction {
  int64_t rowTile = 0, columnTile = 0;
  TileClass claimed = TileClass::Empty;
  /// The pair that contradicts it.
  int64_t query = 0, key = 0;
};
/// Every claim at the given sizes against what is visible, pair by pair; `tight` counts tiles whose
/// class is the best possible.
struct Verification {
  std::vector<Contradiction> contradictions;
  int64_t tiles = 0, tight = 0, emptyTiles = 0, partialTiles = 0, fullTiles = 0;
  int64_t bestEmptyTiles = 0, bestPartialTiles = 0;
};
Verification verifySchedule(const Schedule &schedule, const RowTile::Sizes &sizes,
                            const Environment &environment, const PairBits &visible);

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_SCHEDULE_H
