// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: how do expression nodes become scalars, tiles and maps of a tile kernel?
#ifndef ATTUNE_COMPILER_PASSES_LOWERTOTILESCOPE_H
#define ATTUNE_COMPILER_PASSES_LOWERTOTILESCOPE_H

#include "compiler/analysis/GatheredKeys.h"
#include "compiler/analysis/Sweeps.h"
#include "compiler/passes/LowerToTilePlaces.h"
#include "dialects/tile/TileOps.h"
#include "mlir/IR/Builders.h"

namespace attune {

/// Which places a map has: i, j or (i, j).
enum class Places { Rows, Cols, Matrix };

/// What has been emitted so far: scalars of the block, tiles of rows, and inside a loop over key
/// tiles the tiles of the current keys. Everything is emitted once and where its users can see it.
class TileScope {
public:
  TileScope(const SweepPlan &plan, tile::KernelOp kernel);

  /// Straight-line code of the block: in front of the loop that is being built, if there is one.
  mlir::OpBuilder &top() { return topBuilder; }
  mlir::Location location() const { return loc; }
  tile::ConfigAttr config() { return kernel.getConfig(); }
  /// The number of the block's tile times its queries.
  mlir::Value firstQuery() const { return blockFirst; }
  const TilePlace &queries() const { return queryPlace; }
  /// The tokens of `queries()`: where heads are packed, those of each head.
  const TilePlace &queryTokens() { return packsHeads() ? tokenPlace : queryPlace; }
  /// Are rows of several heads in a tile? Then the head is the first coordinate of `queries()`.
  bool packsHeads() { return config().getPackedHeads() > 0; }
  const TilePlace &keys() const { return keyPlace; }
  /// Does each row walk a list of keys? Then `keys()` are entries of it.
  bool gathersKeys() const { return gathered.has_value(); }
  /// The tiles of an axis: of `tokens`, or boxes of its grid.
  TileGrid tilesOf(mlir::StringAttr axis, int64_t tokens, mlir::DenseI64ArrayAttr box);

  //===--- scalars ---===//

  /// A node that depends on neither i nor j.
  mlir::Value scalar(const Node *node);
  mlir::Value number(double value);
  mlir::Value index(int64_t value);
  mlir::Value batchIndex() const { return batch; }
  /// Where heads are packed, the first of the group that reads the block's keys.
  mlir::Value headIndex() const { return head; }
  /// Maps the kernel's scalars and tables to those of the tile kernel.
  void mapOperands(mlir::IRMapping &values);
  /// The token length of an axis.
  mlir::Value length(mlir::StringAttr axis);

  //===--- tiles ---===//

  mlir::Type rowsType(mlir::Type element);
  mlir::Type partialType(mlir::Type element);
  mlir::Type colsType(mlir::Type element);
  mlir::Type matrixType(mlir::Type element);
  mlir::Type placesType(Places places, mlir::Type element);

  /// The tile of a leaf: element, dot, or a finished number of the rows.
  mlir::Value leaf(const Node *node);
  /// Makes a running value known at the pairs of the current keys.
  void bindPairs(const Node *scan, mlir::Value matrix) { keyTiles[scan] = matrix; }
  /// The rows, or the current cols, of a node that depends on nothing else.
  mlir::Value oneSided(const Node *node);
  /// Tokens of an operand: the block's queries, or the current keys.
  mlir::Value tokens(mlir::Value operand);
  /// Where the kernel walks a list of keys, the entries of the current ones (i32); else null.
  mlir::Value keyEntries();
  /// Makes an AccumulatorRef, FrameRef or RowRef known.
  void finish(NodeKind kind, unsigned index, mlir::Value rows) { finished[{kind, index}] = rows; }
  mlir::Value getFinished(NodeKind kind, unsigned index) { return finished.lookup({kind, index}); }
  /// Result `index` of the kernel, in memory.
  mlir::Value target(unsigned index) {
    return kernel.getBody().getArguments().take_back(kernel.getResultCount())[index];
  }
  /// Writes rows to result `index`.
  void store(mlir::Value rows, unsigned index);

  /// Between these, keys are those of `place`, and their tiles are emitted by `body`.
  void enterLoop(mlir::Operation *loop, mlir::OpBuilder &body, TilePlace place);
  void leaveLoop();

  //===--- ops ---===//

  /// The op of a node that is no leaf, on operands that stand for the node's.
  mlir::Value emitOperation(mlir::OpBuilder &builder, const Node *node, mlir::ValueRange operands);
  mlir::Value emitAffine(mlir::OpBuilder &builder, mlir::AffineExpr expression,
                         mlir::ValueRange operands, unsigned dimensions);
  mlir::Value emitLoad(mlir::OpBuilder &builder, attn::LoadOp load, mlir::ValueRange operands);
  /// An element, which is a number, of rows or cols at one token.
  mlir::Value readElement(mlir::OpBuilder &builder, const Node *node, mlir::Value token);
  /// What a read of a table or of an element, maybe cast, gives when its last index is `index`, and how
  /// many such entries there are.
  mlir::Value readEntry(mlir::OpBuilder &builder, const Node *node, mlir::Value index);
  mlir::Value countEntries(const Node *node);
  /// What a pass before the kernel found of each tile of keys.
  mlir::Value workspace();
  /// Floored quotient and remainder by a positive constant.
  mlir::Value emitFloorDivision(mlir::OpBuilder &builder, mlir::Value value, int64_t divisor) {
    return emitFloorDivision(builder, value, index(divisor));
  }
  mlir::Value emitModulo(mlir::OpBuilder &builder, mlir::Value value, int64_t divisor) {
    return emitModulo(builder, value, index(divisor));
  }
  /// The same by an index that is at least 1; cheaper where the value is known not to be negative.
  mlir::Value emitFloorDivision(mlir::OpBuilder &builder, mlir::Value value, mlir::Value divisor,
                                bool isNotNegative = false);
  mlir::Value emitModulo(mlir::OpBuilder &builder, mlir::Value value, mlir::Value divisor,
                         bool isNotNegative = false);
  /// An integer of any type as index; a truth is 0 or 1.
  mlir::Value asIndex(mlir::OpBuilder &builder, mlir::Value value);

  /// Has something been refused, and the reason emitted?
  bool hasFailed() const { return failed; }
  mlir::InFlightDiagnostic refuse(mlir::Location where);

private:
  void placeRows(mlir::StringAttr axis);
  void placePackedRows(mlir::StringAttr axis);
  mlir::Value countKeyHeads();
  mlir::Value countGathered();
  llvm::SmallVector<mlir::Value, 3> rowOf(mlir::Value operand);
  mlir::Value argument(mlir::Value operand);
  std::pair<mlir::Value, mlir::Value> sequenceOf(mlir::Value argument);
  mlir::Value headOf(mlir::Value argument);
  mlir::Value batchOf(mlir::Value argument);
  mlir::Value emitScalar(const Node *node);
  mlir::Value emitAlgebra(mlir::OpBuilder &builder, const Node *node, mlir::ValueRange operands);

  const SweepPlan &plan;
  tile::KernelOp kernel;
  mlir::Location loc;
  mlir::OpBuilder topBuilder;
  mlir::OpBuilder *bodyBuilder = nullptr;
  mlir::Operation *loop = nullptr;
  mlir::Value batch, head, blockFirst;
  TilePlace queryPlace, tokenPlace, keyPlace;
  std::optional<GatheredKeys> gathered;
  mlir::Value gatheredCount, entryTile;
  bool failed = false;

  llvm::DenseMap<const Node *, mlir::Value> scalars, rowTiles, keyTiles;
  llvm::DenseMap<mlir::Value, mlir::Value> rowTokens, keyTokens;
  llvm::DenseMap<mlir::StringAttr, mlir::Value> lengths;
  llvm::DenseMap<mlir::Value, std::pair<mlir::Value, mlir::Value>> sequences;
  llvm::DenseMap<std::pair<NodeKind, unsigned>, mlir::Value> finished;
};

/// A token at one place of a map, by its number or its coordinates.
struct TokenIndex {
  mlir::Value number;
  TilePlace::Values coordinates, extents;
  explicit operator bool() const { return number || !coordinates.empty(); }
};

/// Emits nodes at one place of a map.
class PlaceEmitter {
public:
  PlaceEmitter(TileScope &scope, mlir::OpBuilder &builder) : scope(scope), builder(builder) {}
  /// The token's number; coordinates are put together once somebody asks.
  mlir::Value token(TokenIndex &index);
  mlir::Value emit(const Node *node);
  void bind(const Node *node, mlir::Value value) { values[node] = value; }

  TileScope &scope;
  mlir::OpBuilder &builder;
  TokenIndex query, key;

private:
  llvm::DenseMap<const Node *, mlir::Value> values;
};

/// A map in the making: first what it reads, then its region.
class MapBuilder {
public:
  MapBuilder(TileScope &scope, Places places) : scope(scope), places(places) {}

  /// Reads a tile; the number of its region argument.
  unsigned read(mlir::Value tile);
  /// Reads all that evaluating the node takes. Parts of a pair's value that depend on one side only
  /// and cost something are computed once for that side.
  void read(const Node *node);
  void readIndices() { hasIndices = true; }

  using Body = llvm::function_ref<mlir::Value(PlaceEmitter &, mlir::ValueRange elements)>;
  mlir::Value build(mlir::OpBuilder &builder, mlir::Type result, Body body);

private:
  TileScope &scope;
  Places places;
  bool hasIndices = false;
  llvm::SmallVector<mlir::Value> inputs;
  llvm::DenseMap<const Node *, unsigned> elements;
  llvm::DenseSet<const Node *> seen;
};

} // namespace attune

#endif // ATTUNE_COMPILER_PASSES_LOWERTOTILESCOPE_H
