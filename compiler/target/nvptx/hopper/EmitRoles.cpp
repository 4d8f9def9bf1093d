// SPDX-License-Identifier: Apache-2.0
// Which warpgroup does what, where do tiles and barriers lie in shared memory, and which sweeps overlap?
//
//   scalars of the block, folds          all warps
//   initialise barriers; barrier
//   first warpgroup: give registers away; its first warp copies queries and the tiles of each sweep
//   others: take registers; wait, multiply, work on elements, store
#include "compiler/target/nvptx/hopper/WarpgroupEmitter.h"

#include "compiler/target/Target.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

/// A warpgroup is four warps; its product has 64 rows.
static constexpr int64_t groupWarps = 4, groupRows = warpgroupTokens;

WarpgroupEmitter::WarpgroupEmitter(tile::KernelOp kernel)
    : KernelEmitter(kernel), groups(kernel.getConfig().getWarpgroups()) {}

LogicalResult WarpgroupEmitter::checkConfig() {
  tile::ConfigAttr config = kernel.getConfig();
  if (groups > Target::greatestWarpgroups || config.getQueries() != groups * groupRows ||
      threads != 32 * groupWarps * (groups + 1))
    return kernel.emitOpError() << "expected " << groupRows << " queries and " << 32 * groupWarps
                                << " threads for each of at most " << Target::greatestWarpgroups
                                << " warpgroups, and " << 32 * groupWarps
                                << " threads more, but got " << config;
  if (config.getStages() < 2)
    return kernel.emitOpError()
           << "expected at least two stages where warpgroups multiply, but got "
           << config.getStages();
  rowBlocks = 1;
  return success();
}

WarpgroupEmitter::Traffic &WarpgroupEmitter::trafficOf(tile::SweepOp sweep) {
  return *llvm::find_if(sweeps, [&](Traffic &traffic) { return traffic.sweep == sweep; });
}

//===--- what is copied, and what overlaps ----------------------------------------------------===//

size_t WarpgroupEmitter::Traffic::indexOf(Value tokens) const {
  return llvm::find_if(loads(), [&](tile::LoadOp load) { return load->getResult(0) == tokens; }) -
         loads().begin();
}

bool WarpgroupEmitter::Traffic::isEarly(size_t load) const {
  return llvm::any_of(dots, [&](tile::DotOp dot) { return indexOf(dot.getCols()) == load; });
}

bool WarpgroupEmitter::Traffic::isLate(size_t load) const {
  return llvm::any_of(
      contracts, [&](tile::ContractOp contract) { return indexOf(contract.getValues()) == load; });
}

LogicalResult WarpgroupEmitter::planCopies() {
  SmallVector<tile::LoadOp> loads;
  kernel.walk([&](tile::LoadOp load) {
    if (isa<VectorType>(tile::getElementType(load.getResult().getType())))
      loads.push_back(load);
  });
  for (tile::LoadOp load : loads) {
    bool isRows = isa<tile::RowsType>(load.getResult().getType());
    if (isRows ? load->getParentOp() != kernel : !isa<tile::SweepOp>(load->getParentOp()))
      return load.emitOpError(
          "expected tiles of queries to be loaded outside of loops, and tiles of "
          "keys in a sweep, where warpgroups multiply; use warpgroups=0");
    FailureOr<SharedTile> tile =
        isRows ? allocateTokens(load) : FailureOr<SharedTile>(SharedTile());
    if (failed(tile))
      return failure();
    if (isRows)
      rowPlacesInMemory.push_back({load, *tile});
  }
  for (Operation &op : kernel.getBody().front()) {
    auto sweep = dyn_cast<tile::SweepOp>(op);
    if (sweep && failed(planSweep(sweep)))
      return failure();
  }
  for (Ring &ring : rings)
    ring.offset = allocateShared(ring.stageBytes * kernel.getConfig().getStages());
  placeBarriers();
  return success();
}

LogicalResult WarpgroupEmitter::planSweep(tile::SweepOp sweep) {
  Traffic traffic;
  traffic.sweep = sweep;
  traffic.pipeline.body = &sweep.getBody().front();
  traffic.pipeline.induction = sweep.getTile();
  for (auto load : sweep.getBody().front().getOps<tile::LoadOp>()) {
    if (!isa<VectorType>(tile::getElementType(load.getResult().getType())))
      continue;
    int64_t before = sharedTop;
    FailureOr<SharedTile> tile = allocateTokens(load);
    if (failed(tile))
      return failure();
    sharedTop = sharedBytes = before; // rings are shared by sweeps
    size_t ring = traffic.pipeline.loads.size();
    if (ring == rings.size())
      rings.emplace_back();
    rings[ring].stageBytes = std::max(rings[ring].stageBytes, tile->layout.bytes());
    traffic.pipeline.loads.push_back(load);
    traffic.layouts.push_back(tile->layout);
  }
  if (traffic.loads().empty() && !sweep.visitsAll())
    return sweep.emitOpError("expected a load of keys in a sweep that leaves tiles out, where "
                             "warpgroups multiply; use warpgroups=0");
  planOverlap(traffic);
  sweeps.push_back(traffic);
  return success();
}

/// Does the contract only add to what the loop carries, so that its result may come one visit late?
static bool mayComeLate(tile::ContractOp contract, tile::SweepOp sweep) {
  auto carried = dyn_cast<BlockArgument>(contract.getAccumulator());
  if (!carried || carried.getOwner() != &sweep.getBody().front() || !carried.hasOneUse() ||
      !contract.getResult().hasOneUse())
    return false;
  OpOperand &use = *contract.getResult().use_begin();
  return isa<tile::YieldOp>(use.getOwner()) && use.getOperandNumber() + 2 == carried.getArgNumber();
}

void WarpgroupEmitter::planOverlap(Traffic &traffic) {
  Block *body = traffic.pipeline.body;
  bool suits = true;
  traffic.pipeline.loop()->walk([&](Operation *op) {
    auto isLoaded = [&](Value tokens) {
      return traffic.indexOf(tokens) < traffic.loads().size() && op->getBlock() == body;
    };
    if (auto dot = dyn_cast<tile::DotOp>(op)) {
      suits &= isLoaded(dot.getCols()) &&
               !body->getParent()->isAncestor(dot.getRows().getParentRegion());
      traffic.dots.push_back(dot);
    } else if (auto contract = dyn_cast<tile::ContractOp>(op)) {
      suits &= isLoaded(contract.getValues()) && mayComeLate(contract, traffic.sweep);
      traffic.contracts.push_back(contract);
    }
  });
  traffic.overlaps = suits && !traffic.dots.empty() && !traffic.contracts.empty();
}

//===--- barriers -----------------------------------------------------------------------------===//

void WarpgroupEmitter::placeBarriers() {
  int64_t stages = kernel.getConfig().getStages();
  int64_t count = rowPlacesInMemory.size() + 2 * stages * rings.size();
  int64_t place = allocateShared(8 * count + 4 * stages);
  for (RowsPlace &rows : rowPlacesInMemory) {
    rows.landed = place;
    place += 8;
  }
  for (Ring &ring : rings) {
    ring.full = place;
    ring.empty = place + 8 * stages;
    place += 16 * stages;
  }
  words = place;
}

/// `full` waits for one arrival and the bytes that it speaks of, `empty` for all warps that multiply.
void WarpgroupEmitter::initializeBarriers() {
  Value leads = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, thread, i32(0));
  auto one = scf::IfOp::create(builder, leads, false);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(one.thenBlock());
    auto initialize = [&](int64_t place, int64_t arrivals) {
      NVVM::MBarrierInitOp::create(builder, sharedPointer(Value(), place), i32(arrivals), Value());
    };
    for (const RowsPlace &rows : rowPlacesInMemory)
      initialize(rows.landed, 1);
    for (const Ring &ring : rings)
      for (int64_t stage = 0; stage < kernel.getConfig().getStages(); ++stage) {
        initialize(ring.full + 8 * stage, 1);
        initialize(ring.empty + 8 * stage, groups * groupWarps);
      }
    NVVM::FenceMbarrierInitOp::create(builder);
  }
  barrier();
}

//===--- roles --------------------------------------------------------------------------------===//

/// What of the kernel's own block all warps compute before they part: folds, and what goes into them.
/// Other scalars each role computes for itself, as one rarely needs the other's.
static llvm::SetVector<Operation *> computedByAll(Block &program) {
  llvm::SetVector<Operation *> ops;
  auto isForAll = [](Operation &op) {
    return isa<tile::FoldOp, tile::CoordinatesOp, tile::BoxOp>(op);
  };
  BackwardSliceOptions options;
  options.omitUsesFromAbove = false;
  for (Operation &op : llvm::make_filter_range(program, isForAll)) {
    (void)getBackwardSlice(&op, &ops, options);
    ops.insert(&op);
  }
  return ops;
}

LogicalResult WarpgroupEmitter::emitProgram() {
  Block &program = kernel.getBody().front();
  forAll = computedByAll(program);
  for (Operation &op : program.without_terminator()) {
    builder.setLoc(op.getLoc());
    if (forAll.contains(&op) && failed(emitOp(op)))
      return failure();
  }
  if (failed(planCopies()))
    return failure();
  counts.assign(rings.size(), i32(0));
  sharedStart = LLVM::PtrToIntOp::create(builder, builder.getI32Type(), sharedBase);
  initializeBarriers();
  Value isCopier = lessThan(warp, i32(groupWarps));
  auto roles = scf::IfOp::create(builder, isCopier, true);
  OpBuilder::InsertionGuard guard(builder);
  for (bool role : {true, false}) {
    IRMapping before = scalars;
    SmallVector<Value> countsBefore = counts;
    builder.setInsertionPointToStart(role ? roles.thenBlock() : roles.elseBlock());
    if (failed(emitRole(role)))
      return failure();
    scalars = before;
    counts = countsBefore;
  }
  if (!scans.empty())
    parkNumbers(*copier);
  return success();
}

/// The scalars that not all warps have computed.
LogicalResult WarpgroupEmitter::emitScalars() {
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    builder.setLoc(op.getLoc());
    if (isScalar(&op) && !forAll.contains(&op) && failed(emitOp(op)))
      return failure();
  }
  return success();
}

LogicalResult WarpgroupEmitter::emitRole(bool copiesTiles) {
  OpBuilder::InsertionGuard guard(builder);
  copies = copiesTiles;
  const Target &target = *Target::find("sm_90a");
  bool scans = llvm::any_of(sweeps, [](Traffic &traffic) { return !traffic.sweep.visitsAll(); });
  Target::RegisterSplit split = (scans ? target.scanningSplits : target.registerSplits)[groups - 1];
  if (split.copying != split.multiplying)
    NVVM::SetMaxRegisterOp::create(
        builder, builder.getI32IntegerAttr(copies ? split.copying : split.multiplying),
        NVVM::SetMaxRegisterActionAttr::get(builder.getContext(),
                                            copies ? NVVM::SetMaxRegisterAction::decrease
                                                   : NVVM::SetMaxRegisterAction::increase));
  if (copies) {
    Value isFirst = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, warp, i32(0));
    auto one = scf::IfOp::create(builder, isFirst, false);
    copier = one.thenBlock();
    builder.setInsertionPointToStart(copier);
    if (failed(emitScalars()))
      return failure();
    for (const RowsPlace &rows : rowPlacesInMemory)
      copyRows(rows);
    for (Traffic &traffic : sweeps)
      if (failed(copySweep(traffic)))
        return failure();
    return success();
  }
  warp = arith::SubIOp::create(builder, warp, i32(groupWarps));
  group = arith::ShRUIOp::create(builder, warp, i32(llvm::Log2_64(groupWarps)));
  bindRows();
  if (groups > 1) { // the first turn is the first warpgroup's
    Value isLast = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, group, i32(groups - 1));
    auto last = scf::IfOp::create(builder, isLast, false);
    OpBuilder::InsertionGuard inner(builder);
    builder.setInsertionPointToStart(last.thenBlock());
    passTurn();
  }
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    builder.setLoc(op.getLoc());
    if (!forAll.contains(&op) && failed(emitOp(op)))
      return failure();
  }
  return success();
}
