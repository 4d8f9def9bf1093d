// SPDX-License-Identifier: Apache-2.0
// How is the schedule of a mask put together from ranges and the tile test?
#include "compiler/mask/Assemble.h"
#include "compiler/mask/KeyRanges.h"
#include "compiler/mask/TileTest.h"

using namespace attune;
using namespace attune::mask;

namespace {

/// Ranges that are kept apart; with more, the space between them is left to the tile test.
constexpr size_t MaximumRanges = 8;

/// What a node's value differs by.
void markNode(const Node *node, bool &onBatch, bool &onHead,
              llvm::SmallPtrSetImpl<const Node *> &seen) {
  // Every sequence has as many tokens on an axis: `size k of %b` is one number of the launch.
  if (node->kind == NodeKind::Size || !seen.insert(node).second)
    return;
  onBatch |= node->kind == NodeKind::IndexB || node->kind == NodeKind::Element;
  onHead |= node->kind == NodeKind::IndexH || node->kind == NodeKind::Element;
  for (const Node *operand : node->operands)
    markNode(operand, onBatch, onHead, seen);
}

/// What is computed for a row tile and for its pairs with column tiles.
llvm::SmallVector<Value> rootsOfTiles(const Schedule &schedule) {
  llvm::SmallVector<Value> roots = {schedule.firstTile, schedule.endTile,   schedule.seek,
                                    schedule.touched,   schedule.blemished, schedule.mayVisible,
                                    schedule.mayHidden};
  for (const std::vector<Cut> *cuts : {&schedule.rowCuts, &schedule.columnCuts})
    for (const Cut &cut : *cuts)
      roots.append({cut.divisor, cut.offset});
  llvm::erase_if(roots, [](Value root) { return !root; });
  return roots;
}

/// Drops the folds (summaries) that `roots` do not read.
void prune(Program &program, llvm::ArrayRef<Value> roots, std::vector<TileFold> &folds,
           Opcode opcode) {
  std::vector<int64_t> numbers(folds.size(), -1);
  std::vector<TileFold> kept;
  for (int id : program.needed(roots)) {
    const Instruction &instruction = program[Value{id}];
    if (instruction.opcode == opcode && numbers[instruction.number] < 0) {
      numbers[instruction.number] = int64_t(kept.size());
      kept.push_back(folds[instruction.number]);
    }
  }
  program.renumber(opcode, [&](int64_t number) { return std::max<int64_t>(numbers[number], 0); });
  folds = std::move(kept);
}

class Assembly {
public:
  Assembly(FormulaBuilder &formulas, const MaskFormula &mask, const ScheduleOptions &options,
           const Machinery &machinery);
  Schedule run();

private:
  void addEnds();
  void addHull();
  void addSeek();
  void addTest();
  void markDependence();
  /// Tile coordinates of a range's ends.
  llvm::SmallVector<Interval, 3> tilesOf(const ColumnRange &range);
  llvm::SmallVector<Value, 3> tileCounts();
  Value isEmpty(const ColumnRange &range);
  Value number(llvm::ArrayRef<Value> coordinates);
  Value meets(llvm::ArrayRef<ColumnRange> ranges);
  Value seekIn(llvm::ArrayRef<Interval> tiles, Value empty);
  int64_t columnExtent(size_t dim) const {
    return schedule.columns.box.empty() ? schedule.columns.tokens : schedule.columns.box[dim];
  }

  Schedule schedule;
  const MaskFormula &mask;
  Emitter emitter;
  Program &program;
  const Machinery machinery;
};

Assembly::Assembly(FormulaBuilder &formulas, const MaskFormula &mask,
                   const ScheduleOptions &options, const Machinery &machinery)
    : mask(mask), emitter(schedule.program, formulas,
                          options.direction == Direction::Forward ? Side::Query : Side::Key),
      program(schedule.program), machinery(machinery) {
  schedule.direction = options.direction;
  schedule.rows = options.rows;
  schedule.columns = options.columns;
  schedule.level = machinery.level;
}

llvm::SmallVector<Value, 3> Assembly::tileCounts() {
  llvm::SmallVector<Value, 3> counts;
  for (auto [dim, token] : llvm::enumerate(emitter.tokens(emitter.columns))) {
    Value extent = emitter.extent(*token);
    int64_t size = columnExtent(dim);
    counts.push_back(program.make(Opcode::FloorDivide,
                                  program.add(extent, program.constant(size - 1)),
                                  program.constant(size)));
  }
  return counts;
}

llvm::SmallVector<Interval, 3> Assembly::tilesOf(const ColumnRange &range) {
  llvm::SmallVector<Interval, 3> tiles;
  for (size_t dim = 0; dim < range.low.size(); ++dim) {
    Value size = program.constant(columnExtent(dim));
    tiles.push_back({program.make(Opcode::FloorDivide, range.low[dim], size),
                     program.make(Opcode::FloorDivide, range.high[dim], size)});
  }
  return tiles;
}

Value Assembly::isEmpty(const ColumnRange &range) {
  Value empty = program.truth(false);
  for (auto [low, high] : llvm::zip_equal(range.low, range.high))
    empty = program.make(Opcode::Or, empty, program.make(Opcode::Not, program.atMost(low, high)));
  return empty;
}

/// The number of a column tile from its coordinates.
Value Assembly::number(llvm::ArrayRef<Value> coordinates) {
  llvm::SmallVector<Value, 3> counts = tileCounts();
  Value sum = coordinates.front();
  for (size_t dim = 1; dim < coordinates.size(); ++dim)
    sum = program.add(program.make(Opcode::Multiply, sum, counts[dim]), coordinates[dim]);
  return sum;
}

/// Where several flat ranges are kept, `seek` passes over those that are empty, so that it is enough to
/// begin at the least low end and to end behind the greatest high end.
void Assembly::addHull() {
  Value first, last;
  for (const ColumnRange &range : schedule.visible) {
    Interval tiles = tilesOf(range).front();
    first = first ? program.make(Opcode::Minimum, first, tiles.low) : tiles.low;
    last = last ? program.make(Opcode::Maximum, last, tiles.high) : tiles.high;
  }
  schedule.firstTile = first;
  schedule.endTile = program.add(last, program.constant(1));
}

void Assembly::addEnds() {
  bool isFlat = emitter.tokens(emitter.columns).size() == 1;
  bool alone = schedule.visible.size() == 1;
  if (isFlat && schedule.visible.size() > 1)
    return addHull();
  schedule.firstTile = schedule.visible.empty() ? program.constant(0) : Value();
  schedule.endTile = schedule.visible.empty() ? program.constant(0) : Value();
  for (const ColumnRange &range : schedule.visible) {
    llvm::SmallVector<Value, 3> low, high;
    for (Interval tiles : tilesOf(range)) {
      low.push_back(tiles.low);
      high.push_back(tiles.high);
    }
    Value first = number(low), end = program.add(number(high), program.constant(1));
    // From tile 0 on, an empty range ends before it begins by itself.
    if (!(alone && isFlat && program.constantOf(first) == 0)) {
      Value empty = isEmpty(range);
      end = program.make(Opcode::Select, empty, program.constant(0), end);
      if (!alone)
        first = program.make(Opcode::Select, empty, program.constant(Neutral), first);
    }
    schedule.firstTile =
        schedule.firstTile ? program.make(Opcode::Minimum, schedule.firstTile, first) : first;
    schedule.endTile =
        schedule.endTile ? program.make(Opcode::Maximum, schedule.endTile, end) : end;
  }
}

/// The least tile >= ColumnTile whose coordinates lie in the ranges of tile coordinates.
Value Assembly::seekIn(llvm::ArrayRef<Interval> tiles, Value empty) {
  Value tile = program.input(Input::ColumnTile, 0, 0, MaximumEntries);
  Value zero = program.constant(0);
  size_t dims = tiles.size();
  llvm::SmallVector<Value, 3> counts = tileCounts(), at(dims), carried(dims + 1, zero);
  Value rest = tile;
  for (size_t dim = dims; dim-- > 1;) {
    at[dim] = program.make(Opcode::Modulo, rest, counts[dim]);
    rest = program.make(Opcode::FloorDivide, rest, counts[dim]);
  }
  at[0] = rest;
  // Behind the end of an inner range: the next place of the outer one.
  for (size_t dim = dims; dim-- > 0;) {
    at[dim] = program.add(at[dim], carried[dim + 1]);
    carried[dim] = program.make(Opcode::Not, program.atMost(at[dim], tiles[dim].high));
  }
  Value restart = program.truth(false);
  for (size_t dim = 0; dim < dims; ++dim) {
    Value low = tiles[dim].low,
          begins = program.make(Opcode::Or, restart, dim == 0 ? zero : carried[dim]);
    Value isBefore = program.make(Opcode::Not, program.atMost(low, at[dim]));
    at[dim] =
        program.make(Opcode::Select, begins, low, program.make(Opcode::Maximum, at[dim], low));
    restart =
        program.make(Opcode::Or, begins, program.make(Opcode::Or, isBefore, carried[dim + 1]));
  }
  Value none = program.make(Opcode::Or, empty, carried[0]);
  return program.make(Opcode::Select, none, program.constant(Neutral), number(at));
}

void Assembly::addSeek() {
  if (schedule.visible.size() <= 1 && emitter.tokens(emitter.columns).size() == 1)
    return;
  for (const ColumnRange &range : schedule.visible) {
    // A flat range that begins with the axis and holds a tile that exists is not empty.
    bool isPrefix = range.low.size() == 1 && program.constantOf(range.low.front()) == 0;
    Value next = seekIn(tilesOf(range), isPrefix ? program.truth(false) : isEmpty(range));
    schedule.seek = schedule.seek ? program.make(Opcode::Minimum, schedule.seek, next) : next;
  }
}

/// Does [ColumnFirst, ColumnLast] meet one of the ranges?
Value Assembly::meets(llvm::ArrayRef<ColumnRange> ranges) {
  Value any = program.truth(false);
  for (const ColumnRange &range : ranges) {
    Value all = program.truth(true);
    for (auto [dim, token] : llvm::enumerate(emitter.tokens(emitter.columns))) {
      Value first = emitter.input(Input::ColumnFirst, *token);
      Value last = emitter.input(Input::ColumnLast, *token);
      all = program.make(Opcode::And, all, program.atMost(range.low[dim], last));
      if (range.high[dim] != emitter.axis(*token).high)
        all = program.make(Opcode::And, all, program.atMost(first, range.high[dim]));
    }
    any = program.make(Opcode::Or, any, all);
  }
  return any;
}

void Assembly::addTest() {
  if (schedule.level < Level::Test || schedule.level == Level::All)
    return;
  TileTest test(emitter, schedule, machinery.summaries);
  // Two compares instead of an absolute value.
  schedule.mayVisible = test.may(emitter.formulas.splitCases(mask.visible));
  schedule.mayHidden = test.may(emitter.formulas.splitCases(mask.hidden));
  if (schedule.level < Level::Pieces)
    return;
  schedule.rowCuts = findCuts(emitter, mask, emitter.rows);
  schedule.columnCuts = findCuts(emitter, mask, emitter.columns);
  if (schedule.rowCuts.empty() && schedule.columnCuts.empty())
    schedule.level = Level::Test;
}

Schedule Assembly::run() {
  if (mask.hidden.kind == FormulaKind::False)
    schedule.level = Level::All;
  size_t limit = machinery.segments ? MaximumRanges : 1;
  schedule.visible = findRanges(emitter, schedule, mask.visible, limit, machinery.folds);
  if (machinery.segments)
    schedule.hidden = findRanges(emitter, schedule, mask.hidden, limit, machinery.folds);
  addEnds();
  addSeek();
  bool isOneFlat = schedule.visible.size() == 1 && emitter.tokens(emitter.columns).size() == 1;
  schedule.touched = isOneFlat ? program.truth(true) : meets(schedule.visible);
  schedule.blemished = machinery.segments ? meets(schedule.hidden) : program.truth(true);
  addTest();
  llvm::SmallVector<Value> roots = rootsOfTiles(schedule);
  prune(program, roots, schedule.folds, Opcode::Fold);
  prune(program, roots, schedule.summaries, Opcode::Summary);
  markDependence();
  return std::move(schedule);
}

void Assembly::markDependence() {
  auto mark = [&](llvm::ArrayRef<Value> roots, bool &onBatch, bool &onHead) {
    llvm::SmallVector<Value> known;
    llvm::copy_if(roots, std::back_inserter(known), [](Value root) { return bool(root); });
    llvm::SmallPtrSet<const Node *, 16> seen;
    for (int id : program.needed(known))
      if (const Node *node = program[Value{id}].node)
        markNode(node, onBatch, onHead, seen);
  };
  for (TileFold &summary : schedule.summaries)
    mark({summary.value, summary.when}, summary.onBatch, summary.onHead);
  mark(rootsOf(schedule), schedule.onBatch, schedule.onHead);
}

} // namespace

llvm::SmallVector<Value> attune::mask::rootsOf(const Schedule &schedule) {
  llvm::SmallVector<Value> roots = rootsOfTiles(schedule);
  for (const std::vector<TileFold> *folds : {&schedule.folds, &schedule.summaries})
    for (const TileFold &fold : *folds)
      roots.append({fold.value, fold.when});
  return roots;
}

Schedule attune::mask::assemble(FormulaBuilder &formulas, const MaskFormula &mask,
                                const ScheduleOptions &options, const Machinery &machinery) {
  return Assembly(formulas, mask, options, machinery).run();
}

/// Operations of `values` that vary with an input for which `wanted` holds.
static int64_t costOfVarying(const Program &program, llvm::ArrayRef<Value> values,
                             llvm::function_ref<bool(const Instruction &)> wanted) {
  llvm::SmallVector<Value> roots, fixed;
  llvm::copy_if(values, std::back_inserter(roots), [](Value root) { return bool(root); });
  llvm::DenseSet<int> varying;
  for (int id : program.needed(roots)) {
    const Instruction &instruction = program[Value{id}];
    bool varies = wanted(instruction) || llvm::any_of(instruction.operands, [&](Value operand) {
                    return operand && varying.contains(operand.id);
                  });
    if (varies)
      varying.insert(id);
    else
      fixed.push_back(Value{id});
  }
  return program.cost(roots) - program.cost(fixed);
}

Schedule::Costs Schedule::costs() const {
  Costs costs;
  auto onColumn = [](const Instruction &leaf) {
    return leaf.opcode == Opcode::Summary ||
           (leaf.opcode == Opcode::Input &&
            (leaf.input == Input::ColumnFirst || leaf.input == Input::ColumnLast ||
             leaf.input == Input::ColumnTile));
  };
  auto onToken = [](const Instruction &leaf) {
    return leaf.opcode == Opcode::AtToken ||
           (leaf.opcode == Opcode::Input &&
            (leaf.input == Input::RowToken || leaf.input == Input::ColumnToken));
  };
  llvm::SmallVector<Value> pair = {touched, blemished, mayVisible, mayHidden};
  if (seek)
    pair.front() = seek;
  costs.pair = costOfVarying(program, pair, onColumn);
  llvm::SmallVector<Value> all = {firstTile, endTile};
  all.append(pair);
  llvm::erase_if(all, [](Value root) { return !root; });
  costs.rowTile = program.cost(all) - costs.pair;
  auto roots = [](llvm::ArrayRef<TileFold> folds) {
    llvm::SmallVector<Value> roots;
    for (const TileFold &fold : folds)
      roots.append({fold.value, fold.when});
    return roots;
  };
  costs.row = costOfVarying(program, roots(folds), onToken);
  costs.column = costOfVarying(program, roots(summaries), onToken);
  return costs;
}

Schedule attune::mask::buildSchedule(FormulaBuilder &formulas, const MaskFormula &mask,
                                     const ScheduleOptions &options) {
  if (options.level)
    return assemble(formulas, mask, options, {*options.level, options.allowSummaries});
  return chooseSchedule(formulas, mask, options);
}
