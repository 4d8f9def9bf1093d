// SPDX-License-Identifier: Apache-2.0
// Which machinery is enough for a mask? All are sound; the cheapest that is as sharp as the richest on
// a battery of made-up problems is taken.
#include "compiler/mask/Assemble.h"
#include "compiler/mask/Battery.h"
#include "compiler/mask/Emission.h"

using namespace attune;
using namespace attune::mask;

namespace {

/// What a schedule did on the battery, or on the first problems of it.
struct Trials {
  std::vector<TileClass> classes;
  int64_t evaluations = 0, rowTiles = 0, instructions = 0;
};

struct Candidate {
  Machinery machinery;
  Schedule schedule;
  Trials trials;
  double cost = 0;
  bool isSharp = true;
};

/// Row tiles of a problem that are looked at, the first, the last, some between, and up to four times as
/// many columns of each; fewer where a test is long.
int64_t samplesOf(const Schedule &richest) {
  constexpr int64_t longTest = 60;
  return richest.costs().pair > longTest ? 4 : 6;
}

/// Problems that are tried: all of them, fewer where many instructions were interpreted for those.
constexpr size_t LeastProblems = 4;
constexpr int64_t InstructionBudget = 500'000;

void tryOn(const ScheduleCode &code, const MadeUpProblem &problem, int64_t samples,
           Trials &trials) {
  const Schedule &schedule = code.schedule();
  RowTile::Sizes sizes = problem.sizes(schedule.direction);
  int64_t rows = countTiles(schedule.rows, sizes.rowTokens, sizes.rowGrid);
  int64_t columns = countTiles(schedule.columns, sizes.columnTokens, sizes.columnGrid);
  if (rows == 0 || columns == 0)
    return;
  RowTile tile(code, sizes, problem, 0);
  int64_t before = 0;
  for (int64_t sample = 0; sample < std::min(rows, samples); ++sample) {
    int64_t number = rows <= samples ? sample : sample * (rows - 1) / (samples - 1);
    tile = tile.sibling(number);
    ++trials.rowTiles;
    int64_t next = tile.next(tile.first());
    int64_t step = std::max<int64_t>(columns / (4 * samples), 1);
    for (int64_t t = 0; t < columns; t += step) {
      if (next < t)
        next = tile.next(t);
      bool isVisited = t == next && t < tile.end();
      trials.classes.push_back(isVisited ? tile.classify(t) : TileClass::Empty);
    }
    trials.instructions += tile.instructions() - before;
    before = tile.instructions();
    // What ranges answer is looked at once a tile, too.
    trials.evaluations +=
        std::max(tile.evaluations(), std::max<int64_t>(tile.end() - tile.first(), 0));
  }
}

bool isAsSharp(const Trials &trials, const Trials &best) {
  for (auto [found, wanted] : llvm::zip(trials.classes, best.classes))
    if (found == TileClass::Partial && wanted != TileClass::Partial)
      return false;
  return true;
}

/// Operations for a row tile however its columns are classified. A fold is a reduction of the block, a
/// summary a pass over the columns.
double fixedCostOf(const Schedule &schedule) {
  constexpr double foldCost = 100, summaryCost = 200;
  Schedule::Costs costs = schedule.costs();
  return double(costs.rowTile + 2 * costs.row) + foldCost * double(schedule.folds.size()) +
         summaryCost * double(schedule.summaries.size());
}

/// Of a sequence longer than those of the battery.
double costOf(const Candidate &candidate) {
  constexpr double longer = 4;
  const Schedule &schedule = candidate.schedule;
  double evaluations = double(candidate.trials.evaluations) /
                       double(std::max<int64_t>(candidate.trials.rowTiles, 1));
  return fixedCostOf(schedule) + longer * evaluations * double(schedule.costs().pair + 1);
}

bool readsTables(const MaskFormula &mask, Side side) {
  bool found = false;
  for (const Formula *formula : {&mask.visible, &mask.hidden})
    forEachAtom(*formula, [&](const Atom &atom) {
      found |= atom.kind == AtomKind::OneSided && atom.side == side;
    });
  return found;
}

llvm::StringRef describe(Level level) {
  switch (level) {
  case Level::All: return "everything is visible";
  case Level::Ranges: return "ranges in closed form";
  case Level::Test: return "a test of each tile";
  case Level::Pieces: return "a test of the rows of each tile";
  }
  llvm_unreachable("all levels are listed");
}

class Choice {
public:
  Choice(FormulaBuilder &formulas, const MaskFormula &mask, const ScheduleOptions &options)
      : formulas(formulas), mask(mask), options(options) {
    int64_t tokens = std::max(options.rows.tokens, options.columns.tokens);
    for (unsigned trial = 0; trial < MadeUpTrials; ++trial)
      problems.emplace_back(formulas, mask, tokens, trial);
  }

  Schedule run();

private:
  /// Given up at the first problem at which it is less sharp than the richest, or if it costs more than
  /// the best so far.
  Candidate candidate(const Machinery &machinery, const Trials *best = nullptr,
                      double limit = std::numeric_limits<double>::infinity()) {
    Candidate made{machinery, assemble(formulas, mask, options, machinery), {}};
    if (!best)
      samples = samplesOf(made.schedule);
    made.isSharp = fixedCostOf(made.schedule) < limit;
    if (!made.isSharp)
      return made;
    ScheduleCode code(made.schedule);
    for (size_t index = 0; index < problems.size() && made.isSharp; ++index) {
      tryOn(code, problems[index], samples, made.trials);
      made.isSharp = !best || isAsSharp(made.trials, *best);
      if (!best && index + 1 >= LeastProblems && made.trials.instructions > InstructionBudget)
        problems.truncate(index + 1);
    }
    made.cost = costOf(made);
    return made;
  }
  Schedule finish(Candidate chosen, bool isSharpest);

  FormulaBuilder &formulas;
  const MaskFormula &mask;
  const ScheduleOptions &options;
  llvm::SmallVector<MadeUpProblem, 0> problems;
  int64_t samples = 0;
};

Schedule Choice::finish(Candidate chosen, bool isSharpest) {
  Schedule schedule = std::move(chosen.schedule);
  schedule.reason = describe(schedule.level).str();
  if (!schedule.folds.empty())
    schedule.reason += ", from what the rows of the tile hold";
  if (!schedule.summaries.empty())
    schedule.reason += ", with summaries of tables";
  if (schedule.level != Level::All)
    schedule.reason += isSharpest ? ": nothing is sharper" : ": as sharp as all there is";
  return schedule;
}

Schedule Choice::run() {
  Side columns = options.direction == Direction::Forward ? Side::Key : Side::Query;
  bool summaries = options.allowSummaries && readsTables(mask, columns);
  Candidate richest = candidate({Level::Pieces, summaries, true, true});
  if (richest.schedule.level == Level::All) {
    richest.schedule.isClosedFormExact = true;
    return finish(std::move(richest), true);
  }
  Candidate best = std::move(richest);
  Trials sharpest = best.trials;
  const Level level = best.schedule.level;
  bool isSharpest = true;
  bool isClosedFormExact = false;
  auto tryLess = [&](const Machinery &machinery) {
    // What ranges alone tell is recorded, whatever they cost.
    bool isClosedForm = machinery.level == Level::Ranges;
    Candidate other =
        isClosedForm ? candidate(machinery, &sharpest) : candidate(machinery, &sharpest, best.cost);
    isClosedFormExact |= isClosedForm && other.isSharp;
    if (!other.isSharp || other.cost >= best.cost)
      return false;
    best = std::move(other);
    isSharpest = false;
    return true;
  };
  auto finished = [&] {
    Schedule schedule = finish(std::move(best), isSharpest);
    schedule.isClosedFormExact = isClosedFormExact;
    return schedule;
  };
  // Nothing is cheaper than ranges that need no rows.
  if (tryLess({Level::Ranges, false, false, true}))
    return finished();
  for (bool withSummaries : {false, true})
    for (bool folds : {false, true})
      // Pieces cost little where they do not help, and few problems do not tell that they never do.
      // Where the test is enough, classes from ranges only cost.
      if (!withSummaries || summaries)
        if (!tryLess({level, withSummaries, folds, false}))
          tryLess({level, withSummaries, folds, true});
  tryLess({Level::Ranges, false, true, true});
  return finished();
}

} // namespace

Schedule attune::mask::chooseSchedule(FormulaBuilder &formulas, const MaskFormula &mask,
                                      const ScheduleOptions &options) {
  return Choice(formulas, mask, options).run();
}
