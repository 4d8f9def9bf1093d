// SPDX-License-Identifier: Apache-2.0
// How are our passes made and registered? Each is described in Passes.td and written in its own
// file.
#ifndef ATTUNE_COMPILER_PASSES_H
#define ATTUNE_COMPILER_PASSES_H

#include "mlir/Pass/Pass.h"

namespace attune {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/Passes.h.inc"

} // namespace attune

#endif // ATTUNE_COMPILER_PASSES_H
