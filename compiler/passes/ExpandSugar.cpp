// SPDX-License-Identifier: Apache-2.0
// attn-expand-sugar: what do softmax, logsumexp, entmax, holds, contains and rotate stand for?
//
//   %p = softmax %s sink %z : !s
// becomes
//   %n = reduce max %s over keys : !s
//   %m = map (%a = %n, %b = %z) : (!r, !r) -> !r { maximumf a, b }
//   %e = map (%x = %s, %a = %m) : (!s, !r) -> !s { exp(x - a) }
//   %k = reduce sum %e over keys : !s
//   %l = map (%a = %k, %b = %m, %c = %z) : (!r, !r, !r) -> !r { a + exp(c - b) }
//   %p = map (%x = %e, %a = %l) : (!s, !r) -> !s { x / a }
// without the maps of rows if there is no sink; logsumexp is log(l) + m; a holds is the conjunction
// of comparisons of affine.apply with zero; entmax is what its description in AttnOps.td says, by
// `solve`; a contains is the disjunction of comparisons with the list, a rotate the sums of the
// products of both halves of the vector with cosines and sines.
#include "compiler/Passes.h"
#include "compiler/passes/PlaceRegions.h"
#include "dialects/attn/AttnOps.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace attune {
#define GEN_PASS_DEF_EXPANDSUGARPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;
using namespace attune;
using namespace attune::attn;

namespace {

/// The parts that softmax and logsumexp share.
struct RowExponentials {
  /// Of each row: the greatest score, the sink among them.
  Value maximum;
  /// exp(score - maximum).
  Value exponentials;
  /// The sum of the exponentials of a row, that of the sink among them.
  Value sum;
};

class ExpandSugar : public attune::impl::ExpandSugarPassBase<ExpandSugar> {
public:
  void runOnOperation() override;
};

} // namespace

static Value createExpDifference(OpBuilder &builder, Location loc, Value x, Value y) {
  return math::ExpOp::create(builder, loc, arith::SubFOp::create(builder, loc, x, y));
}

static RowExponentials createExponentials(OpBuilder &builder, Location loc, Value scores,
                                          Value sink) {
  RowExponentials parts;
  parts.maximum = ReduceOp::create(builder, loc, ReduceKind::Max, scores, ReduceOver::Keys);
  Type rows = parts.maximum.getType();
  if (sink)
    parts.maximum = createMap(builder, loc, rows, {parts.maximum, sink},
                              [&](OpBuilder &inner, ValueRange x) -> Value {
                                return arith::MaximumFOp::create(inner, loc, x[0], x[1]);
                              });
  parts.exponentials = createMap(
      builder, loc, scores.getType(), {scores, parts.maximum},
      [&](OpBuilder &inner, ValueRange x) { return createExpDifference(inner, loc, x[0], x[1]); });
  parts.sum = ReduceOp::create(builder, loc, ReduceKind::Sum, parts.exponentials, ReduceOver::Keys);
  if (sink)
    parts.sum = createMap(builder, loc, rows, {parts.sum, parts.maximum, sink},
                          [&](OpBuilder &inner, ValueRange x) -> Value {
                            Value own = createExpDifference(inner, loc, x[2], x[1]);
                            return arith::AddFOp::create(inner, loc, x[0], own);
                          });
  return parts;
}

static void expand(SoftmaxOp softmax) {
  OpBuilder builder(softmax);
  Location loc = softmax.getLoc();
  RowExponentials parts = createExponentials(builder, loc, softmax.getScores(), softmax.getSink());
  Value weights = createMap(builder, loc, softmax.getType(), {parts.exponentials, parts.sum},
                            [&](OpBuilder &inner, ValueRange x) -> Value {
                              return arith::DivFOp::create(inner, loc, x[0], x[1]);
                            });
  softmax.replaceAllUsesWith(weights);
  softmax.erase();
}

static void expand(LogsumexpOp logsumexp) {
  OpBuilder builder(logsumexp);
  Location loc = logsumexp.getLoc();
  RowExponentials parts =
      createExponentials(builder, loc, logsumexp.getScores(), logsumexp.getSink());
  Value result = createMap(builder, loc, logsumexp.getType(), {parts.sum, parts.maximum},
                           [&](OpBuilder &inner, ValueRange x) -> Value {
                             Value log = math::LogOp::create(inner, loc, x[0]);
                             return arith::AddFOp::create(inner, loc, log, x[1]);
                           });
  logsumexp.replaceAllUsesWith(result);
  logsumexp.erase();
}

/// max(z - t, 0)^power
static Value createEntmaxWeight(OpBuilder &builder, Location loc, Value z, Value t, Value power) {
  Value above = arith::SubFOp::create(builder, loc, z, t);
  Value zero = arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(0));
  Value base = arith::MaximumFOp::create(builder, loc, above, zero);
  return math::PowFOp::create(builder, loc, base, power);
}

static void expand(EntmaxOp entmax) {
  OpBuilder builder(entmax);
  Location loc = entmax.getLoc();
  Type matrix = entmax.getType(), rows = entmax.getAlpha().getType();
  Value one = arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(1));
  Value factor = createMap(builder, loc, rows, entmax.getAlpha(),
                           [&](OpBuilder &inner, ValueRange x) -> Value {
                             return arith::SubFOp::create(inner, loc, x[0], one);
                           });
  Value power = createMap(builder, loc, rows, factor, [&](OpBuilder &inner, ValueRange x) -> Value {
    return arith::DivFOp::create(inner, loc, one, x[0]);
  });
  Value z = createMap(builder, loc, matrix, {entmax.getScores(), factor},
                      [&](OpBuilder &inner, ValueRange x) -> Value {
                        return arith::MulFOp::create(inner, loc, x[0], x[1]);
                      });
  Value high = ReduceOp::create(builder, loc, ReduceKind::Max, z, ReduceOver::Keys);
  Value low = createMap(builder, loc, rows, high, [&](OpBuilder &inner, ValueRange x) -> Value {
    return arith::SubFOp::create(inner, loc, x[0], one);
  });
  auto solve = SolveOp::create(builder, loc, rows, low, high, one, ValueRange{z, power});
  createPlaceRegion(builder, loc, solve.getBody(), one.getType(), solve.getInputs(), matrix,
                    [&](OpBuilder &inner, ValueRange x) {
                      return createEntmaxWeight(inner, loc, x[1], x[0], x[2]);
                    });
  Value weights = createMap(builder, loc, matrix, {z, solve.getResult(), power},
                            [&](OpBuilder &inner, ValueRange x) {
                              return createEntmaxWeight(inner, loc, x[0], x[1], x[2]);
                            });
  entmax.replaceAllUsesWith(weights);
  entmax.erase();
}

static void expand(HoldsOp holds) {
  OpBuilder builder(holds);
  Location loc = holds.getLoc();
  IntegerSet set = holds.getSet();
  SmallVector<Value> point(holds.getDims());
  llvm::append_range(point, holds.getSymbols());
  Value all;
  for (unsigned i = 0; i < set.getNumConstraints(); ++i) {
    auto map = AffineMap::get(set.getNumDims(), set.getNumSymbols(), set.getConstraint(i));
    Value value = affine::AffineApplyOp::create(builder, loc, map, point);
    Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
    auto predicate = set.isEq(i) ? arith::CmpIPredicate::eq : arith::CmpIPredicate::sge;
    Value one = arith::CmpIOp::create(builder, loc, predicate, value, zero);
    all = all ? arith::AndIOp::create(builder, loc, all, one).getResult() : one;
  }
  holds.replaceAllUsesWith(all);
  holds.erase();
}

/// The list is widened to indices: a number that is no i32 is then in no list.
static void expand(ContainsOp contains) {
  OpBuilder builder(contains);
  Location loc = contains.getLoc();
  auto type = cast<VectorType>(contains.getList().getType()).clone(builder.getIndexType());
  Value list = arith::IndexCastOp::create(builder, loc, type, contains.getList());
  Value token = vector::BroadcastOp::create(builder, loc, type, contains.getToken());
  Value equal = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, list, token);
  Value any = vector::ReductionOp::create(builder, loc, vector::CombiningKind::OR, equal);
  contains.replaceAllUsesWith(any);
  contains.erase();
}

/// (u cos a - w sin a, u sin a + w cos a)
static std::pair<Value, Value> rotatePairs(OpBuilder &builder, Location loc, Value u, Value w,
                                           Value angle) {
  auto multiply = [&](Value x, Value y) -> Value {
    return arith::MulFOp::create(builder, loc, x, y);
  };
  Value cosine = math::CosOp::create(builder, loc, angle);
  Value sine = math::SinOp::create(builder, loc, angle);
  Value uCosine = multiply(u, cosine), wSine = multiply(w, sine);
  Value uSine = multiply(u, sine), wCosine = multiply(w, cosine);
  Value first = arith::SubFOp::create(builder, loc, uCosine, wSine);
  Value second = arith::AddFOp::create(builder, loc, uSine, wCosine);
  return {first, second};
}

static void expand(RotateOp rotate) {
  OpBuilder builder(rotate);
  Location loc = rotate.getLoc();
  auto type = cast<VectorType>(rotate.getVector().getType());
  auto angleType = cast<VectorType>(rotate.getAngle().getType());
  auto wide = type.clone(angleType.getElementType());
  int64_t half = angleType.getDimSize(0);
  Value vector = rotate.getVector(), result;
  if (wide != type)
    vector = arith::ExtFOp::create(builder, loc, wide, vector);
  if (rotate.getPairing() == RotatePairing::Pairs) {
    auto parts = vector::DeinterleaveOp::create(builder, loc, vector);
    auto [first, second] =
        rotatePairs(builder, loc, parts.getRes1(), parts.getRes2(), rotate.getAngle());
    result = vector::InterleaveOp::create(builder, loc, first, second);
  } else {
    auto part = [&](int64_t offset) -> Value {
      return vector::ExtractStridedSliceOp::create(builder, loc, vector, offset, half, 1);
    };
    auto [first, second] = rotatePairs(builder, loc, part(0), part(half), rotate.getAngle());
    result = vector::InsertStridedSliceOp::create(builder, loc, first, vector, 0, 1);
    result = vector::InsertStridedSliceOp::create(builder, loc, second, result, half, 1);
  }
  if (wide != type)
    result = arith::TruncFOp::create(builder, loc, type, result);
  rotate.replaceAllUsesWith(result);
  rotate.erase();
}

void ExpandSugar::runOnOperation() {
  getOperation().walk([](Operation *op) {
    if (auto softmax = dyn_cast<SoftmaxOp>(op))
      expand(softmax);
    else if (auto logsumexp = dyn_cast<LogsumexpOp>(op))
      expand(logsumexp);
    else if (auto entmax = dyn_cast<EntmaxOp>(op))
      expand(entmax);
    else if (auto holds = dyn_cast<HoldsOp>(op))
      expand(holds);
    else if (auto contains = dyn_cast<ContainsOp>(op))
      expand(contains);
    else if (auto rotate = dyn_cast<RotateOp>(op))
      expand(rotate);
  });
}
