// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: can tiles hold what a plan computes?
#include "compiler/passes/LowerToTileCheck.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace attune;

namespace {

class Checker {
public:
  explicit Checker(const SweepPlan &plan) : plan(plan) {}
  LogicalResult run();

private:
  LogicalResult check(const Node *node);
  LogicalResult checkOperation(const Node *node);
  LogicalResult checkCarried(const Node *node);

  const SweepPlan &plan;
  llvm::DenseSet<const Node *> seen;
};

} // namespace

/// Are all divisors of the expression positive constants?
static bool hasConstantDivisors(AffineExpr expression) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expression);
  if (!binary)
    return true;
  bool divides =
      expression.getKind() != AffineExprKind::Add && expression.getKind() != AffineExprKind::Mul;
  auto divisor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (divides && (!divisor || divisor.getValue() <= 0))
    return false;
  return hasConstantDivisors(binary.getLHS()) && hasConstantDivisors(binary.getRHS());
}

LogicalResult Checker::checkOperation(const Node *node) {
  Operation *op = node->operation;
  if (isa<VectorType>(node->type) ||
      llvm::any_of(node->operands, [](const Node *x) { return isa<VectorType>(x->type); }))
    return op->emitError() << "expected maps of single numbers, but '" << op->getName()
                           << "' is of vectors; reduce vectors by dot, or map them after the "
                              "contraction";
  auto apply = dyn_cast<affine::AffineApplyOp>(op);
  if (apply && !hasConstantDivisors(apply.getAffineMap().getResult(0)))
    return op->emitError() << "expected affine divisions by positive constants, which is what is "
                              "supported yet; divide by a scalar with arith.floordivsi";
  return success();
}

LogicalResult Checker::check(const Node *node) {
  if (!node || !seen.insert(node).second)
    return success();
  for (const Node *operand : node->operands)
    if (failed(check(operand)))
      return failure();
  if (node->kind == NodeKind::Dot && !node->type.isF32())
    return node->source.getDefiningOp()->emitError()
           << "expected scores of f32, but got " << node->type << ", which no target has yet";
  return node->kind == NodeKind::Opaque ? checkOperation(node) : success();
}

/// What is listed goes to memory as it is.
static LogicalResult checkListed(attn::VisibleKeysOp op) {
  Type element = attn::getPlaceElementType(op.getInput().getType());
  if (op.getElements().use_empty() || element.isF32())
    return success();
  return op.emitError()
         << "expected listed elements of f32, which is what is supported yet, but got " << element;
}

/// What is carried is a float; narrower ones are widened.
LogicalResult Checker::checkCarried(const Node *node) {
  if (node && (!isa<FloatType>(node->type) || node->type.getIntOrFloatBitWidth() > 32))
    return plan.graph->kernel().emitError()
           << "expected reductions of f32 or narrower floats, but got " << node->type;
  return check(node);
}

LogicalResult Checker::run() {
  for (const Frame &frame : plan.frames)
    if (failed(check(frame.exponent)) || failed(checkCarried(frame.exponent)))
      return failure();
  for (const Accumulator &accumulator : plan.accumulators) {
    if (attn::VisibleKeysOp listed = accumulator.listed; listed && failed(checkListed(listed)))
      return failure();
    if (failed(accumulator.identity ? check(accumulator.coefficient)
                                    : checkCarried(accumulator.coefficient)))
      return failure();
    for (const Node *predicate : accumulator.domain)
      if (failed(check(predicate)))
        return failure();
  }
  for (const RowValue &value : plan.rowValues)
    if (failed(check(value.finish)))
      return failure();
  for (const ResultPlan &result : plan.results) {
    if (failed(check(result.scalar)))
      return failure();
    for (const ResultPlan::Term &term : result.terms)
      if (failed(check(term.factor)))
        return failure();
  }
  return success();
}

LogicalResult attune::checkLowerable(const SweepPlan &plan) { return Checker(plan).run(); }
