// SPDX-License-Identifier: Apache-2.0
// attn-expand-solve: how are the thresholds of rows found by primitives?
//
//   %tau = solve %t from %low to %high total %c with (%x = %s) : (!s) { f(x, t) }
// becomes rounds of, with the probes p = 1 .. m,
//   %t_p = map (%a = %low, %z = %high) : (!r, !r) -> !r { a + (z - a) * p / (m + 1) }
//   %f_p = map (%x = %s, %t = %t_p) : (!s, !r) -> !s { f(x, t) }
//   %s_p = reduce sum %f_p over keys : !s
//   %high' = map (...) { the first t_p whose s_p is c at most, else high }
//   %low'  = map (...) { the t_p before that, or low; the last t_p if there is none }
// and tau is the last high: at least the threshold, and at most (m + 1)^-rounds of the interval above
// it. An interval that is empty, one number, or not finite is not cut: its sums are those of high.
#include "compiler/passes/ExpandSolve.h"

#include "compiler/Passes.h"
#include "compiler/passes/PlaceRegions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

namespace attune {
#define GEN_PASS_DEF_EXPANDSOLVEPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;
using namespace attune;
using namespace attune::attn;

namespace {

class ExpandSolve : public attune::impl::ExpandSolvePassBase<ExpandSolve> {
public:
  using ExpandSolvePassBase::ExpandSolvePassBase;
  void runOnOperation() override;
};

} // namespace

static Value createF32(OpBuilder &builder, Location loc, double value) {
  return arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(float(value)));
}

/// a + (z - a) * share, or z where [a, z] has no length or an infinite one.
static Value createProbe(OpBuilder &builder, Location loc, ThresholdInterval interval,
                         double share) {
  auto body = [&](OpBuilder &inner, ValueRange ends) -> Value {
    Value length = arith::SubFOp::create(inner, loc, ends[1], ends[0]);
    Value zero = createF32(inner, loc, 0);
    Value infinity = createF32(inner, loc, std::numeric_limits<float>::infinity());
    Value some = arith::CmpFOp::create(inner, loc, arith::CmpFPredicate::OGT, length, zero);
    Value finite = arith::CmpFOp::create(inner, loc, arith::CmpFPredicate::OLT, length, infinity);
    Value isCut = arith::AndIOp::create(inner, loc, some, finite);
    Value part = arith::MulFOp::create(inner, loc, length, createF32(inner, loc, share));
    Value probe = arith::AddFOp::create(inner, loc, ends[0], part);
    return arith::SelectOp::create(inner, loc, isCut, probe, ends[1]);
  };
  return createMap(builder, loc, interval.low.getType(), {interval.low, interval.high}, body);
}

/// The sum of each row at the thresholds `probe`.
static Value createSum(OpBuilder &builder, SolveOp solve, Value probe, const IRMapping &values) {
  Location loc = solve.getLoc();
  Type matrix = solve.getInputs().front().getType();
  Block &from = solve.getBody().front();
  SmallVector<Value> inputs = llvm::map_to_vector(
      solve.getInputs(), [&](Value input) { return values.lookupOrDefault(input); });
  inputs.push_back(probe);
  auto map = MapOp::create(builder, loc, matrix, inputs);
  auto copy = [&](OpBuilder &inner, ValueRange elements) {
    IRMapping mapping(values);
    mapping.map(from.getArgument(0), elements.back());
    Block *block = inner.getInsertionBlock();
    unsigned numElements = elements.size() - 1;
    for (unsigned i = 0; i < numElements; ++i)
      mapping.map(from.getArgument(i + 1), elements[i]);
    for (unsigned i = 0; i < 4; ++i)
      mapping.map(from.getArgument(numElements + 1 + i), block->getArgument(numElements + 1 + i));
    for (Operation &op : from.without_terminator())
      inner.clone(op, mapping);
    return mapping.lookupOrDefault(from.getTerminator()->getOperand(0));
  };
  createPlaceRegion(builder, loc, map.getBody(), {}, inputs, matrix, copy);
  return ReduceOp::create(builder, loc, ReduceKind::Sum, map.getResult(), ReduceOver::Keys);
}

ThresholdInterval attune::createSolveRound(OpBuilder &builder, SolveOp solve,
                                           ThresholdInterval interval, unsigned probes,
                                           IRMapping values) {
  Location loc = solve.getLoc();
  Value total = values.lookupOrDefault(solve.getTotal());
  SmallVector<Value> inputs = {interval.low, interval.high};
  SmallVector<Value> sums;
  for (unsigned probe = 1; probe <= probes; ++probe) {
    inputs.push_back(createProbe(builder, loc, interval, double(probe) / double(probes + 1)));
    sums.push_back(createSum(builder, solve, inputs.back(), values));
  }
  llvm::append_range(inputs, sums);
  // The elements are low, high, the probes, their sums. From the last probe to the first: one whose
  // sum is small enough is the new end, and what is below it the other.
  auto choose = [&](bool high) {
    return createMap(
        builder, loc, interval.low.getType(), inputs, [&](OpBuilder &inner, ValueRange elements) {
          Value chosen = elements[high ? 1 : 1 + probes];
          for (unsigned probe = probes; probe >= 1; --probe) {
            Value below = elements[probe == 1 ? 0 : probe];
            Value reached = arith::CmpFOp::create(inner, loc, arith::CmpFPredicate::OLE,
                                                  elements[1 + probes + probe], total);
            chosen = arith::SelectOp::create(inner, loc, reached,
                                             high ? elements[1 + probe] : below, chosen);
          }
          return chosen;
        });
  };
  Value low = choose(/*high=*/false);
  return {low, choose(/*high=*/true)};
}

void ExpandSolve::runOnOperation() {
  if (probes < 1 || probes > 64 || rounds < 1 || rounds > 64) {
    getOperation().emitError("expected from 1 to 64 probes and rounds, but got ")
        << probes.getValue() << " and " << rounds.getValue();
    return signalPassFailure();
  }
  getOperation().walk([&](SolveOp solve) {
    OpBuilder builder(solve);
    ThresholdInterval interval = {solve.getLow(), solve.getHigh()};
    for (unsigned round = 0; round < rounds; ++round) {
      interval = createSolveRound(builder, solve, interval, probes);
      // A round is a kernel, and all but the first are the same one.
      for (Value found : {interval.low, interval.high})
        found.getDefiningOp()->setAttr("attn.store", builder.getStringAttr("threshold"));
    }
    solve.replaceAllUsesWith(interval.high);
    solve.erase();
  });
}
