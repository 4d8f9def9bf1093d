// SPDX-License-Identifier: Apache-2.0
// What does it take to interpret a schedule, whatever the problem?
#ifndef ATTUNE_COMPILER_MASK_SCHEDULECODE_H
#define ATTUNE_COMPILER_MASK_SCHEDULECODE_H

#include "compiler/mask/TokenFolds.h"

namespace attune::mask {

/// Instructions in order, as numbers of their values among those of the program; an operand that is not
/// there is behind the last.
struct Step {
  Opcode opcode;
  int value;
  std::array<int, 3> operands;
};

/// What computes some values, without what never varies within a problem.
struct Plan {
  /// Those that depend on nothing but the rows are computed once for them, in plans that are split.
  llvm::SmallVector<Step, 0> ofRows, steps;
  /// What is read of the problem, and does not vary: it may be unknown.
  llvm::SmallVector<int> read;
};

struct ScheduleCode::Body {
  explicit Body(const Schedule &schedule);

  /// Plans by what they tell. `Touched`, `MayShow`: the visible halves of `Ranges` and `MayHold`.
  enum Part { Ends, Seek, Ranges, MayHold, Touched, MayShow, Parts };

  const Schedule &schedule;
  std::array<Plan, Parts> plans;
  llvm::SmallVector<Plan, 2> rowCuts, columnCuts;
  TokenFolds folds, summaries;
  /// What never varies within a problem.
  llvm::SmallVector<Step, 0> fixed;

private:
  Plan planOf(llvm::ArrayRef<Value> roots) const;
  Plan split(Plan plan) const;
  Step stepOf(int id) const;
  llvm::BitVector findVarying() const;
  /// By instruction.
  llvm::BitVector varies;
};

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_SCHEDULECODE_H
