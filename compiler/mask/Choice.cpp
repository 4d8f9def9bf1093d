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
  int64_t evaluations = 0, rowTiles = 0;
};

struct Candidate {
  Machinery machinery;
  Schedule schedule;
  Trials trials;
  double cost = 0;
  bool isSharp = true;
};

/// Row tiles of a problem that are looked at, and columns of each: the first, the last, between.
constexpr int64_t MaximumSamples = 8;

void tryOn(const Schedule &schedule, const MadeUpProblem &problem, Trials &trials) {
  RowTile::Sizes sizes = problem.sizes(schedule.direction);
  int64_t rows = countTiles(schedule.rows, sizes.rowTokens, sizes.rowGrid);
  int64_t columns = countTiles(schedule.columns, sizes.columnTokens, sizes.columnGrid);
  if (rows == 0 || columns == 0)
    return;
  RowTile tile(schedule, sizes, problem, 0);
  for (int64_t sample = 0; sample < std::min(rows, MaximumSamples); ++sample) {
    int64_t number = rows <= MaximumSamples ? sample : sample * (rows - 1) / (MaximumSamples - 1);
    tile = tile.sibling(number);
    ++trials.rowTiles;
    int64_t next = tile.next(tile.first());
    int64_t step = std::max<int64_t>(columns / (4 * MaximumSamples), 1);
    for (int64_t t = 0; t < columns; t += step) {
      if (next < t)
        next = tile.next(t);
      bool isVisited = t == next && t < tile.end();
      trials.classes.push_back(isVisited ? tile.classify(t) : TileClass::Empty);
    }
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

/// Operations for a row tile of a sequence longer than those of the battery. A fold is a reduction of
/// the block, a summary a pass over the columns.
double costOf(const Candidate &candidate) {
  constexpr double foldCost = 20, summaryCost = 200, longer = 4;
  const Schedule &schedule = candidate.schedule;
  Schedule::Costs costs = schedule.costs();
  double evaluations = double(candidate.trials.evaluations) /
                       double(std::max<int64_t>(candidate.trials.rowTiles, 1));
  return double(costs.rowTile + 2 * costs.row) + foldCost * double(schedule.folds.size()) +
         summaryCost * double(schedule.summaries.size()) +
         longer * evaluations * double(costs.pair + 1);
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
  /// Given up at the first problem at which it is less sharp than the best.
  Candidate candidate(const Machinery &machinery, const Trials *best = nullptr) {
    Candidate made{machinery, assemble(formulas, mask, options, machinery), {}};
    for (const MadeUpProblem &problem : problems) {
      tryOn(made.schedule, problem, made.trials);
      made.isSharp = !best || isAsSharp(made.trials, *best);
      if (!made.isSharp)
        break;
    }
    made.cost = costOf(made);
    return made;
  }
  Schedule finish(Candidate chosen, bool isSharpest);

  FormulaBuilder &formulas;
  const MaskFormula &mask;
  const ScheduleOptions &options;
  std::vector<MadeUpProblem> problems;
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
  if (richest.schedule.level == Level::All)
    return finish(std::move(richest), true);
  auto tryLess = [&](const Machinery &machinery) { return candidate(machinery, &richest.trials); };
  Candidate ranges = tryLess({Level::Ranges, false, false, true});
  if (ranges.isSharp)
    return finish(std::move(ranges), false);
  std::vector<Candidate> candidates;
  candidates.push_back(tryLess({Level::Ranges, false, true, true}));
  for (bool withSummaries : {false, true}) {
    if (withSummaries && !summaries)
      continue;
    for (bool folds : {false, true})
      for (Level level : {Level::Test, Level::Pieces}) {
        candidates.push_back(tryLess({level, withSummaries, folds, false}));
        candidates.push_back(tryLess({level, withSummaries, folds, true}));
      }
  }
  Candidate *best = &richest;
  for (Candidate &other : candidates)
    if (other.isSharp && other.cost < best->cost)
      best = &other;
  bool isSharpest = best == &richest;
  return finish(std::move(*best), isSharpest);
}

} // namespace

Schedule attune::mask::chooseSchedule(FormulaBuilder &formulas, const MaskFormula &mask,
                                      const ScheduleOptions &options) {
  return Choice(formulas, mask, options).run();
}
