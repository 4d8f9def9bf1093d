// SPDX-License-Identifier: Apache-2.0
// What do registers that wgmma uses demand of other instructions?
#pragma once

#include "runtime/sim/machine/Block.h"

namespace attune::sim {

/// Checks an instruction that reads or writes registers of some wgmma, before it runs: that none is
/// in use by a product under way. Notes what it touches, for wgmma.fence (PTX ISA, "wgmma.fence").
void checkTensorRegisters(Warp &warp, const Instruction &instruction, const RegisterUse &use,
                          Mask mask);

} // namespace attune::sim
