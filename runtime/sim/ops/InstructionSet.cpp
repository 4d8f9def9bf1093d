// SPDX-License-Identifier: Apache-2.0
// Joins the families of instructions.
#include "runtime/sim/ops/Ops.h"

namespace attune::sim {

// A family that is not linked in is null.
[[gnu::weak]] void addMoves(InstructionSet &set);
[[gnu::weak]] void addIntegers(InstructionSet &set);
[[gnu::weak]] void addFloats(InstructionSet &set);
[[gnu::weak]] void addConversions(InstructionSet &set);
[[gnu::weak]] void addComparisons(InstructionSet &set);
[[gnu::weak]] void addControl(InstructionSet &set);
[[gnu::weak]] void addWarpOperations(InstructionSet &set);
[[gnu::weak]] void addBarriers(InstructionSet &set);
[[gnu::weak]] void addMemory(InstructionSet &set);
[[gnu::weak]] void addFences(InstructionSet &set);
[[gnu::weak]] void addCopies(InstructionSet &set);
[[gnu::weak]] void addMbarriers(InstructionSet &set);
[[gnu::weak]] void addMatrices(InstructionSet &set);
[[gnu::weak]] void addWgmma(InstructionSet &set);

const InstructionSet &instructionSet() {
  static const InstructionSet known = [] {
    InstructionSet set;
    for (auto add : {addMoves, addIntegers, addFloats, addConversions, addComparisons, addControl,
                     addWarpOperations, addBarriers, addMemory, addFences, addCopies, addMbarriers,
                     addMatrices, addWgmma})
      if (add)
        add(set);
    return set;
  }();
  return known;
}

} // namespace attune::sim
