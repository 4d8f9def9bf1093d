// SPDX-License-Identifier: Apache-2.0
// How does a block work whose warpgroups have roles (sm_90a)? One copies tiles into shared memory by
// tensor maps, the others multiply 64 rows each by wgmma.
//
// A warpgroup that multiplies has the rows that four warps of KernelEmitter would have, and a lane's
// share of a tile is the same (the accumulators of wgmma.m64nN are those of mma.m16n8, N / 8 times).
// So all work on elements is KernelEmitter's; what is here is who copies, who waits, and products.
//
// Tiles of keys go through rings, one for each load of a sweep: `stages` places, each with a barrier
// that says that a tile has landed (`full`) and one that says that nobody reads it any more (`empty`).
// The n-th tile of a ring lies at place n % stages; its barriers are in phase n / stages.
#ifndef ATTUNE_COMPILER_TARGET_NVPTX_HOPPER_WARPGROUPEMITTER_H
#define ATTUNE_COMPILER_TARGET_NVPTX_HOPPER_WARPGROUPEMITTER_H

#include "compiler/target/nvptx/Pipeline.h"

namespace attune::nvptx {

class WarpgroupEmitter : public KernelEmitter {
public:
  explicit WarpgroupEmitter(tile::KernelOp kernel);

private:
  /// A tile of queries, copied once; `landed` is its barrier's place in shared memory.
  struct RowsPlace {
    tile::LoadOp load;
    SharedTile tile;
    int64_t landed = 0;
  };
  /// Places of the first stage, and of its barriers; those of the next stages follow.
  struct Ring {
    int64_t offset = 0, stageBytes = 0, full = 0, empty = 0;
  };
  /// What a sweep copies, load n through ring n, and whether its products overlap: then scores of one
  /// tile are multiplied together with weights of the tile before it.
  struct Traffic {
    tile::SweepOp sweep;
    Pipeline pipeline;
    llvm::SmallVector<SharedLayout> layouts;
    llvm::SmallVector<tile::DotOp> dots;
    llvm::SmallVector<tile::ContractOp> contracts;
    bool overlaps = false;

    llvm::ArrayRef<tile::LoadOp> loads() const { return pipeline.loads; }
    size_t indexOf(Value tokens) const;
    bool isEarly(size_t load) const;
    bool isLate(size_t load) const;
    /// Registers that the contracts' weights take, rounded and packed.
    size_t packedWeights() const;
    /// Is it needed one visit later than others?
    bool isOnlyLate(size_t load) const {
      return overlaps && load > 0 && isLate(load) && !isEarly(load);
    }
  };
  /// A visited tile: its number, whether it must be masked, and how many were visited before.
  struct Visit {
    Value number, partial, index;
  };
  using Body = llvm::function_ref<mlir::LogicalResult(const Visit &, mlir::ValueRange,
                                                      llvm::SmallVectorImpl<Value> &)>;

  mlir::LogicalResult checkConfig() override;

  // EmitRoles.cpp: who does what, and the barriers between them.
  mlir::LogicalResult emitProgram() override;
  mlir::LogicalResult planCopies();
  mlir::LogicalResult planSweep(tile::SweepOp sweep);
  void planOverlap(Traffic &traffic);
  void placeBarriers();
  void initializeBarriers();
  mlir::LogicalResult emitScalars();
  mlir::LogicalResult emitRole(bool copies);

  // EmitTensorCopies.cpp: the warpgroup that copies.
  void copyRows(const RowsPlace &rows);
  mlir::LogicalResult copySweep(Traffic &traffic);
  mlir::LogicalResult copyAllTiles(Traffic &traffic);
  mlir::LogicalResult copyFoundTiles(Traffic &traffic);
  void copyTiles(Traffic &traffic, const Visit &visit, bool late);
  void copyLateTiles(Traffic &traffic, Value number, Value index);
  void copyTile(tile::LoadOp load, const SharedLayout &layout, mlir::IRMapping &indices,
                Value offset, int64_t constant, Value barrier);
  void announceEnd(Value index);
  Value tensorMapOf(Value memory, int64_t tokens, int64_t columns);

  // EmitParking.cpp: numbers that find tiles, while nobody works with them.
  struct Parking;
  void parkNumbers(mlir::Block &role);
  void placeNumbers(Parking &parking, mlir::Block &role);
  void putAway(Value value, Value offset, int64_t constant, mlir::Block &role);
  Value bringBack(Value value, const Parking &parking);

  // EmitResults.cpp: results, through shared memory.
  SharedTile placeStaging(tile::StoreOp op, const SharedLayout &layout) override;
  bool mayStageOver(const RowsPlace &rows, tile::StoreOp op, const SharedLayout &layout);
  void stageRows(const TileValue &tile, const SharedTile &staging, Type scalar) override;
  void storeStaged(tile::StoreOp op, const SharedTile &staging, Type scalar) override;
  void syncWarpgroup();
  void syncMultipliers();

  // EmitRings.cpp: places and phases.
  Value sharedAddress(Value offset, int64_t constant);
  Value stageOf(size_t ring, Value index);
  Value parityOf(size_t ring, Value index);
  Value barrierOf(size_t ring, Value index);
  mlir::scf::IfOp onFirstLane();
  void arrive(Value barrier);
  void waitBarrier(Value offset, int64_t constant, Value parity);
  void waitFull(size_t ring, Value index);
  void waitEmpty(size_t ring, Value index);
  void release(size_t ring, Value index);
  SharedTile tileAt(const Traffic &traffic, size_t load, Value index);

  // EmitVisits.cpp: the warpgroups that multiply, tile by tile.
  mlir::LogicalResult emitLoad(tile::LoadOp op) override;
  mlir::LogicalResult emitSweep(tile::SweepOp sweep) override;
  mlir::LogicalResult multiplyInTurn(Traffic &traffic);
  mlir::LogicalResult multiplyOverlapped(Traffic &traffic);
  struct Range;
  Range startRange(Traffic &traffic);
  mlir::FailureOr<Visit> visitAt(Traffic &traffic, Value word, Value index);
  Value readWord(Traffic &traffic, Value index);
  Value isAnyLeft(Traffic &traffic, const Range &range, Value word);
  mlir::FailureOr<llvm::SmallVector<Value>> emitVisits(Traffic &traffic, const Range &range,
                                                       int64_t done, mlir::ValueRange initial,
                                                       Body body);
  mlir::LogicalResult enterVisit(Traffic &traffic, const Visit &visit, mlir::ValueRange state);
  mlir::LogicalResult emitBetween(Traffic &traffic);
  mlir::LogicalResult visitFirst(Traffic &traffic, const Visit &visit, mlir::ValueRange state,
                                 llvm::SmallVectorImpl<Value> &next);
  mlir::LogicalResult visitNext(Traffic &traffic, const Visit &visit, mlir::ValueRange state,
                                llvm::SmallVectorImpl<Value> &next);
  mlir::LogicalResult visitLast(Traffic &traffic, Value index, mlir::ValueRange state,
                                llvm::SmallVectorImpl<Value> &next);
  mlir::LogicalResult issueDots(Traffic &traffic, Value index, bool takesTurn);
  mlir::LogicalResult issueContracts(Traffic &traffic, Value index, mlir::ValueRange weights);
  /// An op whose product is under way, and the tile that becomes its sums.
  using Pending = std::pair<mlir::Operation *, Value>;
  void settle(llvm::ArrayRef<Pending> products, int64_t pending, mlir::ValueRange held);
  void settleDots(Traffic &traffic, Value index, int64_t pending);
  void settleContracts(Traffic &traffic, Value index, mlir::ValueRange weights);
  mlir::LogicalResult closeVisit(Traffic &traffic, llvm::SmallVectorImpl<Value> &next);
  void keepBeforeWait(Traffic &traffic);
  void takeTurn();
  void passTurn();
  void releaseEnd(Value count);
  void leaveSweep(Traffic &traffic, Value count);

  // EmitWarpgroupProducts.cpp: wgmma.
  mlir::LogicalResult emitDot(tile::DotOp op) override;
  mlir::LogicalResult emitContract(tile::ContractOp op) override;
  mlir::FailureOr<llvm::SmallVector<Value>> issueDot(tile::DotOp op, bool commits);
  mlir::FailureOr<llvm::SmallVector<Value>> issueContract(tile::ContractOp op,
                                                          llvm::ArrayRef<Value> weights,
                                                          const TileValue &accumulator,
                                                          bool commits);
  /// A descriptor, and how far the operand of a step lies behind what it describes (16 bytes each).
  struct Place {
    Value descriptor;
    int64_t distance = 0;
  };
  /// Operands of one product: of each step of 16, A as a place or four registers, and B.
  struct Product {
    int64_t columns = 0;
    Type scalar;
    bool bByColumns = false, commits = true;
    llvm::SmallVector<Value> aRegisters, accumulator;
    llvm::SmallVector<Place> a, b;
  };
  void spread(llvm::SmallVectorImpl<Place> &places);
  llvm::SmallVector<Value> issue(const Product &product);
  llvm::SmallVector<Value> waitProducts(int64_t pending, mlir::ValueRange results,
                                        mlir::ValueRange held);
  Value descriptor(const SharedTile &tile, const SharedLayout::Segment &segment, Value base,
                   bool byColumns);
  TileValue fromAccumulator(mlir::ValueRange registers);
  llvm::SmallVector<Value> toAccumulator(const TileValue &tile);
  llvm::SmallVector<Value> emitAsm(llvm::StringRef text, llvm::StringRef constraints,
                                   mlir::ValueRange operands, size_t floats);

  /// The word in place of a tile's number that says that there are no more; no tile has it (mostTiles).
  static constexpr int64_t noMoreTiles = 0x7fffffff;
  Traffic &trafficOf(tile::SweepOp sweep);

  int64_t groups;
  /// Ops of the kernel's own block that ran before the roles part.
  llvm::SetVector<mlir::Operation *> forAll;
  llvm::SmallVector<RowsPlace, 2> rowPlacesInMemory;
  llvm::SmallVector<Ring, 2> rings;
  llvm::SmallVector<Traffic, 1> sweeps;
  /// Words that say which tile of keys was copied, one a stage.
  int64_t words = 0;
  /// Of each ring: how many tiles went through it before this sweep.
  llvm::SmallVector<Value> counts;
  bool copies = false;
  /// Where the block's shared memory begins (i32), and the number of this warpgroup among those that
  /// multiply.
  Value sharedStart, group;
  /// Loops of the warp that copies that find tiles, and where its work stands.
  llvm::SmallVector<mlir::scf::WhileOp, 1> scans;
  mlir::Block *copier = nullptr;
  /// The sums of products under way.
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<Value>> underWay;
};

} // namespace attune::nvptx

#endif // ATTUNE_COMPILER_TARGET_NVPTX_HOPPER_WARPGROUPEMITTER_H
