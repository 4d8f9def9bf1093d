// SPDX-License-Identifier: Apache-2.0
// Which keys must a tile of queries visit, and where does it need no mask? Sound: what is not
// understood is visited and masked.
#ifndef ATTUNE_COMPILER_ANALYSIS_MASKBOUNDS_H
#define ATTUNE_COMPILER_ANALYSIS_MASKBOUNDS_H

#include "compiler/analysis/MaskFormula.h"
#include "mlir/IR/Builders.h"

namespace attune {

/// For some queries: every pair outside [visibleLow, visibleHigh) is hidden, every pair inside
/// [fullLow, fullHigh) is visible. Keys; within [0, length]; a range with low >= high is empty.
template <class Number> struct KeyBounds {
  Number visibleLow, visibleHigh, fullLow, fullHigh;
};

/// The value of a number of the block, or nothing if it is not known now.
using UniformLookup = llvm::function_ref<std::optional<int64_t>(const Node *)>;
/// Emits a number of the block as an integer or index.
using UniformEmitter = llvm::function_ref<mlir::Value(const Node *)>;

/// The bounds of queries [firstQuery, lastQuery] (not empty) of `keys` keys, as numbers.
KeyBounds<int64_t> computeKeyBounds(const Formula &mask, int64_t firstQuery, int64_t lastQuery,
                                    int64_t keys, UniformLookup uniform);

/// The same bounds by the same rules, as code on index values.
KeyBounds<mlir::Value> emitKeyBounds(mlir::OpBuilder &builder, mlir::Location location,
                                     const Formula &mask, mlir::Value firstQuery,
                                     mlir::Value lastQuery, mlir::Value keys,
                                     UniformEmitter uniform);

/// Emits constant + sum of coefficient * value on index values, without products by 1 and -1.
mlir::Value emitSum(mlir::OpBuilder &builder, mlir::Location location, int64_t constant,
                    llvm::ArrayRef<std::pair<mlir::Value, int64_t>> terms);

/// Is the pair visible? Nothing if the formula does not tell.
std::optional<bool> isVisible(const Formula &mask, int64_t query, int64_t key,
                              UniformLookup uniform);

enum class TileClass { Empty, Partial, Full };

/// What a kernel will do with key tile [key, key + width) given the bounds of its queries.
TileClass classifyTile(const KeyBounds<int64_t> &bounds, int64_t key, int64_t width);

/// The work that a mask leaves at given lengths and tile sizes.
struct MaskWork {
  /// Pairs that contribute; nothing if the mask is not understood.
  std::optional<int64_t> visiblePairs;
  /// Pairs of visited tiles, padding included.
  int64_t computedPairs = 0;
  int64_t emptyTiles = 0, partialTiles = 0, fullTiles = 0;
};

MaskWork predictWork(const Formula &mask, int64_t queries, int64_t keys, int64_t tileQueries,
                     int64_t tileKeys, UniformLookup uniform);

} // namespace attune

#endif // ATTUNE_COMPILER_ANALYSIS_MASKBOUNDS_H
