// SPDX-License-Identifier: Apache-2.0
// Which ops of a map's region must be repeated for every place, and which once a row, once a column
// or once for all? Expands a region over a lane's places, computing each op as rarely as it may.
#ifndef ATTUNE_COMPILER_TARGET_NVPTX_MAPEXPANDER_H
#define ATTUNE_COMPILER_TARGET_NVPTX_MAPEXPANDER_H

#include "compiler/target/nvptx/KernelEmitter.h"

namespace attune::nvptx {

class MapExpander {
public:
  /// `inputs` are the operands' elements, in order.
  MapExpander(KernelEmitter &emitter, tile::MapOp map, llvm::ArrayRef<TileValue> inputs);

  /// The number that the map yields at (row slot, column slot); null where the region has an op
  /// that the target cannot expand, which was reported.
  mlir::Value expand(int64_t row, int64_t column);

private:
  /// What a value varies with.
  enum Dependence : unsigned { Uniform = 0, Row = 1, Column = 2 };
  using Place = std::pair<int64_t, int64_t>;

  void classify();
  unsigned dependenceOf(mlir::Value value) const { return dependence.lookup(value); }
  Place placeOf(unsigned dependence, int64_t row, int64_t column) const;
  mlir::Value get(mlir::Value value, int64_t row, int64_t column);
  mlir::Value getIndex(mlir::Value argument, int64_t row, int64_t column);
  std::pair<mlir::Value, mlir::Value> splitIndex(mlir::Value argument, int64_t row, int64_t column);
  mlir::Value getElement(unsigned number, int64_t row, int64_t column) const;
  mlir::Value expandOp(mlir::Operation &op, unsigned result, int64_t row, int64_t column);
  mlir::Value expandNarrowIndex(mlir::Operation &op, int64_t row, int64_t column);
  mlir::Value expandRead(tile::ReadOp read, int64_t row, int64_t column);
  mlir::LogicalResult lowerNested(mlir::Operation &clone);

  KernelEmitter &emitter;
  tile::MapOp map;
  llvm::SmallVector<TileValue, 0> inputs;
  llvm::DenseMap<mlir::Value, unsigned> dependence;
  /// Which origin an index argument belongs to, and which of its dimensions it is.
  llvm::DenseMap<mlir::Value, std::pair<unsigned, unsigned>> indices;
  llvm::DenseMap<std::pair<mlir::Value, Place>, mlir::Value> known;
  llvm::DenseMap<std::pair<mlir::OpOperand *, Place>, KernelEmitter::ReadTerm> knownTerms;
};

} // namespace attune::nvptx

#endif // ATTUNE_COMPILER_TARGET_NVPTX_MAPEXPANDER_H
