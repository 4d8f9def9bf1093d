// SPDX-License-Identifier: Apache-2.0
// Joins the families of instructions.
#include "runtime/sim/ops/Ops.h"

namespace attune::sim {

const InstructionSet &instructionSet() {
  static const InstructionSet known = [] {
    InstructionSet set;
    for (auto add : {addMoves, addIntegers, addFloats, addConversions, addComparisons, addControl,
                     addRegisterCounts, addWarpOperations, addBarriers, addMemory, addFences,
                     addCopies, addMbarriers, addMatrices, addWgmma})
      add(set);
    return set;
  }();
  return known;
}

} // namespace attune::sim
