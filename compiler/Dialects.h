// SPDX-License-Identifier: Apache-2.0
// Which dialects do the tools of this project read and write?
#ifndef ATTUNE_COMPILER_DIALECTS_H
#define ATTUNE_COMPILER_DIALECTS_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace attune {

/// Registers our dialects and the upstream ones that our programs are made of or lowered to.
void registerDialects(mlir::DialectRegistry &registry);

} // namespace attune

#endif // ATTUNE_COMPILER_DIALECTS_H
