// SPDX-License-Identifier: Apache-2.0
// Which maps and reduces over one matrix run in one loop over its keys?
#ifndef ATTUNE_COMPILER_TARGET_HOST_MAPGROUPS_H
#define ATTUNE_COMPILER_TARGET_HOST_MAPGROUPS_H

#include "dialects/tile/TileOps.h"
#include "llvm/ADT/DenseMap.h"
#include <memory>

namespace attune {

/// Maps and reduces over matrices of one shape, contiguous in their block. No member needs a sum or
/// extremum that another member makes.
struct MapGroup {
  llvm::SmallVector<mlir::Operation *> ops;
};

class MapGroups {
public:
  /// Forms groups in all blocks of `kernel`, moving pure ops within their block to make members
  /// contiguous.
  explicit MapGroups(tile::KernelOp kernel);

  /// The group of a map or reduce over a matrix; null for other ops.
  MapGroup *find(mlir::Operation *op) const { return groups.lookup(op); }

  /// True if `matrix` is made in a group and used nowhere else: it never needs memory.
  bool isInternal(mlir::Value matrix) const;

  /// The narrow float type to which a group may round `matrix` as it stores it, because every user
  /// outside the group is a contract with values of that type; null if there is none.
  mlir::Type getStoredRounding(mlir::Value matrix) const;

private:
  void formGroups(mlir::Block &block);
  void grow(MapGroup &group);

  llvm::DenseMap<mlir::Operation *, MapGroup *> groups;
  llvm::SmallVector<std::unique_ptr<MapGroup>> storage;
};

} // namespace attune

#endif // ATTUNE_COMPILER_TARGET_HOST_MAPGROUPS_H
