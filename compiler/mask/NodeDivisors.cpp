// SPDX-License-Identifier: Apache-2.0
// Which divisors are known to be at least 1? Constants, what ranges show, lengths (where there is a pair
// they are), and what is made of scalars: every launch checks that it is above 0 and a possible
// length.
#include "compiler/mask/NodeReader.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attune;
using namespace attune::mask;

/// low <= x, x <= high for scalars x that assumptions compare with constants.
static void noteAssumption(Value condition, llvm::DenseMap<Value, NumberRange> &facts) {
  using Predicate = arith::CmpIPredicate;
  if (auto both = condition.getDefiningOp<arith::AndIOp>()) {
    noteAssumption(both.getLhs(), facts);
    noteAssumption(both.getRhs(), facts);
  }
  auto compare = condition.getDefiningOp<arith::CmpIOp>();
  if (!compare)
    return;
  Value left = compare.getLhs(), right = compare.getRhs();
  Predicate kind = compare.getPredicate();
  APInt number;
  if (matchPattern(left, m_ConstantInt(&number))) {
    std::swap(left, right);
    kind = kind == Predicate::slt   ? Predicate::sgt
           : kind == Predicate::sle ? Predicate::sge
           : kind == Predicate::sgt ? Predicate::slt
           : kind == Predicate::sge ? Predicate::sle
                                    : kind;
  } else if (!matchPattern(right, m_ConstantInt(&number))) {
    return;
  }
  if (!isa<BlockArgument>(left) || !number.isSignedIntN(60) || left.getType().isInteger(1))
    return;
  NumberRange &range = facts.try_emplace(left, NumberRange{-valueLimit, valueLimit}).first->second;
  int64_t bound = number.getSExtValue();
  if (kind == Predicate::sge || kind == Predicate::sgt || kind == Predicate::eq)
    range.low = std::max(range.low, bound + (kind == Predicate::sgt));
  if (kind == Predicate::sle || kind == Predicate::slt || kind == Predicate::eq)
    range.high = std::min(range.high, bound - (kind == Predicate::slt));
}

NodeReader::NodeReader(Algebra &algebra, const ExpressionGraph &graph, TokenGrid queries,
                       TokenGrid keys)
    : algebra(algebra), graph(graph), grids({std::move(queries), std::move(keys)}) {
  if (attn::KernelOp kernel = graph.kernel())
    for (auto assume : kernel.getBody().getOps<attn::AssumeOp>())
      noteAssumption(assume.getCondition(), scalarFacts);
  // Sizes of grids are above 0: checked at launch.
  for (const TokenGrid &grid : grids)
    for (const Node *size : grid.sizes)
      noteDivisor(size);
}

/// One that the conditions of a launch evaluate.
bool NodeReader::isLaunchScalar(const Node *node) {
  if (constantOf(node))
    return true;
  if (node->kind == NodeKind::Scalar)
    return node->type.isIndex();
  if (node->kind != NodeKind::Opaque || !node->type.isIndex() ||
      !isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::FloorDivSIOp, arith::CeilDivSIOp,
           arith::MaxSIOp, arith::MinSIOp, affine::AffineApplyOp>(node->operation))
    return false;
  return llvm::all_of(node->operands, [&](const Node *operand) { return isLaunchScalar(operand); });
}

/// The number of its parts, written out, up to `limit`.
static unsigned countParts(const Node *node, unsigned limit) {
  unsigned parts = 1;
  for (const Node *operand : node->operands)
    if (parts < limit)
      parts += countParts(operand, limit - parts);
  return parts;
}

/// `node` as factors, a product of products.
static void collectFactors(const Node *node, SmallVectorImpl<const Node *> &factors) {
  if (node->kind == NodeKind::Opaque && isa<arith::MulIOp>(node->operation))
    for (const Node *operand : node->operands)
      collectFactors(operand, factors);
  else
    factors.push_back(node);
}

void NodeReader::noteDivisor(const Node *node) {
  // A launch evaluates no long expressions.
  constexpr unsigned maxParts = 24;
  if (constantOf(node) || countParts(node, maxParts) == maxParts || !isLaunchScalar(node))
    return;
  positive.insert(node);
  // n is above 0 where 3 n is.
  SmallVector<const Node *> factors;
  collectFactors(node, factors);
  bool isOdd = false;
  llvm::erase_if(factors, [&](const Node *factor) {
    std::optional<int64_t> constant = constantOf(factor);
    isOdd |= constant && *constant < 1;
    return constant.has_value();
  });
  if (factors.size() == 1 && !isOdd)
    positive.insert(factors[0]);
}

/// Divisors of an affine expression: only those that are one operand; products are found by ranges.
void NodeReader::noteDivisors(AffineExpr expression, ArrayRef<const Node *> operands,
                              unsigned dimensions) {
  expression.walk([&](AffineExpr part) {
    auto binary = dyn_cast<AffineBinaryOpExpr>(part);
    if (!binary || part.getKind() == AffineExprKind::Add || part.getKind() == AffineExprKind::Mul)
      return;
    if (auto symbol = dyn_cast<AffineSymbolExpr>(binary.getRHS()))
      noteDivisor(operands[dimensions + symbol.getPosition()]);
  });
}

void NodeReader::noteDivisors(const Node *node) {
  if (!seenDivisors.try_emplace(node, true).second)
    return;
  for (const Node *operand : node->operands)
    noteDivisors(operand);
  if (node->kind != NodeKind::Opaque)
    return;
  Operation *op = node->operation;
  if (isa<arith::FloorDivSIOp, arith::CeilDivSIOp>(op))
    noteDivisor(node->operands[1]);
  if (auto split = dyn_cast<affine::AffineDelinearizeIndexOp>(op))
    for (const Node *size : ArrayRef(node->operands).drop_front())
      noteDivisor(size);
  AffineMap map;
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op))
    map = apply.getAffineMap();
  if (auto minimum = dyn_cast<affine::AffineMinOp>(op))
    map = minimum.getMap();
  if (auto maximum = dyn_cast<affine::AffineMaxOp>(op))
    map = maximum.getMap();
  if (map)
    for (AffineExpr expression : map.getResults())
      noteDivisors(expression, node->operands, map.getNumDims());
}

void NodeReader::noteDivisors(const Domain &domain) {
  for (const Node *node : domain)
    noteDivisors(node);
  for (const Node *node : positive) {
    SmallVector<const Node *> factors;
    collectFactors(node, factors);
    if (factors.size() < 2)
      continue;
    SmallVector<LinearForm> forms;
    for (const Node *factor : factors)
      if (Parsed form = read(factor))
        forms.push_back(*form);
    if (forms.size() == factors.size())
      algebra.bound(forms, {1, lengthLimit - 1});
  }
}

Parsed NodeReader::asDivisor(Parsed form) {
  std::optional<NumberRange> range = form ? rangeOf(*form) : std::nullopt;
  if (!range || !isUniform(*form))
    return std::nullopt;
  if (range->low >= 1)
    return form;
  bool isLength = form->constant == 0 && form->terms.size() == 1 && form->terms[0].second > 0 &&
                  form->terms[0].first->node && form->terms[0].first->node->kind == NodeKind::Size;
  for (Side side : {Side::Query, Side::Key})
    if (isLength && length(side) && *length(side) == ofAtom(form->terms[0].first))
      return form;
  return std::nullopt;
}

Parsed NodeReader::divisor(const Node *node) { return asDivisor(read(node)); }
