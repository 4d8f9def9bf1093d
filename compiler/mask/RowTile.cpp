// SPDX-License-Identifier: Apache-2.0
// What does the emitted code do for one row tile? The schedule, interpreted.
#include "compiler/mask/Arithmetic.h"
#include "compiler/mask/ScheduleCode.h"

using namespace attune;
using namespace attune::mask;

/// What all row tiles of a problem share. Not for several threads.
struct RowTile::Problem {
  using Part = ScheduleCode::Body::Part;

  std::shared_ptr<const ScheduleCode::Body> code;
  const Schedule &schedule;
  const Environment &environment;
  TileAxis rows, columns;

  /// What is known of a plan.
  struct PlanState {
    bool isUnknown = false, isRowUnknown = false;
    /// The `rowVersion` of the values of `ofRows`.
    int64_t rowVersion = -1;
  };
  std::array<PlanState, Part::Parts> states;
  llvm::SmallVector<PlanState, 2> rowCutStates, columnCutStates;

  /// Of the evaluation under way; the last is what an operand that is not there has.
  std::vector<int64_t> values;
  /// Counts changes of what is bound to RowFirst and RowLast, and with them of folds.
  int64_t rowVersion = 0;
  /// Null where one of them is unknown.
  std::optional<TokenFolds::Numbers> folds, summaries;
  std::array<Coordinates, 7> inputs;
  llvm::ArrayRef<int64_t> foldValues, summaryValues;
  bool isUnknown = false;
  int64_t instructions = 0;
  /// By column tile; empty where something is unknown.
  llvm::DenseMap<int64_t, llvm::SmallVector<int64_t>> summariesOf;

  Problem(const ScheduleCode &of, const Sizes &sizes, const Environment &environment)
      : code(of.body), schedule(code->schedule), environment(environment),
        rows(schedule.rows, sizes.rowTokens, sizes.rowGrid),
        columns(schedule.columns, sizes.columnTokens, sizes.columnGrid),
        values(schedule.program.size() + 1) {
    computeFixed();
  }

  void computeFixed();
  Coordinates &at(Input input) { return inputs[unsigned(input)]; }
  int64_t operator[](Value value) const { return values[value.id]; }
  void setRows(llvm::ArrayRef<int64_t> first, llvm::ArrayRef<int64_t> last);
  void run(const Plan &plan, PlanState &known);
  void run(Part part) { run(code->plans[part], states[part]); }
  void run(llvm::ArrayRef<Step> steps);
  int64_t leaf(const Instruction &instruction);
  /// The folds over a tile; empty where something is unknown.
  llvm::SmallVector<int64_t> foldOver(const TokenFolds &list,
                                      std::optional<TokenFolds::Numbers> &numbers,
                                      const TileAxis &axis, int64_t tile);
  /// Is asked for what is visible alone? Then "hidden" is always answered "may be".
  bool onlyVisible = false;
  /// Can a pair be visible, hidden, as far as the tile test tells?
  std::pair<bool, bool> test(const State &state, int64_t columnTile, int64_t &evaluated);
  std::pair<bool, bool> testPieces(const State &state, int64_t columnTile, int64_t &evaluated);
  std::pair<bool, bool> testPiece(int64_t &evaluated);
  llvm::SmallVector<Piece, 9> cut(Piece range, bool ofRows);
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
  run(onlyVisible ? Part::MayShow : Part::MayHold);
  if (isUnknown)
    return {true, true};
  return {(*this)[schedule.mayVisible], onlyVisible || (*this)[schedule.mayHidden]};
}

std::pair<bool, bool> RowTile::Problem::test(const State &state, int64_t columnTile,
                                             int64_t &evaluated) {
  if (!schedule.summaries.empty()) {
    auto [place, isNew] = summariesOf.try_emplace(columnTile);
    if (isNew)
      place->second = foldOver(code->summaries, summaries, columns, columnTile);
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
    ofRows ? run(code->rowCuts[index], rowCutStates[index])
           : run(code->columnCuts[index], columnCutStates[index]);
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

int64_t RowTile::Problem::leaf(const Instruction &instruction) {
  switch (instruction.opcode) {
  case Opcode::Constant: return instruction.number;
  case Opcode::Input: return at(instruction.input)[instruction.dim];
  case Opcode::Fold: return foldValues[instruction.number];
  case Opcode::Summary: return summaryValues[instruction.number];
  case Opcode::AtToken: isUnknown = true; return 0; // a token's, in folds alone
  default: break;
  }
  Value operand = instruction.operands[0];
  std::optional<int64_t> found =
      readLeaf(environment, instruction, operand ? (*this)[operand] : 0, 0);
  isUnknown |= !found;
  return found.value_or(0);
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

void RowTile::Problem::run(const Plan &plan, PlanState &known) {
  if (known.rowVersion != rowVersion && !plan.ofRows.empty()) {
    bool wasUnknown = isUnknown;
    isUnknown = false;
    run(plan.ofRows);
    known.isRowUnknown = isUnknown;
    isUnknown = wasUnknown;
    known.rowVersion = rowVersion;
  }
  isUnknown |= known.isUnknown || known.isRowUnknown;
  run(plan.steps);
}

void RowTile::Problem::computeFixed() {
  llvm::BitVector unknown(unsigned(schedule.program.size()));
  for (const Step &step : code->fixed) {
    isUnknown = false;
    run(step);
    if (isUnknown)
      unknown.set(step.value);
  }
  auto stateOf = [&](const Plan &plan) {
    return PlanState{llvm::any_of(plan.read, [&](int id) { return unknown[id]; })};
  };
  for (auto [plan, state] : llvm::zip_equal(code->plans, states))
    state = stateOf(plan);
  for (const Plan &plan : code->rowCuts)
    rowCutStates.push_back(stateOf(plan));
  for (const Plan &plan : code->columnCuts)
    columnCutStates.push_back(stateOf(plan));
  auto numbersOf = [&](const TokenFolds &list) -> std::optional<TokenFolds::Numbers> {
    if (list.empty() || llvm::any_of(list.fixed(), [&](auto &row) { return unknown[row.first]; }))
      return std::nullopt;
    return list.numbers(values);
  };
  folds = numbersOf(code->folds);
  summaries = numbersOf(code->summaries);
}

llvm::SmallVector<int64_t> RowTile::Problem::foldOver(const TokenFolds &list,
                                                      std::optional<TokenFolds::Numbers> &numbers,
                                                      const TileAxis &axis, int64_t tile) {
  if (!numbers)
    return {};
  auto [first, last] = axis.ends(tile);
  int64_t tokens = 1;
  for (auto [low, high] : llvm::zip_equal(first, last))
    tokens *= std::max<int64_t>(high + 1 - low, 0);
  instructions += int64_t(list.size()) * tokens;
  return list.over(*numbers, axis, tile, environment);
}

RowTile::RowTile(const ScheduleCode &code, const Sizes &sizes, const Environment &environment,
                 int64_t tile)
    : problem(std::make_shared<Problem>(code, sizes, environment)) {
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
    state->folds = p.foldOver(p.code->folds, p.folds, p.rows, tile);
    state->isUnknown = state->folds.empty();
  }
  endTile = p.columns.tiles();
  if (state->isUnknown)
    return;
  p.setRows(state->first, state->last);
  p.foldValues = state->folds;
  p.isUnknown = false;
  p.run(Problem::Part::Ends);
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
  p.run(Problem::Part::Seek);
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
  p.run(p.onlyVisible ? Problem::Part::Touched : Problem::Part::Ranges);
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
  return TileAxis(shape, tokens, grid).tiles();
}

llvm::SmallVector<int64_t> attune::mask::tokensOf(const TileShape &shape, int64_t tokens,
                                                  llvm::ArrayRef<int64_t> grid, int64_t tile) {
  TileAxis axis(shape, tokens, grid);
  llvm::SmallVector<int64_t> found;
  axis.forEachToken(tile, [&](llvm::ArrayRef<int64_t> at) { found.push_back(axis.flat(at)); });
  return found;
}
