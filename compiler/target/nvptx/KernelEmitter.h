// SPDX-License-Identifier: Apache-2.0
// How are a block's tiles spread over warps and lanes, and who emits the code of each tile op?
//
// A block has W warps; a warp owns 16 r consecutive rows. A lane's share of a tile is a grid of row
// slots and column slots (the accumulator fragments of mma.m16n8k16):
//   row of slot s = 16 r * warp + 16 (s / 2) + 8 (s % 2) + lane / 4,   s < 2 r
//   col of slot c = 8 (c / 2) + 2 (lane % 4) + c % 2,                  c < cols / 4
// Values of rows are the same in the four lanes of a quad; partials are not. Tokens that were
// loaded live in shared memory (SharedTile), where ldmatrix finds them.
#ifndef ATTUNE_COMPILER_TARGET_NVPTX_KERNELEMITTER_H
#define ATTUNE_COMPILER_TARGET_NVPTX_KERNELEMITTER_H

#include "compiler/target/Signature.h"
#include "compiler/target/nvptx/SharedLayout.h"
#include "dialects/tile/TileOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <optional>

namespace attune::nvptx {

/// A tile of tokens in shared memory: at `base` (bytes, i32, null for 0) + `offset` from its start.
struct SharedTile {
  mlir::Value base;
  int64_t offset = 0;
  SharedLayout layout;
  mlir::Type scalar;
};

/// A lane's share of a tile: elements, or where its tokens are in shared memory.
struct TileValue {
  /// Element (row slot, column slot) at `row * columns + column`.
  llvm::SmallVector<mlir::Value> elements;
  int64_t columns = 1;
  std::optional<SharedTile> shared;
  /// The tokens as A operands of mma, kept in registers: 4 a row block and k step.
  llvm::SmallVector<mlir::Value> operandA;

  mlir::Value at(int64_t row, int64_t column) const { return elements[row * columns + column]; }
};

/// A memref argument of the kernel, as scalars of the function.
struct MemRefValue {
  mlir::Value pointer;
  llvm::SmallVector<mlir::Value> sizes;   // i64
  llvm::SmallVector<mlir::Value> strides; // i64, in elements
};

/// Which tokens a tile has: those of a box of a row-major grid, outermost size first; consecutive tokens
/// are a box of one dimension. `origin` and `grid` are i64. In a box of heads the first coordinate is the
/// head, and `headStride` the elements from one to the next.
struct TileTokens {
  llvm::SmallVector<int64_t, 3> sizes;
  llvm::SmallVector<mlir::Value, 3> origin, grid;
  mlir::Value headStride;
  /// Where a list names the tokens: its first entry, and how far one is from the next. The coordinate is the
  /// entry's number, the grid their count.
  mlir::Value entries, entryStride;
};

/// Where a place of a box is, a dimension each, from the box's origin: `lane` (i32), which depends on the
/// lane, plus a constant.
struct BoxPlace {
  llvm::SmallVector<mlir::Value, 3> lane;
  llvm::SmallVector<int64_t, 3> ahead;
};

/// The key tiles that a loop copies ahead of their use; see EmitLoops.cpp.
struct Pipeline;

class KernelEmitter {
public:
  explicit KernelEmitter(tile::KernelOp kernel);
  virtual ~KernelEmitter() = default;

  /// Emits the kernel as an llvm.func into `module`.
  mlir::LogicalResult emit(mlir::ModuleOp module);

protected:
  using Value = mlir::Value;
  using Type = mlir::Type;
  using Op = mlir::Operation;

  // EmitKernel.cpp: the function, its arguments, and scalars.
  virtual mlir::LogicalResult checkConfig();
  mlir::LLVM::LLVMFuncOp createFunction(mlir::ModuleOp module);
  void annotateParameters(mlir::LLVM::LLVMFuncOp function,
                          llvm::ArrayRef<LaunchParameter> parameters);
  void bindArguments(mlir::LLVM::LLVMFuncOp function);
  void bindLanes();
  /// Which rows of the tile are this lane's, `warp` of those that multiply.
  void bindRows();
  /// The code of the block's program.
  virtual mlir::LogicalResult emitProgram();
  /// Does `op`, with all that stands in its regions, compute scalars from scalars and tables?
  static bool isScalar(Op *op);
  mlir::LogicalResult emitBlock(mlir::Block &block);
  mlir::LogicalResult emitOp(Op &op);
  void emitCoordinates(tile::CoordinatesOp op);
  mlir::LogicalResult emitScalar(Op &op, mlir::IRMapping &mapping);
  mlir::LogicalResult emitDim(mlir::memref::DimOp dim, mlir::IRMapping &mapping);
  mlir::LogicalResult lowerNested(Op &clone);
  /// What `region`, of scalars, yields for `arguments`.
  mlir::FailureOr<llvm::SmallVector<Value>> evaluate(mlir::Region &region,
                                                     mlir::ValueRange arguments);
  /// What one index of a table adds: is it in range, and how far does it lead (elements)?
  struct ReadTerm {
    mlir::Value inside, distance;
  };
  ReadTerm readTerm(tile::ReadOp op, unsigned dim, Value index);
  Value emitRead(tile::ReadOp op, llvm::ArrayRef<ReadTerm> terms);
  Value emitRead(tile::ReadOp op, mlir::ValueRange indices);
  Value lookup(Value value) { return scalars.lookupOrDefault(value); }
  mlir::FailureOr<const TileValue *> lookupTile(Op *user, Value value);

  // EmitCopies.cpp: tokens from global memory.
  virtual mlir::LogicalResult emitLoad(tile::LoadOp op);
  mlir::LogicalResult emitScalarLoad(tile::LoadOp op);
  llvm::SmallVector<Value> loadPairsOr(llvm::function_ref<llvm::SmallVector<Value>()> loadEach,
                                       const MemRefValue &memory, const TileTokens &tokens,
                                       Value source, Type scalar, int64_t count);
  Value tokenPointer(const MemRefValue &memory, Value batch, Value head, const TileTokens &tokens,
                     Type scalar);
  Value guardedLoad(Value condition, Value pointer, Type scalar);
  mlir::FailureOr<SharedTile> allocateTokens(tile::LoadOp op);
  void issueCopy(tile::LoadOp op, mlir::IRMapping &indices, const SharedTile &tile);
  void copySegment(const SharedLayout::Segment &segment, const SharedTile &tile, Value source,
                   Value tokenStride, const TileTokens &tokens, Type scalar);
  Value chunkPlace(const SharedLayout::Segment &segment, Value token, Value chunk);
  void commitCopies();
  void waitCopies(int64_t pending);
  void barrier();
  void settlePendingCopies();

  // EmitPlaces.cpp: which tokens a tile has, and where.
  TileTokens tokensOf(Value place, Type tile, const MemRefValue &memory, mlir::IRMapping &indices);
  TileTokens tokensOf(tile::LoadOp load, const MemRefValue &memory, mlir::IRMapping &indices);
  Value elementsToEntry(const TileTokens &tokens, const BoxPlace &place, Value stride);
  BoxPlace boxPlace(llvm::ArrayRef<int64_t> sizes, Value place, int64_t distance, bool apart);
  BoxPlace rowBoxPlace(llvm::ArrayRef<int64_t> sizes, int64_t slot);
  BoxPlace columnBoxPlace(llvm::ArrayRef<int64_t> sizes, int64_t slot);
  Value distanceOf(const TileTokens &tokens, mlir::ValueRange coordinates);
  Value elementsAt(const TileTokens &tokens, mlir::ValueRange coordinates, Value stride);
  /// Elements from the box's origin to the place, as far as they depend on the lane, and the rest.
  std::pair<Value, Value> elementsTo(const TileTokens &tokens, const BoxPlace &place, Value stride);
  Value exists(const TileTokens &tokens, const BoxPlace &place);

  // EmitDots.cpp: products on the tensor cores.
  virtual mlir::LogicalResult emitDot(tile::DotOp op);
  virtual mlir::LogicalResult emitContract(tile::ContractOp op);
  mlir::FailureOr<SharedTile> lookupValues(tile::ContractOp op);
  mlir::LogicalResult scaleRows(tile::ContractOp op, TileValue &rows);
  /// What a tile is to a product: A, B as it lies, or B transposed.
  enum class Operand { Queries, Keys, Values };
  Value matrixPointer(const SharedTile &tile, int64_t row, int64_t step, Operand role);
  llvm::SmallVector<Value, 4> loadMatrix(const SharedTile &tile, int64_t row, int64_t step,
                                         Operand role);
  void multiply(llvm::MutableArrayRef<Value> accumulator, llvm::ArrayRef<Value> a, Value b0,
                Value b1, Type scalar);
  void accumulate(TileValue &sums, llvm::ArrayRef<Value> a, int64_t block, int64_t tile, Value b0,
                  Value b1, Type scalar);
  llvm::SmallVector<Value> loadOperandA(const SharedTile &tile);
  llvm::SmallVector<Value> packOperandA(const TileValue &tile, Type scalar);
  Value packPair(Value low, Value high, Type scalar);
  Value laneOffset(int64_t width, bool rowsFirst);

  // EmitMaps.cpp: work on elements.
  mlir::LogicalResult emitMap(tile::MapOp op);
  bool isComputedWhereUsed(tile::MapOp op);
  mlir::LogicalResult emitSplat(tile::SplatOp op);
  mlir::LogicalResult emitReduce(tile::ReduceOp op);
  mlir::LogicalResult emitCombine(tile::CombineOp op);
  Value join(tile::JoinKind kind, bool ignoreNan, Value a, Value b);
  Value joinQuad(tile::JoinKind kind, bool ignoreNan, Value value);
  Value shareOfPartial(Value partial, Value value);
  mlir::FailureOr<TileValue> toElements(Op *user, Value value);
  Value rowPlace(int64_t slot);
  Value columnPlace(int64_t slot);
  Value columnPlace(Value slot);
  /// From a lane's first column to that of `slot`.
  static int64_t columnDistance(int64_t slot) { return 8 * (slot / 2) + slot % 2; }
  friend class MapExpander;

  // EmitScan.cpp: running states along a row.
  using States = llvm::SmallVector<Value, 2>;
  struct QuadPlace;
  mlir::LogicalResult emitScan(tile::ScanOp op);
  States scanQuad(tile::ScanOp op, QuadPlace &place, const States &own, States &carried);
  States joinStates(tile::ScanOp op, QuadPlace &place, const States &earlier, const States &later);
  States chooseStates(Value condition, const States &yes, const States &no);
  States exchangeStates(const States &states, int64_t distance);

  // EmitLoops.cpp: loops, their pipelines, branches.
  mlir::LogicalResult emitIf(mlir::scf::IfOp branch);
  /// First and end of a loop's iterations, of the type of index.
  struct DenseRange {
    Value first, end;
  };
  /// `enter` is called at the start of each iteration, before the body.
  mlir::LogicalResult emitDense(Pipeline &pipeline, DenseRange range, mlir::ValueRange initial,
                                llvm::function_ref<mlir::LogicalResult()> enter);
  mlir::LogicalResult openLoop(Pipeline &pipeline, mlir::ValueRange initial,
                               llvm::SmallVectorImpl<Value> &flat);
  mlir::LogicalResult closeLoop(Pipeline &pipeline, mlir::ValueRange flat);
  mlir::LogicalResult planPipeline(Pipeline &pipeline);
  void issueStage(Pipeline &pipeline, size_t first, size_t count, Value iteration, Value stage);
  void issueIfReached(Pipeline &pipeline, size_t count, Value iteration, Value stage);
  Value recompute(Value value, Pipeline &pipeline, mlir::IRMapping &mapping);
  Value recomputeFrom(Value value, Pipeline &pipeline, Value iteration);
  void advanceStages(Pipeline &pipeline, Value ahead, Value read, Value write);
  void advanceRing(tile::LoadOp load);
  void fillPipeline(Pipeline &pipeline, DenseRange range);
  mlir::LogicalResult emitBody(Pipeline &pipeline, mlir::ValueRange flat, Value ahead,
                               llvm::SmallVectorImpl<Value> &yielded);
  void keepOperandsInRegisters(Pipeline &pipeline, int64_t carried);
  mlir::LogicalResult flatten(Op *user, mlir::ValueRange values,
                              llvm::SmallVectorImpl<Value> &flat);
  mlir::LogicalResult bindFlat(Op *user, mlir::ValueRange values, mlir::ValueRange flat);

  // EmitSweep.cpp: loops over the tiles that a mask leaves.
  virtual mlir::LogicalResult emitSweep(tile::SweepOp sweep);
  mlir::LogicalResult emitDenseSweep(tile::SweepOp sweep);
  mlir::LogicalResult emitSparseSweep(tile::SweepOp sweep);
  struct Scan;
  struct FoundTile;
  int64_t mostTiles();
  Scan startScan(tile::SweepOp sweep);
  mlir::FailureOr<FoundTile> takeTile(Scan &scan);
  mlir::LogicalResult scanWindow(Scan &scan, mlir::ValueRange state);
  static llvm::SmallVector<Value> shiftIn(mlir::ValueRange queue, int64_t count,
                                          const FoundTile &found);
  mlir::LogicalResult fillQueue(Pipeline &pipeline, Scan &scan,
                                llvm::SmallVectorImpl<Value> &queue);
  mlir::LogicalResult emitSparseBody(Pipeline &pipeline, Scan &scan, mlir::ValueRange flat,
                                     size_t stateSize);

  // EmitFold.cpp: numbers that the block's threads make together, and numbers of the block.
  mlir::LogicalResult emitFold(tile::FoldOp fold);
  mlir::FailureOr<llvm::SmallVector<Value>> foldOwn(tile::FoldOp fold);
  Value joinLanes(tile::FoldKind kind, Value value, int64_t lanes);
  void joinWarps(tile::FoldOp fold, llvm::MutableArrayRef<Value> values);
  Value joinNumbers(tile::FoldKind kind, Value a, Value b);
  mlir::LogicalResult emitWrite(tile::WriteOp write);

  // EmitLists.cpp: lists of keys.
  /// A row's list in memory: its first entry, elements from one to the next; does the row exist?
  struct ListRow {
    Value pointer, stride, exists;
    Type scalar;
  };
  /// What this lane appends to the list of a row.
  struct AppendRow {
    ListRow keys, values;
    llvm::ArrayRef<Value> elements;
    int64_t columns = 0;
    Value firstKey, length; // i32
  };
  mlir::LogicalResult emitAppend(tile::AppendOp op);
  Value appendRow(const AppendRow &row, const TileValue &marks, int64_t slot, Value count);
  Value markedColumns(const TileValue &marks, int64_t row, int64_t word);
  ListRow listRow(tile::AppendOp op, Value memref, Type scalar, int64_t row);
  void storeEntry(const ListRow &list, Value entry, Value number);
  void storeColumns(const AppendRow &row, int64_t word, Value marked, Value before);

  // EmitElements.cpp: tokens of the block, number by number.
  mlir::LogicalResult emitElements(tile::ElementsOp op);
  Value firstPointer(const MemRefValue &memory, tile::ElementsOp op);
  void storeNumber(const MemRefValue &memory, Value start, Value n, Value c, Value value);

  // EmitStores.cpp: results to global memory.
  mlir::LogicalResult emitStore(tile::StoreOp op);
  /// Shared memory where every warp may write its own rows of the value that `op` stores.
  virtual SharedTile placeStaging(tile::StoreOp op, const SharedLayout &layout);
  void storeScalars(tile::StoreOp op, const TileValue &tile);
  virtual void stageRows(const TileValue &tile, const SharedTile &staging, Type scalar);
  Value elementPointer(const SharedTile &tile, int64_t row, int64_t column);
  void storeChunk(Value exists, Value pointer, Value column, Value data);
  virtual void storeStaged(tile::StoreOp op, const SharedTile &staging, Type scalar);

  // Small helpers, in EmitKernel.cpp.
  Value i32(int64_t value);
  Value i64(int64_t value);
  Value toI64(Value value);
  Value toIndex(Value value);
  Value zero(Type type);
  Value sharedPointer(Value offset, int64_t constant);
  Value globalPointer(Value base, Value elements, Type scalar);
  Value lessThan(Value a, Value b);
  /// Row slots and column slots of a lane's share of `tile`.
  mlir::FailureOr<std::pair<int64_t, int64_t>> shareOf(Op *user, Type tile);
  int64_t allocateShared(int64_t bytes);

  tile::KernelOp kernel;
  mlir::ImplicitLocOpBuilder builder;
  int64_t threads, warps, rowBlocks = 1;
  /// Shared memory is a stack: what a loop allocates is free after it.
  int64_t sharedTop = 0, sharedBytes = 0;
  /// Copies of rows were committed and nobody waited for them yet.
  bool copiesPending = false;
  /// The innermost loop's pipeline, where it advances at each load.
  Pipeline *ring = nullptr;
  mlir::IRMapping scalars;
  llvm::DenseMap<Value, TileValue> tiles;
  /// Maps over keys that nothing but places goes into: a lane has many keys, so who needs a value at one
  /// of them computes it there.
  llvm::DenseMap<Value, tile::MapOp> columnMaps;
  llvm::DenseMap<Value, MemRefValue> memories;
  /// The kernel's tensor maps, generic pointers.
  llvm::SmallVector<std::pair<LaunchParameter, Value>> tensorMaps;
  llvm::DenseMap<int64_t, Value> constants32;
  llvm::DenseMap<int64_t, Value> laneOffsets;
  llvm::SmallVector<Value> rowPlaces;
  Value thread, lane, warp, sharedBase, warpRow, laneColumn;
  mlir::Block *entry = nullptr;
};

} // namespace attune::nvptx

#endif // ATTUNE_COMPILER_TARGET_NVPTX_KERNELEMITTER_H
