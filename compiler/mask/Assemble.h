// SPDX-License-Identifier: Apache-2.0
// How is a schedule of a given level put together, and which level is enough?
#ifndef ATTUNE_COMPILER_MASK_ASSEMBLE_H
#define ATTUNE_COMPILER_MASK_ASSEMBLE_H

#include "compiler/mask/Schedule.h"

namespace attune::mask {

/// What a schedule is made of.
struct Machinery {
  Level level = Level::Pieces;
  /// Column tables are summarised by a pass before the kernel.
  bool summaries = true;
  /// Ranges fold over rows; otherwise they are what the ends of the row tile tell.
  bool folds = true;
  /// Ranges classify tiles; otherwise they only say where to begin and to end.
  bool segments = true;
};

Schedule assemble(FormulaBuilder &formulas, const MaskFormula &mask, const ScheduleOptions &options,
                  const Machinery &machinery);

/// All that is computed of a schedule's program.
llvm::SmallVector<Value> rootsOf(const Schedule &schedule);

/// The cheapest schedule that is as sharp as the richest on a battery of shapes.
Schedule chooseSchedule(FormulaBuilder &formulas, const MaskFormula &mask,
                        const ScheduleOptions &options);

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_ASSEMBLE_H
