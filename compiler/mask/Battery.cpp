// SPDX-License-Identifier: Apache-2.0
// Which level is enough for a mask?
#include "compiler/mask/Assemble.h"

using namespace attune;
using namespace attune::mask;

Schedule attune::mask::chooseSchedule(FormulaBuilder &formulas, const MaskFormula &mask,
                                      const ScheduleOptions &options) {
  return assemble(formulas, mask, options, Level::Pieces, options.allowSummaries);
}
