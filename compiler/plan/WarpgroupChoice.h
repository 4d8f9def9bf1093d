// SPDX-License-Identifier: Apache-2.0
// The choice of tiles where warpgroups multiply, a part of TileChoice.h's.
#ifndef ATTUNE_COMPILER_PLAN_WARPGROUPCHOICE_H
#define ATTUNE_COMPILER_PLAN_WARPGROUPCHOICE_H

#include "compiler/plan/KernelShape.h"

namespace attune {

/// Why a choice with warpgroups cannot be used; empty if it can.
std::string checkWarpgroups(tile::ConfigAttr config, const Target &target,
                            const KernelShape &shape);

/// Three warpgroups that multiply for short vectors with little work at each pair, else two, or one; as
/// many keys as registers and shared memory allow with two stages. Null where the kernel does not suit
/// them.
tile::ConfigAttr chooseWarpgroups(mlir::MLIRContext *context, const Target &target,
                                  const KernelShape &shape);

} // namespace attune

#endif // ATTUNE_COMPILER_PLAN_WARPGROUPCHOICE_H
