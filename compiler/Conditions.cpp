// SPDX-License-Identifier: Apache-2.0
// Conditions of the manifest from assumptions, divisors, and the clauses of axes.
#include "compiler/Conditions.h"

#include "compiler/ScalarExpressions.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace attune {

using bundle::Expression;
using Kind = Expression::Kind;

namespace {

/// Collects the demands of one kernel.
class Demands {
public:
  Demands(attn::KernelOp kernel, bundle::KernelInfo &info) : kernel(kernel), info(info) {}

  /// Those that are about scalars alone, or all.
  LogicalResult collect(bool axesAsWell);

private:
  LogicalResult add(Operation *op, Expression expression);
  LogicalResult addDivisors(Operation *op);
  LogicalResult addDivisors(Operation *op, AffineMap map, ValueRange operands);
  LogicalResult addDivisor(Operation *op, Kind relation, std::optional<Expression> divisor);
  LogicalResult addAssumption(attn::AssumeOp op);
  LogicalResult addSize(attn::AxisOp op);
  LogicalResult addLike(attn::AxisOp op);
  LogicalResult addMultiple(attn::AxisOp op);
  LogicalResult addGrid(attn::AxisOp op);
  LogicalResult addCount(attn::SelectOp select);
  /// The token length of what lies along the axis, if an operand or a result does.
  std::optional<Expression> storedLength(StringRef axis) const;
  /// The length of a bound axis.
  FailureOr<Expression> length(Operation *user, StringRef axis, size_t likes = 0);

  attn::KernelOp kernel;
  bundle::KernelInfo &info;
};

} // namespace

static size_t countNodes(const Expression &expression) {
  size_t nodes = 1;
  for (const Expression &argument : expression.arguments)
    nodes += countNodes(argument);
  return nodes;
}

LogicalResult Demands::add(Operation *op, Expression expression) {
  if (countNodes(expression) > bundle::maxExpressionNodes)
    return emitTooLarge(op);
  bundle::Condition condition{expression, renderExpression(expression, info)};
  if (llvm::is_contained(info.conditions, condition))
    return success();
  if (info.conditions.size() == bundle::maxConditions)
    return op->emitOpError() << "expected at most " << bundle::maxConditions
                             << " conditions to check at launch, but this is one more";
  info.conditions.push_back(std::move(condition));
  return success();
}

/// The parts of a conjunction become conditions of their own: a message then names the one at
/// fault.
LogicalResult Demands::addAssumption(attn::AssumeOp op) {
  SmallVector<Value> parts = {op.getCondition()};
  while (!parts.empty()) {
    Value part = parts.pop_back_val();
    if (auto both = part.getDefiningOp<arith::AndIOp>()) {
      parts.append({both.getRhs(), both.getLhs()});
      continue;
    }
    FailureOr<Expression> condition = translateScalar(op, part, info);
    if (failed(condition) || failed(add(op, std::move(*condition))))
      return failure();
  }
  return success();
}

std::optional<Expression> Demands::storedLength(StringRef axis) const {
  for (const auto *list : {&info.operands, &info.results})
    for (const bundle::OperandInfo &operand : *list)
      if (operand.isTokens() && operand.axis == axis)
        return Expression::size(operand.name, 2);
  return std::nullopt;
}

FailureOr<Expression> Demands::length(Operation *user, StringRef axis, size_t likes) {
  if (auto stored = storedLength(axis))
    return *stored;
  for (auto op : kernel.getBody().getOps<attn::AxisOp>()) {
    if (op.getAxis() != axis)
      continue;
    if (op.getSize())
      return translateScalar(user, op.getSize(), info);
    if (op.getLike() && likes < bundle::maxOperands)
      return length(user, *op.getLike(), likes + 1);
  }
  return user->emitOpError() << "expected axis '" << axis
                             << "' to have a length that is known at launch";
}

LogicalResult Demands::addSize(attn::AxisOp op) {
  FailureOr<Expression> size = translateScalar(op, op.getSize(), info);
  if (failed(size))
    return failure();
  if (auto stored = storedLength(op.getAxis()))
    return add(op, Expression::binary(Kind::Eq, *stored, *size));
  // Nothing else says that it is a length: at least 0 and below the limit of all sizes.
  if (failed(add(op, Expression::binary(Kind::Le, Expression::constant(0), *size))))
    return failure();
  if (isa<BlockArgument>(op.getSize()) && op.getSize().getType().isIndex())
    return success();
  return add(op, Expression::binary(Kind::Lt, *size, Expression::constant(bundle::sizeLimit)));
}

LogicalResult Demands::addLike(attn::AxisOp op) {
  StringRef other = *op.getLike();
  auto stored = storedLength(op.getAxis());
  if (stored && storedLength(other)) {
    info.checks.push_back({op.getAxis().str(), 0, other.str()});
    return success();
  }
  // Without a length of its own the axis has just that of the other.
  if (!stored && !op.getSize())
    return success();
  FailureOr<Expression> own = length(op, op.getAxis()), like = length(op, other);
  if (failed(own) || failed(like))
    return failure();
  return add(op, Expression::binary(Kind::Eq, std::move(*own), std::move(*like)));
}

LogicalResult Demands::addMultiple(attn::AxisOp op) {
  auto multiple = int64_t(*op.getMultiple());
  if (storedLength(op.getAxis()) && multiple < bundle::sizeLimit) {
    info.checks.push_back({op.getAxis().str(), multiple, ""});
    return success();
  }
  FailureOr<Expression> own = length(op, op.getAxis());
  if (failed(own))
    return failure();
  Expression rest = Expression::binary(Kind::Mod, std::move(*own), Expression::constant(multiple));
  return add(op, Expression::binary(Kind::Eq, std::move(rest), Expression::constant(0)));
}

LogicalResult Demands::addGrid(attn::AxisOp op) {
  std::optional<Expression> product;
  for (Value value : op.getGrid()) {
    FailureOr<Expression> size = translateScalar(op, value, info);
    if (failed(size))
      return failure();
    bool positive = size->kind == Kind::Constant && size->number > 0;
    if (!positive && failed(add(op, Expression::binary(Kind::Lt, Expression::constant(0), *size))))
      return failure();
    product = product ? Expression::binary(Kind::Mul, std::move(*product), std::move(*size))
                      : std::move(*size);
  }
  FailureOr<Expression> own = length(op, op.getAxis());
  if (failed(own))
    return failure();
  return add(op, Expression::binary(Kind::Eq, std::move(*own), std::move(*product)));
}

/// The keys of a row that is selected from are counted in f32.
LogicalResult Demands::addCount(attn::SelectOp select) {
  constexpr int64_t mostKeys = int64_t(1) << 24;
  StringAttr axis = cast<attn::MatrixType>(select.getInput().getType()).getColAxis();
  if (axis.getValue().contains('+'))
    return success(); // what is joined is not selected from
  FailureOr<Expression> tokens = length(select, attn::getAxisRoot(axis));
  if (failed(tokens))
    return failure();
  int64_t most = std::min(mostKeys * attn::getAxisBlock(axis), bundle::sizeLimit);
  return add(select, Expression::binary(Kind::Lt, std::move(*tokens), Expression::constant(most)));
}

/// 0 < `divisor`, or 0 != `divisor`. A divisor that is not made of scalars is none of a launch's. What
/// is computed of scalars is below the limit of all sizes, too, as scalars are by themselves.
LogicalResult Demands::addDivisor(Operation *op, Kind relation, std::optional<Expression> divisor) {
  if (!divisor || divisor->kind == Kind::Constant ||
      countNodes(*divisor) + 2 > bundle::maxExpressionNodes)
    return success();
  Expression zero = Expression::constant(0);
  if (relation == Kind::Ne)
    return add(op, Expression::binary(Kind::Ne, std::move(*divisor), std::move(zero)));
  if (failed(add(op, Expression::binary(Kind::Lt, std::move(zero), *divisor))))
    return failure();
  if (divisor->kind == Kind::Scalar)
    return success();
  Expression greatest = Expression::constant(bundle::sizeLimit - 1);
  return add(op, Expression::binary(Kind::Le, std::move(*divisor), std::move(greatest)));
}

LogicalResult Demands::addDivisors(Operation *op, AffineMap map, ValueRange operands) {
  LogicalResult result = success();
  map.walkExprs([&](AffineExpr expression) {
    auto both = dyn_cast<AffineBinaryOpExpr>(expression);
    bool divides =
        both && both.getKind() != AffineExprKind::Add && both.getKind() != AffineExprKind::Mul;
    if (divides && succeeded(result))
      result = addDivisor(op, Kind::Lt, findExpression(both.getRHS(), map, operands, info));
  });
  return result;
}

/// The divisors of one op in a region or in the body of the kernel. Signed and affine ones have to be
/// above 0; what an unsigned division reads is so if it is not 0.
LogicalResult Demands::addDivisors(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<arith::FloorDivSIOp, arith::CeilDivSIOp>([&](auto division) {
        return addDivisor(op, Kind::Lt, findExpression(division.getRhs(), info));
      })
      .Case<arith::DivUIOp, arith::RemUIOp, arith::CeilDivUIOp>([&](auto division) {
        return addDivisor(op, Kind::Ne, findExpression(division.getRhs(), info));
      })
      .Case<affine::AffineMinOp, affine::AffineMaxOp>(
          [&](auto apply) { return addDivisors(op, apply.getMap(), apply.getMapOperands()); })
      .Case([&](affine::AffineApplyOp apply) {
        return addDivisors(op, apply.getAffineMap(), apply.getMapOperands());
      })
      .Case([&](affine::AffineDelinearizeIndexOp split) {
        for (Value size : split.getDynamicBasis())
          if (failed(addDivisor(op, Kind::Lt, findExpression(size, info))))
            return failure();
        return success();
      })
      .Default(success());
}

LogicalResult Demands::collect(bool axesAsWell) {
  for (Operation &op : kernel.getBody().front()) {
    WalkResult divisors = op.walk([&](Operation *inner) {
      return failed(addDivisors(inner)) ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (divisors.wasInterrupted())
      return failure();
    if (auto assume = dyn_cast<attn::AssumeOp>(op))
      if (failed(addAssumption(assume)))
        return failure();
    if (auto select = dyn_cast<attn::SelectOp>(op);
        select && axesAsWell && failed(addCount(select)))
      return failure();
    auto axis = dyn_cast<attn::AxisOp>(op);
    if (!axis || !axesAsWell)
      continue;
    if ((axis.getSize() && failed(addSize(axis))) || (axis.getLike() && failed(addLike(axis))) ||
        (axis.getMultiple() && failed(addMultiple(axis))) ||
        (!axis.getGrid().empty() && failed(addGrid(axis))))
      return failure();
  }
  return success();
}

LogicalResult describeConditions(attn::KernelOp kernel, bundle::KernelInfo &info) {
  return Demands(kernel, info).collect(/*axesAsWell=*/true);
}

LogicalResult describeScalarConditions(attn::KernelOp kernel, bundle::KernelInfo &info) {
  return Demands(kernel, info).collect(/*axesAsWell=*/false);
}

} // namespace attune
