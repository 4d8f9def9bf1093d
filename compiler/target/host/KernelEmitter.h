// SPDX-License-Identifier: Apache-2.0
// How does a tile kernel become the host's function? Lanes are queries: a row's number is a lane, a
// matrix is stored [key][query], rows of vectors [component][query], cols of vectors [key][component].
#ifndef ATTUNE_COMPILER_TARGET_HOST_KERNELEMITTER_H
#define ATTUNE_COMPILER_TARGET_HOST_KERNELEMITTER_H

#include "compiler/target/host/BufferPlan.h"
#include "compiler/target/host/LaneBuilder.h"

namespace mlir::scf {
class ForOp;
class IfOp;
class WhileOp;
} // namespace mlir::scf

namespace attune {

/// The host function's name is the kernel's; scratch memory that it needs is `plan`'s total.
class KernelEmitter {
public:
  KernelEmitter(tile::KernelOp kernel, const HostFacts &facts, mlir::OpBuilder builder);

  /// Writes the function where the builder stands. Emits an error for what the host cannot do.
  mlir::LogicalResult emit();
  int64_t getScratchBytes() const;

private:
  using Value = mlir::Value;
  /// One scalar for all lanes, or vectors that together hold a tile's lanes.
  using Lanes = llvm::SmallVector<Value, 4>;

  /// A kernel argument that is a memref; static sizes and strides are constants.
  struct Memory {
    Value pointer;
    llvm::SmallVector<Value> sizes, strides;
    /// Consecutive innermost elements are neighbours, known here and now.
    bool contiguous = false;
  };
  /// Cols of vectors: element (key, component) is pointer[key * stride + component].
  struct View {
    Value pointer, stride;
  };
  /// Which tokens a tile has: those of a box of a row-major grid, outermost size first. Consecutive
  /// tokens are a box of one dimension. In a box of heads the first coordinate is the head. Strides are
  /// in elements, that of heads null elsewhere.
  struct Tokens {
    llvm::SmallVector<int64_t, 3> sizes;
    llvm::SmallVector<Value, 3> origin, grid;
    Value stride, headStride;
    /// Where a list names the tokens: its first entry, and how far one is from the next. The coordinates
    /// are the entry and 0.
    Value entries, entryStride;
  };
  /// A row index of a map: `origin` + the row's place, which is `places[vector][lane]`, or the row's
  /// number where there are none.
  struct RowIndex {
    Value origin;
    llvm::SmallVector<llvm::SmallVector<int64_t>> places;
  };
  /// How many lanes a vector has, and how many vectors make the tile.
  struct Shape {
    int64_t lanes, vectors;
  };

  // KernelEmitter.cpp: the function and its blocks.
  void readArguments(mlir::Block &entry);
  void emitTasks(Value begin, Value end);
  mlir::LogicalResult emitBlock(mlir::Block &block);
  mlir::LogicalResult emitOp(mlir::Operation *op);
  mlir::LogicalResult emitTileOp(mlir::Operation *op);
  void emitCoordinates(tile::CoordinatesOp op);
  void emitBox(tile::BoxOp op);

  Shape getShape(mlir::Type tile);
  Value scalar(Value value) { return values.lookup(value).front(); }
  Lanes asVectors(const Lanes &lanes, Shape shape);
  Value buffer(Value tile);
  Value temporary(mlir::Operation *op);
  /// Views of cols are values; those of other tiles are their buffers.
  View view(Value cols);

  // EmitControl.cpp: loops, branches, sweeps, folds.
  mlir::LogicalResult emitFor(mlir::scf::ForOp op);
  mlir::LogicalResult emitWhile(mlir::scf::WhileOp op);
  mlir::LogicalResult emitIf(mlir::scf::IfOp op);
  mlir::LogicalResult emitSweep(tile::SweepOp op);
  mlir::LogicalResult emitSeekingSweep(tile::SweepOp op, mlir::ValueRange carried,
                                       llvm::SmallVector<Value> &final);
  mlir::LogicalResult emitVisit(tile::SweepOp op, Value tile, llvm::SmallVector<Value> &state);
  mlir::LogicalResult emitFold(tile::FoldOp op);
  mlir::FailureOr<Lanes> emitFoldBody(tile::FoldOp op, Value numbers, Shape shape);
  llvm::SmallVector<Value> flatten(mlir::ValueRange values);
  llvm::SmallVector<mlir::Type> flattenTypes(mlir::TypeRange types);
  void unflatten(mlir::ValueRange values, mlir::ValueRange flat);
  void copyWhereApart(mlir::ValueRange from, mlir::ValueRange to);

  // EmitElements.cpp: tokens number by number.
  mlir::LogicalResult emitElements(tile::ElementsOp op);
  mlir::LogicalResult emitNumbers(tile::ElementsOp op, Value base, Value first, Value end);
  mlir::LogicalResult emitLaneLoop(tile::ElementsOp op, const llvm::DenseSet<Value> &varying,
                                   Value begin, Value end, Value row, Value stride, Shape shape);
  mlir::LogicalResult emitLanes(tile::ElementsOp op, const llvm::DenseSet<Value> &varying,
                                Value start, Value mask, Value row, Value stride, Shape shape);
  mlir::LogicalResult emitLaneOps(tile::ElementsOp op, const llvm::DenseSet<Value> &varying,
                                  bool areUniform, Shape shape);
  mlir::LogicalResult emitLaneOp(mlir::Operation *op, const llvm::DenseSet<Value> &varying,
                                 Shape shape);
  Value findRun(Value index, bool isOutermost = true);
  Value readRun(const Memory &memory, mlir::Type type, mlir::ArrayRef<Value> indices, Value run,
                int64_t lanes);

  // EmitMemory.cpp: loads, stores, reads.
  void emitLoad(tile::LoadOp op);
  void emitStore(tile::StoreOp op);
  void emitSplat(tile::SplatOp op);
  Value headAddress(const Memory &memory, mlir::Type element, Value batch, Value head);
  void loadScalarCols(tile::LoadOp op, Value base, const Tokens &tokens);
  void loadScalarRows(tile::LoadOp op, Value base, const Tokens &tokens);
  void loadVectorCols(tile::LoadOp op, const Memory &memory, Value base, const Tokens &tokens);
  void loadListedCols(tile::LoadOp op, const Memory &memory, Value base, const Tokens &tokens);
  void findListed(mlir::Type type, const Memory &memory, Value base, const Tokens &tokens,
                  int64_t components, Value target);
  void loadVectorRows(tile::LoadOp op, const Memory &memory, Value base, const Tokens &tokens);
  Value gatherTokens(mlir::Type type, Value base, const Tokens &tokens, Value numbers);
  void copyTokens(const Memory &memory, mlir::Type type, Value base, const Tokens &tokens,
                  int64_t components, Value target);
  void emitTurn(mlir::Type held, Value source, int64_t rows, int64_t columns, Value target);
  void storeVectorRows(tile::StoreOp op, const Memory &memory, Value base, const Tokens &tokens);
  void eachChunk(int64_t components, llvm::function_ref<void(Value, int64_t)> body);
  Lanes emitRead(tile::ReadOp op, Shape shape);
  void emitWrite(tile::WriteOp op);
  Value readUniform(const Memory &memory, mlir::Type type, mlir::ArrayRef<Value> indices);

  // EmitLists.cpp: lists of keys.
  /// Memory of lists: of each lane, where its row's entries begin from `base` on, and does the row exist?
  struct AppendTarget {
    mlir::Type element;
    Value base, stride;
    Lanes rows, exists;
  };
  AppendTarget appendTarget(tile::AppendOp op, Value memref, mlir::Type element);
  void appendLanes(const AppendTarget &target, int64_t vector, Value counts, Value numbers,
                   Value mask);
  void emitAppend(tile::AppendOp op);

  // EmitPlaces.cpp: which tokens a tile has, and what indices maps get.
  Tokens tokensOf(Value place, mlir::Type tile, const Memory &memory);
  void addList(tile::LoadOp op, Tokens &tokens);
  Value entryOf(const Tokens &tokens, Value number);
  Value offsetOf(const Tokens &tokens, mlir::ValueRange coordinates);
  std::pair<Value, Value> tokenLanes(const Tokens &tokens, Value numbers);
  void eachRun(const Tokens &tokens, llvm::function_ref<void(Value, Value, Value)> body);
  void bindRowIndices(tile::MapOp op, Shape shape);
  void bindLaneIndices(tile::MapOp op, Value first, Shape shape);
  void bindKeyIndices(tile::MapOp op, unsigned origin, Value key);
  void bindRowIndex(Value argument, Value origin, Shape shape);

  // EmitProducts.cpp: dot and contract.
  struct Block2d {
    int64_t scalars, vectors;
  };
  Block2d getRegisterBlock(int64_t vectors);
  void eachBlock(int64_t count, int64_t block, llvm::function_ref<void(Value, int64_t)> body);
  void prefetchRows(const View &rows, Value first, int64_t count, int64_t components);
  void emitDot(tile::DotOp op);
  void emitDotBlock(tile::DotOp op, Value firstKey, int64_t keys, Value firstLane, int64_t vectors);
  void emitContract(tile::ContractOp op);
  void emitContractBlock(tile::ContractOp op, Value weights, Value firstComponent,
                         int64_t components, Value firstLane, mlir::ArrayRef<Value> scale,
                         int64_t vectors);
  Value isAnyNotFinite(mlir::ArrayRef<Value> sums, int64_t lanes);
  void emitContractBySelection(tile::ContractOp op, Value weights, Value firstComponent,
                               int64_t components, Value firstLane, mlir::ArrayRef<Value> scale,
                               int64_t vectors);
  Value roundWeights(tile::ContractOp op);
  Lanes accumulate(int64_t steps, Lanes initial,
                   llvm::function_ref<Lanes(Value step, mlir::ValueRange sums)> body);

  // EmitMaps.cpp: maps and reduces.
  mlir::LogicalResult emitGroup(MapGroup &group);
  mlir::LogicalResult emitMap(tile::MapOp op);
  mlir::LogicalResult emitRowsMap(tile::MapOp op);
  mlir::LogicalResult emitVectorRowsMap(tile::MapOp op);
  mlir::LogicalResult emitColsMap(tile::MapOp op);
  mlir::LogicalResult emitVectorColsMap(tile::MapOp op);
  mlir::LogicalResult emitGroupMember(mlir::Operation *op, Value key, Shape shape,
                                      llvm::DenseMap<mlir::Operation *, Lanes> &sums);
  Lanes loadGroupInput(MapGroup *group, Value input, Value key, Shape shape);
  Lanes loadRow(Value tile, Value row, Shape shape);
  void storeRow(const Lanes &lanes, Value tile, Value row, Shape shape);
  Lanes join(tile::ReduceOp op, const Lanes &input, const Lanes &sums, Shape shape);

  // EmitScan.cpp: running states along the keys.
  mlir::LogicalResult emitScan(tile::ScanOp op);
  mlir::FailureOr<llvm::SmallVector<Lanes>> emitScanJoin(tile::ScanOp op,
                                                         llvm::ArrayRef<Lanes> earlier,
                                                         llvm::ArrayRef<Lanes> later, Shape shape);

  // EmitRegion.cpp: scalar ops, alone or for all lanes.
  mlir::FailureOr<Lanes> emitRegion(tile::MapOp op, Shape shape);
  mlir::LogicalResult emitScalarOp(mlir::Operation *op, Shape shape);
  mlir::LogicalResult emitConstant(mlir::Operation *op);
  mlir::LogicalResult emitCast(mlir::Operation *op, Shape shape);
  mlir::LogicalResult emitElementwise(mlir::Operation *op, Shape shape);
  mlir::LogicalResult emitMath(mlir::Operation *op, Shape shape);
  Value emitDim(mlir::Operation *op);
  static int64_t findFirst(mlir::ArrayRef<Lanes> operands, int64_t vector);
  Value clone(mlir::Operation *op, mlir::ValueRange operands, mlir::Type result);
  Lanes rounded(const Lanes &lanes, mlir::Type type);

  // EmitDivision.cpp: integer division, of one number or of lanes.
  static bool mayTrap(mlir::Operation *op);
  Lanes emitDistinctDivisions(mlir::Operation *op, const Lanes &above, const Lanes &below,
                              Value divisor);
  Lanes emitDivision(mlir::Operation *op, const Lanes &dividend, const Lanes &divisor, Shape shape);

  tile::KernelOp kernel;
  LaneBuilder b;
  MapGroups groups;
  BufferPlan plan;
  Value scratch;
  llvm::DenseMap<Value, Memory> memories;
  /// Scalars, and tiles whose numbers are lanes.
  llvm::DenseMap<Value, Lanes> values;
  llvm::DenseMap<Value, View> views;
  llvm::DenseMap<Value, RowIndex> rowIndices;
  llvm::DenseMap<Value, Tokens> boxes;
  /// While a region of elements is emitted: the argument whose numbers are lanes, and its number in
  /// lane 0.
  Value laneIndex, laneStart;
  Value task;
};

} // namespace attune

#endif // ATTUNE_COMPILER_TARGET_HOST_KERNELEMITTER_H
