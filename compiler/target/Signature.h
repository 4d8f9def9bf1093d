// SPDX-License-Identifier: Apache-2.0
// Which parameters does a tile kernel take at launch, and in which order? One answer for every back
// end and for the bundle's manifest.
#ifndef ATTUNE_COMPILER_TARGET_SIGNATURE_H
#define ATTUNE_COMPILER_TARGET_SIGNATURE_H

#include "dialects/tile/TileOps.h"
#include "llvm/ADT/SmallVector.h"

namespace attune {

enum class ParameterKind { Pointer, Size, Stride, Scalar, TensorMap };

/// One launch parameter. `dim` is the memref dim of a Size or Stride (strides count elements).
struct LaunchParameter {
  ParameterKind kind;
  unsigned argument;
  unsigned dim = 0;
  /// The scalar's type; i64 for sizes, strides and index; null for pointers and tensor maps.
  mlir::Type type;
  /// Of a TensorMap: what one copy moves, `tokens` of one batch and head, `columns` components of each
  /// (16-bit, in the order that SharedLayout gives to a segment so wide).
  int64_t tokens = 0, columns = 0;
};

/// Does any op have tiles? (Their rows are shared out over warps; a pass before a kernel has none.)
bool hasRows(tile::KernelOp kernel);

/// Does one warpgroup of the kernel copy what others multiply?
bool usesWarpgroups(tile::KernelOp kernel);

/// Rows that a warpgroup multiplies, and stores together.
inline constexpr int64_t warpgroupTokens = 64;

/// Does a warpgroup store its rows of the value by a tensor map?
bool storesTiles(tile::StoreOp store);

/// The tokens of a tile that lie next to each other in memory: all of them, or a row of its box.
int64_t getRunOfTokens(tile::LoadOp load);

/// The ordered launch parameters of `kernel`: per memref its pointer, dynamic sizes, dynamic strides,
/// and where warpgroups are used a tensor map for each shape of copy; per scalar itself (index as i64,
/// i1 as i8).
llvm::SmallVector<LaunchParameter> getLaunchParameters(tile::KernelOp kernel);

/// The position in `getLaunchParameters` of the given parameter; -1 if it is static.
int findLaunchParameter(llvm::ArrayRef<LaunchParameter> parameters, ParameterKind kind,
                        unsigned argument, unsigned dim = 0);

} // namespace attune

#endif // ATTUNE_COMPILER_TARGET_SIGNATURE_H
