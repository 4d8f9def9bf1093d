// SPDX-License-Identifier: Apache-2.0
// Which columns does a clause leave to a tile of rows? The ranges of one row, at the ends of the tile
// where they are monotone in the row, folded over its rows otherwise.
#include "compiler/mask/KeyRanges.h"

using namespace attune;
using namespace attune::mask;

namespace {

constexpr size_t MaximumClauses = 32;

class ClauseRanges {
public:
  ClauseRanges(Emitter &emitter, Schedule &schedule, bool withFolds)
      : emitter(emitter), schedule(schedule), withFolds(withFolds) {}

  /// Nothing where no row of any tile has a column.
  std::optional<ColumnRange> find(llvm::ArrayRef<Formula> literals);

private:
  void narrowRows(llvm::ArrayRef<Formula> literals);
  Value feasibility(llvm::ArrayRef<Formula> literals, bool uniform);
  /// The least or the greatest of a function of RowToken over the rows of the tile; null where that
  /// takes a fold and there are none.
  Value extreme(Value value, bool least, Interval axis);
  Value fold(Value value, bool least);
  bool isWholeTile(const Base &row) const {
    return emitter.program[row.range.low].input == Input::RowFirst && isInput(row.range.low) &&
           emitter.program[row.range.high].input == Input::RowLast && isInput(row.range.high);
  }
  bool isInput(Value value) const { return emitter.program[value].opcode == Opcode::Input; }

  Emitter &emitter;
  Schedule &schedule;
  bool withFolds;
  /// Rows that literals on rows alone leave, a superset.
  llvm::SmallVector<Base, 3> rows;
  /// Of one row.
  Value feasible;
};

void ClauseRanges::narrowRows(llvm::ArrayRef<Formula> literals) {
  llvm::SmallVector<Interval, 3> ends;
  for (const Atom *token : emitter.tokens(emitter.rows))
    ends.push_back({emitter.input(Input::RowFirst, *token), emitter.input(Input::RowLast, *token)});
  llvm::SmallVector<Formula> onRows;
  for (const Formula &literal : literals)
    if (!dependsOn(literal, emitter.columns) && dependsOn(literal, emitter.rows) &&
        !readsMemory(literal))
      onRows.push_back(literal);
  RangeSolver solver(emitter, emitter.rows, ends, /*withOther=*/false);
  solver.narrow(onRows);
  for (auto [token, range] : llvm::zip_equal(emitter.tokens(emitter.rows), solver.ranges))
    rows.push_back({emitter.atToken(*token), range, emitter.axis(*token)});
}

Value ClauseRanges::feasibility(llvm::ArrayRef<Formula> literals, bool uniform) {
  Program &program = emitter.program;
  Value all = program.truth(true);
  for (const Formula &literal : literals) {
    if (dependsOn(literal, emitter.columns) || (uniform && dependsOn(literal, emitter.rows)))
      continue;
    if (Value truth = emitter.truth(literal))
      all = program.make(Opcode::And, all, truth);
  }
  return all;
}

Value ClauseRanges::fold(Value value, bool least) {
  return addFold(schedule, least ? FoldKind::Least : FoldKind::Greatest, value, feasible);
}

Value ClauseRanges::extreme(Value value, bool least, Interval axis) {
  Program &program = emitter.program;
  unsigned found = 0;
  for (const Base &base : rows)
    found |= emitter.direction(value, base.input);
  bool onToken = program.depends(
      value, [](const Instruction &instruction) { return instruction.opcode == Opcode::AtToken; });
  if (found == 0 && !onToken)
    return value;
  if (Interval ends = onToken ? Interval() : emitter.corners(value, rows, axis))
    return least ? ends.low : ends.high;
  if (!withFolds)
    return {};
  // What is monotone in one operand that varies: the extreme of that.
  const Instruction instruction = program[value];
  auto varies = [&](Value operand) {
    return operand && program.depends(operand, [](const Instruction &leaf) {
      return leaf.opcode == Opcode::AtToken ||
             (leaf.opcode == Opcode::Input && leaf.input == Input::RowToken);
    });
  };
  auto [a, b, c] = instruction.operands;
  bool alone = varies(a) + varies(b) + varies(c) == 1;
  switch (instruction.opcode) {
  case Opcode::LowerBound: return program.lowerBound(instruction.node, extreme(a, least, {}));
  case Opcode::UpperBound: return program.upperBound(instruction.node, extreme(a, least, {}));
  case Opcode::Minimum:
  case Opcode::Maximum:
    if (alone || (instruction.opcode == Opcode::Minimum) == least)
      return program.make(instruction.opcode, extreme(a, least, {}), extreme(b, least, {}));
    break;
  case Opcode::Add:
    if (alone)
      return program.add(extreme(a, least, {}), extreme(b, least, {}));
    break;
  case Opcode::Subtract:
    if (alone)
      return program.subtract(extreme(a, least, {}), extreme(b, !least, {}));
    break;
  case Opcode::FloorDivide:
    if (alone && varies(a) && program[b].low >= 1)
      return program.make(Opcode::FloorDivide, extreme(a, least, {}), b);
    break;
  case Opcode::Select:
    if (!varies(a))
      return program.make(Opcode::Select, a, extreme(b, least, {}), extreme(c, least, {}));
    break;
  default: break;
  }
  return fold(value, least);
}

std::optional<ColumnRange> ClauseRanges::find(llvm::ArrayRef<Formula> literals) {
  Program &program = emitter.program;
  narrowRows(literals);
  llvm::SmallVector<Interval, 3> axes;
  for (const Atom *token : emitter.tokens(emitter.columns))
    axes.push_back(emitter.axis(*token));
  RangeSolver solver(emitter, emitter.columns, axes, /*withOther=*/true);
  solver.monotone = !withFolds;
  solver.narrow(literals);

  feasible = feasibility(literals, /*uniform=*/false);
  for (Interval range : solver.ranges)
    feasible = program.make(Opcode::And, feasible, program.atMost(range.low, range.high));
  if (program.isFalse(feasible))
    return std::nullopt;

  Value hasRows = feasibility(literals, /*uniform=*/true);
  for (const Base &base : rows)
    if (!isWholeTile(base))
      hasRows = program.make(Opcode::And, hasRows, program.atMost(base.range.low, base.range.high));
  ColumnRange tile;
  for (auto [range, axis] : llvm::zip_equal(solver.ranges, axes)) {
    Value low = extreme(range.low, true, axis), high = extreme(range.high, false, axis);
    tile.low.push_back(low ? low : axis.low);
    tile.high.push_back(
        program.make(Opcode::Select, hasRows, high ? high : axis.high, program.constant(-1)));
  }
  return tile;
}

/// Conjunctions whose union covers the formula: its clauses, or what the top level shows of them.
std::vector<std::vector<Formula>> coveringClauses(FormulaBuilder &formulas, const Formula &formula,
                                                  Side columns) {
  if (formula.kind == FormulaKind::False)
    return {};
  if (auto clauses = formulas.clauses(formulas.splitCases(formula, columns), MaximumClauses))
    return *clauses;
  if (auto clauses = formulas.clauses(formula, MaximumClauses))
    return *clauses;
  if (formula.kind == FormulaKind::And) {
    std::vector<Formula> literals;
    llvm::copy_if(formula.parts, std::back_inserter(literals), [](const Formula &part) {
      return part.kind != FormulaKind::Or && part.kind != FormulaKind::And;
    });
    return {literals};
  }
  return {{}};
}

} // namespace

static Value add(std::vector<TileFold> &folds, Program &program, TileFold fold, bool isFold) {
  auto found = llvm::find_if(folds, [&](const TileFold &other) {
    return other.kind == fold.kind && other.value == fold.value && other.when == fold.when;
  });
  int64_t number = found - folds.begin();
  const Instruction value = program[fold.value];
  bool always = program.isTrue(fold.when);
  if (found == folds.end())
    folds.push_back(fold);
  Range range{value.low, value.high};
  // Folds begin with the neutral element: no Least is above it, no Greatest below.
  if (fold.kind == FoldKind::Union)
    range = Range::everything();
  else if (fold.kind == FoldKind::Least)
    range = {std::min(range.low, Neutral), always ? std::min(range.high, Neutral) : Neutral};
  else
    range = {always ? std::max(range.low, -Neutral) : -Neutral, std::max(range.high, -Neutral)};
  return isFold ? program.fold(number, range.low, range.high)
                : program.summary(number, range.low, range.high);
}

Value attune::mask::addFold(Schedule &schedule, FoldKind kind, Value value, Value when) {
  return add(schedule.folds, schedule.program, {kind, value, when}, true);
}

Value attune::mask::addSummary(Schedule &schedule, FoldKind kind, Value value, Value when) {
  return add(schedule.summaries, schedule.program, {kind, value, when}, false);
}

static ColumnRange hullOf(Program &program, llvm::ArrayRef<ColumnRange> ranges) {
  // Empty ones do not count.
  ColumnRange hull;
  for (const ColumnRange &range : ranges) {
    Value isEmpty = program.truth(false);
    for (auto [low, high] : llvm::zip_equal(range.low, range.high))
      isEmpty =
          program.make(Opcode::Or, isEmpty, program.make(Opcode::Not, program.atMost(low, high)));
    for (size_t index = 0; index < range.low.size(); ++index) {
      Value high = program.make(Opcode::Select, isEmpty, program.constant(-1), range.high[index]);
      Value low =
          program.make(Opcode::Select, isEmpty, program.constant(Neutral), range.low[index]);
      if (hull.low.size() <= index) {
        hull.low.push_back(low);
        hull.high.push_back(high);
        continue;
      }
      hull.low[index] = program.make(Opcode::Minimum, hull.low[index], low);
      hull.high[index] = program.make(Opcode::Maximum, hull.high[index], high);
    }
  }
  return hull;
}

/// Ranges that agree but for one end are one: [a, b] and [a, c] hold what [a, max(b, c)] holds, also where
/// one of them or both are empty. Nothing if they are not like that.
static std::optional<ColumnRange> joinOf(Program &program, const ColumnRange &one,
                                         const ColumnRange &other) {
  ColumnRange joined = one;
  unsigned differences = 0;
  for (size_t dim = 0; dim < one.low.size(); ++dim)
    differences += (one.low[dim] != other.low[dim]) + (one.high[dim] != other.high[dim]);
  if (differences > 1)
    return std::nullopt;
  for (size_t dim = 0; dim < one.low.size(); ++dim) {
    joined.low[dim] = program.make(Opcode::Minimum, one.low[dim], other.low[dim]);
    joined.high[dim] = program.make(Opcode::Maximum, one.high[dim], other.high[dim]);
  }
  return joined;
}

/// Until no two can be joined.
static void joinRanges(Program &program, std::vector<ColumnRange> &ranges) {
  for (size_t index = 0; index < ranges.size(); ++index)
    for (size_t other = index + 1; other < ranges.size(); ++other)
      if (std::optional<ColumnRange> joined = joinOf(program, ranges[index], ranges[other])) {
        ranges[index] = *joined;
        ranges.erase(ranges.begin() + other);
        index = size_t(-1);
        break;
      }
}

std::vector<ColumnRange> attune::mask::findRanges(Emitter &emitter, Schedule &schedule,
                                                  const Formula &formula, size_t limit,
                                                  bool withFolds) {
  std::vector<ColumnRange> ranges;
  for (const std::vector<Formula> &clause :
       coveringClauses(emitter.formulas, formula, emitter.columns)) {
    std::optional<ColumnRange> range = ClauseRanges(emitter, schedule, withFolds).find(clause);
    if (range)
      ranges.push_back(*range);
  }
  joinRanges(schedule.program, ranges);
  if (ranges.size() > limit)
    return {hullOf(schedule.program, ranges)};
  return ranges;
}
