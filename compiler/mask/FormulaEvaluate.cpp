// SPDX-License-Identifier: Apache-2.0
// Does a formula hold at one pair?
#include "compiler/mask/Formula.h"

#include "llvm/Support/MathExtras.h"
#include <algorithm>

using namespace attune;
using namespace attune::mask;

namespace {

/// Atoms that occur several times in a formula are evaluated several times: formulas are small.
class PairEvaluator {
public:
  using Number = std::optional<int64_t>;

  PairEvaluator(int64_t query, int64_t key, const Environment &environment)
      : query(query), key(key), environment(environment) {}

  std::optional<bool> holds(const Formula &formula) const;
  Number evaluate(const LinearForm &form) const;

private:
  Number evaluate(const Atom &atom) const;
  Number coordinate(const Atom &atom) const;
  Number combine(AtomKind kind, int64_t a, int64_t b) const;
  std::optional<bool> joint(const Formula &formula) const;
  int64_t token(Side side) const { return side == Side::Query ? query : key; }

  int64_t query, key;
  const Environment &environment;
};

} // namespace

PairEvaluator::Number PairEvaluator::evaluate(const LinearForm &form) const {
  __int128 sum = form.constant;
  for (auto [atom, coefficient] : form.terms) {
    Number value = evaluate(*atom);
    if (!value)
      return std::nullopt;
    sum += __int128(coefficient) * *value;
  }
  return int64_t(sum);
}

PairEvaluator::Number PairEvaluator::coordinate(const Atom &atom) const {
  Number extent = evaluate(atom.operands[0]), stride = evaluate(atom.operands[1]);
  if (!extent || !stride || *extent < 1 || *stride < 1)
    return std::nullopt;
  return token(atom.side) / *stride % *extent;
}

PairEvaluator::Number PairEvaluator::combine(AtomKind kind, int64_t a, int64_t b) const {
  switch (kind) {
  case AtomKind::Quotient:
  case AtomKind::Remainder: {
    if (b < 1)
      return std::nullopt;
    int64_t quotient = llvm::divideFloorSigned(a, b);
    return kind == AtomKind::Quotient ? quotient : a - b * quotient;
  }
  case AtomKind::Maximum: return std::max(a, b);
  case AtomKind::Minimum: return std::min(a, b);
  case AtomKind::Product: return a * b;
  case AtomKind::BitAnd: return a & b;
  case AtomKind::BitOr: return a | b;
  case AtomKind::BitXor: return a ^ b;
  default: return std::nullopt;
  }
}

PairEvaluator::Number PairEvaluator::evaluate(const Atom &atom) const {
  switch (atom.kind) {
  case AtomKind::Token: return token(atom.side);
  case AtomKind::Coordinate: return coordinate(atom);
  case AtomKind::Uniform: return environment.uniform(atom.node);
  case AtomKind::OneSided: return environment.at(atom.node, atom.side, token(atom.side));
  case AtomKind::Absolute: {
    Number value = evaluate(atom.operands[0]);
    return value ? Number(std::abs(*value)) : std::nullopt;
  }
  case AtomKind::Select: {
    std::optional<bool> condition = holds(*atom.condition);
    return condition ? evaluate(atom.operands[*condition ? 0 : 1]) : std::nullopt;
  }
  default: break;
  }
  Number a = evaluate(atom.operands[0]), b = evaluate(atom.operands[1]);
  return a && b ? combine(atom.kind, *a, *b) : std::nullopt;
}

/// A part that decides does so whatever the others are.
std::optional<bool> PairEvaluator::joint(const Formula &formula) const {
  bool decides = formula.kind == FormulaKind::Or;
  bool isKnown = true;
  for (const Formula &part : formula.parts) {
    std::optional<bool> value = holds(part);
    if (value == decides)
      return decides;
    isKnown &= value.has_value();
  }
  return isKnown ? std::optional(!decides) : std::nullopt;
}

std::optional<bool> PairEvaluator::holds(const Formula &formula) const {
  switch (formula.kind) {
  case FormulaKind::True: return true;
  case FormulaKind::False: return false;
  case FormulaKind::Unknown: return std::nullopt;
  case FormulaKind::And:
  case FormulaKind::Or: return joint(formula);
  default: break;
  }
  Number value = evaluate(formula.literal);
  if (!value)
    return std::nullopt;
  return formula.kind == FormulaKind::AtMostZero ? *value <= 0 : *value == 0;
}

std::optional<bool> mask::holds(const Formula &formula, int64_t query, int64_t key,
                                const Environment &environment) {
  return PairEvaluator(query, key, environment).holds(formula);
}

std::optional<int64_t> mask::evaluate(const LinearForm &form, int64_t query, int64_t key,
                                      const Environment &environment) {
  return PairEvaluator(query, key, environment).evaluate(form);
}
