// SPDX-License-Identifier: Apache-2.0
// How does a test write a mask and evaluate it pair by pair? Expression nodes made from upstream
// ops, and an evaluator that knows the ops and nothing of formulas.
#ifndef ATTUNE_TEST_COMPILER_ANALYSIS_MASKPROGRAM_H
#define ATTUNE_TEST_COMPILER_ANALYSIS_MASKPROGRAM_H

#include "compiler/analysis/Expression.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"
#include <deque>

namespace attune {

class MaskProgram {
public:
  using Expression = const Node *;

  MaskProgram() : builder(&context) {
    context.loadDialect<mlir::affine::AffineDialect, mlir::arith::ArithDialect>();
    builder.setInsertionPointToStart(&block);
    query = leaf(NodeKind::IndexI);
    key = leaf(NodeKind::IndexJ);
  }

  Expression i() { return query; }
  Expression j() { return key; }

  Expression constant(int64_t number, bool isTruth = false) {
    Node *node = leaf(NodeKind::Constant, isTruth ? mlir::Type(builder.getI1Type()) : index());
    node->number = double(number);
    return node;
  }

  /// A scalar operand with the value that evaluation gives it.
  Expression scalar(int64_t value) {
    Node *node = leaf(NodeKind::Scalar);
    values[node] = value;
    return node;
  }

  template <class Op> Expression binary(Expression a, Expression b) {
    return opaque(Op::create(builder, builder.getUnknownLoc(), value(a), value(b)), {a, b});
  }
  Expression add(Expression a, Expression b) { return binary<mlir::arith::AddIOp>(a, b); }
  Expression sub(Expression a, Expression b) { return binary<mlir::arith::SubIOp>(a, b); }
  Expression mul(Expression a, int64_t factor) {
    return binary<mlir::arith::MulIOp>(a, constant(factor));
  }
  Expression both(Expression a, Expression b) { return binary<mlir::arith::AndIOp>(a, b); }
  Expression either(Expression a, Expression b) { return binary<mlir::arith::OrIOp>(a, b); }
  Expression negate(Expression a) { return binary<mlir::arith::XOrIOp>(a, constant(1, true)); }
  Expression compare(mlir::arith::CmpIPredicate kind, Expression a, Expression b) {
    return opaque(
        mlir::arith::CmpIOp::create(builder, builder.getUnknownLoc(), kind, value(a), value(b)),
        {a, b});
  }
  Expression atMost(Expression a, Expression b) {
    return compare(mlir::arith::CmpIPredicate::sle, a, b);
  }

  /// affine.apply of (d0, ...) -> result.
  Expression apply(llvm::function_ref<mlir::AffineExpr(llvm::ArrayRef<mlir::AffineExpr>)> result,
                   llvm::ArrayRef<Expression> operands) {
    llvm::SmallVector<mlir::AffineExpr> dims;
    llvm::SmallVector<mlir::Value> inputs;
    for (Expression operand : operands) {
      dims.push_back(builder.getAffineDimExpr(dims.size()));
      inputs.push_back(value(operand));
    }
    auto map = mlir::AffineMap::get(dims.size(), 0, result(dims));
    return opaque(
        mlir::affine::AffineApplyOp::create(builder, builder.getUnknownLoc(), map, inputs),
        operands);
  }
  Expression floorDiv(Expression a, int64_t divisor) {
    return apply([&](auto dims) { return dims[0].floorDiv(divisor); }, {a});
  }
  Expression modulo(Expression a, int64_t divisor) {
    return apply([&](auto dims) { return dims[0] % divisor; }, {a});
  }

  mlir::OpBuilder &opBuilder() { return builder; }
  mlir::Value number(int64_t value) {
    return mlir::arith::ConstantIndexOp::create(builder, builder.getUnknownLoc(), value);
  }

  std::optional<int64_t> uniform(const Node *node) const {
    auto found = values.find(node);
    return found == values.end() ? std::nullopt : std::optional<int64_t>(found->second);
  }

  int64_t evaluate(Expression node, int64_t atQuery, int64_t atKey) const {
    switch (node->kind) {
    case NodeKind::Constant: return int64_t(node->number);
    case NodeKind::IndexI: return atQuery;
    case NodeKind::IndexJ: return atKey;
    case NodeKind::Scalar: return values.lookup(node);
    default: return evaluateOperation(node, atQuery, atKey);
    }
  }

private:
  mlir::Type index() { return builder.getIndexType(); }

  Node *leaf(NodeKind kind, mlir::Type type = {}) {
    Node &node = nodes.emplace_back();
    node.kind = kind;
    node.id = nodes.size();
    node.type = type ? type : index();
    node.onQuery = kind == NodeKind::IndexI;
    node.onKey = kind == NodeKind::IndexJ;
    node.source = block.addArgument(node.type, builder.getUnknownLoc());
    return &node;
  }

  mlir::Value value(Expression node) {
    return node->operation ? node->operation->getResult(0) : node->source;
  }

  Expression opaque(mlir::Operation *operation, llvm::ArrayRef<Expression> operands) {
    Node *node = leaf(NodeKind::Opaque, operation->getResult(0).getType());
    node->operation = operation;
    node->operands.assign(operands.begin(), operands.end());
    for (Expression operand : operands) {
      node->onQuery |= operand->onQuery;
      node->onKey |= operand->onKey;
    }
    return node;
  }

  int64_t evaluateAffine(mlir::AffineExpr expression, llvm::ArrayRef<int64_t> dims) const {
    if (auto constant = llvm::dyn_cast<mlir::AffineConstantExpr>(expression))
      return constant.getValue();
    if (auto dim = llvm::dyn_cast<mlir::AffineDimExpr>(expression))
      return dims[dim.getPosition()];
    auto binary = llvm::cast<mlir::AffineBinaryOpExpr>(expression);
    int64_t a = evaluateAffine(binary.getLHS(), dims), b = evaluateAffine(binary.getRHS(), dims);
    switch (expression.getKind()) {
    case mlir::AffineExprKind::Add: return a + b;
    case mlir::AffineExprKind::Mul: return a * b;
    case mlir::AffineExprKind::FloorDiv: return llvm::divideFloorSigned(a, b);
    case mlir::AffineExprKind::CeilDiv: return llvm::divideCeilSigned(a, b);
    default: return ((a % b) + b) % b;
    }
  }

  int64_t evaluateOperation(Expression node, int64_t atQuery, int64_t atKey) const {
    llvm::SmallVector<int64_t> operands;
    for (Expression operand : node->operands)
      operands.push_back(evaluate(operand, atQuery, atKey));
    mlir::Operation *op = node->operation;
    if (auto apply = llvm::dyn_cast<mlir::affine::AffineApplyOp>(op))
      return evaluateAffine(apply.getAffineMap().getResult(0), operands);
    int64_t a = operands[0], b = operands[1];
    if (auto compare = llvm::dyn_cast<mlir::arith::CmpIOp>(op))
      return mlir::arith::applyCmpPredicate(compare.getPredicate(), llvm::APInt(64, a, true),
                                            llvm::APInt(64, b, true));
    if (llvm::isa<mlir::arith::AddIOp>(op))
      return a + b;
    if (llvm::isa<mlir::arith::SubIOp>(op))
      return a - b;
    if (llvm::isa<mlir::arith::MulIOp>(op))
      return a * b;
    if (llvm::isa<mlir::arith::AndIOp>(op))
      return a & b;
    if (llvm::isa<mlir::arith::OrIOp>(op))
      return a | b;
    if (llvm::isa<mlir::arith::XOrIOp>(op))
      return a ^ b;
    if (llvm::isa<mlir::arith::MaxSIOp>(op))
      return std::max(a, b);
    if (llvm::isa<mlir::arith::MinSIOp>(op))
      return std::min(a, b);
    llvm_unreachable("the tests use no other op");
  }

  mlir::MLIRContext context;
  mlir::OpBuilder builder;
  mlir::Block block;
  std::deque<Node> nodes;
  llvm::DenseMap<const Node *, int64_t> values;
  Expression query = nullptr, key = nullptr;
};

} // namespace attune

#endif // ATTUNE_TEST_COMPILER_ANALYSIS_MASKPROGRAM_H
