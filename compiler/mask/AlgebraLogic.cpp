// SPDX-License-Identifier: Apache-2.0
// What are canonical literals, conjunctions and disjunctions?
#include "compiler/mask/Algebra.h"

#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <numeric>

using namespace attune;
using namespace attune::mask;

/// More parts than this are joined, but not compared with each other.
static constexpr size_t maxComparedParts = 64;

Formula mask::truth(bool value) {
  return Formula{value ? FormulaKind::True : FormulaKind::False, {}, {}};
}

Formula mask::unknownFormula() { return Formula{FormulaKind::Unknown, {}, {}}; }

bool Formula::operator==(const Formula &other) const {
  return kind == other.kind && literal == other.literal && parts == other.parts;
}

bool mask::hasUnknown(const Formula &formula) {
  return formula.kind == FormulaKind::Unknown || llvm::any_of(formula.parts, hasUnknown);
}

size_t mask::countLiterals(const Formula &formula) {
  size_t count = formula.parts.empty();
  for (const Formula &part : formula.parts)
    count += countLiterals(part);
  return count;
}

bool mask::isBefore(const Formula &left, const Formula &right) {
  if (left.kind != right.kind)
    return left.kind < right.kind;
  if (!(left.literal == right.literal))
    return isBefore(left.literal, right.literal);
  return std::lexicographical_compare(
      left.parts.begin(), left.parts.end(), right.parts.begin(), right.parts.end(),
      [](const Formula &a, const Formula &b) { return isBefore(a, b); });
}

//===--- literals -----------------------------------------------------------------------------===//

static int64_t gcdOfTerms(const LinearForm &form) {
  int64_t divisor = 0;
  for (auto &term : form.terms)
    divisor = std::gcd(divisor, term.second);
  return divisor;
}

/// (f(i) + g(j)) % n is 0 where f(i) % n is -g(j) % n: their difference, each on one side.
Parsed Algebra::congruence(const LinearForm &remainder) {
  if (remainder.constant != 0 || remainder.terms.size() != 1 || remainder.terms[0].second != 1)
    return std::nullopt;
  const Atom &atom = *remainder.terms[0].first;
  if (atom.kind != AtomKind::Remainder || !atom.onQuery || !atom.onKey)
    return std::nullopt;
  LinearForm query = constantForm(atom.operands[0].constant), key;
  for (auto [part, coefficient] : atom.operands[0].terms) {
    if (part->onQuery && part->onKey)
      return std::nullopt;
    if (part->onKey)
      key.terms.push_back({part, -coefficient});
    else
      query.terms.push_back({part, coefficient});
  }
  Parsed left = modulo(query, atom.operands[1]), right = modulo(key, atom.operands[1]);
  return left && right ? add(*left, *right, -1) : std::nullopt;
}

/// x // n + u <= 0 is x <= n (-u) + n - 1; u <= x // n is n u <= x.
Parsed Algebra::boundOfDividend(const LinearForm &form) {
  std::pair<const Atom *, int64_t> found = {nullptr, 0};
  for (auto term : form.terms) {
    if (!term.first->onQuery && !term.first->onKey)
      continue;
    if (found.first || term.first->kind != AtomKind::Quotient || std::abs(term.second) != 1)
      return std::nullopt;
    found = term;
  }
  if (!found.first)
    return std::nullopt;
  const LinearForm &dividend = found.first->operands[0], &divisor = found.first->operands[1];
  Parsed scaled = multiply(divisor, combine(form, mask::ofAtom(found.first, found.second), -1));
  if (!scaled)
    return std::nullopt;
  if (found.second < 0)
    return add(*scaled, dividend, -1);
  Parsed sum = add(*scaled, dividend);
  sum = sum ? add(*sum, divisor, -1) : std::nullopt;
  return sum ? add(*sum, constantForm(1)) : std::nullopt;
}

Formula Algebra::atMostZero(LinearForm form) {
  std::optional<NumberRange> range = rangeOf(form);
  if (!range)
    return unknownFormula();
  if (range->high <= 0 || range->low > 0)
    return truth(range->high <= 0);
  // sum + c <= 0 with all coefficients multiples of d is sum / d <= floor(-c / d).
  int64_t divisor = gcdOfTerms(form);
  for (auto &term : form.terms)
    term.second /= divisor;
  form.constant = -llvm::divideFloorSigned(-form.constant, divisor);
  // A remainder is at most 0 where it is 0, at least 1 where it is not.
  if (congruence(form))
    return equalsZero(std::move(form));
  if (Parsed difference = congruence(combine(constantForm(1), form, -1)))
    return differsFromZero(*difference);
  if (Parsed bound = boundOfDividend(form))
    return atMostZero(std::move(*bound));
  return Formula{FormulaKind::AtMostZero, std::move(form), {}};
}

/// `form` == 0 with coefficients that have no common divisor, the first one positive; or its truth.
Formula Algebra::reduceEquality(LinearForm form) {
  std::optional<NumberRange> range = rangeOf(form);
  if (!range)
    return unknownFormula();
  if (range->low > 0 || range->high < 0)
    return truth(false);
  if (isConstant(form))
    return truth(true);
  int64_t divisor = gcdOfTerms(form);
  if (form.constant % divisor != 0)
    return truth(false);
  if (form.terms[0].second < 0)
    divisor = -divisor;
  form.constant /= divisor;
  for (auto &term : form.terms)
    term.second /= divisor;
  if (Parsed difference = congruence(form))
    return reduceEquality(std::move(*difference));
  return Formula{FormulaKind::EqualsZero, std::move(form), {}};
}

Formula Algebra::equalsZero(LinearForm form) {
  Formula equal = reduceEquality(std::move(form));
  if (equal.kind != FormulaKind::EqualsZero || !boundOfDividend(equal.literal))
    return equal;
  // A quotient has one value where its dividend lies between two bounds.
  LinearForm opposite = combine({}, equal.literal, -1);
  return join(FormulaKind::And,
              {atMostZero(std::move(equal.literal)), atMostZero(std::move(opposite))});
}

/// x + 1 <= 0 or 1 - x <= 0, of the divided literal.
Formula Algebra::differsFromZero(const LinearForm &form) {
  Formula equal = reduceEquality(form);
  if (equal.kind != FormulaKind::EqualsZero)
    return equal.kind == FormulaKind::Unknown ? equal : truth(equal.kind == FormulaKind::False);
  LinearForm one = constantForm(1);
  return join(FormulaKind::Or, {atMostZero(combine(equal.literal, one, 1)),
                                atMostZero(combine(one, equal.literal, -1))});
}

//===--- pairs of literals --------------------------------------------------------------------===//

/// A literal as a set of values of x, its terms with the first coefficient positive.
namespace {
struct ValueSet {
  LinearForm terms;
  __int128 low, high;
};
} // namespace

static constexpr __int128 infinite = __int128(1) << 100;

static std::optional<ValueSet> valuesOf(const Formula &literal) {
  bool isBound = literal.kind == FormulaKind::AtMostZero;
  if (!isBound && literal.kind != FormulaKind::EqualsZero)
    return std::nullopt;
  ValueSet set{literal.literal, -infinite, infinite};
  __int128 bound = -__int128(literal.literal.constant);
  set.terms.constant = 0;
  bool isPositive = set.terms.terms[0].second > 0;
  if (!isPositive) {
    set.terms = combine({}, set.terms, -1);
    bound = -bound;
  }
  if (!isBound)
    set.low = set.high = bound;
  else
    (isPositive ? set.high : set.low) = bound;
  return set;
}

static Formula literalOf(const ValueSet &set, Algebra &algebra) {
  LinearForm form = set.terms;
  if (set.low == set.high) {
    form.constant = -int64_t(set.low);
    return algebra.equalsZero(std::move(form));
  }
  if (set.low == -infinite) {
    form.constant = -int64_t(set.high);
    return algebra.atMostZero(std::move(form));
  }
  form = combine({}, form, -1);
  form.constant = int64_t(set.low);
  return algebra.atMostZero(std::move(form));
}

static bool isSubset(const ValueSet &inner, const ValueSet &outer) {
  return outer.low <= inner.low && inner.high <= outer.high;
}
static bool isDisjoint(const ValueSet &a, const ValueSet &b) {
  return a.high < b.low || b.high < a.low;
}
/// Do they cover all numbers, together?
static bool isCover(const ValueSet &a, const ValueSet &b) {
  auto covers = [](const ValueSet &below, const ValueSet &above) {
    return below.low == -infinite && above.high == infinite && below.high + 1 >= above.low;
  };
  return covers(a, b) || covers(b, a);
}

/// Two literals as one: nothing where they stay two.
static std::optional<Formula> merge(FormulaKind kind, const Formula &left, const Formula &right,
                                    Algebra &algebra) {
  std::optional<ValueSet> a = valuesOf(left), b = valuesOf(right);
  if (!a || !b || !(a->terms == b->terms))
    return std::nullopt;
  if (kind == FormulaKind::And) {
    if (isDisjoint(*a, *b))
      return truth(false);
    ValueSet both{a->terms, std::max(a->low, b->low), std::min(a->high, b->high)};
    bool isOne = both.low == -infinite || both.high == infinite || both.low == both.high;
    return isOne ? std::optional(literalOf(both, algebra)) : std::nullopt;
  }
  if (isCover(*a, *b))
    return truth(true);
  if (a->high + 1 < b->low || b->high + 1 < a->low)
    return std::nullopt;
  ValueSet both{a->terms, std::min(a->low, b->low), std::max(a->high, b->high)};
  bool isOne = both.low == -infinite || both.high == infinite || both.low == both.high;
  return isOne ? std::optional(literalOf(both, algebra)) : std::nullopt;
}

//===--- conjunctions and disjunctions --------------------------------------------------------===//

/// What a literal says of a part of the opposite kind: in `l and (.. or p or ..)` the part holds if l
/// implies p, and p falls if l excludes it; dually for `l or (.. and p and ..)`.
static bool absorbs(FormulaKind kind, const Formula &literal, const Formula &inner) {
  std::optional<ValueSet> a = valuesOf(literal), b = valuesOf(inner);
  if (!a || !b || !(a->terms == b->terms))
    return false;
  return kind == FormulaKind::And ? isSubset(*a, *b) : isSubset(*b, *a);
}
static bool removes(FormulaKind kind, const Formula &literal, const Formula &inner) {
  std::optional<ValueSet> a = valuesOf(literal), b = valuesOf(inner);
  if (!a || !b || !(a->terms == b->terms))
    return false;
  return kind == FormulaKind::And ? isDisjoint(*a, *b) : isCover(*a, *b);
}

/// Simplifies parts of the opposite kind by the literals beside them; has anything changed?
static bool simplifyNested(FormulaKind kind, std::vector<Formula> &parts, Algebra &algebra) {
  FormulaKind opposite = kind == FormulaKind::And ? FormulaKind::Or : FormulaKind::And;
  for (size_t index = 0; index < parts.size(); ++index) {
    if (parts[index].kind != opposite)
      continue;
    for (size_t other = 0; other < parts.size(); ++other) {
      const Formula literal = parts[other];
      if (!valuesOf(literal))
        continue;
      if (llvm::any_of(parts[index].parts,
                       [&](const Formula &inner) { return absorbs(kind, literal, inner); })) {
        parts.erase(parts.begin() + index);
        return true;
      }
      std::vector<Formula> kept;
      for (const Formula &inner : parts[index].parts)
        if (!removes(kind, literal, inner))
          kept.push_back(inner);
      if (kept.size() == parts[index].parts.size())
        continue;
      parts[index] = algebra.join(opposite, std::move(kept));
      return true;
    }
  }
  return false;
}

/// Merges two literals that become one; has anything changed?
static bool mergeLiterals(FormulaKind kind, std::vector<Formula> &parts, Algebra &algebra) {
  for (size_t a = 0; a < parts.size(); ++a)
    for (size_t b = a + 1; b < parts.size(); ++b) {
      std::optional<Formula> merged = merge(kind, parts[a], parts[b], algebra);
      if (!merged)
        continue;
      parts[a] = std::move(*merged);
      parts.erase(parts.begin() + b);
      return true;
    }
  return false;
}

/// Sets `parts` to its flat list without neutral parts; an absorbing part is all there is.
static void flatten(FormulaKind kind, std::vector<Formula> &parts) {
  FormulaKind neutral = kind == FormulaKind::And ? FormulaKind::True : FormulaKind::False;
  FormulaKind absorbing = kind == FormulaKind::And ? FormulaKind::False : FormulaKind::True;
  std::vector<Formula> flat;
  for (Formula &part : parts) {
    if (part.kind == absorbing) {
      parts = {truth(kind == FormulaKind::Or)};
      return;
    }
    if (part.kind == neutral)
      continue;
    if (part.kind == kind)
      std::move(part.parts.begin(), part.parts.end(), std::back_inserter(flat));
    else
      flat.push_back(std::move(part));
  }
  llvm::sort(flat, [](const Formula &a, const Formula &b) { return isBefore(a, b); });
  flat.erase(std::unique(flat.begin(), flat.end()), flat.end());
  parts = std::move(flat);
}

Formula Algebra::join(FormulaKind kind, std::vector<Formula> parts) {
  bool hasChanged = true;
  while (hasChanged) {
    flatten(kind, parts);
    hasChanged = parts.size() > 1 && parts.size() <= maxComparedParts &&
                 (mergeLiterals(kind, parts, *this) || simplifyNested(kind, parts, *this));
  }
  if (parts.empty())
    return truth(kind == FormulaKind::And);
  if (parts.size() == 1)
    return std::move(parts.front());
  return Formula{kind, {}, std::move(parts)};
}
