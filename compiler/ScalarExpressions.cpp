// SPDX-License-Identifier: Apache-2.0
#include "compiler/ScalarExpressions.h"

#include "dialects/tile/TileOps.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace attune {

using bundle::Expression;
using Kind = Expression::Kind;

namespace {

using Translation = FailureOr<Expression>;

/// Translates scalars into expressions. Every function fails where it cannot, having emitted why if
/// an op asks.
class Translator {
public:
  /// `asking` is null where a value need not have an expression.
  Translator(const bundle::KernelInfo &info, Operation *asking) : info(info), asking(asking) {}

  Translation translate(Value value);
  Translation translateAffine(AffineExpr expression, AffineMap map, ValueRange operands);

private:
  Translation translateOp(Operation *op);
  Translation translateCompare(arith::CmpIOp op);
  Translation translateSelect(arith::SelectOp op);
  Translation translateBitwise(Kind kind, Operation *op);
  Translation translateArithmetic(Kind kind, Operation *op);
  Translation translateSignExtension(Operation *op);
  Translation translateResults(AffineMap map, ValueRange operands, Kind join);
  Translation translateBoth(Kind kind, Value left, Value right);
  Translation refuse(Operation *op, const Twine &why = "");
  /// Counts a number or an operator; false, with an error, when there are too many.
  bool count();

  const bundle::KernelInfo &info;
  Operation *asking;
  size_t nodes = 0;
};

} // namespace

InFlightDiagnostic emitTooLarge(Operation *op) {
  return op->emitOpError() << "expected at most " << bundle::maxExpressionNodes
                           << " numbers and operators to evaluate at launch, but got more";
}

bool Translator::count() {
  if (++nodes == bundle::maxExpressionNodes + 1 && asking)
    emitTooLarge(asking);
  return nodes <= bundle::maxExpressionNodes;
}

Translation Translator::refuse(Operation *op, const Twine &why) {
  if (!asking)
    return failure();
  InFlightDiagnostic error = op->emitOpError();
  error << "cannot be evaluated at launch";
  if (!why.isTriviallyEmpty())
    error << ": " << why;
  error.attachNote(asking->getLoc())
      << "what is checked at launch is made of integer scalar operands and constants by arith's "
         "addi, subi, muli (of index or i64), floordivsi, ceildivsi, maxsi, minsi, select, signed "
         "cmpi, andi, ori, xori (of i1), extsi, extui (of i1), index_cast, and by affine.apply, "
         "affine.min, affine.max";
  return error;
}

Translation Translator::translate(Value value) {
  if (!count())
    return failure();
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return Expression::constant(constant.getBitWidth() == 1 ? int64_t(constant.getZExtValue())
                                                            : constant.getSExtValue());
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return translateOp(value.getDefiningOp());
  // The index or value of a place: only what is tried has it.
  if (!isa<attn::KernelOp, tile::KernelOp>(argument.getOwner()->getParentOp()))
    return failure();
  const std::string &name = info.operands[argument.getArgNumber()].name;
  if (value.getType().isIntOrIndex())
    return Expression::scalar(name);
  if (!asking)
    return failure();
  return asking->emitOpError() << "expected a fact about integers, which a launch can check, but "
                                  "it depends on operand '"
                               << name << "' of type " << value.getType();
}

Translation Translator::translateBoth(Kind kind, Value left, Value right) {
  Translation first = translate(left);
  if (failed(first))
    return failure();
  Translation second = translate(right);
  if (failed(second))
    return failure();
  return Expression::binary(kind, std::move(*first), std::move(*second));
}

Translation Translator::translateCompare(arith::CmpIOp op) {
  using Predicate = arith::CmpIPredicate;
  Value left = op.getLhs(), right = op.getRhs();
  bool equality = op.getPredicate() == Predicate::eq || op.getPredicate() == Predicate::ne;
  // As a signed number an i1 is 0 or -1.
  if (!equality && left.getType().isInteger(1))
    return refuse(op, "it orders truths");
  switch (op.getPredicate()) {
  case Predicate::eq: return translateBoth(Kind::Eq, left, right);
  case Predicate::ne: return translateBoth(Kind::Ne, left, right);
  case Predicate::slt: return translateBoth(Kind::Lt, left, right);
  case Predicate::sle: return translateBoth(Kind::Le, left, right);
  case Predicate::sgt: return translateBoth(Kind::Lt, right, left);
  case Predicate::sge: return translateBoth(Kind::Le, right, left);
  default: return refuse(op, "it compares as unsigned numbers");
  }
}

Translation Translator::translateSelect(arith::SelectOp op) {
  Translation condition = translate(op.getCondition());
  if (failed(condition))
    return failure();
  Translation choices = translateBoth(Kind::Select, op.getTrueValue(), op.getFalseValue());
  if (failed(choices))
    return failure();
  return Expression::select(std::move(*condition), std::move(choices->arguments[0]),
                            std::move(choices->arguments[1]));
}

Translation Translator::translateBitwise(Kind kind, Operation *op) {
  if (!op->getResult(0).getType().isInteger(1))
    return refuse(op, "it works on bits");
  Value left = op->getOperand(0), right = op->getOperand(1);
  // Not: MLIR's form is an exclusive or with true.
  if (kind != Kind::Ne || !matchPattern(right, m_One()))
    return translateBoth(kind, left, right);
  Translation negated = translate(left);
  if (failed(negated) || !count())
    return failure();
  return Expression::binary(Kind::Eq, std::move(*negated), Expression::constant(0));
}

Translation Translator::translateArithmetic(Kind kind, Operation *op) {
  Type type = op->getResult(0).getType();
  bool wraps = kind == Kind::Add || kind == Kind::Sub || kind == Kind::Mul;
  if (wraps && !type.isIndex() && !type.isInteger(64))
    return refuse(op, "it may wrap; extend its operands to index first");
  if (type.isInteger(1))
    return refuse(op, "it counts with truths");
  return translateBoth(kind, op->getOperand(0), op->getOperand(1));
}

/// extsi and index_cast.
Translation Translator::translateSignExtension(Operation *op) {
  Value from = op->getOperand(0);
  auto width = [](Type type) { return type.isIndex() ? 64u : type.getIntOrFloatBitWidth(); };
  if (width(op->getResult(0).getType()) < width(from.getType()))
    return refuse(op, "it may cut bits off");
  Translation inner = translate(from);
  if (failed(inner) || !from.getType().isInteger(1))
    return inner;
  if (!count())
    return failure();
  return Expression::binary(Kind::Sub, Expression::constant(0), std::move(*inner));
}

Translation Translator::translateOp(Operation *op) {
  return llvm::TypeSwitch<Operation *, Translation>(op)
      .Case([&](arith::CmpIOp op) { return translateCompare(op); })
      .Case([&](arith::SelectOp op) { return translateSelect(op); })
      .Case([&](arith::AndIOp op) { return translateBitwise(Kind::And, op); })
      .Case([&](arith::OrIOp op) { return translateBitwise(Kind::Or, op); })
      .Case([&](arith::XOrIOp op) { return translateBitwise(Kind::Ne, op); })
      .Case([&](arith::AddIOp op) { return translateArithmetic(Kind::Add, op); })
      .Case([&](arith::SubIOp op) { return translateArithmetic(Kind::Sub, op); })
      .Case([&](arith::MulIOp op) { return translateArithmetic(Kind::Mul, op); })
      .Case([&](arith::FloorDivSIOp op) { return translateArithmetic(Kind::FloorDiv, op); })
      .Case([&](arith::CeilDivSIOp op) { return translateArithmetic(Kind::CeilDiv, op); })
      .Case([&](arith::MaxSIOp op) { return translateArithmetic(Kind::Max, op); })
      .Case([&](arith::MinSIOp op) { return translateArithmetic(Kind::Min, op); })
      .Case<arith::ExtSIOp, arith::IndexCastOp>(
          [&](Operation *op) { return translateSignExtension(op); })
      .Case([&](arith::ExtUIOp op) {
        return op.getIn().getType().isInteger(1) ? translate(op.getIn())
                                                 : refuse(op, "it changes negative numbers");
      })
      .Case([&](affine::AffineApplyOp op) {
        return translateResults(op.getAffineMap(), op.getMapOperands(), Kind::Max);
      })
      .Case([&](affine::AffineMinOp op) {
        return translateResults(op.getMap(), op.getMapOperands(), Kind::Min);
      })
      .Case([&](affine::AffineMaxOp op) {
        return translateResults(op.getMap(), op.getMapOperands(), Kind::Max);
      })
      .Default([&](Operation *op) { return refuse(op); });
}

/// The results of a map, joined: affine.min and affine.max; affine.apply has one.
Translation Translator::translateResults(AffineMap map, ValueRange operands, Kind join) {
  Translation joined = failure();
  for (AffineExpr result : map.getResults()) {
    Translation next = translateAffine(result, map, operands);
    if (failed(next) || !count())
      return failure();
    joined = failed(joined) ? std::move(next)
                            : Expression::binary(join, std::move(*joined), std::move(*next));
  }
  return joined;
}

static Kind kindOf(AffineExprKind kind) {
  switch (kind) {
  case AffineExprKind::Add: return Kind::Add;
  case AffineExprKind::Mul: return Kind::Mul;
  case AffineExprKind::Mod: return Kind::Mod;
  case AffineExprKind::FloorDiv: return Kind::FloorDiv;
  case AffineExprKind::CeilDiv: return Kind::CeilDiv;
  default: llvm_unreachable("not an operator");
  }
}

Translation Translator::translateAffine(AffineExpr expression, AffineMap map, ValueRange operands) {
  if (auto dimension = dyn_cast<AffineDimExpr>(expression))
    return translate(operands[dimension.getPosition()]);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression))
    return translate(operands[map.getNumDims() + symbol.getPosition()]);
  if (!count())
    return failure();
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return Expression::constant(constant.getValue());
  auto both = cast<AffineBinaryOpExpr>(expression);
  Translation left = translateAffine(both.getLHS(), map, operands);
  if (failed(left))
    return failure();
  Translation right = translateAffine(both.getRHS(), map, operands);
  if (failed(right))
    return failure();
  return Expression::binary(kindOf(expression.getKind()), std::move(*left), std::move(*right));
}

FailureOr<Expression> translateScalar(Operation *user, Value value,
                                      const bundle::KernelInfo &info) {
  return Translator(info, user).translate(value);
}

static std::optional<Expression> orNull(Translation translation) {
  return succeeded(translation) ? std::optional(std::move(*translation)) : std::nullopt;
}

std::optional<Expression> findExpression(Value value, const bundle::KernelInfo &info) {
  return orNull(Translator(info, nullptr).translate(value));
}

std::optional<Expression> findExpression(AffineExpr expression, AffineMap map, ValueRange operands,
                                         const bundle::KernelInfo &info) {
  return orNull(Translator(info, nullptr).translateAffine(expression, map, operands));
}

} // namespace attune
