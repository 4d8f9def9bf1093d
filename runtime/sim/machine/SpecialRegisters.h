// SPDX-License-Identifier: Apache-2.0
// What do special registers hold?
#pragma once

#include "runtime/sim/machine/Warp.h"
#include "runtime/sim/ptx/Syntax.h"

namespace attune::sim {

/// The value of a special register for a lane (PTX ISA, "Special Registers"). Clocks count the
/// instructions of the cluster: they grow, and say nothing of time.
uint64_t specialValue(const Warp &warp, ptx::Special special, unsigned lane);

/// Whether two reads of it by one lane may differ.
bool changes(ptx::Special special);

} // namespace attune::sim
