// SPDX-License-Identifier: Apache-2.0
// The warpgroups that multiply, tile of keys by tile of keys.
//
// In turn: wait for each tile where it is loaded, wait for each product where it is made.
// Overlapped, where every dot needs loaded tokens only and every contract goes into what is carried
// (D: dots, C: contracts of one tile, f: all that stands between them):
//   wait D(0); f(0)
//   for n = 1 .. { issue D(n); issue C(n - 1); wait D(n); f(n); wait C(n - 1) }
//   wait C(last)
// so that f(n) runs while C(n - 1) is multiplied. Carried over to the next tile: the weights that C
// takes, rounded and packed, and what C adds to, already scaled.
// With several warpgroups each issues its products in its turn: while one multiplies, others are at f.
#include "compiler/target/nvptx/hopper/WarpgroupEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

/// What is visited where no tile is left out: numbers from `first` on, `count` of them.
struct WarpgroupEmitter::Range {
  Value first, count;
};

/// A lane has two rows and a fourth of the columns, two numbers a register.
static size_t packedWeightsOf(tile::ContractOp contract) {
  return cast<tile::MatrixType>(contract.getWeights().getType()).getCols() / 4;
}

size_t WarpgroupEmitter::Traffic::packedWeights() const {
  size_t packed = 0;
  for (tile::ContractOp contract : contracts)
    packed += packedWeightsOf(contract);
  return packed;
}

LogicalResult WarpgroupEmitter::emitSweep(tile::SweepOp sweep) {
  Traffic &traffic = trafficOf(sweep);
  if (copies)
    return copySweep(traffic);
  return traffic.overlaps ? multiplyOverlapped(traffic) : multiplyInTurn(traffic);
}

LogicalResult WarpgroupEmitter::emitLoad(tile::LoadOp op) {
  if (!isa<VectorType>(tile::getElementType(op.getResult().getType())))
    return emitScalarLoad(op);
  for (const RowsPlace &rows : rowPlacesInMemory)
    if (rows.load == op) {
      waitBarrier(Value(), rows.landed, i32(0));
      tiles[op.getResult()].shared = rows.tile;
    }
  return success(); // tiles of keys are waited for where their visit begins
}

//===--- the tiles that are visited -----------------------------------------------------------===//

WarpgroupEmitter::Range WarpgroupEmitter::startRange(Traffic &traffic) {
  if (!traffic.sweep.visitsAll())
    return {};
  Scan scan = startScan(traffic.sweep);
  return {scan.next, arith::SubIOp::create(builder, scan.end, scan.next)};
}

/// What was written beside tile `index` of the first load, once that has landed.
Value WarpgroupEmitter::readWord(Traffic &traffic, Value index) {
  waitFull(0, index);
  Value offset = arith::MulIOp::create(builder, stageOf(0, index), i32(4));
  return LLVM::LoadOp::create(builder, builder.getI32Type(), sharedPointer(offset, words));
}

/// Visit `index`: of the tile with number `word`, where all are visited, else of the one `word` tells.
FailureOr<WarpgroupEmitter::Visit> WarpgroupEmitter::visitAt(Traffic &traffic, Value word,
                                                             Value index) {
  if (traffic.sweep.visitsAll()) {
    FailureOr<SmallVector<Value>> classes = evaluate(traffic.sweep.getClassify(), toIndex(word));
    if (failed(classes))
      return failure();
    return Visit{word, (*classes)[1], index};
  }
  Value number = arith::AndIOp::create(builder, word, i32(noMoreTiles));
  Value isPartial = lessThan(word, i32(0));
  // The same in all lanes, which a vote tells ptxas.
  Value vote = NVVM::VoteSyncOp::create(builder, builder.getI1Type(), i32(-1), isPartial,
                                        NVVM::VoteSyncKind::any);
  return Visit{number, vote, index};
}

/// Calls `body` for each visit from number `done` on. The results: the state, and how many visits there
/// were in all.
FailureOr<SmallVector<Value>> WarpgroupEmitter::emitVisits(Traffic &traffic, const Range &range,
                                                           int64_t done, ValueRange initial,
                                                           Body body) {
  OpBuilder::InsertionGuard guard(builder);
  SmallVector<Value> next, results;
  if (traffic.sweep.visitsAll()) {
    auto loop = scf::ForOp::create(builder, i32(done), range.count, i32(1), initial);
    if (!loop.getBody()->empty())
      loop.getBody()->clear();
    builder.setInsertionPointToStart(loop.getBody());
    Value index = loop.getInductionVar();
    auto visit = visitAt(traffic, arith::AddIOp::create(builder, range.first, index), index);
    if (failed(visit) || failed(body(*visit, loop.getRegionIterArgs(), next)))
      return failure();
    scf::YieldOp::create(builder, next);
    results = llvm::to_vector_of<Value>(loop.getResults());
    results.push_back(range.count);
    return results;
  }
  SmallVector<Value> state(initial);
  state.push_back(i32(done));
  auto types = llvm::to_vector(ValueRange(state).getTypes());
  SmallVector<Type> entered(types);
  entered.push_back(builder.getI32Type());
  SmallVector<Location> before(types.size(), builder.getLoc()), after(entered.size(), before[0]);
  auto loop = scf::WhileOp::create(builder, entered, state);
  Block *test = builder.createBlock(&loop.getBefore(), {}, types, before);
  Value word = readWord(traffic, test->getArguments().back());
  SmallVector<Value> passed(test->getArguments());
  passed.push_back(word);
  scf::ConditionOp::create(builder, isAnyLeft(traffic, range, word), passed);
  Block *block = builder.createBlock(&loop.getAfter(), {}, entered, after);
  Value index = block->getArgument(types.size() - 1);
  auto visit = visitAt(traffic, block->getArguments().back(), index);
  if (failed(visit) ||
      failed(body(*visit, block->getArguments().take_front(types.size() - 1), next)))
    return failure();
  next.push_back(arith::AddIOp::create(builder, index, i32(1)));
  scf::YieldOp::create(builder, next);
  return llvm::to_vector_of<Value>(loop.getResults().drop_back());
}

Value WarpgroupEmitter::isAnyLeft(Traffic &traffic, const Range &range, Value word) {
  if (traffic.sweep.visitsAll())
    return lessThan(i32(0), range.count);
  return arith::CmpIOp::create(builder, arith::CmpIPredicate::ne, word, i32(noMoreTiles));
}

/// The place of the word that says that there are no more tiles, once all lanes have read it.
void WarpgroupEmitter::releaseEnd(Value count) {
  NVVM::SyncWarpOp::create(builder, i32(-1));
  release(0, count);
}

/// After a sweep of `count` visits: its rings go on from there.
void WarpgroupEmitter::leaveSweep(Traffic &traffic, Value count) {
  for (size_t ring = 0; ring < traffic.loads().size(); ++ring)
    counts[ring] = arith::AddIOp::create(builder, counts[ring], count);
  if (!traffic.sweep.visitsAll()) // the end took a place
    counts[0] = arith::AddIOp::create(builder, counts[0], i32(1));
}

/// Binds what the body's scalars are made of and computes them; says where the tiles are.
LogicalResult WarpgroupEmitter::enterVisit(Traffic &traffic, const Visit &visit, ValueRange state) {
  scalars.map(traffic.sweep.getTile(), toIndex(visit.number));
  scalars.map(traffic.sweep.getPartial(), visit.partial);
  if (failed(bindFlat(traffic.sweep, traffic.pipeline.state(), state)))
    return failure();
  for (auto [index, load] : llvm::enumerate(traffic.loads()))
    tiles[load->getResult(0)].shared = tileAt(traffic, index, visit.index);
  for (Operation &op : traffic.pipeline.body->without_terminator())
    if (isScalar(&op) && failed(emitScalar(op, scalars)))
      return failure();
  return success();
}

/// The body without its scalars and without what overlaps.
LogicalResult WarpgroupEmitter::emitBetween(Traffic &traffic) {
  for (Operation &op : traffic.pipeline.body->without_terminator()) {
    if (isScalar(&op) || (traffic.overlaps && isa<tile::DotOp, tile::ContractOp>(op)))
      continue;
    builder.setLoc(op.getLoc());
    if (failed(emitOp(op)))
      return failure();
  }
  return success();
}

//===--- in turn ------------------------------------------------------------------------------===//

LogicalResult WarpgroupEmitter::multiplyInTurn(Traffic &traffic) {
  SmallVector<Value> flat;
  if (failed(flatten(traffic.sweep, traffic.sweep.getInitial(), flat)))
    return failure();
  auto body = [&](const Visit &visit, ValueRange state,
                  SmallVectorImpl<Value> &next) -> LogicalResult {
    for (size_t ring = 0; ring < traffic.loads().size(); ++ring)
      waitFull(ring, visit.index);
    if (failed(enterVisit(traffic, visit, state)) || failed(emitBetween(traffic)) ||
        failed(flatten(traffic.sweep, traffic.sweep.getNextState(), next)))
      return failure();
    for (size_t ring = 0; ring < traffic.loads().size(); ++ring)
      release(ring, visit.index);
    return success();
  };
  auto results = emitVisits(traffic, startRange(traffic), 0, flat, body);
  if (failed(results))
    return failure();
  if (!traffic.sweep.visitsAll())
    releaseEnd(results->back());
  leaveSweep(traffic, results->back());
  return bindFlat(traffic.sweep, traffic.sweep.getResults(), ArrayRef(*results).drop_back());
}

//===--- overlapped ---------------------------------------------------------------------------===//

LogicalResult WarpgroupEmitter::multiplyOverlapped(Traffic &traffic) {
  SmallVector<Value> flat;
  if (failed(flatten(traffic.sweep, traffic.sweep.getInitial(), flat)))
    return failure();
  bool visitsAll = traffic.sweep.visitsAll();
  Range range = startRange(traffic);
  Value word = visitsAll ? range.first : readWord(traffic, i32(0));
  auto types = llvm::to_vector(ValueRange(flat).getTypes());
  types.push_back(builder.getI32Type());
  auto any = scf::IfOp::create(builder, types, isAnyLeft(traffic, range, word), true);
  {
    OpBuilder::InsertionGuard guard(builder);
    for (Region *side : {&any.getThenRegion(), &any.getElseRegion()})
      if (!side->front().empty())
        side->front().clear();
    builder.setInsertionPointToStart(any.elseBlock());
    SmallVector<Value> none(flat);
    none.push_back(i32(0));
    scf::YieldOp::create(builder, none);
    builder.setInsertionPointToStart(any.thenBlock());
    SmallVector<Value> state, results;
    auto first = visitAt(traffic, word, i32(0));
    if (failed(first) || failed(visitFirst(traffic, *first, flat, state)))
      return failure();
    auto next = [&](const Visit &visit, ValueRange before, SmallVectorImpl<Value> &after) {
      return visitNext(traffic, visit, before, after);
    };
    auto visited = emitVisits(traffic, range, 1, state, next);
    if (failed(visited))
      return failure();
    Value last = arith::SubIOp::create(builder, visited->back(), i32(1));
    if (failed(visitLast(traffic, last, ArrayRef(*visited).drop_back(), results)))
      return failure();
    results.push_back(visited->back());
    scf::YieldOp::create(builder, results);
  }
  Value count = any.getResults().back();
  if (!visitsAll)
    releaseEnd(count);
  leaveSweep(traffic, count);
  return bindFlat(traffic.sweep, traffic.sweep.getResults(), any.getResults().drop_back());
}

LogicalResult WarpgroupEmitter::visitFirst(Traffic &traffic, const Visit &visit, ValueRange state,
                                           SmallVectorImpl<Value> &next) {
  if (failed(enterVisit(traffic, visit, state)) || failed(issueDots(traffic, visit.index, false)))
    return failure();
  settleDots(traffic, visit.index, 0);
  if (failed(emitBetween(traffic)))
    return failure();
  return closeVisit(traffic, next);
}

/// `state`: that of the sweep, then the packed weights of the visit before.
LogicalResult WarpgroupEmitter::visitNext(Traffic &traffic, const Visit &visit, ValueRange state,
                                          SmallVectorImpl<Value> &next) {
  size_t packed = traffic.packedWeights();
  ValueRange weights = state.take_back(packed);
  Value before = arith::SubIOp::create(builder, visit.index, i32(1));
  if (failed(enterVisit(traffic, visit, state.drop_back(packed))) ||
      failed(issueDots(traffic, visit.index, true)) ||
      failed(issueContracts(traffic, before, weights)))
    return failure();
  passTurn();
  settleDots(traffic, visit.index, 1);
  if (failed(emitBetween(traffic)))
    return failure();
  keepBeforeWait(traffic);
  settleContracts(traffic, before, weights);
  return closeVisit(traffic, next);
}

/// The contracts of the last visit, number `index`.
LogicalResult WarpgroupEmitter::visitLast(Traffic &traffic, Value index, ValueRange state,
                                          SmallVectorImpl<Value> &next) {
  size_t packed = traffic.packedWeights();
  ValueRange weights = state.take_back(packed);
  if (failed(bindFlat(traffic.sweep, traffic.pipeline.state(), state.drop_back(packed))) ||
      failed(issueContracts(traffic, index, weights)))
    return failure();
  settleContracts(traffic, index, weights);
  return flatten(traffic.sweep, traffic.pipeline.state(), next);
}

/// All dots of visit `index`, as one group.
LogicalResult WarpgroupEmitter::issueDots(Traffic &traffic, Value index, bool takesTurn) {
  for (size_t load = 0; load < traffic.loads().size(); ++load)
    if (traffic.isEarly(load))
      waitFull(load, index);
  if (takesTurn)
    takeTurn();
  for (auto [number, dot] : llvm::enumerate(traffic.dots)) {
    auto sums = issueDot(dot, number + 1 == traffic.dots.size());
    if (failed(sums))
      return failure();
    underWay[dot] = *sums;
  }
  return success();
}

/// All contracts of visit `index`, as one group.
LogicalResult WarpgroupEmitter::issueContracts(Traffic &traffic, Value index, ValueRange weights) {
  for (size_t load = 0; load < traffic.loads().size(); ++load)
    if (traffic.isLate(load)) {
      if (!traffic.isEarly(load))
        waitFull(load, index);
      tiles[traffic.pipeline.loads[load].getResult()].shared = tileAt(traffic, load, index);
    }
  for (auto [number, contract] : llvm::enumerate(traffic.contracts)) {
    size_t packed = packedWeightsOf(contract);
    SmallVector<Value> own(weights.take_front(packed));
    weights = weights.drop_front(packed);
    auto sums = issueContract(contract, own, tiles[contract.getAccumulator()],
                              number + 1 == traffic.contracts.size());
    if (failed(sums))
      return failure();
    underWay[contract] = *sums;
  }
  return success();
}

/// Waits until at most `pending` groups are under way; `products` are over then.
void WarpgroupEmitter::settle(ArrayRef<Pending> products, int64_t pending, ValueRange held) {
  SmallVector<Value> all;
  for (auto &[op, sums] : products)
    llvm::append_range(all, underWay[op]);
  SmallVector<Value> settled = waitProducts(pending, all, held);
  ArrayRef<Value> rest(settled);
  for (auto &[op, sums] : products) {
    size_t size = underWay[op].size();
    tiles[sums] = fromAccumulator(rest.take_front(size));
    rest = rest.drop_front(size);
  }
}

void WarpgroupEmitter::settleDots(Traffic &traffic, Value index, int64_t pending) {
  SmallVector<Pending> products;
  for (tile::DotOp dot : traffic.dots)
    products.push_back({dot, dot.getResult()});
  settle(products, pending, {});
  for (size_t load = 0; load < traffic.loads().size(); ++load)
    if (traffic.isEarly(load) && !traffic.isLate(load))
      release(load, index);
}

void WarpgroupEmitter::settleContracts(Traffic &traffic, Value index, ValueRange weights) {
  SmallVector<Pending> products;
  for (tile::ContractOp contract : traffic.contracts)
    products.push_back({contract, contract.getAccumulator()});
  settle(products, 0, weights);
  for (size_t load = 0; load < traffic.loads().size(); ++load)
    if (traffic.isLate(load))
      release(load, index);
}

/// The next state, and weights rounded and packed for the next visit. What they are added to is scaled
/// now, as the scale is of this visit.
LogicalResult WarpgroupEmitter::closeVisit(Traffic &traffic, SmallVectorImpl<Value> &next) {
  SmallVector<Value> packed;
  for (tile::ContractOp contract : traffic.contracts) {
    TileValue sums = tiles[contract.getAccumulator()];
    if (failed(scaleRows(contract, sums)))
      return failure();
    tiles[contract.getResult()] = sums;
    FailureOr<const TileValue *> weights = lookupTile(contract, contract.getWeights());
    if (failed(weights))
      return failure();
    Type scalar = tile::getScalarType(contract.getValues().getType());
    llvm::append_range(packed, packOperandA(**weights, scalar));
  }
  if (failed(flatten(traffic.sweep, traffic.sweep.getNextState(), next)))
    return failure();
  llvm::append_range(next, packed);
  return success();
}

/// ptxas would sink the exponentials below the wait for the contracts, which then overlap nothing: an
/// instruction with a side effect that depends on sums of weights keeps them above.
void WarpgroupEmitter::keepBeforeWait(Traffic &traffic) {
  for (auto reduce : traffic.pipeline.body->getOps<tile::ReduceOp>()) {
    bool isOfWeights = llvm::any_of(traffic.contracts, [&](tile::ContractOp contract) {
      return contract.getWeights() == reduce.getInput();
    });
    if (!isOfWeights)
      continue;
    SmallVector<Value> operands(tiles[reduce.getResult()].elements);
    emitAsm("{\n.reg .pred isNan, isAny;\n"
            "setp.nan.f32 isNan, $0, $1;\n"
            "vote.sync.any.pred isAny, isNan, 0xffffffff;\n"
            "@isAny nanosleep.u32 0;\n}",
            "f,f", operands, 0);
  }
}

//===--- turns --------------------------------------------------------------------------------===//

/// Barrier 1 + g is for the turn of warpgroup g: it and the one that passes the turn on arrive there.
static constexpr const char *syncTurn = "bar.sync $0, 256;";
static constexpr const char *arriveTurn = "bar.arrive $0, 256;";

void WarpgroupEmitter::takeTurn() {
  if (groups == 1)
    return;
  emitAsm(syncTurn, "r,~{memory}", {arith::AddIOp::create(builder, group, i32(1))}, 0);
}

void WarpgroupEmitter::passTurn() {
  if (groups == 1)
    return;
  Value next = arith::AddIOp::create(builder, group, i32(2));
  Value wraps = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, next, i32(groups + 1));
  next = arith::SelectOp::create(builder, wraps, i32(1), next);
  emitAsm(arriveTurn, "r,~{memory}", {next}, 0);
}
