// SPDX-License-Identifier: Apache-2.0
// Which ops of a map's region must be repeated for every place, and which once a row, once a column
// or once for all? Expands a region over a lane's places, computing each op as rarely as it may.
#ifndef ATTUNE_COMPILER_TARGET_NVPTX_MAPEXPANDER_H
#define ATTUNE_COMPILER_TARGET_NVPTX_MAPEXPANDER_H

#include "compiler/target/nvptx/KernelEmitter.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"
#include <map>
#include <memory>

namespace attune::nvptx {

class MapExpander {
public:
  /// `inputs` are the operands' elements, in order.
  MapExpander(KernelEmitter &emitter, tile::MapOp map, llvm::ArrayRef<TileValue> inputs);

  /// Computes costly conditions at all places of a matrix, see GatherConditions.cpp. Fails where the
  /// region has an op that the target cannot expand, which was reported.
  mlir::LogicalResult gatherConditions(int64_t rows, int64_t columns);

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
  mlir::Value getElement(unsigned number, int64_t row, int64_t column);
  bool isColumnMap(unsigned number) const;
  mlir::Value expandOp(mlir::Operation &op, unsigned result, int64_t row, int64_t column);
  mlir::Value expandNarrowIndex(mlir::Operation &op, int64_t row, int64_t column);
  mlir::Value expandConversion(mlir::Operation &op, int64_t row, int64_t column);
  mlir::Value expandRead(tile::ReadOp read, int64_t row, int64_t column);
  mlir::LogicalResult lowerNested(mlir::Operation &clone);

  // ConvertPlaces.cpp
  /// Where an i32 lies without wrapping, and by how much it grows from a column to the next.
  struct Walk {
    int64_t low, high, step;

    bool fits() const { return llvm::isInt<32>(low) && llvm::isInt<32>(high); }
  };
  std::optional<Walk> walkOf(mlir::Value value) const;

  // ComparePlaces.cpp
  mlir::BlockArgument columnOf(mlir::Value value) const;
  /// `other` - j where `isNegative`, else j - `other`, or j; `index` is j.
  struct FromColumn {
    mlir::BlockArgument index;
    mlir::Value other;
    bool isNegative;
  };
  std::optional<FromColumn> fromColumn(mlir::Value value) const;
  mlir::Value boundOf(const FromColumn &from, mlir::Value bound, int64_t row);
  mlir::Value gapTo(mlir::Value bound, const FromColumn &from, int64_t row);
  mlir::Value expandComparison(mlir::Operation &op, int64_t row, int64_t column);

  // GatherConditions.cpp
  bool collectSlice(mlir::Value value, llvm::SmallSetVector<mlir::Operation *, 16> &slice);
  mlir::LogicalResult gather(mlir::Value condition, llvm::ArrayRef<mlir::Operation *> slice,
                             int64_t rows, int64_t columns);
  mlir::Value readBit(llvm::ArrayRef<mlir::Value> gathered, int64_t row, int64_t column);

  /// In place of a column slot: the one that a loop is at, `runningColumn` (i32).
  static constexpr int64_t running = -2;

  KernelEmitter &emitter;
  tile::MapOp map;
  llvm::SmallVector<TileValue, 0> inputs;
  llvm::DenseMap<mlir::Value, unsigned> dependence;
  /// Which origin an index argument belongs to, and which of its dimensions it is.
  llvm::DenseMap<mlir::Value, std::pair<unsigned, unsigned>> indices;
  llvm::DenseMap<std::pair<mlir::Value, Place>, mlir::Value> known;
  llvm::DenseMap<std::pair<mlir::OpOperand *, Place>, KernelEmitter::ReadTerm> knownTerms;
  /// How far the bounds of comparisons lie from the lane's first column.
  llvm::DenseMap<std::pair<mlir::Value, Place>, mlir::Value> gaps;
  /// Of a costly condition: a bit for each column slot, a word for each row slot and 32 columns.
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value>> words;
  mlir::Value runningColumn;
  int64_t columnCount = 0;
  /// Of operands that are computed where they are used: their expansion.
  std::map<unsigned, std::unique_ptr<MapExpander>> columnMaps;
};

} // namespace attune::nvptx

#endif // ATTUNE_COMPILER_TARGET_NVPTX_MAPEXPANDER_H
