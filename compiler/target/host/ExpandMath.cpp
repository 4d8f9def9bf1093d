// SPDX-License-Identifier: Apache-2.0
// How is math done that a level has no instruction for? By upstream's polynomials; rounding to integral
// values, which plain x86-64 lacks, by adding and subtracting 2^23.
#include "compiler/target/host/HostStages.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace attune {

namespace {

/// Vector arithmetic on one operand's type.
struct Rounder {
  ImplicitLocOpBuilder b;
  Value x;

  Value constant(double value) {
    Type type = x.getType();
    auto attribute = b.getFloatAttr(getElementTypeOrSelf(type), value);
    if (auto vector = dyn_cast<VectorType>(type))
      return arith::ConstantOp::create(b, DenseElementsAttr::get(vector, Attribute(attribute)));
    return arith::ConstantOp::create(b, attribute);
  }

  Value magnitude(Value value) { return math::AbsFOp::create(b, value); }

  /// `value` where `left` < `right`, otherwise zero.
  Value whereBelow(Value left, Value right, double value) {
    Value below = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, left, right);
    return arith::SelectOp::create(b, below, constant(value), constant(0.0));
  }

  /// To the nearest, ties to even. What is so large that it is integral, and NaN, stays.
  Value nearest(Value value) {
    double limit = getElementTypeOrSelf(x.getType()).isF64() ? 0x1p52 : 0x1p23;
    Value size = magnitude(value), shift = constant(limit);
    Value sum = arith::AddFOp::create(b, size, shift);
    Value rounded = math::CopySignOp::create(b, arith::SubFOp::create(b, sum, shift), value);
    Value small = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, size, shift);
    return arith::SelectOp::create(b, small, rounded, value);
  }

  Value down(Value value) {
    Value near = nearest(value);
    Value result = arith::SubFOp::create(b, near, whereBelow(value, near, 1.0));
    return math::CopySignOp::create(b, result, value);
  }

  Value up(Value value) {
    Value near = nearest(value);
    Value result = arith::AddFOp::create(b, near, whereBelow(near, value, 1.0));
    return math::CopySignOp::create(b, result, value);
  }

  Value towardsZero(Value value) {
    return math::CopySignOp::create(b, down(magnitude(value)), value);
  }

  /// To the nearest, ties away from zero.
  Value nearestAway(Value value) {
    Value size = magnitude(value), whole = down(size);
    Value rest = arith::SubFOp::create(b, size, whole);
    Value below = arith::CmpFOp::create(b, arith::CmpFPredicate::OGE, rest, constant(0.5));
    Value step = arith::SelectOp::create(b, below, constant(1.0), constant(0.0));
    return math::CopySignOp::create(b, arith::AddFOp::create(b, whole, step), value);
  }
};

template <typename OpT, Value (Rounder::*method)(Value)>
struct ExpandRounding : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpT op, PatternRewriter &rewriter) const override {
    Rounder rounder{ImplicitLocOpBuilder(op.getLoc(), rewriter), op.getOperand()};
    rewriter.replaceOp(op, (rounder.*method)(op.getOperand()));
    return success();
  }
};

} // namespace

/// Math that the level does in a few instructions.
static bool isInstruction(Operation *op, const HostFacts &facts) {
  if (isa<math::FloorOp, math::CeilOp, math::RoundEvenOp, math::TruncOp, math::RoundOp>(op))
    return facts.rounds;
  return isa<math::AbsFOp, math::AbsIOp, math::SqrtOp, math::CopySignOp, math::CtPopOp,
             math::CountLeadingZerosOp, math::CountTrailingZerosOp, math::IsNaNOp, math::IsInfOp,
             math::IsFiniteOp, math::IsNormalOp>(op);
}

LogicalResult expandMath(ModuleOp module, const HostFacts &facts) {
  bool needed = false;
  module.walk([&](Operation *op) {
    needed |= isa<math::MathDialect>(op->getDialect()) && !isInstruction(op, facts);
  });
  if (!needed)
    return success();
  MLIRContext *context = module.getContext();
  RewritePatternSet patterns(context);
  SmallVector<StringRef> expanded = {"acosh", "asinh", "atanh", "cosh", "fpowi",
                                     "powf",  "rsqrt", "sinh",  "tan"};
  if (!facts.fused)
    expanded.push_back("fma");
  math::populateExpansionPatterns(patterns, expanded);
  populateMathPolynomialApproximationPatterns(patterns, [&](StringRef name) {
    return !llvm::is_contained(expanded, name.drop_front(strlen("math.")));
  });
  if (!facts.rounds)
    patterns.add<ExpandRounding<math::RoundEvenOp, &Rounder::nearest>,
                 ExpandRounding<math::FloorOp, &Rounder::down>,
                 ExpandRounding<math::CeilOp, &Rounder::up>,
                 ExpandRounding<math::TruncOp, &Rounder::towardsZero>,
                 ExpandRounding<math::RoundOp, &Rounder::nearestAway>>(context);
  GreedyRewriteConfig config;
  config.enableFolding(false).enableConstantCSE(false);
  return applyPatternsGreedily(module, std::move(patterns), config);
}

} // namespace attune
