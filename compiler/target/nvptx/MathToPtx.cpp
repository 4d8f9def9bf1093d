// SPDX-License-Identifier: Apache-2.0
// The functions of `math` on scalars, as PTX instructions.
#include "compiler/target/nvptx/MathToPtx.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"
#include <numbers>

using namespace mlir;

namespace {

/// Builds f32 expressions at one op.
class Expression {
public:
  explicit Expression(Operation *op) : builder(op->getLoc(), op) {}

  Value constant(double value) {
    return arith::ConstantOp::create(builder, builder.getF32FloatAttr(float(value)));
  }
  Value integer(int64_t value) {
    return arith::ConstantIntOp::create(builder, builder.getI32Type(), value);
  }
  Value hasBit(Value a, int64_t bit) {
    Value bits = arith::AndIOp::create(builder, a, integer(bit));
    return arith::CmpIOp::create(builder, arith::CmpIPredicate::ne, bits, integer(0));
  }
  Value add(Value a, Value b) { return arith::AddFOp::create(builder, a, b); }
  Value multiply(Value a, Value b) { return arith::MulFOp::create(builder, a, b); }
  Value fma(Value a, Value b, Value c) { return math::FmaOp::create(builder, a, b, c); }
  Value absolute(Value a) { return math::AbsFOp::create(builder, a); }
  Value copySign(Value a, Value sign) { return math::CopySignOp::create(builder, a, sign); }
  Value intrinsic(StringRef name, ValueRange operands) {
    return LLVM::CallIntrinsicOp::create(builder, builder.getF32Type(), builder.getStringAttr(name),
                                         operands)
        .getResult(0);
  }
  Value exp2(Value a) { return intrinsic("llvm.nvvm.ex2.approx.ftz", a); }
  Value log2(Value a) { return intrinsic("llvm.nvvm.lg2.approx.ftz.f", a); }
  Value reciprocal(Value a) { return intrinsic("llvm.nvvm.rcp.approx.ftz.f", a); }
  Value divide(Value a, Value b) { return multiply(a, reciprocal(b)); }
  Value selectBelow(Value a, double limit, Value below, Value otherwise) {
    Value is = arith::CmpFOp::create(builder, arith::CmpFPredicate::OLT, a, constant(limit));
    return arith::SelectOp::create(builder, is, below, otherwise);
  }
  /// sum of coefficients[n] x^n.
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value sum = constant(coefficients.back());
    for (double coefficient : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, x, constant(coefficient));
    return sum;
  }

  Value exp(Value x) { return exp2(multiply(x, constant(std::numbers::log2e))); }
  Value log(Value x) { return multiply(log2(x), constant(std::numbers::ln2)); }
  Value tanh(Value x);
  Value log1p(Value x);
  Value expm1(Value x);
  Value sinh(Value x);
  /// sin(x + quadrants pi / 2).
  Value sine(Value x, int64_t quadrants);

private:
  ImplicitLocOpBuilder builder;
};

} // namespace

/// 1 - 2 / (e^2x + 1), which cancels near 0; there an odd polynomial, of least relative error below the
/// limit (1.2e-8). With ex2 and rcp off by two units and one, the result is off by at most eight.
Value Expression::tanh(Value x) {
  Value power = exp2(multiply(x, constant(2 * std::numbers::log2e)));
  Value large = fma(reciprocal(add(power, constant(1))), constant(-2), constant(1));
  Value square = multiply(x, x);
  Value series = polynomial(square, {-0.3333306081, 0.1331483208, -0.05036624129});
  Value small = fma(multiply(series, square), x, x);
  return selectBelow(absolute(x), 0.3, small, large);
}

/// log(1 + x); near 0 as 2 artanh(x / (2 + x)).
Value Expression::log1p(Value x) {
  Value s = divide(x, add(x, constant(2)));
  Value square = multiply(s, s);
  Value series = polynomial(square, {2.0, 2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11});
  return selectBelow(absolute(x), 0.3, multiply(series, s), log(add(x, constant(1))));
}

/// e^x - 1; near 0 the series to x^8.
Value Expression::expm1(Value x) {
  Value series = polynomial(
      x, {1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320});
  return selectBelow(absolute(x), 0.4, multiply(series, x), add(exp(x), constant(-1)));
}

/// (u + u / (u + 1)) / 2 with u = e^|x| - 1.
Value Expression::sinh(Value x) {
  Value u = expm1(absolute(x));
  Value sum = add(u, divide(u, add(u, constant(1))));
  return copySign(multiply(sum, constant(0.5)), x);
}

/// x = n pi / 2 + r with |r| <= pi / 4 and pi / 2 in three parts; then the series of sin or cos at
/// r.
Value Expression::sine(Value x, int64_t quadrants) {
  Value n = math::RoundEvenOp::create(builder, multiply(x, constant(2 / std::numbers::pi)));
  Value r = fma(n, constant(-1.57079637050628662109375), x);
  r = fma(n, constant(4.37113900018624283e-8), r);
  r = fma(n, constant(1.71512451e-15), r);
  Value square = multiply(r, r);
  Value odd = polynomial(square, {-1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880});
  odd = fma(multiply(odd, square), r, r);
  Value even = polynomial(square, {1.0, -1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40320});
  Value quadrant = arith::FPToSIOp::create(builder, builder.getI32Type(), n);
  quadrant = arith::AddIOp::create(builder, quadrant, integer(quadrants));
  Value size = arith::SelectOp::create(builder, hasBit(quadrant, 1), even, odd);
  return arith::SelectOp::create(builder, hasBit(quadrant, 2), multiply(size, constant(-1)), size);
}

/// Whether the user allows an approximation: LLVM then has tanh.approx, which is off by up to 2^-11 of the
/// result.
static bool isApproximate(math::TanhOp op) {
  return arith::bitEnumContainsAny(op.getFastmath(), arith::FastMathFlags::afn);
}

/// The instructions for one op on f32; null if it stays as it is.
static Value lowerOp(Operation *op) {
  Expression e(op);
  auto log10 = [&](Value x) {
    return e.multiply(e.log2(x), e.constant(std::numbers::ln2 / std::numbers::ln10));
  };
  Value x = op->getOperand(0);
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](math::Exp2Op) { return e.exp2(x); })
      .Case([&](math::ExpOp) { return e.exp(x); })
      .Case([&](math::ExpM1Op) { return e.expm1(x); })
      .Case([&](math::Log2Op) { return e.log2(x); })
      .Case([&](math::LogOp) { return e.log(x); })
      .Case([&](math::Log10Op) { return log10(x); })
      .Case([&](math::Log1pOp) { return e.log1p(x); })
      .Case([&](math::TanhOp tanh) { return isApproximate(tanh) ? Value() : e.tanh(x); })
      .Case([&](math::SinOp) { return e.sine(x, 0); })
      .Case([&](math::CosOp) { return e.sine(x, 1); })
      .Case([&](math::SinhOp) { return e.sinh(x); })
      .Case([&](math::SqrtOp) { return e.intrinsic("llvm.nvvm.sqrt.approx.ftz.f", x); })
      .Case([&](math::RsqrtOp) { return e.intrinsic("llvm.nvvm.rsqrt.approx.ftz.f", x); })
      .Case([&](arith::DivFOp) {
        Value y = op->getOperand(1);
        return matchPattern(x, m_OneFloat()) ? e.reciprocal(y) : e.divide(x, y);
      })
      .Default([](Operation *) { return Value(); });
}

/// Functions that have no instruction and no short formula of ours: upstream knows them.
static bool needsUpstream(Operation *op) {
  return isa<math::TanOp, math::CoshOp, math::AsinOp, math::AcosOp, math::AtanOp, math::Atan2Op,
             math::AsinhOp, math::AcoshOp, math::AtanhOp, math::CbrtOp, math::ErfOp, math::ErfcOp,
             math::PowFOp, math::FPowIOp, math::IPowIOp, math::RoundOp, math::ClampFOp,
             arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(op);
}

/// Is `op` a function that PTX has for 16-bit floats or that upstream's patterns do not touch?
static bool isFunction(Operation *op) {
  return isa<math::MathDialect>(op->getDialect()) &&
         !isa<math::AbsIOp, math::CountLeadingZerosOp, math::CountTrailingZerosOp, math::CtPopOp,
              math::IPowIOp, math::AbsFOp, math::FmaOp, math::CopySignOp, math::FloorOp,
              math::CeilOp, math::TruncOp, math::RoundEvenOp, math::IsNaNOp, math::IsInfOp,
              math::IsFiniteOp, math::IsNormalOp>(op);
}

/// Computes a function or quotient of 16-bit floats in f32.
static void widen(Operation *op) {
  OpBuilder builder(op);
  Type narrow = op->getResult(0).getType();
  for (OpOperand &operand : op->getOpOperands())
    if (operand.get().getType() == narrow)
      operand.set(
          arith::ExtFOp::create(builder, op->getLoc(), builder.getF32Type(), operand.get()));
  op->getResult(0).setType(builder.getF32Type());
  builder.setInsertionPointAfter(op);
  auto rounded = arith::TruncFOp::create(builder, op->getLoc(), narrow, op->getResult(0));
  op->getResult(0).replaceAllUsesExcept(rounded, rounded);
}

static LogicalResult expandUpstream(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  math::populateExpansionPatterns(patterns, {"tan", "cosh", "asinh", "acosh", "atanh", "powf",
                                             "fpowi", "ipowi", "round", "clampf"});
  static const llvm::StringSet<> polynomials{"math.atan", "math.atan2", "math.asin", "math.acos",
                                             "math.cbrt", "math.erf",   "math.erfc"};
  populateMathPolynomialApproximationPatterns(
      patterns, [](StringRef name) { return polynomials.contains(name); });
  return applyPatternsGreedily(module, std::move(patterns));
}

LogicalResult attune::nvptx::lowerMath(ModuleOp module) {
  bool upstream = false;
  SmallVector<Operation *> sixteen;
  WalkResult walked = module.walk([&](Operation *op) {
    upstream |= needsUpstream(op);
    if (op->getNumResults() != 1 || !(isFunction(op) || isa<arith::DivFOp>(op)))
      return WalkResult::advance();
    Type type = op->getResult(0).getType();
    if (type.isF64() && isFunction(op) && !isa<math::SqrtOp>(op)) {
      op->emitOpError("of f64 is not supported by the nvptx target; compute it in f32");
      return WalkResult::interrupt();
    }
    if (type.isF16() || type.isBF16())
      sixteen.push_back(op);
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  for (Operation *op : sixteen)
    widen(op);
  if (upstream && failed(expandUpstream(module)))
    return failure();
  SmallVector<Operation *> ours;
  module.walk([&](Operation *op) {
    if (op->getNumResults() == 1 && op->getResult(0).getType().isF32() &&
        (isFunction(op) || isa<arith::DivFOp>(op)))
      ours.push_back(op);
  });
  for (Operation *op : ours)
    if (Value value = lowerOp(op)) {
      op->getResult(0).replaceAllUsesWith(value);
      op->erase();
    }
  return success();
}
