// SPDX-License-Identifier: Apache-2.0
// Which lanes take part in a .sync instruction that names them?
#pragma once

#include "runtime/sim/machine/Warp.h"

namespace attune::sim {

/// Checks the member mask in `members` (a row) of an instruction that the lanes of `mask` execute:
/// equal in all of them, naming them, and naming no lane that is elsewhere or has exited. False
/// when another path of the warp has to run first; the handler then returns Outcome::Jumped.
bool checkMembers(Warp &warp, const Instruction &instruction, Row members, Mask mask);

} // namespace attune::sim
