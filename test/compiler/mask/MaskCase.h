// SPDX-License-Identifier: Apache-2.0
// One mask at one problem: its schedule against what is visible.
#ifndef ATTUNE_TEST_COMPILER_MASK_MASKCASE_H
#define ATTUNE_TEST_COMPILER_MASK_MASKCASE_H

#include "compiler/mask/Schedule.h"
#include "test/compiler/mask/MaskExpression.h"

namespace attune::mask::test {

/// A mask, parsed, with its formula.
class ParsedMask {
public:
  explicit ParsedMask(const Mask &mask);

  Schedule schedule(Direction direction, int64_t queryTile, int64_t keyTile,
                    std::optional<Level> level = std::nullopt, bool allowSummaries = true);
  Problem problem(const MaskNumbers &numbers) const;

  const Mask mask;
  const MaskProgram program;
  FormulaBuilder formulas;
  const MaskFormula formula;
};

/// Every claim of the schedule at these numbers.
Verification verify(const Schedule &schedule, const MaskNumbers &numbers, const Problem &problem,
                    const VisiblePairs &visible);

RowTile::Sizes sizesOf(Direction direction, const MaskNumbers &numbers);

/// `empty/partial/full`.
std::string toString(const Verification &verification);
/// The first contradiction, in words.
std::string firstContradiction(const Verification &verification, const Schedule &schedule);

} // namespace attune::mask::test

#endif // ATTUNE_TEST_COMPILER_MASK_MASKCASE_H
