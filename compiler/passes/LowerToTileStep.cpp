// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: one step of a sweep: running maxima, weights under them, and what is carried.
#include "compiler/passes/LowerToTileSweep.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"
#include <limits>
#include <numbers>

using namespace mlir;
using namespace attune;
using tile::JoinKind;

static constexpr double Infinity = std::numeric_limits<double>::infinity();

//===--- frames -------------------------------------------------------------------------------===//

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

//===--- weights and accumulators -------------------------------------------------------------===//

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

JoinKind SweepEmitter::joinOf(attn::ReduceKind kind) {
  return kind == attn::ReduceKind::Max   ? JoinKind::Max
         : kind == attn::ReduceKind::Min ? JoinKind::Min
                                         : JoinKind::Sum;
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

/// The current keys that are visible go to the end of each row's list.
Value SweepEmitter::emitAppended(unsigned id, Value count) {
  attn::VisibleKeysOp op = accumulator(id).listed;
  auto memoryOf = [&](Value part) {
    auto results = op->getBlock()->getTerminator()->getOperands();
    return scope.target(llvm::find(results, part) - results.begin());
  };
  Value elements = listedElements.lookup(id);
  return tile::AppendOp::create(body, loc, count.getType(), masked[sourceOfAccumulator[id]], count,
                                memoryOf(op.getKeys()), scope.batchIndex(), scope.headIndex(),
                                scope.firstQuery(), scope.keys().place, elements,
                                elements ? memoryOf(op.getElements()) : Value());
}

Value SweepEmitter::emitAccumulated(unsigned id, ValueRange state) {
  const Accumulator &carried = accumulator(id);
  if (carried.listed)
    return emitAppended(
        id,
        state[frames.size() + (llvm::find(sweep.accumulators, id) - sweep.accumulators.begin())]);
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
