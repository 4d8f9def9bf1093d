// SPDX-License-Identifier: Apache-2.0
// How are atoms shared, and what are sums and products of linear forms?
#include "compiler/mask/Algebra.h"

#include "llvm/ADT/Hashing.h"
#include <algorithm>
#include <numeric>

using namespace attune;
using namespace attune::mask;

/// Longer products of sums are not written out.
static constexpr size_t maxExpandedTerms = 16;

//===--- atoms --------------------------------------------------------------------------------===//

static llvm::hash_code hashForm(const LinearForm &form) {
  llvm::hash_code code = llvm::hash_value(form.constant);
  for (auto [atom, coefficient] : form.terms)
    code = llvm::hash_combine(code, atom->id, coefficient);
  return code;
}

static bool isSame(const std::shared_ptr<const Formula> &a,
                   const std::shared_ptr<const Formula> &b) {
  return a == b || (a && b && *a == *b);
}

/// One that is found by its operands is the same whichever node reads it.
static bool isSame(const Atom &a, const Atom &b) {
  return a.kind == b.kind && a.side == b.side && a.dim == b.dim && a.node == b.node &&
         a.operands == b.operands && isSame(a.condition, b.condition);
}

static void inherit(Atom &atom, const LinearForm &operand) {
  for (auto &term : operand.terms) {
    atom.onQuery |= term.first->onQuery;
    atom.onKey |= term.first->onKey;
    atom.readsMemory |= term.first->readsMemory;
  }
}

static void inherit(Atom &atom, const Formula &condition) {
  inherit(atom, condition.literal);
  for (const Formula &part : condition.parts)
    inherit(atom, part);
}

unsigned Algebra::weightOf(const LinearForm &form) const {
  unsigned weight = 0;
  for (auto &term : form.terms)
    weight = std::min(weight + weights[term.first->id], maxWeight + 1);
  return weight;
}

unsigned Algebra::weightOf(const Formula &formula) const {
  unsigned weight = weightOf(formula.literal);
  for (const Formula &part : formula.parts)
    weight = std::min(weight + weightOf(part), maxWeight + 1);
  return weight;
}

LinearForm Algebra::ofAtom(Atom atom) {
  if (atom.low == atom.high)
    return constantForm(atom.low);
  llvm::hash_code code = llvm::hash_combine(unsigned(atom.kind), unsigned(atom.side), atom.dim,
                                            atom.node ? atom.node->id : 0);
  for (const LinearForm &operand : atom.operands)
    code = llvm::hash_combine(code, hashForm(operand));
  auto &bucket = known[uint64_t(size_t(code))];
  for (const Atom *other : bucket)
    if (isSame(*other, atom))
      return mask::ofAtom(other);
  atom.id = atoms.size();
  for (const LinearForm &operand : atom.operands)
    inherit(atom, operand);
  if (atom.condition)
    inherit(atom, *atom.condition);
  unsigned weight = 1 + (atom.condition ? weightOf(*atom.condition) : 0);
  for (const LinearForm &operand : atom.operands)
    weight = std::min(weight + weightOf(operand), maxWeight + 1);
  weights.push_back(weight);
  atoms.push_back(std::make_unique<Atom>(std::move(atom)));
  bucket.push_back(atoms.back().get());
  return mask::ofAtom(atoms.back().get());
}

static void placeOn(Atom &atom, Side side) {
  atom.side = side;
  (side == Side::Query ? atom.onQuery : atom.onKey) = true;
}

LinearForm Algebra::token(Side side, std::optional<LinearForm> length) {
  Atom atom;
  atom.kind = AtomKind::Token;
  placeOn(atom, side);
  if (length)
    atom.operands = {*length};
  atom.high = lengthLimit - 2;
  return ofAtom(std::move(atom));
}

LinearForm Algebra::coordinate(Side side, unsigned dim, LinearForm extent, LinearForm stride) {
  Atom atom;
  atom.kind = AtomKind::Coordinate;
  placeOn(atom, side);
  atom.dim = dim;
  std::optional<NumberRange> range = rangeOf(extent);
  atom.high =
      std::max<int64_t>(0, std::min(range ? range->high : lengthLimit, lengthLimit - 1) - 1);
  atom.operands = {std::move(extent), std::move(stride)};
  return ofAtom(std::move(atom));
}

LinearForm Algebra::uniform(const Node *node, NumberRange range) {
  Atom atom;
  atom.node = node;
  atom.low = range.low;
  atom.high = range.high;
  return ofAtom(std::move(atom));
}

LinearForm Algebra::oneSided(const Node *node, Side side, NumberRange range, Parsed index,
                             bool isSorted) {
  Atom atom;
  atom.kind = AtomKind::OneSided;
  placeOn(atom, side);
  atom.node = node;
  atom.readsMemory = true;
  atom.isSorted = isSorted && index;
  atom.low = range.low;
  atom.high = range.high;
  if (index)
    atom.operands = {*index};
  return ofAtom(std::move(atom));
}

//===--- sums ---------------------------------------------------------------------------------===//

static Parsed fitting(LinearForm form) {
  return rangeOf(form) ? Parsed(std::move(form)) : std::nullopt;
}

Parsed Algebra::add(const LinearForm &left, const LinearForm &right, int64_t factor) {
  Parsed scaled = factor == 1 || factor == -1 ? Parsed(right) : scale(right, factor);
  if (!scaled)
    return std::nullopt;
  Parsed sum = fitting(combine(left, *scaled, factor == -1 ? -1 : 1));
  return sum ? tidy(std::move(*sum)) : std::nullopt;
}

Parsed Algebra::scale(const LinearForm &form, int64_t factor) const {
  __int128 magnitude = form.constant < 0 ? -__int128(form.constant) : form.constant;
  for (auto [atom, coefficient] : form.terms)
    magnitude +=
        __int128(std::abs(coefficient)) * std::max(std::abs(atom->low), std::abs(atom->high));
  if (magnitude * (factor < 0 ? -__int128(factor) : factor) > valueLimit)
    return std::nullopt;
  return combine({}, form, factor);
}

//===--- products -----------------------------------------------------------------------------===//

/// A factor that is an atom, or a sum (of a product that was not written out).
static bool isAtom(const LinearForm &form) {
  return form.constant == 0 && form.terms.size() == 1 && form.terms[0].second == 1;
}

std::vector<LinearForm> Algebra::factorsOf(const Atom *atom) {
  if (atom->kind != AtomKind::Product)
    return {mask::ofAtom(atom)};
  std::vector<LinearForm> factors;
  for (const LinearForm &operand : atom->operands) {
    if (!isAtom(operand)) {
      factors.push_back(operand);
      continue;
    }
    std::vector<LinearForm> inner = factorsOf(operand.terms[0].first);
    factors.insert(factors.end(), inner.begin(), inner.end());
  }
  llvm::sort(factors, [](auto &a, auto &b) { return isBefore(a, b); });
  return factors;
}

/// The factor common to all coefficients and the constant; negative if the first coefficient is.
static int64_t contentOf(const LinearForm &form) {
  int64_t content = std::abs(form.constant);
  for (auto &term : form.terms)
    content = std::gcd(content, term.second);
  return !form.terms.empty() && form.terms[0].second < 0 ? -content : content;
}

static LinearForm divideExactly(LinearForm form, int64_t divisor) {
  form.constant /= divisor;
  for (auto &term : form.terms)
    term.second /= divisor;
  return form;
}

Algebra::Monomial Algebra::monomialOf(const LinearForm &form) {
  Monomial monomial;
  if (isConstant(form)) {
    monomial.coefficient = form.constant;
    return monomial;
  }
  monomial.coefficient = contentOf(form);
  if (form.terms.size() == 1 && form.constant == 0)
    monomial.factors = factorsOf(form.terms[0].first);
  else
    monomial.factors = {divideExactly(form, monomial.coefficient)};
  return monomial;
}

void Algebra::bound(llvm::ArrayRef<LinearForm> product, NumberRange range) {
  Monomial all;
  for (const LinearForm &form : product) {
    Monomial part = monomialOf(form);
    if (part.coefficient != 1 && !isConstant(form))
      return;
    all.factors.insert(all.factors.end(), part.factors.begin(), part.factors.end());
  }
  if (all.factors.size() < 2)
    return;
  llvm::sort(all.factors, [](auto &a, auto &b) { return isBefore(a, b); });
  bounds.push_back({std::move(all.factors), range});
}

static std::optional<NumberRange> multiplyRanges(NumberRange a, NumberRange b) {
  __int128 corners[] = {__int128(a.low) * b.low, __int128(a.low) * b.high, __int128(a.high) * b.low,
                        __int128(a.high) * b.high};
  __int128 low = *std::min_element(corners, corners + 4);
  __int128 high = *std::max_element(corners, corners + 4);
  if (low < -valueLimit || high > valueLimit)
    return std::nullopt;
  return NumberRange{int64_t(low), int64_t(high)};
}

/// n * (x // n), n >= 1, lies between x - (n - 1) and x.
static std::optional<NumberRange> rangeOfMultiple(llvm::ArrayRef<LinearForm> factors) {
  for (const LinearForm &factor : factors) {
    if (!isAtom(factor) || factor.terms[0].first->kind != AtomKind::Quotient)
      continue;
    const Atom *quotient = factor.terms[0].first;
    const LinearForm &divisor = quotient->operands[1];
    bool isMatch = factors.size() == 2 && (factors[0] == divisor || factors[1] == divisor);
    std::optional<NumberRange> dividend = rangeOf(quotient->operands[0]), size = rangeOf(divisor);
    if (!isMatch || !dividend || !size)
      continue;
    int64_t low = dividend->low >= 0 ? 0 : dividend->low - (std::max<int64_t>(size->high, 1) - 1);
    return NumberRange{low, dividend->high};
  }
  return std::nullopt;
}

std::optional<NumberRange> Algebra::rangeOfProduct(llvm::ArrayRef<LinearForm> factors) const {
  for (auto &[product, range] : bounds)
    if (llvm::ArrayRef<LinearForm>(product) == factors)
      return range;
  if (std::optional<NumberRange> range = rangeOfMultiple(factors))
    return range;
  std::optional<NumberRange> range = NumberRange{1, 1};
  for (size_t index = 0; range && index < factors.size(); ++index) {
    std::optional<NumberRange> factor = rangeOf(factors[index]);
    if (!factor)
      return std::nullopt;
    bool isSquare = index + 1 < factors.size() && factors[index] == factors[index + 1];
    if (isSquare) {
      std::optional<NumberRange> square = multiplyRanges(*factor, *factor);
      if (!square)
        return std::nullopt;
      square->low = factor->low <= 0 && factor->high >= 0 ? 0 : std::max<int64_t>(square->low, 0);
      range = multiplyRanges(*range, *square);
      ++index;
      continue;
    }
    range = multiplyRanges(*range, *factor);
  }
  return range;
}

/// (((f0 f1) f2) ...), factors in order.
Parsed Algebra::ofMonomial(Monomial monomial) {
  if (monomial.factors.empty() || monomial.coefficient == 0)
    return fitting(constantForm(monomial.coefficient));
  llvm::sort(monomial.factors, [](auto &a, auto &b) { return isBefore(a, b); });
  LinearForm form = monomial.factors[0];
  for (size_t count = 2; count <= monomial.factors.size(); ++count) {
    llvm::ArrayRef<LinearForm> factors = llvm::ArrayRef(monomial.factors).take_front(count);
    std::optional<NumberRange> range = rangeOfProduct(factors);
    if (!range)
      return std::nullopt;
    Atom atom;
    atom.kind = AtomKind::Product;
    atom.low = range->low;
    atom.high = range->high;
    atom.operands = {form, factors.back()};
    form = ofAtom(std::move(atom));
  }
  return scale(form, monomial.coefficient);
}

/// The product of two forms that are not constant.
Parsed Algebra::product(const LinearForm &left, const LinearForm &right) {
  Monomial a = monomialOf(left), b = monomialOf(right);
  __int128 coefficient = __int128(a.coefficient) * b.coefficient;
  if (coefficient > valueLimit || coefficient < -valueLimit)
    return std::nullopt;
  a.coefficient = int64_t(coefficient);
  a.factors.insert(a.factors.end(), b.factors.begin(), b.factors.end());
  return ofMonomial(std::move(a));
}

/// A uniform factor multiplies each term of the other, so that each varying atom still occurs once;
/// sums of uniform terms are written out.
Parsed Algebra::expand(const LinearForm &left, const LinearForm &right) {
  if (isConstant(left) || isConstant(right))
    return scale(isConstant(left) ? right : left, (isConstant(left) ? left : right).constant);
  bool isFirst = isUniform(left);
  const LinearForm &factor = isFirst ? left : right, &other = isFirst ? right : left;
  if (!isUniform(factor) || other.terms.size() > maxExpandedTerms)
    return product(left, right);
  Parsed sum = scale(factor, other.constant);
  for (auto [atom, coefficient] : other.terms) {
    LinearForm term = mask::ofAtom(atom, coefficient);
    bool isWritten = isUniform(term) && factor.terms.size() <= maxExpandedTerms;
    Parsed part = isWritten ? Parsed(LinearForm()) : product(factor, term);
    if (isWritten && factor.constant != 0)
      part = scale(term, factor.constant);
    for (size_t index = 0; isWritten && part && index < factor.terms.size(); ++index) {
      auto [inner, count] = factor.terms[index];
      Parsed one = product(mask::ofAtom(inner, count), term);
      part = one ? fitting(combine(*part, *one, 1)) : std::nullopt;
    }
    sum = sum && part ? fitting(combine(*sum, *part, 1)) : std::nullopt;
  }
  return sum ? sum : product(left, right);
}

Parsed Algebra::multiply(const LinearForm &left, const LinearForm &right) {
  Parsed result = expand(left, right);
  return result ? tidy(std::move(*result)) : std::nullopt;
}
