// SPDX-License-Identifier: Apache-2.0
// What would ptxas make of mul and add without rounding modifiers?
#pragma once

#include "runtime/sim/program/Program.h"

namespace attune::sim {

/// A copy of the program in which every add and sub that may be fused with a mul before it, in the
/// same basic block, is a fused multiply-add (of .f32; the mul stays). Not all of them need be
/// fused on a GPU, nor by every version of ptxas: results have to pass with and without.
std::unique_ptr<Program> contracted(const Program &program);

} // namespace attune::sim
