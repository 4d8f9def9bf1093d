// SPDX-License-Identifier: Apache-2.0
// Which clauses does a formula consist of? Extrema, absolute values and choices become and/or where
// bounds are to be read off, and what quotients and remainders imply together is added.
#include "compiler/mask/FormulaImplementation.h"

using namespace attune;
using namespace attune::mask;

/// So many cases inside of each other, and so many literals, are written out.
static constexpr unsigned maxCaseDepth = 7;
static constexpr size_t maxCaseLiterals = 96;

//===--- cases --------------------------------------------------------------------------------===//

namespace {

/// An atom of a literal that is to be split. `isOuter`: a term of the literal, `coefficient` times.
struct Case {
  const Atom *atom = nullptr;
  bool isOuter = false;
  int64_t coefficient = 0;
};

class CaseSplitter {
public:
  CaseSplitter(Algebra &algebra, std::optional<Side> inverted)
      : algebra(algebra), inverted(inverted) {}

  Formula split(const Formula &formula, unsigned depth);

private:
  Formula splitLiteral(const Formula &literal, unsigned depth);
  std::optional<Case> findCase(const Formula &literal) const;
  const Atom *findInside(const LinearForm &form) const;
  bool isWanted(const Atom &atom, int sign) const;
  Formula rebuild(const Formula &literal, const Atom *atom, const LinearForm &value);
  Formula rebuildAll(const Formula &formula, const Atom *atom, const LinearForm &value);
  Parsed substitute(const LinearForm &form, const Atom *atom, const LinearForm &value);
  Parsed substituteIn(const Atom &inside, const Atom *atom, const LinearForm &value);

  Algebra &algebra;
  std::optional<Side> inverted;
  size_t literals = 0;
};

} // namespace

static bool hasCases(const Atom &atom) {
  return atom.kind == AtomKind::Maximum || atom.kind == AtomKind::Minimum ||
         atom.kind == AtomKind::Absolute || atom.kind == AtomKind::Select;
}

/// Mixed ones; and of those on the inverted side what cannot be inverted in a literal that bounds it
/// from above (sign 1), from below (-1), or by its value (0).
bool CaseSplitter::isWanted(const Atom &atom, int sign) const {
  if (!hasCases(atom))
    return false;
  if (atom.onQuery && atom.onKey)
    return true;
  if (!inverted || !(*inverted == Side::Query ? atom.onQuery : atom.onKey))
    return false;
  if (atom.kind == AtomKind::Select)
    return true;
  return sign != (atom.kind == AtomKind::Minimum ? -1 : 1);
}

/// The first mixed one in the operands, however deep.
const Atom *CaseSplitter::findInside(const LinearForm &form) const {
  for (auto &term : form.terms) {
    const Atom *atom = term.first;
    bool isInverted = inverted && (*inverted == Side::Query ? atom->onQuery : atom->onKey);
    if (!(atom->onQuery && atom->onKey) && !isInverted)
      continue;
    if (isWanted(*atom, 0))
      return atom;
    for (const LinearForm &operand : atom->operands)
      if (const Atom *inner = findInside(operand))
        return inner;
  }
  return nullptr;
}

std::optional<Case> CaseSplitter::findCase(const Formula &literal) const {
  bool isBound = literal.kind == FormulaKind::AtMostZero;
  for (auto [atom, coefficient] : literal.literal.terms)
    if (isWanted(*atom, !isBound ? 0 : coefficient > 0 ? 1 : -1))
      return Case{atom, isBound, coefficient};
  for (auto &term : literal.literal.terms) {
    // Quotients, extrema and table entries of the inverted side are inverted from outside.
    bool isMixed = term.first->onQuery && term.first->onKey;
    bool isChosen = term.first->kind == AtomKind::Quotient ||
                    term.first->kind == AtomKind::Remainder || isMixed;
    if (!isChosen)
      continue;
    for (const LinearForm &operand : term.first->operands)
      if (const Atom *inner = findInside(operand))
        return Case{inner, false, 0};
  }
  return std::nullopt;
}

Parsed CaseSplitter::substituteIn(const Atom &inside, const Atom *atom, const LinearForm &value) {
  llvm::SmallVector<LinearForm, 2> operands;
  bool hasChanged = false;
  for (const LinearForm &operand : inside.operands) {
    Parsed replaced = substitute(operand, atom, value);
    if (!replaced)
      return std::nullopt;
    hasChanged |= !(*replaced == operand);
    operands.push_back(std::move(*replaced));
  }
  if (inside.kind == AtomKind::Select) {
    Formula condition = rebuildAll(*inside.condition, atom, value);
    Formula otherwise = rebuildAll(*inside.otherwise, atom, value);
    return algebra.select(condition, otherwise, operands[0], operands[1]);
  }
  if (!hasChanged)
    return mask::ofAtom(&inside);
  switch (inside.kind) {
  case AtomKind::Quotient: return algebra.floorDivide(operands[0], operands[1]);
  case AtomKind::Remainder: return algebra.modulo(operands[0], operands[1]);
  case AtomKind::Maximum:
  case AtomKind::Minimum: return algebra.extremum(inside.kind, operands[0], operands[1]);
  case AtomKind::Absolute: return algebra.absolute(operands[0]);
  case AtomKind::Product: return algebra.multiply(operands[0], operands[1]);
  case AtomKind::BitAnd:
  case AtomKind::BitOr:
  case AtomKind::BitXor: return algebra.bitwise(inside.kind, operands[0], operands[1]);
  default: return std::nullopt;
  }
}

Parsed CaseSplitter::substitute(const LinearForm &form, const Atom *atom, const LinearForm &value) {
  Parsed result = constantForm(form.constant);
  for (auto [part, coefficient] : form.terms) {
    Parsed replaced = part == atom             ? Parsed(value)
                      : part->id < atom->id    ? Parsed(mask::ofAtom(part))
                      : part->operands.empty() ? Parsed(mask::ofAtom(part))
                                               : substituteIn(*part, atom, value);
    Parsed scaled =
        replaced ? algebra.multiply(*replaced, constantForm(coefficient)) : std::nullopt;
    result = result && scaled ? algebra.add(*result, *scaled) : std::nullopt;
    if (!result)
      return std::nullopt;
  }
  return result;
}

Formula CaseSplitter::rebuild(const Formula &literal, const Atom *atom, const LinearForm &value) {
  Parsed form = substitute(literal.literal, atom, value);
  if (!form)
    return unknownFormula();
  return literal.kind == FormulaKind::AtMostZero ? algebra.atMostZero(*form)
                                                 : algebra.equalsZero(*form);
}

Formula CaseSplitter::rebuildAll(const Formula &formula, const Atom *atom,
                                 const LinearForm &value) {
  if (formula.kind == FormulaKind::AtMostZero || formula.kind == FormulaKind::EqualsZero)
    return rebuild(formula, atom, value);
  if (formula.parts.empty())
    return formula;
  std::vector<Formula> parts;
  for (const Formula &part : formula.parts)
    parts.push_back(rebuildAll(part, atom, value));
  return algebra.join(formula.kind, std::move(parts));
}

/// max(x, y) + r <= 0 is both; -max(x, y) + r <= 0 is either; elsewhere the greater one decides.
Formula CaseSplitter::splitLiteral(const Formula &literal, unsigned depth) {
  std::optional<Case> found = findCase(literal);
  if (!found || depth == 0 || literals > maxCaseLiterals)
    return literal;
  const Atom &atom = *found->atom;
  bool isAbsolute = atom.kind == AtomKind::Absolute;
  const LinearForm &first = atom.operands[0];
  LinearForm second = isAbsolute ? combine({}, first, -1) : atom.operands[1];
  Formula withFirst = rebuild(literal, &atom, first), withSecond = rebuild(literal, &atom, second);
  if (hasUnknown(withFirst) || hasUnknown(withSecond))
    return literal;
  Formula condition, otherwise;
  bool isMaximum = isAbsolute || atom.kind == AtomKind::Maximum;
  if (atom.kind == AtomKind::Select) {
    condition = *atom.condition;
    otherwise = *atom.otherwise;
  } else if (found->isOuter) {
    bool isBoth = isMaximum == (found->coefficient > 0);
    ++literals;
    return algebra.join(isBoth ? FormulaKind::And : FormulaKind::Or,
                        {split(withFirst, depth - 1), split(withSecond, depth - 1)});
  } else {
    LinearForm difference = combine(first, second, -1), one = constantForm(1);
    LinearForm opposite = combine({}, difference, -1);
    condition = algebra.atMostZero(isMaximum ? opposite : difference);
    otherwise = algebra.atMostZero(combine(isMaximum ? difference : opposite, one, 1));
    if (hasUnknown(condition) || hasUnknown(otherwise))
      return literal;
  }
  literals += 1 + countLiterals(condition) + countLiterals(otherwise);
  auto side = [&](const Formula &when, const Formula &then) {
    return algebra.join(FormulaKind::And, {split(when, depth - 1), split(then, depth - 1)});
  };
  return algebra.join(FormulaKind::Or, {side(condition, withFirst), side(otherwise, withSecond)});
}

Formula CaseSplitter::split(const Formula &formula, unsigned depth) {
  if (formula.kind == FormulaKind::AtMostZero || formula.kind == FormulaKind::EqualsZero)
    return splitLiteral(formula, depth);
  if (formula.parts.empty())
    return formula;
  std::vector<Formula> parts;
  for (const Formula &part : formula.parts)
    parts.push_back(split(part, depth));
  return algebra.join(formula.kind, std::move(parts));
}

Formula FormulaBuilder::splitCases(const Formula &formula, std::optional<Side> inverted) {
  return CaseSplitter(implementation->algebra, inverted).split(formula, maxCaseDepth);
}

//===--- clauses ------------------------------------------------------------------------------===//

using Clauses = std::vector<std::vector<Formula>>;

/// No clause of a result is beyond `limit`, as products of clauses are formed.
static std::optional<Clauses> distribute(const Formula &formula, size_t limit) {
  if (formula.kind == FormulaKind::True)
    return Clauses{{}};
  if (formula.kind == FormulaKind::False)
    return Clauses{};
  if (formula.parts.empty())
    return Clauses{{formula}};
  Clauses all = formula.kind == FormulaKind::And ? Clauses{{}} : Clauses{};
  for (const Formula &part : formula.parts) {
    std::optional<Clauses> inner = distribute(part, limit);
    if (!inner)
      return std::nullopt;
    if (formula.kind == FormulaKind::Or) {
      all.insert(all.end(), inner->begin(), inner->end());
    } else {
      Clauses product;
      for (const auto &left : all)
        for (const auto &right : *inner) {
          product.push_back(left);
          product.back().insert(product.back().end(), right.begin(), right.end());
        }
      all = std::move(product);
    }
    if (all.size() > 8 * limit)
      return std::nullopt;
  }
  return all;
}

/// x <= y as `difference` <= 0: bounds of quotients, remainders.
namespace {
struct Difference {
  const Atom *left, *right;
  LinearForm rest; // left - right + rest <= 0
};
} // namespace

/// `form` <= 0 as left - right + rest <= 0, both of `kind` with one divisor, the rest uniform.
static std::optional<Difference> differenceOf(const LinearForm &form, AtomKind kind) {
  Difference found{nullptr, nullptr, form};
  for (auto [atom, coefficient] : form.terms) {
    if (!atom->onQuery && !atom->onKey)
      continue;
    const Atom *&place = coefficient > 0 ? found.left : found.right;
    if (atom->kind != kind || place || std::abs(coefficient) != 1)
      return std::nullopt;
    place = atom;
  }
  if (!found.left || !found.right || !(found.left->operands[1] == found.right->operands[1]))
    return std::nullopt;
  found.rest = combine(combine(form, mask::ofAtom(found.left), -1), mask::ofAtom(found.right), 1);
  return found;
}

/// The literals of a clause as forms that are at most 0.
static std::vector<LinearForm> boundsOf(const std::vector<Formula> &clause) {
  std::vector<LinearForm> bounds;
  for (const Formula &literal : clause) {
    if (literal.kind == FormulaKind::AtMostZero || literal.kind == FormulaKind::EqualsZero)
      bounds.push_back(literal.literal);
    if (literal.kind == FormulaKind::EqualsZero)
      bounds.push_back(combine({}, literal.literal, -1));
  }
  return bounds;
}

/// x - y = n (x // n - y // n) + (x % n - y % n), the last at most n - 1, or what a literal says.
static std::vector<Formula> impliedBy(Algebra &algebra, const std::vector<Formula> &clause) {
  std::vector<LinearForm> bounds = boundsOf(clause);
  std::vector<Formula> implied;
  for (const LinearForm &bound : bounds) {
    std::optional<Difference> quotients = differenceOf(bound, AtomKind::Quotient);
    if (!quotients)
      continue;
    const LinearForm &divisor = quotients->left->operands[1];
    const LinearForm &x = quotients->left->operands[0], &y = quotients->right->operands[0];
    Parsed span = algebra.add(divisor, constantForm(1), -1);
    for (const LinearForm &other : bounds) {
      std::optional<Difference> remainders = differenceOf(other, AtomKind::Remainder);
      if (remainders && remainders->left->operands == quotients->left->operands &&
          remainders->right->operands == quotients->right->operands)
        span = combine({}, remainders->rest, -1);
    }
    // x - y + n rest - span <= 0.
    Parsed difference = algebra.add(x, y, -1);
    Parsed scaled = algebra.multiply(divisor, quotients->rest);
    Parsed sum = difference && scaled ? algebra.add(*difference, *scaled) : std::nullopt;
    sum = sum && span ? algebra.add(*sum, *span, -1) : std::nullopt;
    Formula literal = sum ? algebra.atMostZero(*sum) : unknownFormula();
    if (literal.kind != FormulaKind::Unknown && literal.kind != FormulaKind::True)
      implied.push_back(std::move(literal));
  }
  return implied;
}

std::optional<Clauses> FormulaBuilder::clauses(const Formula &formula, size_t limit) {
  std::optional<Clauses> all = distribute(formula, limit);
  if (!all)
    return std::nullopt;
  Algebra &algebra = implementation->algebra;
  Clauses kept;
  for (std::vector<Formula> &clause : *all) {
    std::vector<Formula> implied = impliedBy(algebra, clause);
    clause.insert(clause.end(), implied.begin(), implied.end());
    Formula joint = algebra.join(FormulaKind::And, clause);
    if (joint.kind == FormulaKind::False)
      continue;
    if (joint.kind == FormulaKind::True)
      return Clauses{{}};
    std::vector<Formula> literals =
        joint.kind == FormulaKind::And ? joint.parts : std::vector<Formula>{joint};
    if (!llvm::is_contained(kept, literals))
      kept.push_back(std::move(literals));
  }
  return kept.size() <= limit ? std::optional(kept) : std::nullopt;
}
