// SPDX-License-Identifier: Apache-2.0
// When does a truth of the mask's expression hold, and when does its negation?
#include "compiler/mask/NodeReader.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attune;
using namespace attune::mask;

/// Formulas with more literals are not written twice.
static constexpr size_t maxRepeatedLiterals = 24;

Formula NodeReader::predicate(const Node *node, bool negated) {
  if (std::optional<int64_t> constant = constantOf(node))
    return truth((*constant != 0) != negated);
  auto key = std::make_pair(node, unsigned(negated));
  if (auto found = predicates.find(key); found != predicates.end())
    return found->second;
  Formula formula = readPredicate(node, negated);
  if (algebra.weightOf(formula) > maxWeight)
    formula = unknownFormula();
  if (hasUnknown(formula)) {
    Formula whole = truthOfNode(node, negated);
    if (whole.kind != FormulaKind::Unknown)
      formula = std::move(whole);
  }
  predicates[key] = formula;
  return formula;
}

/// A truth of the launch or of one side, whatever made it: 1 - x <= 0, or x <= 0.
Formula NodeReader::truthOfNode(const Node *node, bool negated) {
  Parsed form = numberOf(node);
  if (!form)
    return unknownFormula();
  return algebra.atMostZero(negated ? *form : combine(constantForm(1), *form, -1));
}

Formula NodeReader::readPredicate(const Node *node, bool negated) {
  if (node->kind != NodeKind::Opaque)
    return unknownFormula();
  Operation *op = node->operation;
  if (isa<arith::CmpIOp>(op))
    return node->operands[0]->type.isInteger(1) ? truthComparison(node, negated)
                                                : comparison(node, negated);
  if (isa<arith::SelectOp>(op))
    return choice(node, negated);
  if (isa<attn::LoadOp>(op))
    if (Parsed form = readLoad(node))
      return algebra.atMostZero(negated ? *form : combine(constantForm(1), *form, -1));
  if (isa<arith::TruncIOp>(op)) {
    Parsed number = read(node->operands[0]);
    Parsed bit = number ? algebra.modulo(*number, constantForm(2)) : std::nullopt;
    if (bit)
      return algebra.atMostZero(negated ? *bit : combine(constantForm(1), *bit, -1));
  }
  return readLogic(node, negated);
}

Formula NodeReader::readLogic(const Node *node, bool negated) {
  Operation *op = node->operation;
  auto both = [&](bool isAnd) {
    std::vector<Formula> parts;
    for (const Node *operand : node->operands)
      parts.push_back(predicate(operand, negated));
    return algebra.join(isAnd != negated ? FormulaKind::And : FormulaKind::Or, std::move(parts));
  };
  if (isa<arith::AndIOp, arith::MulIOp, arith::MinUIOp, arith::MaxSIOp>(op))
    return both(true);
  if (isa<arith::OrIOp, arith::MaxUIOp, arith::MinSIOp>(op))
    return both(false);
  if (isa<arith::XOrIOp, arith::AddIOp, arith::SubIOp>(op))
    return differ(node->operands[0], node->operands[1], negated);
  return unknownFormula();
}

/// (a and not b) or (not a and b), or its negation. Long ones as numbers: a + b == 1.
Formula NodeReader::differ(const Node *left, const Node *right, bool negated) {
  if (left == right)
    return truth(negated);
  Formula a = predicate(left, false), notA = predicate(left, true);
  Formula b = predicate(right, negated), notB = predicate(right, !negated);
  if (countLiterals(a) + countLiterals(b) > maxRepeatedLiterals) {
    Parsed x = truthAsNumber(left), y = truthAsNumber(right);
    Parsed difference = x && y ? algebra.add(*x, *y, -1) : std::nullopt;
    if (!difference)
      return unknownFormula();
    return negated ? algebra.equalsZero(*difference) : algebra.differsFromZero(*difference);
  }
  return algebra.join(FormulaKind::Or,
                      {algebra.join(FormulaKind::And, {std::move(a), std::move(notB)}),
                       algebra.join(FormulaKind::And, {std::move(notA), std::move(b)})});
}

/// (c and x) or (not c and y); the negation has x and y negated.
Formula NodeReader::choice(const Node *node, bool negated) {
  Formula condition = predicate(node->operands[0], false);
  Formula otherwise = predicate(node->operands[0], true);
  if (countLiterals(condition) > maxRepeatedLiterals) {
    Parsed x = truthAsNumber(node->operands[1]), y = truthAsNumber(node->operands[2]);
    Parsed chosen = x && y ? algebra.select(condition, otherwise, *x, *y) : std::nullopt;
    if (!chosen)
      return unknownFormula();
    return algebra.atMostZero(negated ? *chosen : combine(constantForm(1), *chosen, -1));
  }
  Formula first =
      algebra.join(FormulaKind::And, {std::move(condition), predicate(node->operands[1], negated)});
  Formula second =
      algebra.join(FormulaKind::And, {std::move(otherwise), predicate(node->operands[2], negated)});
  return algebra.join(FormulaKind::Or, {std::move(first), std::move(second)});
}

/// An order of truths: unsigned, false is below true; signed, true is -1.
Formula NodeReader::truthComparison(const Node *node, bool negated) {
  using Predicate = arith::CmpIPredicate;
  const Node *left = node->operands[0], *right = node->operands[1];
  Predicate kind = cast<arith::CmpIOp>(node->operation).getPredicate();
  if (negated)
    kind = arith::invertPredicate(kind);
  auto join = [&](FormulaKind joint, bool notLeft, bool notRight) {
    return algebra.join(joint, {predicate(left, notLeft), predicate(right, notRight)});
  };
  switch (kind) {
  case Predicate::eq: return differ(left, right, /*negated=*/true);
  case Predicate::ne: return differ(left, right, /*negated=*/false);
  case Predicate::ult:
  case Predicate::sgt: return join(FormulaKind::And, true, false);
  case Predicate::ugt:
  case Predicate::slt: return join(FormulaKind::And, false, true);
  case Predicate::ule:
  case Predicate::sge: return join(FormulaKind::Or, true, false);
  case Predicate::uge:
  case Predicate::sle: return join(FormulaKind::Or, false, true);
  }
  return unknownFormula();
}

Formula NodeReader::comparison(const Node *node, bool negated) {
  using Predicate = arith::CmpIPredicate;
  Parsed left = read(node->operands[0]), right = read(node->operands[1]);
  std::optional<NumberRange> leftRange = left ? rangeOf(*left) : std::nullopt;
  std::optional<NumberRange> rightRange = right ? rangeOf(*right) : std::nullopt;
  Predicate kind = cast<arith::CmpIOp>(node->operation).getPredicate();
  if (!leftRange || !rightRange)
    return unknownFormula();
  if (negated)
    kind = arith::invertPredicate(kind);
  bool isUnsigned = kind == Predicate::ult || kind == Predicate::ule || kind == Predicate::ugt ||
                    kind == Predicate::uge;
  if (isUnsigned && (leftRange->low < 0 || rightRange->low < 0))
    return unknownFormula();
  Parsed difference = algebra.add(*left, *right, -1);
  if (!difference)
    return unknownFormula();
  LinearForm below = *difference, above = combine({}, *difference, -1), one = constantForm(1);
  switch (kind) {
  case Predicate::slt:
  case Predicate::ult: return algebra.atMostZero(combine(below, one, 1));
  case Predicate::sle:
  case Predicate::ule: return algebra.atMostZero(below);
  case Predicate::sgt:
  case Predicate::ugt: return algebra.atMostZero(combine(above, one, 1));
  case Predicate::sge:
  case Predicate::uge: return algebra.atMostZero(above);
  case Predicate::eq: return algebra.equalsZero(below);
  case Predicate::ne: return algebra.differsFromZero(below);
  }
  return unknownFormula();
}
