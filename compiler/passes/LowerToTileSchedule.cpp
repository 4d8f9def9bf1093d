// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: which tiles does a sweep visit?
#include "compiler/passes/LowerToTileSchedule.h"

#include "compiler/problem/Prediction.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attune;
using arith::CmpIPredicate;
using mask::Input;
using mask::Side;

static Value constantIndex(OpBuilder &builder, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}

static Value compare(OpBuilder &builder, Location loc, CmpIPredicate predicate, Value a, Value b) {
  return builder.createOrFold<arith::CmpIOp>(loc, predicate, a, b);
}

//===--- the masks of a kernel ----------------------------------------------------------------===//

MaskSchedules::MaskSchedules(const SweepPlan &plan, tile::ConfigAttr config)
    : plan(plan), config(config) {
  mask::ScheduleOptions options;
  TilePair tiles = getTiles(config);
  options.rows = tiles.queries;
  options.columns = tiles.keys;
  // The pass before the kernel walks the keys of one axis, first of all those of the scores.
  StringRef scored = getScoreAxes(plan.graph->kernel()).second;
  for (bool isScored : {true, false})
    for (const Sweep &sweep : plan.sweeps) {
      if ((sweep.keyAxis.getValue() == scored) != isScored)
        continue;
      options.allowSummaries = (!summaryAxis || summaryAxis == sweep.keyAxis) &&
                               canSummarise(plan, sweep.keyAxis, tiles.keys);
      for (const Domain &domain : domainsOf(plan, sweep))
        add(domain, sweep.keyAxis, options);
    }
}

mask::FormulaBuilder &MaskSchedules::builder(StringAttr keyAxis) {
  for (auto &[axis, builder] : formulas)
    if (axis == keyAxis)
      return builder;
  StringRef queryAxis = getScoreAxes(plan.graph->kernel()).first;
  mask::TokenGrid queries = config.getQueryBox() ? getGrid(plan, queryAxis) : mask::TokenGrid();
  return formulas
      .emplace_back(std::piecewise_construct, std::forward_as_tuple(keyAxis),
                    std::forward_as_tuple(*plan.graph, std::move(queries),
                                          getKeys(plan, keyAxis, bool(config.getKeyBox()))))
      .second;
}

void MaskSchedules::add(const Domain &domain, StringAttr keyAxis,
                        const mask::ScheduleOptions &options) {
  if (llvm::any_of(masks, [&](const Mask &mask) {
        return mask.domain == domain && mask.keyAxis == keyAxis;
      }))
    return;
  mask::FormulaBuilder &builder = this->builder(keyAxis);
  Mask &mask = masks.emplace_back();
  mask.domain = domain;
  mask.keyAxis = keyAxis;
  mask.formula = builder.build(domain);
  mask.schedule = buildSchedule(builder, mask.formula, options);
  mask.firstSummary = summaries;
  summaries += mask.schedule.summaries.size();
  if (!mask.schedule.summaries.empty())
    summaryAxis = keyAxis;
  for (const mask::TileFold &summary : mask.schedule.summaries) {
    batched |= summary.onBatch;
    headed |= summary.onHead;
  }
}

const MaskSchedules::Mask &MaskSchedules::find(const Domain &domain, StringAttr keyAxis) const {
  for (const Mask &mask : masks)
    if (mask.domain == domain && mask.keyAxis == keyAxis)
      return mask;
  llvm_unreachable("every domain of the plan has its mask");
}

MemRefType MaskSchedules::workspaceType(MLIRContext *context) const {
  int64_t dynamic = ShapedType::kDynamic;
  return MemRefType::get({dynamic, dynamic, dynamic, summaries}, IntegerType::get(context, 64));
}

ArrayAttr MaskSchedules::describe(MLIRContext *context) const {
  Builder builder(context);
  SmallVector<Attribute> described;
  for (const Mask &mask : masks) {
    if (mask.domain.empty())
      continue;
    mask::Schedule::Costs costs = mask.schedule.costs();
    int64_t operations[] = {costs.rowTile, costs.row, costs.pair, costs.column};
    described.push_back(builder.getDictionaryAttr(
        {builder.getNamedAttr("level", builder.getStringAttr(spell(mask.schedule.level))),
         builder.getNamedAttr("summaries",
                              builder.getI64IntegerAttr(int64_t(mask.schedule.summaries.size()))),
         builder.getNamedAttr("operations", builder.getDenseI64ArrayAttr(operations)),
         builder.getNamedAttr("exact", builder.getBoolAttr(mask.schedule.isClosedFormExact))}));
  }
  return builder.getArrayAttr(described);
}

static tile::FoldKind toTile(mask::FoldKind kind) {
  return kind == mask::FoldKind::Least      ? tile::FoldKind::Least
         : kind == mask::FoldKind::Greatest ? tile::FoldKind::Greatest
                                            : tile::FoldKind::Union;
}

/// What a fold takes of one token: its value, or what changes nothing where it does not count.
static Value emitTerm(ProgramEmitter &program, const mask::TileFold &fold, ProgramPlace &place,
                      Value exists, Location loc) {
  OpBuilder &builder = place.builder;
  Value value = program.number(fold.value, place);
  if (fold.kind == mask::FoldKind::Union) {
    Value bit = arith::AndIOp::create(builder, loc, value, constantIndex(builder, loc, 63));
    value = arith::ShLIOp::create(builder, loc, constantIndex(builder, loc, 1), bit);
  }
  if (!fold.when && !exists)
    return value;
  Value neutral = constantIndex(builder, loc, tile::FoldOp::getNeutral(toTile(fold.kind)));
  Value counts = fold.when ? program.truth(fold.when, place) : exists;
  if (fold.when && exists)
    counts = builder.createOrFold<arith::AndIOp>(loc, counts, exists);
  return builder.createOrFold<arith::SelectOp>(loc, counts, value, neutral);
}

/// One `tile.fold` of `folds` over the tokens of `tile`.
static SmallVector<Value> emitFold(TileScope &scope, ProgramEmitter &program, ProgramPlace &root,
                                   ArrayRef<mask::TileFold> folds, Input token,
                                   const TilePlace &tile) {
  SmallVector<tile::FoldKind> kinds;
  for (const mask::TileFold &fold : folds)
    kinds.push_back(toTile(fold.kind));
  Location loc = scope.location();
  Value first = tile.first.front(), last;
  if (tile.isBox()) {
    first = scope.index(0);
    last = scope.index(llvm::product_of(tile.sizes) - 1);
  } else {
    last = tile.last(root.builder, loc).front();
  }
  auto op = tile::FoldOp::create(root.builder, loc, first, last, kinds,
                                 [&](OpBuilder &builder, Location loc, Value number) {
                                   // Emitted below, when what does not depend on the token has a place before the op.
                                   return SmallVector<Value>(kinds.size(), number);
                                 });
  root.builder.setInsertionPoint(op);
  Operation *yield = op.getBody().front().getTerminator();
  OpBuilder inside(yield);
  ProgramPlace place(inside, &root);
  Value number = op.getBody().getArgument(0), exists;
  TilePlace::Values coordinates = {number};
  if (tile.isBox()) {
    coordinates = unravelPlace(inside, loc, tile, number);
    exists = isInside(inside, loc, coordinates, tile.extents);
    number = tokenAt(inside, loc, coordinates, tile.extents);
  }
  place.bind(token, ProgramPlace::TokenNumber, number);
  for (auto [dim, coordinate] : llvm::enumerate(coordinates))
    place.bind(token, dim, coordinate);
  SmallVector<Value> terms;
  for (const mask::TileFold &fold : folds)
    terms.push_back(emitTerm(program, fold, place, exists, loc));
  yield->setOperands(terms);
  root.builder.setInsertionPointAfter(op);
  return SmallVector<Value>(op.getResults().begin(), op.getResults().end());
}

void MaskSchedules::emitSummaries(const SweepPlan &plan, tile::KernelOp kernel,
                                  StringAttr axis) const {
  TileScope scope(plan, kernel);
  OpBuilder &top = scope.top();
  Location loc = scope.location();
  Value workspace = kernel.getBody().getArguments().back();
  Value tile = scope.firstQuery();
  TileGrid tiles = scope.tilesOf(axis, scope.config().getKeys(), scope.config().getKeyBox());
  TilePlace keys = tiles.at(top, loc, tile);
  for (const Mask &mask : masks) {
    if (mask.schedule.summaries.empty())
      continue;
    ProgramPlace root(top);
    ProgramEmitter program(scope, mask.schedule.program, root);
    SmallVector<Value> numbers =
        emitFold(scope, program, root, mask.schedule.summaries, Input::ColumnToken, keys);
    for (auto [index, number] : llvm::enumerate(numbers))
      tile::WriteOp::create(top, loc, number, workspace,
                            ValueRange{scope.batchIndex(), scope.headIndex(), tile,
                                       scope.index(mask.firstSummary + index)});
  }
  tile::ReturnOp::create(top, loc);
}

//===--- one sweep ----------------------------------------------------------------------------===//

/// Binds the ends of a tile, a coordinate each.
static void bindEnds(ProgramPlace &place, Location loc, const TilePlace &tile, Input first,
                     Input last) {
  TilePlace::Values ends = tile.last(place.builder, loc);
  for (size_t dim = 0; dim < ends.size(); ++dim) {
    place.bind(first, dim, tile.first[dim]);
    place.bind(last, dim, ends[dim]);
  }
}

SweepSchedule::SweepSchedule(TileScope &scope, const MaskSchedules &schedules,
                             ArrayRef<const MaskSchedules::Mask *> of, const TileGrid &keys)
    : scope(scope), schedules(schedules), loc(scope.location()), keys(keys) {
  OpBuilder &top = scope.top();
  for (const MaskSchedules::Mask *mask : of) {
    Emitted &emitted = masks.emplace_back(scope, *mask, top);
    bindEnds(emitted.root, loc, scope.queryTokens(), Input::RowFirst, Input::RowLast);
    const auto &folds = mask->schedule.folds;
    if (!folds.empty())
      emitted.program.setFolds(emitFold(scope, emitted.program, emitted.root, folds,
                                        Input::RowToken, scope.queryTokens()));
    emitted.program.setSummary(
        [this, first = mask->firstSummary](OpBuilder &builder, Value tile, int64_t number) {
          return readSummary(builder, tile, first + number);
        });
  }
}

Value SweepSchedule::readSummary(OpBuilder &builder, Value tile, int64_t number) {
  Value zero = scope.index(0);
  Value batch = schedules.onBatch() ? scope.batchIndex() : zero;
  Value head = schedules.onHead() ? scope.headIndex() : zero;
  Value entry =
      tile::ReadOp::create(builder, loc, builder.getI64Type(), scope.workspace(),
                           ValueRange{batch, head, tile, constantIndex(builder, loc, number)});
  return arith::IndexCastOp::create(builder, loc, builder.getIndexType(), entry);
}

std::pair<Value, Value> SweepSchedule::emitEnds() {
  OpBuilder &top = scope.top();
  // Nothing hides what a list names.
  if (scope.gathersKeys())
    return {scope.index(0),
            arith::CeilDivUIOp::create(top, loc, keys.extents[0], scope.index(keys.sizes[0]))};
  Value first, end;
  for (Emitted &mask : masks) {
    Value low = mask.program.number(mask.mask.schedule.firstTile, mask.root);
    Value high = mask.program.number(mask.mask.schedule.endTile, mask.root);
    first = first ? top.createOrFold<arith::MinSIOp>(loc, first, low) : low;
    end = end ? top.createOrFold<arith::MaxSIOp>(loc, end, high) : high;
  }
  return {first, end};
}

bool SweepSchedule::hasSeek() const {
  return llvm::all_of(masks, [](const Emitted &mask) { return bool(mask.mask.schedule.seek); });
}

Value SweepSchedule::emitSeek(OpBuilder &builder, Value tile) {
  Value next;
  for (Emitted &mask : masks) {
    ProgramPlace place(builder, &mask.root);
    place.bind(Input::ColumnTile, 0, tile);
    Value own = mask.program.number(mask.mask.schedule.seek, place);
    next = next ? builder.createOrFold<arith::MinSIOp>(loc, next, own) : own;
  }
  return next;
}

TilePlace SweepSchedule::bindTile(ProgramPlace &place, Value tile) {
  TilePlace columns = keys.at(place.builder, loc, tile);
  place.bind(Input::ColumnTile, 0, tile);
  bindEnds(place, loc, columns, Input::ColumnFirst, Input::ColumnLast);
  return columns;
}

std::pair<Value, Value> SweepSchedule::emitClasses(OpBuilder &builder, Value tile) {
  Value visit, partial;
  auto unite = [&](Value &all, Value next) {
    all = all ? builder.createOrFold<arith::OrIOp>(loc, all, next) : next;
  };
  TilePlace columns;
  for (Emitted &mask : masks) {
    ProgramPlace place(builder, &mask.root);
    columns = bindTile(place, tile);
    auto [visible, hidden] = emitTest(mask, place);
    unite(visit, visible);
    unite(partial, hidden);
  }
  // The last tile may reach behind the last key.
  unite(partial, columns.reachesOut(builder, loc));
  return {visit, partial};
}

/// May the tile hold a visible pair, and a hidden one?
std::pair<Value, Value> SweepSchedule::emitTest(Emitted &mask, ProgramPlace &place) {
  const mask::Schedule &schedule = mask.mask.schedule;
  OpBuilder &builder = place.builder;
  Value touched = mask.program.truth(schedule.touched, place);
  Value blemished = mask.program.truth(schedule.blemished, place);
  if (!schedule.mayVisible)
    return {touched, blemished};
  Value visible = mask.program.truth(schedule.mayVisible, place);
  Value hidden = mask.program.truth(schedule.mayHidden, place);
  visible = builder.createOrFold<arith::AndIOp>(loc, touched, visible);
  hidden = builder.createOrFold<arith::AndIOp>(loc, blemished, hidden);
  if (schedule.rowCuts.empty() && schedule.columnCuts.empty())
    return {visible, hidden};
  // Pieces tell more, where the whole tile does not tell.
  Value both = builder.createOrFold<arith::AndIOp>(loc, visible, hidden);
  auto branch =
      scf::IfOp::create(builder, loc, TypeRange{builder.getI1Type(), builder.getI1Type()}, both,
                        /*addThenBlock=*/true, /*addElseBlock=*/true);
  builder.setInsertionPoint(branch);
  OpBuilder pieces = branch.getThenBodyBuilder(), plain = branch.getElseBodyBuilder();
  ProgramPlace inner(pieces, &place);
  auto found = emitPieces(mask, inner);
  scf::YieldOp::create(pieces, loc, ValueRange{found.first, found.second});
  scf::YieldOp::create(plain, loc, ValueRange{visible, hidden});
  builder.setInsertionPointAfter(branch);
  return {branch.getResult(0), branch.getResult(1)};
}

std::pair<Value, Value> SweepSchedule::emitPieces(Emitted &mask, ProgramPlace &place) {
  const mask::Schedule &schedule = mask.mask.schedule;
  Value no = arith::ConstantIntOp::create(place.builder, loc, 0, 1);
  Piece rows = {place.lookup(Input::RowFirst, 0), place.lookup(Input::RowLast, 0)};
  Piece columns = {place.lookup(Input::ColumnFirst, 0), place.lookup(Input::ColumnLast, 0)};
  return eachPiece(mask, place, Side::Query, schedule.rowCuts, rows, {no, no},
                   [&](ProgramPlace &row, std::pair<Value, Value> found) {
                     return eachPiece(
                         mask, row, Side::Key, schedule.columnCuts, columns, found,
                         [&](ProgramPlace &at, std::pair<Value, Value> found) {
                           OpBuilder &builder = at.builder;
                           Value v = mask.program.truth(schedule.mayVisible, at);
                           Value h = mask.program.truth(schedule.mayHidden, at);
                           return std::pair<Value, Value>(
                               builder.createOrFold<arith::OrIOp>(loc, found.first, v),
                               builder.createOrFold<arith::OrIOp>(loc, found.second, h));
                         });
                   });
}

/// mask::pieces: cuts `whole`, then each part at the next cut; empty parts, and all once both answers
/// are known, are skipped.
std::pair<Value, Value> SweepSchedule::eachPiece(Emitted &mask, ProgramPlace &outer, Side side,
                                                 ArrayRef<mask::Cut> cuts, const Piece &whole,
                                                 std::pair<Value, Value> found, PieceBody body) {
  OpBuilder &builder = outer.builder;
  ProgramPlace place(builder, &outer);
  place.bind(side == Side::Query ? Input::RowFirst : Input::ColumnFirst, 0, whole.first);
  place.bind(side == Side::Query ? Input::RowLast : Input::ColumnLast, 0, whole.last);
  if (cuts.empty())
    return body(place, found);
  auto [begin, end] = mask.program.emitCut(cuts.front(), place, whole.first, whole.last);
  Value zero = constantIndex(builder, loc, 0), one = constantIndex(builder, loc, 1);
  Value three = constantIndex(builder, loc, 3);
  Value headLast = builder.createOrFold<arith::SubIOp>(loc, begin, one);
  Value middleLast = builder.createOrFold<arith::SubIOp>(loc, end, one);
  auto loop =
      scf::ForOp::create(builder, loc, zero, three, one, ValueRange{found.first, found.second});
  builder.setInsertionPoint(loop);
  OpBuilder inside = OpBuilder::atBlockBegin(loop.getBody());
  auto select = [&](Value head, Value middle, Value tail) {
    Value isHead = compare(inside, loc, CmpIPredicate::eq, loop.getInductionVar(), zero);
    Value isMiddle = compare(inside, loc, CmpIPredicate::eq, loop.getInductionVar(), one);
    Value rest = inside.createOrFold<arith::SelectOp>(loc, isMiddle, middle, tail);
    return inside.createOrFold<arith::SelectOp>(loc, isHead, head, rest);
  };
  Piece part = {select(whole.first, begin, end), select(headLast, middleLast, whole.last)};
  Value v = loop.getRegionIterArgs()[0], h = loop.getRegionIterArgs()[1];
  Value isKnown = inside.createOrFold<arith::AndIOp>(loc, v, h);
  Value isEmpty = compare(inside, loc, CmpIPredicate::sgt, part.first, part.last);
  Value skip = inside.createOrFold<arith::OrIOp>(loc, isKnown, isEmpty);
  auto branch =
      scf::IfOp::create(inside, loc, TypeRange{v.getType(), h.getType()}, skip, true, true);
  scf::YieldOp::create(inside, loc, branch.getResults());
  inside.setInsertionPoint(branch);
  OpBuilder skipped = branch.getThenBodyBuilder(), taken = branch.getElseBodyBuilder();
  scf::YieldOp::create(skipped, loc, ValueRange{v, h});
  ProgramPlace loopPlace(inside, &place), taking(taken, &loopPlace);
  auto result = eachPiece(mask, taking, side, cuts.drop_front(), part, {v, h}, body);
  scf::YieldOp::create(taken, loc, ValueRange{result.first, result.second});
  builder.setInsertionPointAfter(loop);
  return {loop.getResult(0), loop.getResult(1)};
}
