// SPDX-License-Identifier: Apache-2.0
#include "test/compiler/mask/MaskCase.h"

namespace attune::mask::test {

ParsedMask::ParsedMask(const Mask &mask)
    : mask(mask), program(toText(mask)), formulas(program.expressions()),
      formula(formulas.build(program.domain())) {}

Schedule ParsedMask::schedule(Direction direction, int64_t queryTile, int64_t keyTile,
                              std::optional<Level> level, bool allowSummaries) {
  ScheduleOptions options;
  options.direction = direction;
  bool isForward = direction == Direction::Forward;
  options.rows.tokens = isForward ? queryTile : keyTile;
  options.columns.tokens = isForward ? keyTile : queryTile;
  options.level = level;
  options.allowSummaries = allowSummaries;
  return buildSchedule(formulas, formula, options);
}

Problem ParsedMask::problem(const MaskNumbers &numbers) const {
  Problem problem(program, numbers.queries, numbers.keys);
  for (const auto &[name, value] : numbers.scalars)
    problem.set(operandName(name), value);
  for (const auto &[name, values] : numbers.tables)
    problem.set(operandName(name), llvm::ArrayRef<int64_t>(values));
  return problem;
}

RowTile::Sizes sizesOf(Direction direction, const MaskNumbers &numbers) {
  RowTile::Sizes sizes;
  bool isForward = direction == Direction::Forward;
  sizes.rowTokens = isForward ? numbers.queries : numbers.keys;
  sizes.columnTokens = isForward ? numbers.keys : numbers.queries;
  return sizes;
}

Verification verify(const Schedule &schedule, const MaskNumbers &numbers, const Problem &problem,
                    const VisiblePairs &visible) {
  return verifySchedule(schedule, sizesOf(schedule.direction, numbers), problem, visible.bits());
}

std::string toString(const Verification &verification) {
  return std::to_string(verification.emptyTiles) + "/" + std::to_string(verification.partialTiles) +
         "/" + std::to_string(verification.fullTiles);
}

std::string firstContradiction(const Verification &verification, const Schedule &schedule) {
  if (verification.contradictions.empty())
    return "none";
  const Contradiction &first = verification.contradictions.front();
  return "row tile " + std::to_string(first.rowTile) + " of " +
         std::to_string(schedule.rows.tokens) + ", column tile " +
         std::to_string(first.columnTile) + " of " + std::to_string(schedule.columns.tokens) +
         (first.claimed == TileClass::Empty ? " claimed empty" : " claimed full") +
         ", but not at query " + std::to_string(first.query) + ", key " + std::to_string(first.key);
}

} // namespace attune::mask::test
