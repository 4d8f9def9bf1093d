// SPDX-License-Identifier: Apache-2.0
// What does the emitted code do for one row tile? The schedule, interpreted.
#include "compiler/mask/Arithmetic.h"
#include "compiler/mask/Assemble.h"
#include "compiler/mask/Schedule.h"
#include "llvm/Support/MathExtras.h"

using namespace attune;
using namespace attune::mask;

namespace {

using Coordinates = llvm::SmallVector<int64_t, 3>;

/// A side of one problem: flat tiles have one coordinate, the token.
struct Axis {
  llvm::SmallVector<int64_t, 3> box, extents, counts;

  Axis(const TileShape &shape, int64_t tokens, llvm::ArrayRef<int64_t> grid) {
    if (shape.box.empty()) {
      box = {shape.tokens};
      extents = {tokens};
    } else {
      box = shape.box;
      extents.assign(grid.begin(), grid.end());
    }
    for (auto [size, extent] : llvm::zip_equal(box, extents))
      counts.push_back(llvm::divideCeilSigned(extent, size));
  }

  int64_t tiles() const {
    int64_t product = 1;
    for (int64_t count : counts)
      product *= count;
    return product;
  }

  /// The inclusive ends of a tile, clipped to what exists.
  std::pair<Coordinates, Coordinates> ends(int64_t tile) const {
    Coordinates first(box.size()), last(box.size());
    for (size_t dim = box.size(); dim-- > 0;) {
      first[dim] = tile % counts[dim] * box[dim];
      last[dim] = std::min(first[dim] + box[dim], extents[dim]) - 1;
      tile /= counts[dim];
    }
    return {first, last};
  }

  int64_t flat(llvm::ArrayRef<int64_t> at) const {
    int64_t token = 0;
    for (auto [coordinate, extent] : llvm::zip_equal(at, extents))
      token = token * extent + coordinate;
    return token;
  }

  template <typename Visit> void forEachToken(int64_t tile, Visit &&visit) const {
    auto [first, last] = ends(tile);
    for (size_t dim = 0; dim < box.size(); ++dim)
      if (last[dim] < first[dim])
        return;
    Coordinates at = first;
    while (true) {
      visit(at);
      size_t dim = box.size();
      while (dim-- > 0) {
        if (++at[dim] <= last[dim])
          break;
        at[dim] = first[dim];
      }
      if (dim == size_t(-1))
        return;
    }
  }
};

int64_t neutralOf(FoldKind kind) {
  return kind == FoldKind::Least ? Neutral : kind == FoldKind::Greatest ? -Neutral : 0;
}

int64_t join(FoldKind kind, int64_t a, int64_t b) {
  switch (kind) {
  case FoldKind::Least: return std::min(a, b);
  case FoldKind::Greatest: return std::max(a, b);
  case FoldKind::Union: return int64_t(uint64_t(a) | uint64_t(1) << (b & 63));
  }
  llvm_unreachable("all kinds are listed");
}

} // namespace

/// What all row tiles of a problem share. Not for several threads.
struct RowTile::Problem {
  /// An instruction: where its operands and its value are among `values`.
  struct Step {
    Opcode opcode;
    int value;
    std::array<int, 3> operands;
  };
  /// What it takes to compute some values: instructions in order, without those that never vary, which
  /// are computed once. Is one of those unknown?
  struct Plan {
    /// Those that depend on nothing but the rows are computed once for them, in plans that are split.
    llvm::SmallVector<Step, 0> ofRows, steps;
    bool isUnknown = false, isRowUnknown = false;
    /// The `rowVersion` of the values of `ofRows`.
    int64_t rowVersion = -1;
  };

  const Schedule &schedule;
  const Environment &environment;
  Axis rows, columns;
  Plan ends, seek, ranges, mayHold, folds, summaries;
  /// The visible half of `ranges` and `mayHold`.
  Plan touched, mayShow;
  llvm::SmallVector<Plan, 2> rowCuts, columnCuts;

  /// Of the evaluation under way; the last is what an operand that is not there has.
  std::vector<int64_t> values;
  /// Counts changes of what is bound to RowFirst and RowLast, and with them of folds.
  int64_t rowVersion = 0;
  std::array<Coordinates, 7> inputs;
  llvm::ArrayRef<int64_t> foldValues, summaryValues;
  bool isUnknown = false;
  int64_t instructions = 0;
  /// By instruction: does it vary within the problem, and is it unknown if not?
  std::vector<char> varies, isUnknownNumber;
  /// By column tile; empty where something is unknown.
  llvm::DenseMap<int64_t, llvm::SmallVector<int64_t>> summariesOf;

  Problem(const Schedule &schedule, const Sizes &sizes, const Environment &environment)
      : schedule(schedule), environment(environment),
        rows(schedule.rows, sizes.rowTokens, sizes.rowGrid),
        columns(schedule.columns, sizes.columnTokens, sizes.columnGrid),
        values(schedule.program.size() + 1) {
    computeFixed();
    ends = planOf({schedule.firstTile, schedule.endTile});
    seek = split(planOf(schedule.seek));
    ranges = split(planOf({schedule.touched, schedule.blemished}));
    mayHold = split(planOf({schedule.mayVisible, schedule.mayHidden}));
    touched = split(planOf(schedule.touched));
    mayShow = split(planOf(schedule.mayVisible));
    folds = planOf(schedule.folds);
    summaries = planOf(schedule.summaries);
    for (const Cut &cut : schedule.rowCuts)
      rowCuts.push_back(planOf({cut.divisor, cut.offset}));
    for (Cut cut : schedule.columnCuts)
      columnCuts.push_back(planOf({cut.divisor, cut.offset}));
  }

  void computeFixed();
  Plan planOf(llvm::ArrayRef<Value> roots) const {
    Plan plan;
    for (int id : schedule.program.needed(roots)) {
      plan.isUnknown |= isUnknownNumber[id] != 0;
      if (varies[id])
        plan.steps.push_back(stepOf(id));
    }
    return plan;
  }
  Step stepOf(int id) const {
    const Instruction &instruction = schedule.program[Value{id}];
    Step step{instruction.opcode, id, {}};
    for (auto [place, operand] : llvm::zip_equal(step.operands, instruction.operands))
      place = operand ? operand.id : int(values.size()) - 1;
    return step;
  }
  Plan split(Plan plan) const;
  Plan planOf(llvm::ArrayRef<TileFold> list) const {
    llvm::SmallVector<Value> roots;
    for (const TileFold &fold : list)
      roots.append({fold.value, fold.when});
    return planOf(roots);
  }

  Coordinates &at(Input input) { return inputs[unsigned(input)]; }
  int64_t operator[](Value value) const { return values[value.id]; }
  void setRows(llvm::ArrayRef<int64_t> first, llvm::ArrayRef<int64_t> last);
  void run(Plan &plan);
  void run(llvm::ArrayRef<Step> steps);
  int64_t leaf(const Instruction &instruction);
  std::optional<int64_t> leafOrUnknown(const Instruction &instruction);
  std::optional<int64_t> bound(const Instruction &instruction, bool strict);
  std::optional<int64_t> entry(const Node *node, int64_t index);
  /// The folds over a tile; nothing where something is unknown.
  llvm::SmallVector<int64_t> foldOver(llvm::ArrayRef<TileFold> list, Plan &plan, Input token,
                                      const Axis &axis, int64_t tile);
  /// Is asked for what is visible alone? Then "hidden" is always answered "may be".
  bool onlyVisible = false;
  /// Can a pair be visible, hidden, as far as the tile test tells?
  std::pair<bool, bool> test(const State &state, int64_t columnTile, int64_t &evaluated);
  std::pair<bool, bool> testPieces(const State &state, int64_t columnTile, int64_t &evaluated);
  std::pair<bool, bool> testPiece(int64_t &evaluated);
  llvm::SmallVector<Piece, 9> cut(Piece range, bool ofRows);
  bool isForward() const { return schedule.direction == Direction::Forward; }
};

/// What one row tile keeps.
struct RowTile::State {
  Coordinates first, last;
  llvm::SmallVector<int64_t> folds;
  bool isUnknown = false;
};

std::pair<bool, bool> RowTile::Problem::testPiece(int64_t &evaluated) {
  ++evaluated;
  isUnknown = false;
  run(onlyVisible ? mayShow : mayHold);
  if (isUnknown)
    return {true, true};
  return {(*this)[schedule.mayVisible], onlyVisible || (*this)[schedule.mayHidden]};
}

std::pair<bool, bool> RowTile::Problem::test(const State &state, int64_t columnTile,
                                             int64_t &evaluated) {
  if (!schedule.summaries.empty()) {
    auto [place, isNew] = summariesOf.try_emplace(columnTile);
    if (isNew)
      place->second =
          foldOver(schedule.summaries, summaries, Input::ColumnToken, columns, columnTile);
    if (place->second.empty())
      return {true, true};
    summaryValues = place->second;
  }
  std::pair<bool, bool> whole = testPiece(evaluated);
  bool isCut = !schedule.rowCuts.empty() || !schedule.columnCuts.empty();
  return whole.first && whole.second && isCut ? testPieces(state, columnTile, evaluated) : whole;
}

llvm::SmallVector<Piece, 9> RowTile::Problem::cut(Piece range, bool ofRows) {
  llvm::ArrayRef<Cut> cuts = ofRows ? schedule.rowCuts : schedule.columnCuts;
  return pieces(range, cuts.size(), [&](unsigned index, int64_t first) {
    if (ofRows)
      setRows({first}, {range.last});
    else
      at(Input::ColumnFirst) = {first};
    run(ofRows ? rowCuts[index] : columnCuts[index]);
    return std::pair((*this)[cuts[index].divisor], (*this)[cuts[index].offset]);
  });
}

std::pair<bool, bool> RowTile::Problem::testPieces(const State &state, int64_t columnTile,
                                                   int64_t &evaluated) {
  auto [first, last] = columns.ends(columnTile);
  // Boxes are not cut.
  llvm::SmallVector<Piece, 9> rowPieces, columnPieces;
  if (!schedule.rowCuts.empty())
    rowPieces = cut({state.first.front(), state.last.front()}, true);
  if (!schedule.columnCuts.empty())
    columnPieces = cut({first.front(), last.front()}, false);
  bool visible = false, hidden = false;
  for (size_t row = 0; row < std::max<size_t>(rowPieces.size(), 1); ++row)
    for (size_t column = 0; column < std::max<size_t>(columnPieces.size(), 1); ++column) {
      if (rowPieces.empty())
        setRows(state.first, state.last);
      else
        setRows({rowPieces[row].first}, {rowPieces[row].last});
      at(Input::ColumnFirst) =
          columnPieces.empty() ? first : Coordinates{columnPieces[column].first};
      at(Input::ColumnLast) = columnPieces.empty() ? last : Coordinates{columnPieces[column].last};
      std::pair<bool, bool> piece = testPiece(evaluated);
      visible |= piece.first;
      hidden |= piece.second;
      if (visible && hidden)
        return {true, true};
    }
  return {visible, hidden};
}

std::optional<int64_t> RowTile::Problem::entry(const Node *node, int64_t index) {
  std::optional<int64_t> count = environment.entries(node);
  if (!count)
    return std::nullopt;
  return index < 0 || index >= *count ? 0 : environment.entry(node, index);
}

std::optional<int64_t> RowTile::Problem::bound(const Instruction &instruction, bool strict) {
  int64_t number = values[instruction.operands[0].id], low = 0;
  std::optional<int64_t> count = environment.entries(instruction.node);
  if (!count)
    return std::nullopt;
  for (int64_t high = *count; low < high;) {
    int64_t middle = low + (high - low) / 2;
    std::optional<int64_t> found = environment.entry(instruction.node, middle);
    if (!found)
      return std::nullopt;
    if (strict ? *found > number : *found >= number)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

std::optional<int64_t> RowTile::Problem::leafOrUnknown(const Instruction &instruction) {
  switch (instruction.opcode) {
  case Opcode::Uniform: return environment.uniform(instruction.node);
  case Opcode::Entries: return environment.entries(instruction.node);
  case Opcode::AtToken: {
    bool isRow = (instruction.side == Side::Query) == isForward();
    const Axis &axis = isRow ? rows : columns;
    return environment.at(instruction.node, instruction.side,
                          axis.flat(at(isRow ? Input::RowToken : Input::ColumnToken)));
  }
  case Opcode::Entry: return entry(instruction.node, values[instruction.operands[0].id]);
  case Opcode::LowerBound: return bound(instruction, false);
  case Opcode::UpperBound: return bound(instruction, true);
  default: llvm_unreachable("not a leaf of the environment");
  }
}

int64_t RowTile::Problem::leaf(const Instruction &instruction) {
  switch (instruction.opcode) {
  case Opcode::Constant: return instruction.number;
  case Opcode::Input: return at(instruction.input)[instruction.dim];
  case Opcode::Fold: return foldValues[instruction.number];
  case Opcode::Summary: return summaryValues[instruction.number];
  default: break;
  }
  std::optional<int64_t> found = leafOrUnknown(instruction);
  isUnknown |= !found;
  return found.value_or(0);
}

/// What depends on RowFirst, RowLast and folds alone stands by itself.
RowTile::Problem::Plan RowTile::Problem::split(Plan plan) const {
  llvm::DenseSet<int> other;
  llvm::SmallVector<Step, 0> steps = std::move(plan.steps);
  plan.steps.clear();
  for (const Step &step : steps) {
    const Instruction &instruction = schedule.program[Value{step.value}];
    bool isOfRows =
        instruction.opcode == Opcode::Input
            ? instruction.input == Input::RowFirst || instruction.input == Input::RowLast
            : instruction.opcode != Opcode::AtToken && instruction.opcode != Opcode::Summary;
    for (int operand : step.operands)
      isOfRows &= !other.contains(operand);
    if (!isOfRows)
      other.insert(step.value);
    (isOfRows ? plan.ofRows : plan.steps).push_back(step);
  }
  return plan;
}

void RowTile::Problem::setRows(llvm::ArrayRef<int64_t> first, llvm::ArrayRef<int64_t> last) {
  Coordinates &rowFirst = at(Input::RowFirst), &rowLast = at(Input::RowLast);
  if (first == llvm::ArrayRef(rowFirst) && last == llvm::ArrayRef(rowLast))
    return;
  rowFirst.assign(first.begin(), first.end());
  rowLast.assign(last.begin(), last.end());
  ++rowVersion;
}

void RowTile::Problem::run(llvm::ArrayRef<Step> steps) {
  instructions += int64_t(steps.size());
  for (const Step &step : steps) {
    auto [a, b, c] = step.operands;
    if (step.opcode == Opcode::Constant || isLeaf(step.opcode))
      values[step.value] = leaf(schedule.program[Value{step.value}]);
    else
      values[step.value] = compute(step.opcode, values[a], values[b], values[c]);
  }
}

void RowTile::Problem::run(Plan &plan) {
  if (plan.rowVersion != rowVersion && !plan.ofRows.empty()) {
    bool wasUnknown = isUnknown;
    isUnknown = false;
    run(plan.ofRows);
    plan.isRowUnknown = isUnknown;
    isUnknown = wasUnknown;
    plan.rowVersion = rowVersion;
  }
  isUnknown |= plan.isUnknown || plan.isRowUnknown;
  run(plan.steps);
}

/// What is one number of the problem: made of scalars and constants.
void RowTile::Problem::computeFixed() {
  size_t size = schedule.program.size();
  varies.resize(size);
  isUnknownNumber.resize(size);
  for (int id = 0; id < int(size); ++id) {
    const Instruction &instruction = schedule.program[Value{id}];
    varies[id] = instruction.opcode == Opcode::Input || instruction.opcode == Opcode::AtToken ||
                 instruction.opcode == Opcode::Fold || instruction.opcode == Opcode::Summary;
    for (Value operand : instruction.operands)
      varies[id] |= operand && varies[operand.id];
  }
  for (int id : schedule.program.needed(rootsOf(schedule))) {
    if (varies[id])
      continue;
    isUnknown = false;
    run(stepOf(id));
    isUnknownNumber[id] = isUnknown;
  }
}

llvm::SmallVector<int64_t> RowTile::Problem::foldOver(llvm::ArrayRef<TileFold> list, Plan &plan,
                                                      Input token, const Axis &axis, int64_t tile) {
  llvm::SmallVector<int64_t> results;
  for (const TileFold &fold : list)
    results.push_back(neutralOf(fold.kind));
  isUnknown = false;
  axis.forEachToken(tile, [&](llvm::ArrayRef<int64_t> place) {
    at(token).assign(place.begin(), place.end());
    run(plan);
    for (auto [fold, result] : llvm::zip_equal(list, results))
      if ((*this)[fold.when])
        result = join(fold.kind, result, (*this)[fold.value]);
  });
  if (isUnknown)
    results.clear();
  return results;
}

RowTile::RowTile(const Schedule &schedule, const Sizes &sizes, const Environment &environment,
                 int64_t tile)
    : problem(std::make_shared<Problem>(schedule, sizes, environment)) {
  start(tile);
}

RowTile RowTile::sibling(int64_t tile) const {
  RowTile other;
  other.problem = problem;
  other.start(tile);
  return other;
}

void RowTile::start(int64_t tile) {
  Problem &p = *problem;
  state = std::make_shared<State>();
  std::tie(state->first, state->last) = p.rows.ends(tile);
  if (!p.schedule.folds.empty()) {
    state->folds = p.foldOver(p.schedule.folds, p.folds, Input::RowToken, p.rows, tile);
    state->isUnknown = state->folds.empty();
  }
  endTile = p.columns.tiles();
  if (state->isUnknown)
    return;
  p.setRows(state->first, state->last);
  p.foldValues = state->folds;
  p.isUnknown = false;
  p.run(p.ends);
  if (p.isUnknown)
    return;
  firstTile = p[p.schedule.firstTile];
  endTile = std::min(endTile, p[p.schedule.endTile]);
}

int64_t RowTile::instructions() const { return problem->instructions; }

int64_t RowTile::next(int64_t tile) {
  Problem &p = *problem;
  tile = std::max(tile, firstTile);
  if (tile >= endTile || !p.schedule.seek || state->isUnknown)
    return std::min(tile, std::max(endTile, firstTile));
  p.setRows(state->first, state->last);
  p.at(Input::ColumnTile) = {tile};
  p.foldValues = state->folds;
  p.isUnknown = false;
  p.run(p.seek);
  return p.isUnknown ? tile : std::min(endTile, p[p.schedule.seek]);
}

bool RowTile::isVisited(int64_t columnTile) {
  problem->onlyVisible = true;
  bool isEmpty = classify(columnTile) == TileClass::Empty;
  problem->onlyVisible = false;
  return !isEmpty;
}

TileClass RowTile::classify(int64_t columnTile) {
  Problem &p = *problem;
  const Schedule &schedule = p.schedule;
  if (columnTile < firstTile || columnTile >= endTile)
    return TileClass::Empty;
  if (state->isUnknown)
    return TileClass::Partial;
  auto [first, last] = p.columns.ends(columnTile);
  p.setRows(state->first, state->last);
  p.at(Input::ColumnFirst) = first;
  p.at(Input::ColumnLast) = last;
  p.foldValues = state->folds;
  p.isUnknown = false;
  p.run(p.onlyVisible ? p.touched : p.ranges);
  if (p.isUnknown)
    return TileClass::Partial;
  bool visible = p[schedule.touched], hidden = p.onlyVisible || p[schedule.blemished];
  if (visible && schedule.mayVisible) {
    std::pair<bool, bool> tested = p.test(*state, columnTile, evaluated);
    visible &= tested.first;
    hidden &= tested.second;
  }
  return !visible ? TileClass::Empty : hidden ? TileClass::Partial : TileClass::Full;
}

int64_t attune::mask::countTiles(const TileShape &shape, int64_t tokens,
                                 llvm::ArrayRef<int64_t> grid) {
  return Axis(shape, tokens, grid).tiles();
}

llvm::SmallVector<int64_t> attune::mask::tokensOf(const TileShape &shape, int64_t tokens,
                                                  llvm::ArrayRef<int64_t> grid, int64_t tile) {
  Axis axis(shape, tokens, grid);
  llvm::SmallVector<int64_t> found;
  axis.forEachToken(tile, [&](llvm::ArrayRef<int64_t> at) { found.push_back(axis.flat(at)); });
  return found;
}
