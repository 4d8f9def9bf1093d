// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: one sweep of the plan as a loop over key tiles.
//
// A step of the loop: 1 the matrices that the mask applies to (scores of frames, unframed terms);
// 2 on a partial tile, hidden pairs take the identity; 3 each frame's running maximum, and alpha,
// by which what was carried so far shrinks; 4 weights exp((score - maximum) * rate); 5 sums,
// contractions.
#include "compiler/passes/LowerToTileSweep.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include <limits>

using namespace mlir;
using namespace attune;
using tile::JoinKind;

static constexpr double Infinity = std::numeric_limits<double>::infinity();

double attune::identityOf(attn::ReduceKind kind) {
  return kind == attn::ReduceKind::Max ? -Infinity : kind == attn::ReduceKind::Min ? Infinity : 0;
}

SweepEmitter::SweepEmitter(TileScope &scope, const SweepPlan &plan, const Sweep &sweep,
                           MaskSchedules &schedules, CarriedState &carried)
    : scope(scope), plan(plan), sweep(sweep), loc(scope.location()), body(scope.top()),
      schedules(schedules), carried(carried), predicates(scope, schedules.builder(sweep.keyAxis)) {}

unsigned SweepEmitter::positionOf(int frame) {
  return llvm::find(sweep.frames, unsigned(frame)) - sweep.frames.begin();
}

unsigned SweepEmitter::maskOf(const Domain &domain) {
  for (auto [position, mask] : llvm::enumerate(masks))
    if (mask->domain == domain)
      return position;
  masks.push_back(&schedules.find(domain, sweep.keyAxis));
  return masks.size() - 1;
}

//===--- before the loop ----------------------------------------------------------------------===//

/// c * dot with c > 0 is maximal where the dot is: the factor moves into the exponent's own.
static std::pair<double, const Node *> splitUnit(const Node *exponent) {
  if (exponent->kind == NodeKind::Mul)
    for (unsigned side : {0u, 1u}) {
      const Node *factor = exponent->operands[side], *other = exponent->operands[1 - side];
      if (factor->kind == NodeKind::Constant && factor->number > 0 && other->kind == NodeKind::Dot)
        return {factor->number, other};
    }
  return {1, exponent};
}

/// The frame at the start of those that continue each other, of which this is one.
static int firstOfChain(const SweepPlan &plan, int frame) {
  while (plan.frames[frame].continues >= 0)
    frame = plan.frames[frame].continues;
  return frame;
}

/// Frames that continue each other hold their origins in one unit.
static bool sharesUnit(const SweepPlan &plan, unsigned frame) {
  double unit = splitUnit(plan.frames[frame].exponent).first;
  for (unsigned other = 0; other < plan.frames.size(); ++other)
    if (firstOfChain(plan, other) == firstOfChain(plan, frame) &&
        splitUnit(plan.frames[other].exponent).first != unit)
      return false;
  return true;
}

void SweepEmitter::findFrames() {
  for (unsigned position = 0; position < sweep.frames.size(); ++position) {
    FrameStep step;
    step.score = frame(position).exponent;
    if (sharesUnit(plan, sweep.frames[position]))
      std::tie(step.unit, step.score) = splitUnit(step.score);
    // A plain sum of weights is NaN if any score is, so the maximum need not tell.
    for (unsigned id : sweep.accumulators) {
      const Accumulator &sum = accumulator(id);
      step.hasPivot |= sum.frame == int(sweep.frames[position]) && !sum.coefficient &&
                       !sum.values && sum.centredPower == 0 && sum.rate > 0 &&
                       sum.kind == attn::ReduceKind::Sum && sum.domain == frame(position).domain;
    }
    frames.push_back(step);
  }
  for (const Domain &domain : domainsOf(plan, sweep))
    maskOf(domain);
}

void SweepEmitter::findTiles() {
  keyTiles = scope.tilesOf(sweep.keyAxis, scope.config().getKeys(), scope.config().getKeyBox());
}

SmallVector<Value> SweepEmitter::emitInitial() {
  OpBuilder &top = scope.top();
  SmallVector<Value> initial;
  Type f32 = top.getF32Type();
  for (unsigned position = 0; position < frames.size(); ++position)
    if (int before = frame(position).continues; before >= 0)
      initial.push_back(carried.frames.lookup(before));
    else
      initial.push_back(
          tile::SplatOp::create(top, loc, scope.rowsType(f32), scope.number(-Infinity)));
  for (unsigned id : sweep.accumulators) {
    const Accumulator &state = accumulator(id);
    if (state.continues >= 0) {
      initial.push_back(carried.accumulators.lookup(state.continues));
      continue;
    }
    if (state.listed) {
      Value none = arith::ConstantOp::create(top, loc, top.getI32IntegerAttr(0));
      initial.push_back(tile::SplatOp::create(top, loc, scope.rowsType(top.getI32Type()), none));
      continue;
    }
    Type type = scope.partialType(f32);
    if (state.values) {
      auto element = cast<VectorType>(attn::getPlaceElementType(state.values.getType()));
      type = scope.rowsType(VectorType::get(element.getShape(), f32));
    }
    initial.push_back(tile::SplatOp::create(top, loc, type, scope.number(identityOf(state.kind))));
  }
  emitInitialScans(initial);
  return initial;
}

/// Fills a region of one block: its code takes the number of a tile and yields what `emit` returns.
static void emitRegion(Region &region, Location loc,
                       llvm::function_ref<SmallVector<Value>(OpBuilder &, Value tile)> emit) {
  Block &block = region.emplaceBlock();
  Value tile = block.addArgument(IndexType::get(region.getContext()), loc);
  OpBuilder builder = OpBuilder::atBlockEnd(&block);
  SmallVector<Value> values = emit(builder, tile);
  tile::YieldOp::create(builder, loc, values);
}

/// In a sweep in reverse, number n of the loop is tile end - 1 - n.
static Value emitTile(OpBuilder &builder, Location loc, Value last, Value number) {
  if (!last)
    return number;
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  Value tile = builder.createOrFold<arith::SubIOp>(loc, last, number);
  return builder.createOrFold<arith::MaxSIOp>(loc, tile, zero);
}

void SweepEmitter::emit() {
  findFrames();
  findTiles();
  SmallVector<Value> initial = emitInitial();
  OpBuilder &top = scope.top();
  SweepSchedule schedule(scope, schedules, masks, keyTiles);
  auto [first, end] = schedule.emitEnds();
  Value last;
  if (sweep.reverse) {
    last = top.createOrFold<arith::SubIOp>(loc, end, scope.index(1));
    end = top.createOrFold<arith::SubIOp>(loc, end, first);
    first = scope.index(0);
  }
  auto loop = tile::SweepOp::create(top, loc, ValueRange(initial).getTypes(), first, end, initial);
  top.setInsertionPoint(loop);
  // Seeking goes up alone: a sweep in reverse asks of every tile.
  if (schedule.hasSeek() && !sweep.reverse)
    emitRegion(loop.getSeek(), loc, [&](OpBuilder &builder, Value tile) {
      return SmallVector<Value>{schedule.emitSeek(builder, tile)};
    });
  emitRegion(loop.getClassify(), loc, [&](OpBuilder &builder, Value tile) {
    auto [visit, partial] = schedule.emitClasses(builder, emitTile(builder, loc, last, tile));
    return SmallVector<Value>{visit, partial};
  });
  Block &block = loop.getBody().emplaceBlock();
  block.addArguments({top.getIndexType(), top.getI1Type()}, {loc, loc});
  for (Value value : initial)
    block.addArgument(value.getType(), loc);
  body.setInsertionPointToStart(&block);
  Value tile = emitTile(body, loc, last, loop.getTile());
  scope.enterLoop(loop, body, keyTiles.at(body, loc, tile));
  SmallVector<Value> next;
  emitBody(loop.getPartial(), loop.getState(), next);
  tile::YieldOp::create(body, loc, next);
  scope.leaveLoop();
  finish(loop.getResults());
}

//===--- the mask -----------------------------------------------------------------------------===//

unsigned SweepEmitter::sourceOf(Value matrix, unsigned mask, double identity) {
  for (auto [position, source] : llvm::enumerate(sources))
    if (source.matrix == matrix && source.mask == mask && source.identity == identity)
      return position;
  sources.push_back({matrix, mask, identity});
  return sources.size() - 1;
}

Value SweepEmitter::emitCoefficient(const Node *node) {
  Type f32 = body.getF32Type();
  if (!node)
    return tile::SplatOp::create(body, loc, scope.matrixType(f32), scope.number(1));
  if (node->kind == NodeKind::Dot || (node->kind == NodeKind::Scan && node->type == f32))
    return scope.leaf(node);
  MapBuilder map(scope, Places::Matrix);
  map.read(node);
  return map.build(body, scope.matrixType(f32), [&](PlaceEmitter &at, ValueRange) {
    Value value = at.emit(node);
    return value.getType() == f32 ? value
                                  : Value(arith::ExtFOp::create(at.builder, loc, f32, value));
  });
}

/// Scores of frames hide as -inf, whose weight is 0; terms without a frame as the join's identity.
void SweepEmitter::collectSources() {
  llvm::DenseMap<const Node *, Value> matrices;
  auto matrixOf = [&](const Node *node) {
    Value known = matrices.lookup(node);
    return known ? known : matrices[node] = emitCoefficient(node);
  };
  for (auto [position, step] : llvm::enumerate(frames))
    sourceOfFrame.push_back(
        sourceOf(matrixOf(step.score), maskOf(frame(position).domain), -Infinity));
  for (unsigned id : sweep.accumulators) {
    const Accumulator &carried = accumulator(id);
    unsigned mask = maskOf(carried.domain);
    if (attn::VisibleKeysOp listed = carried.listed) {
      // Of a mark of 1 everywhere, those of hidden pairs become 0.
      sourceOfAccumulator[id] = sourceOf(matrixOf(nullptr), mask, 0);
      if (!listed.getElements().use_empty())
        listedElements[id] = matrixOf(carried.coefficient);
      continue;
    }
    unsigned source =
        carried.frame >= 0
            ? sourceOf(matrixOf(frames[positionOf(carried.frame)].score), mask, -Infinity)
            : sourceOf(matrixOf(carried.coefficient), mask, identityOf(carried.kind));
    sourceOfAccumulator[id] = source;
  }
}

Value SweepEmitter::emitMasked(OpBuilder &builder, const Source &source) {
  MapBuilder map(scope, Places::Matrix);
  unsigned element = map.read(source.matrix);
  map.readIndices();
  const Domain &domain = masks[source.mask]->domain;
  for (const Node *predicate : domain)
    predicates.read(map, predicate, &builder);
  Value hidden = source.hidden ? source.hidden : scope.number(source.identity);
  return map.build(builder, source.matrix.getType(), [&](PlaceEmitter &at, ValueRange elements) {
    Value keep = isInside(at.builder, loc, at.key.coordinates, at.key.extents);
    for (const Node *predicate : domain)
      keep = arith::AndIOp::create(at.builder, loc, keep, predicates.emit(at, predicate, elements));
    return arith::SelectOp::create(at.builder, loc, keep, elements[element], hidden);
  });
}

void SweepEmitter::emitMasks(Value isPartial) {
  // What the predicates read is loaded outside of the branch.
  for (const MaskSchedules::Mask *mask : masks) {
    MapBuilder reads(scope, Places::Matrix);
    for (const Node *predicate : mask->domain)
      predicates.read(reads, predicate, nullptr);
  }
  masked = emitBranch(isPartial, sources);
}

/// The matrices, on partial tiles masked.
SmallVector<Value> SweepEmitter::emitBranch(Value isPartial, ArrayRef<Source> sources) {
  if (sources.empty())
    return {};
  SmallVector<Type> types;
  for (const Source &source : sources)
    types.push_back(source.matrix.getType());
  auto branch = scf::IfOp::create(body, loc, types, isPartial, /*withElseRegion=*/true);
  OpBuilder masking = branch.getThenBodyBuilder(), plain = branch.getElseBodyBuilder();
  SmallVector<Value> hidden, all;
  for (const Source &source : sources) {
    hidden.push_back(emitMasked(masking, source));
    all.push_back(source.matrix);
  }
  scf::YieldOp::create(masking, loc, hidden);
  scf::YieldOp::create(plain, loc, all);
  return llvm::to_vector_of<Value>(branch.getResults());
}

void SweepEmitter::emitBody(Value isPartial, ValueRange state, SmallVectorImpl<Value> &next) {
  SmallVector<Value> running;
  emitScans(isPartial, state.drop_front(frames.size() + sweep.accumulators.size()), running);
  collectSources();
  emitMasks(isPartial);
  emitFrameSteps(state);
  for (const FrameStep &step : frames)
    next.push_back(step.after);
  for (unsigned id : sweep.accumulators)
    next.push_back(emitAccumulated(id, state));
  llvm::append_range(next, running);
}

//===--- after the loop -----------------------------------------------------------------------===//

void SweepEmitter::finish(ValueRange results) {
  OpBuilder &top = scope.top();
  finishFolds(results.drop_front(frames.size() + sweep.accumulators.size()));
  for (auto [place, id] : llvm::enumerate(sweep.accumulators)) {
    Value state = carried.accumulators[id] = results[frames.size() + place];
    if (accumulator(id).values) {
      vectors[id] = state;
      continue;
    }
    if (accumulator(id).listed) {
      scope.finish(NodeKind::AccumulatorRef, id, state);
      continue;
    }
    Value rows = tile::CombineOp::create(top, loc, scope.rowsType(top.getF32Type()),
                                         joinOf(accumulator(id).kind), state);
    scope.finish(NodeKind::AccumulatorRef, id, rows);
  }
  for (auto [position, step] : llvm::enumerate(frames)) {
    unsigned id = sweep.frames[position];
    carried.frames[id] = results[position];
    Value pivot;
    for (unsigned other : sweep.accumulators) {
      const Accumulator &sum = accumulator(other);
      if (step.hasPivot && sum.frame == int(id) && !sum.coefficient && !sum.values &&
          !sum.centredPower && sum.domain == frame(position).domain)
        pivot = scope.getFinished(NodeKind::AccumulatorRef, other);
    }
    Value unit = scope.number(step.unit);
    MapBuilder map(scope, Places::Rows);
    unsigned maximum = map.read(results[position]);
    unsigned sum = pivot ? map.read(pivot) : 0;
    Value rows =
        map.build(top, results[position].getType(), [&](PlaceEmitter &at, ValueRange elements) {
          Value scaled =
              step.unit == 1
                  ? elements[maximum]
                  : Value(arith::MulFOp::create(at.builder, loc, elements[maximum], unit));
          if (!pivot)
            return scaled;
          // The maximum dropped NaN; a row that has one is not empty.
          Value isNan = arith::CmpFOp::create(at.builder, loc, arith::CmpFPredicate::UNO,
                                              elements[sum], elements[sum]);
          return Value(arith::SelectOp::create(at.builder, loc, isNan, elements[sum], scaled));
        });
    scope.finish(NodeKind::FrameRef, id, rows);
  }
}
