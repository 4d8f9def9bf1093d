// SPDX-License-Identifier: Apache-2.0
// How is a schedule of a given level put together, and which level is enough?
#ifndef ATTUNE_COMPILER_MASK_ASSEMBLE_H
#define ATTUNE_COMPILER_MASK_ASSEMBLE_H

#include "compiler/mask/Schedule.h"

namespace attune::mask {

/// A schedule of exactly that level.
Schedule assemble(FormulaBuilder &formulas, const MaskFormula &mask, const ScheduleOptions &options,
                  Level level, bool withSummaries);

/// The cheapest schedule that is as sharp as the richest on a battery of shapes.
Schedule chooseSchedule(FormulaBuilder &formulas, const MaskFormula &mask,
                        const ScheduleOptions &options);

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_ASSEMBLE_H
