// SPDX-License-Identifier: Apache-2.0
// Results that are not tokens of all heads: matrices, and what is left of several heads.
#include "compiler/DescribeResults.h"

#include "compiler/Conditions.h"
#include "compiler/ScalarExpressions.h"

using namespace mlir;

namespace attune {

using bundle::Expression;

Expression greatestOf(ArrayRef<Expression> sizes) {
  if (sizes.empty())
    return Expression::constant(1);
  Expression result = sizes.front();
  for (const Expression &size : sizes.drop_front())
    result = Expression::binary(Expression::Kind::Max, std::move(result), size);
  return result;
}

/// The heads that `op` leaves of `heads`.
static Expression headsLeft(Operation *op, const Expression &heads) {
  int64_t joined = 1;
  if (auto reduce = dyn_cast<attn::ReduceOp>(op);
      reduce && reduce.getOver() == attn::ReduceOver::Heads) {
    if (!reduce.getBy())
      return Expression::constant(1);
    joined = int64_t(*reduce.getBy());
  }
  if (auto stencil = dyn_cast<attn::StencilOp>(op); stencil && stencil.getHeads())
    joined = int64_t(*stencil.getHeads());
  return joined == 1
             ? heads
             : Expression::binary(Expression::Kind::FloorDiv, heads, Expression::constant(joined));
}

SmallVector<Expression> findCounts(Value value, int64_t dimension,
                                   llvm::function_ref<SmallVector<Expression>(Value)> ofOperand) {
  llvm::DenseMap<Value, SmallVector<Expression>> known;
  std::function<SmallVector<Expression>(Value)> find = [&](Value from) -> SmallVector<Expression> {
    Operation *op = from.getDefiningOp();
    if (!op)
      return ofOperand(from);
    if (auto place = known.find(from); place != known.end())
      return place->second;
    SmallVector<Expression> sizes;
    for (Value operand : op->getOperands()) {
      if (!attn::isVirtual(operand.getType()))
        continue;
      for (const Expression &size : find(operand)) {
        Expression left = dimension == 1 ? headsLeft(op, size) : size;
        if (!llvm::is_contained(sizes, left))
          sizes.push_back(std::move(left));
      }
    }
    return known[from] = sizes;
  };
  return find(value);
}

/// No memory is asked for entries that no row has.
static FailureOr<Expression> describeEntries(attn::KernelOp kernel, attn::VisibleKeysOp op,
                                             const bundle::KernelInfo &info) {
  auto keys =
      describeLength(kernel, attn::getAxes(op.getInput().getType()).back().getValue(), info);
  auto most = translateScalar(op, op.getMost(), info);
  if (failed(keys) || failed(most))
    return failure();
  Expression least = Expression::binary(Expression::Kind::Min, std::move(*most), std::move(*keys));
  return Expression::binary(Expression::Kind::Max, Expression::constant(0), std::move(least));
}

FailureOr<Expression> describeLength(attn::KernelOp kernel, StringRef axis,
                                     const bundle::KernelInfo &info) {
  for (const bundle::OperandInfo &operand : info.operands)
    if (operand.isTokens() && operand.axis == axis)
      return Expression::size(operand.name, 2);
  if (auto [first, others] = axis.split('+'); !others.empty()) {
    auto length = describeLength(kernel, first, info), rest = describeLength(kernel, others, info);
    if (failed(length) || failed(rest))
      return failure();
    return Expression::binary(Expression::Kind::Add, std::move(*length), std::move(*rest));
  }
  for (auto op : kernel.getBody().getOps<attn::AxisOp>())
    if (op.getAxis() == axis) {
      if (op.getSize())
        return translateScalar(op, op.getSize(), info);
      if (op.getLike())
        return describeLength(kernel, *op.getLike(), info);
    }
  if (int64_t tokens = attn::getAxisBlock(axis); tokens > 1) {
    auto whole = describeLength(kernel, attn::getAxisRoot(axis), info);
    if (failed(whole))
      return failure();
    return Expression::ceilDiv(std::move(*whole), Expression::constant(tokens));
  }
  for (auto op : kernel.getBody().getOps<attn::VisibleKeysOp>())
    if (op.getEntries() == axis)
      return describeEntries(kernel, op, info);
  return kernel.emitOpError() << "expected an operand on axis '" << axis
                              << "' that gives its length, but there is none";
}

/// Is a head of the value made of several?
static bool joinsHeads(Value value, llvm::DenseSet<Value> &seen) {
  Operation *op = value.getDefiningOp();
  if (!op || !seen.insert(value).second)
    return false;
  Expression one = Expression::size("", 1);
  return headsLeft(op, one) != one ||
         llvm::any_of(op->getOperands(), [&](Value x) { return joinsHeads(x, seen); });
}

/// The sizes of dimensions of `value`, a result.
static FailureOr<SmallVector<Expression>> describeSizes(attn::KernelOp kernel, Value value,
                                                        const bundle::KernelInfo &info) {
  SmallVector<Expression> sizes;
  for (int64_t dimension : {0, 1}) {
    auto ofOperand = [&](Value operand) -> SmallVector<Expression> {
      unsigned index = cast<BlockArgument>(operand).getArgNumber();
      return {Expression::size(info.operands[index].name, dimension)};
    };
    auto counts = findCounts(value, dimension, ofOperand);
    if (counts.size() * 2 > bundle::maxExpressionNodes)
      return emitTooLarge(kernel), failure();
    sizes.push_back(greatestOf(counts));
  }
  for (StringAttr axis : attn::getAxes(value.getType())) {
    auto length = describeLength(kernel, axis.getValue(), info);
    if (failed(length))
      return failure();
    sizes.push_back(std::move(*length));
  }
  return sizes;
}

LogicalResult describeResults(attn::KernelOp kernel, bundle::KernelInfo &info) {
  auto returned = cast<attn::ReturnOp>(kernel.getBody().front().getTerminator());
  for (auto [index, value] : llvm::enumerate(returned.getValues())) {
    llvm::DenseSet<Value> seen;
    if (!isa<attn::MatrixType>(value.getType()) && !joinsHeads(value, seen))
      continue;
    auto sizes = describeSizes(kernel, value, info);
    if (failed(sizes))
      return failure();
    bundle::OperandInfo &result = info.results[index];
    result.role = bundle::OperandRole::Table;
    result.axis.clear();
    for (auto [dimension, size] : llvm::enumerate(*sizes)) {
      bundle::Condition condition;
      condition.expression = Expression::binary(
          Expression::Kind::Eq, Expression::size(result.name, int64_t(dimension)), std::move(size));
      condition.text = renderExpression(condition.expression, info);
      if (info.conditions.size() == bundle::maxConditions)
        return kernel.emitOpError() << "expected at most " << bundle::maxConditions
                                    << " conditions to check at launch, but this is one more";
      info.conditions.push_back(std::move(condition));
    }
  }
  return success();
}

} // namespace attune
