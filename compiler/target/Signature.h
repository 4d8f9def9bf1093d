// SPDX-License-Identifier: Apache-2.0
// Which parameters does a tile kernel take at launch, and in which order? One answer for every back
// end and for the bundle's manifest.
#ifndef ATTUNE_COMPILER_TARGET_SIGNATURE_H
#define ATTUNE_COMPILER_TARGET_SIGNATURE_H

#include "dialects/tile/TileOps.h"
#include "llvm/ADT/SmallVector.h"

namespace attune {

enum class ParameterKind { Pointer, Size, Stride, Scalar };

/// One launch parameter. `dim` is the memref dim of a Size or Stride (strides count elements).
struct LaunchParameter {
  ParameterKind kind;
  unsigned argument;
  unsigned dim = 0;
  /// The scalar's type; i64 for sizes, strides and index; null for pointers.
  mlir::Type type;
};

/// The ordered launch parameters of `kernel`: per memref its pointer, dynamic sizes, dynamic strides;
/// per scalar itself (index as i64, i1 as i8).
llvm::SmallVector<LaunchParameter> getLaunchParameters(tile::KernelOp kernel);

/// The position in `getLaunchParameters` of the given parameter; -1 if it is static.
int findLaunchParameter(llvm::ArrayRef<LaunchParameter> parameters, ParameterKind kind,
                        unsigned argument, unsigned dim = 0);

} // namespace attune

#endif // ATTUNE_COMPILER_TARGET_SIGNATURE_H
