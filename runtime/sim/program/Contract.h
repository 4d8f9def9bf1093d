// SPDX-License-Identifier: Apache-2.0
// What would ptxas make of mul and add without rounding modifiers?
#pragma once

#include "runtime/sim/program/Program.h"

namespace attune::sim {

/// The same program with every mul and add that may be fused replaced by a fused multiply-add. Refers to
/// the details of `program`, which has to live as long.
std::unique_ptr<Program> contracted(const Program &program);

} // namespace attune::sim
