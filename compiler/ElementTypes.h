// SPDX-License-Identifier: Apache-2.0
// Which element type of a bundle do numbers of an MLIR type have?
#ifndef ATTUNE_COMPILER_ELEMENTTYPES_H
#define ATTUNE_COMPILER_ELEMENTTYPES_H

#include "mlir/IR/Types.h"
#include "runtime/bundle/Manifest.h"

namespace attune {

/// The element type of a scalar type, or of what a vector or tensor type consists of; nothing for a
/// type that no operand and no result can have.
std::optional<bundle::ElementType> elementTypeOf(mlir::Type type);

} // namespace attune

#endif // ATTUNE_COMPILER_ELEMENTTYPES_H
