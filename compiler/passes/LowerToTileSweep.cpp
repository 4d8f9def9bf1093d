// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: one sweep of the plan as a loop over key tiles.
//
// A step of the loop: 1 the matrices that the mask applies to (scores of frames, unframed terms);
// 2 on a partial tile, hidden pairs take the identity; 3 each frame's running maximum, and alpha,
// by which what was carried so far shrinks; 4 weights exp((score - maximum) * rate); 5 sums,
// contractions.
#include "compiler/passes/LowerToTileSweep.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include <cmath>
#include <limits>
#include <numbers>

using namespace mlir;
using namespace attune;
using tile::JoinKind;

static constexpr double Infinity = std::numeric_limits<double>::infinity();

static double identityOf(attn::ReduceKind kind) {
  return kind == attn::ReduceKind::Max ? -Infinity : kind == attn::ReduceKind::Min ? Infinity : 0;
}

static JoinKind joinOf(attn::ReduceKind kind) {
  return kind == attn::ReduceKind::Max   ? JoinKind::Max
         : kind == attn::ReduceKind::Min ? JoinKind::Min
                                         : JoinKind::Sum;
}

SweepEmitter::SweepEmitter(TileScope &scope, const SweepPlan &plan, const Sweep &sweep)
    : scope(scope), plan(plan), sweep(sweep), loc(scope.location()), body(scope.top()),
      predicates(scope, formulas) {}

unsigned SweepEmitter::positionOf(int frame) {
  return llvm::find(sweep.frames, unsigned(frame)) - sweep.frames.begin();
}

unsigned SweepEmitter::maskOf(const Domain &domain) {
  for (auto [position, mask] : llvm::enumerate(masks))
    if (mask.domain == domain)
      return position;
  masks.push_back({domain, {}});
  return masks.size() - 1;
}

//===--- before the loop
//-----------------------------------------------------------------------===//

/// c * dot with c > 0 is maximal where the dot is: the factor moves into the exponent's own.
void SweepEmitter::findFrames() {
  for (unsigned position = 0; position < sweep.frames.size(); ++position) {
    FrameStep step;
    step.score = frame(position).exponent;
    if (step.score->kind == NodeKind::Mul)
      for (unsigned side : {0u, 1u}) {
        const Node *factor = step.score->operands[side];
        const Node *other = step.score->operands[1 - side];
        if (factor->kind == NodeKind::Constant && factor->number > 0 &&
            other->kind == NodeKind::Dot) {
          step.unit = factor->number;
          step.score = other;
          break;
        }
      }
    // A plain sum of weights is NaN if any score is, so the maximum need not tell.
    for (unsigned id : sweep.accumulators) {
      const Accumulator &sum = accumulator(id);
      step.hasPivot |= sum.frame == int(sweep.frames[position]) && !sum.coefficient &&
                       !sum.values && sum.centredPower == 0 && sum.rate > 0 &&
                       sum.kind == attn::ReduceKind::Sum && sum.domain == frame(position).domain;
    }
    maskOf(frame(position).domain);
    frames.push_back(step);
  }
  for (unsigned id : sweep.accumulators)
    maskOf(accumulator(id).domain);
}

static StringAttr findAxis(const Node *node) {
  if (node->kind == NodeKind::Element && node->onKey)
    return cast<attn::ColsType>(node->source.getType()).getAxis();
  if (node->kind == NodeKind::Dot)
    return cast<attn::MatrixType>(node->source.getType()).getColAxis();
  for (const Node *operand : node->operands)
    if (operand->onKey)
      if (StringAttr axis = findAxis(operand))
        return axis;
  return {};
}

StringAttr SweepEmitter::findKeyAxis() {
  StringAttr found;
  auto note = [&](StringAttr axis) {
    if (axis && found && axis != found)
      scope.refuse(loc) << "expected one axis of keys in a sweep, but got '" << found.getValue()
                        << "' and '" << axis.getValue() << "'";
    if (axis)
      found = axis;
  };
  for (const FrameStep &step : frames)
    note(findAxis(step.score));
  for (unsigned id : sweep.accumulators) {
    if (accumulator(id).coefficient)
      note(findAxis(accumulator(id).coefficient));
    if (Value values = accumulator(id).values)
      note(cast<attn::ColsType>(values.getType()).getAxis());
  }
  for (const Mask &mask : masks)
    for (const Node *predicate : mask.domain)
      note(findAxis(predicate));
  // Counting alone reads no key: the axis is that of the counted matrix.
  if (!found)
    for (const GraphReduction &reduction : plan.graph->reductions())
      if (auto reduce = reduction.result ? reduction.result.getDefiningOp<attn::ReduceOp>()
                                         : attn::ReduceOp())
        note(cast<attn::MatrixType>(reduce.getInput().getType()).getColAxis());
  if (!found)
    found = StringAttr::get(body.getContext(), "k");
  return found;
}

void SweepEmitter::emitBounds() {
  OpBuilder &top = scope.top();
  keyAxis = findKeyAxis();
  keys = scope.length(keyAxis);
  auto result = cast<attn::RowsType>(plan.graph->kernel().getResultTypes().front());
  Value end =
      arith::AddIOp::create(top, loc, scope.firstQuery(), scope.index(scope.config().getQueries()));
  Value clipped = arith::MinSIOp::create(top, loc, end, scope.length(result.getAxis()));
  Value last = arith::SubIOp::create(top, loc, clipped, scope.index(1));
  for (Mask &mask : masks)
    mask.bounds = emitKeyBounds(top, loc, formulas.build(mask.domain), scope.firstQuery(), last,
                                keys, [&](const Node *node) { return scope.scalar(node); });
}

/// The first key of the first tile and the end of the last, for all masks together.
std::pair<Value, Value> SweepEmitter::emitRange() {
  OpBuilder &top = scope.top();
  Value low = masks.front().bounds.visibleLow, high = masks.front().bounds.visibleHigh;
  for (const Mask &mask : llvm::drop_begin(masks)) {
    low = top.createOrFold<arith::MinSIOp>(loc, low, mask.bounds.visibleLow);
    high = top.createOrFold<arith::MaxSIOp>(loc, high, mask.bounds.visibleHigh);
  }
  if (matchPattern(low, m_Zero()))
    return {low, high};
  Value width = scope.index(scope.config().getKeys());
  Value tiles = arith::DivUIOp::create(top, loc, low, width);
  return {arith::MulIOp::create(top, loc, tiles, width), high};
}

SmallVector<Value> SweepEmitter::emitInitial() {
  OpBuilder &top = scope.top();
  SmallVector<Value> initial;
  Type f32 = top.getF32Type();
  for (unsigned position = 0; position < frames.size(); ++position)
    initial.push_back(
        tile::SplatOp::create(top, loc, scope.rowsType(f32), scope.number(-Infinity)));
  for (unsigned id : sweep.accumulators) {
    const Accumulator &carried = accumulator(id);
    Type type = scope.partialType(f32);
    if (carried.values) {
      auto element = cast<VectorType>(attn::getPlaceElementType(carried.values.getType()));
      type = scope.rowsType(VectorType::get(element.getShape(), f32));
    }
    initial.push_back(
        tile::SplatOp::create(top, loc, type, scope.number(identityOf(carried.kind))));
  }
  return initial;
}

void SweepEmitter::emit() {
  findFrames();
  emitBounds();
  SmallVector<Value> initial = emitInitial();
  auto [low, high] = emitRange();
  OpBuilder &top = scope.top();
  auto loop =
      scf::ForOp::create(top, loc, low, high, scope.index(scope.config().getKeys()), initial);
  body.setInsertionPointToStart(loop.getBody());
  scope.enterLoop(loop, body, loop.getInductionVar());
  SmallVector<Value> next;
  emitBody(loop.getRegionIterArgs(), next);
  scf::YieldOp::create(body, loc, next);
  scope.leaveLoop();
  finish(loop.getResults());
}

//===--- the mask
//------------------------------------------------------------------------------===//

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
  if (node->kind == NodeKind::Dot)
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
    unsigned source =
        carried.frame >= 0
            ? sourceOf(matrixOf(frames[positionOf(carried.frame)].score), mask, -Infinity)
            : sourceOf(matrixOf(carried.coefficient), mask, identityOf(carried.kind));
    sourceOfAccumulator[id] = source;
  }
}

/// Does some mask hide a pair of this tile, or does the tile reach behind the last key?
Value SweepEmitter::emitIsPartial() {
  Value end =
      arith::AddIOp::create(body, loc, scope.firstKey(), scope.index(scope.config().getKeys()));
  Value partial;
  auto join = [&](Value condition) {
    partial = partial ? Value(arith::OrIOp::create(body, loc, partial, condition)) : condition;
  };
  llvm::SmallDenseSet<std::pair<Value, Value>> seen;
  for (const Mask &mask : masks) {
    if (!seen.insert({mask.bounds.fullLow, mask.bounds.fullHigh}).second)
      continue;
    join(arith::CmpIOp::create(body, loc, arith::CmpIPredicate::sgt, end, mask.bounds.fullHigh));
    if (!matchPattern(mask.bounds.fullLow, m_Zero()))
      join(arith::CmpIOp::create(body, loc, arith::CmpIPredicate::slt, scope.firstKey(),
                                 mask.bounds.fullLow));
  }
  return partial;
}

Value SweepEmitter::emitMasked(OpBuilder &builder, const Source &source) {
  MapBuilder map(scope, Places::Matrix);
  unsigned element = map.read(source.matrix);
  map.readIndices();
  const Domain &domain = masks[source.mask].domain;
  for (const Node *predicate : domain)
    predicates.read(map, predicate);
  Value hidden = scope.number(source.identity);
  return map.build(builder, source.matrix.getType(), [&](PlaceEmitter &at, ValueRange elements) {
    Value keep = arith::CmpIOp::create(at.builder, loc, arith::CmpIPredicate::slt, at.key, keys);
    for (const Node *predicate : domain)
      keep = arith::AndIOp::create(at.builder, loc, keep, predicates.emit(at, predicate));
    return arith::SelectOp::create(at.builder, loc, keep, elements[element], hidden);
  });
}

void SweepEmitter::emitMasks() {
  // What the predicates read is loaded outside of the branch.
  for (const Mask &mask : masks) {
    MapBuilder reads(scope, Places::Matrix);
    for (const Node *predicate : mask.domain)
      predicates.read(reads, predicate);
  }
  SmallVector<Type> types;
  for (const Source &source : sources)
    types.push_back(source.matrix.getType());
  auto branch = scf::IfOp::create(body, loc, types, emitIsPartial(), /*withElseRegion=*/true);
  OpBuilder masking = branch.getThenBodyBuilder(), plain = branch.getElseBodyBuilder();
  SmallVector<Value> hidden, all;
  for (const Source &source : sources) {
    hidden.push_back(emitMasked(masking, source));
    all.push_back(source.matrix);
  }
  scf::YieldOp::create(masking, loc, hidden);
  scf::YieldOp::create(plain, loc, all);
  masked.assign(branch.getResults().begin(), branch.getResults().end());
}

//===--- frames
//--------------------------------------------------------------------------------===//

void SweepEmitter::emitFrameSteps(ValueRange state) {
  for (auto [position, step] : llvm::enumerate(frames)) {
    step.before = state[position];
    Value score = masked[sourceOfFrame[position]];
    auto reduce =
        tile::ReduceOp::create(body, loc, step.before.getType(), JoinKind::Max, score, step.before);
    reduce.setIgnoreNan(step.hasPivot);
    step.after = reduce;
  }
}

/// Are the products of scores f32? Then results are too, and weights must not lose a bit.
static bool isSingle(const Node *node) {
  if (node->kind == NodeKind::Dot) {
    auto rows = node->source.getDefiningOp<attn::DotOp>().getRows();
    return getElementTypeOrSelf(attn::getPlaceElementType(rows.getType())).isF32();
  }
  return llvm::all_of(node->operands, isSingle);
}

/// The origin that differences are taken from: 0 in a row that has seen nothing but -inf.
static Value emitSafe(TileScope &scope, PlaceEmitter &at, Value maximum, Value low, Value zero) {
  Value empty =
      arith::CmpFOp::create(at.builder, scope.location(), arith::CmpFPredicate::OEQ, maximum, low);
  return arith::SelectOp::create(at.builder, scope.location(), empty, zero, maximum);
}

/// exp((before - after) * unit * rate): 0 in a row that had seen nothing.
Value SweepEmitter::emitAlpha(unsigned position, double rate) {
  Value &known = alphas[{position, llvm::bit_cast<uint64_t>(rate)}];
  if (known)
    return known;
  FrameStep &step = frames[position];
  Value low = scope.number(-Infinity), zero = scope.number(0);
  Exponential exponential = prepareExponential(position, rate);
  MapBuilder map(scope, Places::Rows);
  unsigned before = map.read(step.before), after = map.read(step.after);
  return known = map.build(body, step.after.getType(), [&](PlaceEmitter &at, ValueRange rows) {
    Value safe = emitSafe(scope, at, rows[after], low, zero);
    Value difference = arith::SubFOp::create(at.builder, loc, rows[before], safe);
    return emitExponential(at, difference, exponential);
  });
}

/// (before - after) * unit, 0 in a row that had seen nothing: its powers multiply what is 0.
Value SweepEmitter::emitDelta(unsigned position) {
  Value &known = deltas[position];
  if (known)
    return known;
  FrameStep &step = frames[position];
  Value low = scope.number(-Infinity), zero = scope.number(0), unit = scope.number(step.unit);
  MapBuilder map(scope, Places::Rows);
  unsigned before = map.read(step.before), after = map.read(step.after);
  return known = map.build(body, step.after.getType(), [&](PlaceEmitter &at, ValueRange rows) {
    Value difference = arith::SubFOp::create(at.builder, loc, rows[before], rows[after]);
    Value product = arith::MulFOp::create(at.builder, loc, difference, unit);
    Value empty =
        arith::CmpFOp::create(at.builder, loc, arith::CmpFPredicate::OEQ, rows[before], low);
    return arith::SelectOp::create(at.builder, loc, empty, zero, product);
  });
}

/// -(origin * factor), what is added in an exponent.
Value SweepEmitter::emitOrigin(unsigned position, double factor) {
  Value &known = origins[{position, llvm::bit_cast<uint64_t>(factor)}];
  if (known)
    return known;
  FrameStep &step = frames[position];
  Value low = scope.number(-Infinity), zero = scope.number(0), scale = scope.number(-factor);
  MapBuilder map(scope, Places::Rows);
  unsigned after = map.read(step.after);
  return known = map.build(body, step.after.getType(), [&](PlaceEmitter &at, ValueRange rows) {
    Value safe = emitSafe(scope, at, rows[after], low, zero);
    return arith::MulFOp::create(at.builder, loc, safe, scale);
  });
}

//===--- weights and accumulators
//--------------------------------------------------------------===//

/// e to the difference of two scores of a frame, times `rate`. With f32 scores it is `exp` of the
/// difference: at the maximum that is 1, and no bit is lost to a base-2 exponent that is rounded.
/// With 16-bit inputs it is exp2, of one fused multiply-add; the rounded origin is a common factor
/// of the row, which cancels.
SweepEmitter::Exponential SweepEmitter::prepareExponential(unsigned position, double rate) {
  bool single = isSingle(frames[position].score);
  double factor = frames[position].unit * rate * (single ? 1 : std::numbers::log2e);
  return {factor, scope.number(factor), single};
}

Value SweepEmitter::emitExponential(PlaceEmitter &at, Value difference,
                                    const Exponential &exponential) {
  Value power = difference;
  if (exponential.factor != 1)
    power = arith::MulFOp::create(at.builder, loc, difference, exponential.scale);
  if (exponential.single)
    return math::ExpOp::create(at.builder, loc, power);
  return math::Exp2Op::create(at.builder, loc, power);
}

/// coefficient * exp((score - origin) * unit * rate) * ((score - origin) * unit)^power.
Value SweepEmitter::emitFramedWeight(const Accumulator &carried, Value score) {
  unsigned position = positionOf(carried.frame);
  Exponential exponential = prepareExponential(position, carried.rate);
  MapBuilder map(scope, Places::Matrix);
  unsigned element = map.read(score);
  unsigned origin = map.read(emitOrigin(position, exponential.single ? 1 : exponential.factor));
  unsigned centre = carried.centredPower ? map.read(emitOrigin(position, 1)) : 0;
  if (carried.coefficient)
    map.read(carried.coefficient);
  Value low = scope.number(-Infinity), zero = scope.number(0);
  Value unit = scope.number(frames[position].unit);
  return map.build(body, score.getType(), [&](PlaceEmitter &at, ValueRange elements) -> Value {
    OpBuilder &builder = at.builder;
    Value x = elements[element], weight;
    if (exponential.single) {
      Value difference = arith::AddFOp::create(builder, loc, x, elements[origin]);
      weight = emitExponential(at, difference, exponential);
    } else {
      Value power = math::FmaOp::create(builder, loc, x, exponential.scale, elements[origin]);
      weight = math::Exp2Op::create(builder, loc, power);
    }
    if (!carried.coefficient && !carried.centredPower)
      return weight;
    for (unsigned k = 0; k < carried.centredPower; ++k) {
      Value centred = arith::AddFOp::create(builder, loc, x, elements[centre]);
      weight = arith::MulFOp::create(builder, loc, weight, centred);
      weight = arith::MulFOp::create(builder, loc, weight, unit);
    }
    if (carried.coefficient) {
      Value coefficient = at.emit(carried.coefficient);
      if (!coefficient.getType().isF32())
        coefficient = arith::ExtFOp::create(builder, loc, builder.getF32Type(), coefficient);
      weight = arith::MulFOp::create(builder, loc, weight, coefficient);
    }
    // Hidden pairs weigh nothing, whatever the factors are there.
    Value hidden = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, x, low);
    return arith::SelectOp::create(builder, loc, hidden, zero, weight);
  });
}

Value SweepEmitter::emitWeight(const Accumulator &carried) {
  unsigned id = &carried - plan.accumulators.begin();
  Value source = masked[sourceOfAccumulator[id]];
  if (carried.frame < 0)
    return source;
  unsigned mask = maskOf(carried.domain);
  for (const Weight &weight : weights)
    if (weight.coefficient == carried.coefficient && weight.frame == carried.frame &&
        weight.rate == carried.rate && weight.power == carried.centredPower && weight.mask == mask)
      return weight.matrix;
  Value matrix = emitFramedWeight(carried, source);
  weights.push_back(
      {carried.coefficient, carried.frame, carried.rate, carried.centredPower, mask, matrix});
  return matrix;
}

static double binomial(unsigned n, unsigned k) {
  double result = 1;
  for (unsigned i = 1; i <= k; ++i)
    result = result * (n - k + i) / i;
  return result;
}

/// What was carried, moved to the frame's new origin: alpha * sum_l C(k, l) delta^(k-l) T_l.
Value SweepEmitter::emitRescaled(unsigned id, ValueRange state) {
  const Accumulator &carried = accumulator(id);
  auto stateOf = [&](unsigned other) {
    unsigned place = llvm::find(sweep.accumulators, other) - sweep.accumulators.begin();
    return state[frames.size() + place];
  };
  Value own = stateOf(id);
  if (carried.frame < 0)
    return own;
  unsigned position = positionOf(carried.frame), power = carried.centredPower;
  MapBuilder map(scope, Places::Rows);
  unsigned alpha = map.read(emitAlpha(position, carried.rate));
  unsigned delta = power ? map.read(emitDelta(position)) : 0;
  SmallVector<unsigned> terms;
  SmallVector<Value> binomials;
  for (unsigned l = 0; l <= power; ++l) {
    terms.push_back(map.read(l < power ? stateOf(carried.family[l]) : own));
    binomials.push_back(scope.number(binomial(power, l)));
  }
  return map.build(body, own.getType(), [&](PlaceEmitter &at, ValueRange rows) -> Value {
    OpBuilder &builder = at.builder;
    // Horner: (((T_0 C_0) d + T_1 C_1) d + ...) alpha.
    Value sum = rows[terms.front()];
    for (unsigned l = 1; l <= power; ++l) {
      Value next = rows[terms[l]];
      if (l < power)
        next = arith::MulFOp::create(builder, loc, next, binomials[l]);
      sum = math::FmaOp::create(builder, loc, sum, rows[delta], next);
    }
    return arith::MulFOp::create(builder, loc, sum, rows[alpha]);
  });
}

Value SweepEmitter::emitAccumulated(unsigned id, ValueRange state) {
  const Accumulator &carried = accumulator(id);
  Value weight = emitWeight(carried);
  if (!carried.values) {
    Value before = emitRescaled(id, state);
    return tile::ReduceOp::create(body, loc, before.getType(), joinOf(carried.kind), weight,
                                  before);
  }
  Value values = scope.tokens(carried.values);
  // The product itself scales by one factor a row; a centred family needs a map.
  unsigned place = llvm::find(sweep.accumulators, id) - sweep.accumulators.begin();
  Value before = state[frames.size() + place], alpha;
  if (carried.centredPower)
    before = emitRescaled(id, state);
  else if (carried.frame >= 0)
    alpha = emitAlpha(positionOf(carried.frame), carried.rate);
  return tile::ContractOp::create(body, loc, before.getType(), weight, values, before, alpha);
}

void SweepEmitter::emitBody(ValueRange state, SmallVectorImpl<Value> &next) {
  collectSources();
  emitMasks();
  emitFrameSteps(state);
  for (const FrameStep &step : frames)
    next.push_back(step.after);
  for (unsigned id : sweep.accumulators)
    next.push_back(emitAccumulated(id, state));
}

//===--- after the loop
//------------------------------------------------------------------------===//

void SweepEmitter::finish(ValueRange results) {
  OpBuilder &top = scope.top();
  for (auto [place, id] : llvm::enumerate(sweep.accumulators)) {
    Value carried = results[frames.size() + place];
    if (accumulator(id).values) {
      vectors[id] = carried;
      continue;
    }
    Value rows = tile::CombineOp::create(top, loc, scope.rowsType(top.getF32Type()),
                                         joinOf(accumulator(id).kind), carried);
    scope.finish(NodeKind::AccumulatorRef, id, rows);
  }
  for (auto [position, step] : llvm::enumerate(frames)) {
    unsigned id = sweep.frames[position];
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
