// SPDX-License-Identifier: Apache-2.0
// What are canonical quotients and remainders? Whole multiples of the divisor leave the dividend, common
// factors are divided out, nested quotients become one, and what provably lies in one row is no
// quotient.
#include "compiler/mask/Algebra.h"

#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <numeric>

using namespace attune;
using namespace attune::mask;

static Parsed fitting(LinearForm form) {
  return rangeOf(form) ? Parsed(std::move(form)) : std::nullopt;
}

static bool isAtom(const LinearForm &form) {
  return form.constant == 0 && form.terms.size() == 1 && form.terms[0].second == 1;
}

//===--- multiples ----------------------------------------------------------------------------===//

std::optional<LinearForm> Algebra::divideTerm(std::pair<const Atom *, int64_t> term,
                                              const Monomial &divisor) {
  if (term.second % divisor.coefficient != 0)
    return std::nullopt;
  if (divisor.factors.empty())
    return mask::ofAtom(term.first, term.second / divisor.coefficient);
  Monomial multiple;
  multiple.coefficient = term.second / divisor.coefficient;
  multiple.factors = factorsOf(term.first);
  for (const LinearForm &factor : divisor.factors) {
    auto *place = llvm::find(multiple.factors, factor) == multiple.factors.end()
                      ? nullptr
                      : &*llvm::find(multiple.factors, factor);
    if (!place)
      return std::nullopt;
    multiple.factors.erase(multiple.factors.begin() + (place - multiple.factors.data()));
  }
  return ofMonomial(std::move(multiple));
}

/// A divisor that is a sum is also found written out: its terms, all with one multiple.
static std::optional<int64_t> multipleInside(const LinearForm &form, const LinearForm &divisor) {
  std::optional<int64_t> multiple;
  for (auto [atom, coefficient] : divisor.terms) {
    const auto *found = llvm::find_if(form.terms, [&](auto &term) { return term.first == atom; });
    if (found == form.terms.end() || found->second % coefficient != 0)
      return std::nullopt;
    int64_t ratio = found->second / coefficient;
    if (multiple && *multiple != ratio)
      return std::nullopt;
    multiple = ratio;
  }
  return multiple;
}

std::optional<Algebra::Split> Algebra::split(const LinearForm &form, const LinearForm &divisor) {
  Split result;
  Monomial monomial = monomialOf(divisor);
  if (monomial.coefficient == 0)
    return std::nullopt;
  result.rest.constant = form.constant;
  if (isConstant(divisor)) {
    result.multiple.constant = llvm::divideFloorSigned(form.constant, divisor.constant);
    result.rest.constant -= divisor.constant * result.multiple.constant;
  }
  for (auto term : form.terms) {
    std::optional<LinearForm> multiple = divideTerm(term, monomial);
    Parsed sum = multiple ? fitting(combine(result.multiple, *multiple, 1)) : std::nullopt;
    if (sum)
      result.multiple = *sum;
    else
      result.rest.terms.push_back(term);
  }
  if (divisor.terms.size() > 1 || (divisor.terms.size() == 1 && divisor.constant != 0))
    if (std::optional<int64_t> multiple = multipleInside(result.rest, divisor)) {
      result.multiple.constant += *multiple;
      result.rest = combine(result.rest, divisor, -*multiple);
    }
  if (!rangeOf(result.multiple) || !rangeOf(result.rest))
    return std::nullopt;
  return result;
}

/// first * second = divisor, first not 1: constants that divide coefficients of the dividend, and
/// products of some of the divisor's factors.
std::vector<std::pair<LinearForm, LinearForm>> Algebra::factorings(const LinearForm &divisor,
                                                                   const LinearForm &dividend) {
  std::vector<std::pair<LinearForm, LinearForm>> result;
  Monomial whole = monomialOf(divisor);
  constexpr size_t maxFactors = 4;
  size_t subsets = size_t(1) << std::min(whole.factors.size(), maxFactors);
  std::vector<int64_t> constants = {1, whole.coefficient};
  for (auto &term : dividend.terms)
    constants.push_back(std::gcd(whole.coefficient, term.second));
  llvm::sort(constants, std::greater<>());
  constants.erase(std::unique(constants.begin(), constants.end()), constants.end());
  for (size_t subset = subsets; subset-- > 0;)
    for (int64_t constant : constants) {
      Monomial first, second;
      first.coefficient = constant;
      second.coefficient = whole.coefficient / constant;
      for (size_t index = 0; index < whole.factors.size(); ++index)
        (index < maxFactors && (subset >> index & 1) ? first : second)
            .factors.push_back(whole.factors[index]);
      bool isTrivial = (first.coefficient == 1 && first.factors.empty()) ||
                       (second.coefficient == 1 && second.factors.empty());
      Parsed one = isTrivial ? std::nullopt : ofMonomial(std::move(first));
      Parsed other = one ? ofMonomial(std::move(second)) : std::nullopt;
      if (other)
        result.push_back({*one, *other});
    }
  return result;
}

//===--- bounds -------------------------------------------------------------------------------===//

/// The greatest value of an atom, as a form: of a coordinate, a remainder, a token.
static std::optional<LinearForm> greatestOf(const Atom *atom) {
  switch (atom->kind) {
  case AtomKind::Token:
  case AtomKind::Coordinate:
    if (atom->operands.empty())
      return std::nullopt;
    return combine(atom->operands[0], constantForm(1), -1);
  case AtomKind::Remainder: return combine(atom->operands[1], constantForm(1), -1);
  default: return std::nullopt;
  }
}

/// By ranges; or after a negative term c * u * x, u >= 0, gave way to c * u * (greatest x).
bool Algebra::isNeverNegative(const LinearForm &form, unsigned depth) {
  std::optional<NumberRange> range = rangeOf(form);
  if (range && range->low >= 0)
    return true;
  if (depth == 0)
    return false;
  for (auto term : form.terms) {
    if (term.second > 0)
      continue;
    std::vector<LinearForm> factors = factorsOf(term.first);
    for (size_t index = 0; index < factors.size(); ++index) {
      std::optional<LinearForm> greatest =
          isAtom(factors[index]) ? greatestOf(factors[index].terms[0].first) : std::nullopt;
      if (!greatest)
        continue;
      Monomial others;
      others.coefficient = term.second;
      bool isSigned = true;
      for (size_t other = 0; other < factors.size(); ++other)
        if (other != index) {
          std::optional<NumberRange> sign = rangeOf(factors[other]);
          isSigned &= sign && sign->low >= 0;
          others.factors.push_back(factors[other]);
        }
      Parsed cofactor = isSigned ? ofMonomial(std::move(others)) : std::nullopt;
      Parsed least = cofactor ? multiply(*cofactor, *greatest) : std::nullopt;
      if (!least)
        continue;
      LinearForm lower =
          combine(combine(form, mask::ofAtom(term.first, term.second), -1), *least, 1);
      return isNeverNegative(lower, depth - 1);
    }
  }
  return false;
}

/// 0 <= form < divisor?
bool Algebra::isWithin(const LinearForm &form, const LinearForm &divisor) {
  std::optional<NumberRange> range = rangeOf(form), limit = rangeOf(divisor);
  if (range && limit && range->low >= 0 && range->high < limit->low)
    return true;
  return isNeverNegative(form) &&
         isNeverNegative(combine(combine(divisor, constantForm(1), -1), form, -1));
}

//===--- quotients ----------------------------------------------------------------------------===//

static NumberRange rangeOfQuotient(NumberRange dividend, NumberRange divisor) {
  int64_t least = std::max<int64_t>(divisor.low, 1), greatest = std::max(divisor.high, least);
  return {llvm::divideFloorSigned(dividend.low, dividend.low < 0 ? least : greatest),
          llvm::divideFloorSigned(dividend.high, dividend.high < 0 ? greatest : least)};
}

/// The constant that a quotient by a constant is, if it is one.
static std::optional<int64_t> onlyQuotient(const LinearForm &form, const LinearForm &divisor) {
  std::optional<NumberRange> range = rangeOf(form);
  if (!isConstant(divisor) || !range)
    return std::nullopt;
  int64_t low = llvm::divideFloorSigned(range->low, divisor.constant);
  int64_t high = llvm::divideFloorSigned(range->high, divisor.constant);
  return low == high ? std::optional(low) : std::nullopt;
}

Parsed Algebra::floorDivide(const LinearForm &dividend, const LinearForm &divisor) {
  if (!rangeOf(dividend) || !rangeOf(divisor))
    return std::nullopt;
  if (divisor == constantForm(1))
    return dividend;
  std::optional<Split> parts = split(dividend, divisor);
  if (!parts)
    return std::nullopt;
  Parsed rest = quotientOfRest(parts->rest, divisor);
  return rest ? add(parts->multiple, *rest) : std::nullopt;
}

Parsed Algebra::quotientOfRest(const LinearForm &rest, const LinearForm &divisor) {
  if (std::optional<int64_t> only = onlyQuotient(rest, divisor))
    return constantForm(*only);
  if (isWithin(rest, divisor))
    return LinearForm();
  // (g a + b) // (g m), 0 <= b < g, is a // m.
  for (auto &[first, second] : factorings(divisor, rest)) {
    std::optional<Split> parts = split(rest, first);
    if (parts && !parts->multiple.terms.empty() && isWithin(parts->rest, first))
      return floorDivide(parts->multiple, second);
  }
  if (rest.terms.size() == 1 && rest.terms[0].second == 1) {
    const Atom *atom = rest.terms[0].first;
    // (y // m + c) // n is (y + c m) // (m n).
    if (atom->kind == AtomKind::Quotient) {
      Parsed both = multiply(atom->operands[1], divisor);
      Parsed shift = multiply(atom->operands[1], constantForm(rest.constant));
      Parsed inner = both && shift ? add(atom->operands[0], *shift) : std::nullopt;
      if (inner)
        return floorDivide(*inner, *both);
    }
    // (y % (n k)) // n is (y // n) % k.
    if (atom->kind == AtomKind::Remainder && rest.constant == 0) {
      std::optional<Split> parts = split(atom->operands[1], divisor);
      Parsed inner = parts && parts->rest == LinearForm() ? floorDivide(atom->operands[0], divisor)
                                                          : std::nullopt;
      if (inner)
        return modulo(*inner, parts->multiple);
    }
  }
  Atom atom;
  atom.kind = AtomKind::Quotient;
  NumberRange range = rangeOfQuotient(*rangeOf(rest), *rangeOf(divisor));
  atom.low = range.low;
  atom.high = range.high;
  atom.operands = {rest, divisor};
  return ofAtom(std::move(atom));
}

//===--- remainders ---------------------------------------------------------------------------===//

/// c * (y % m) is c * y modulo n where n divides m.
Parsed Algebra::dropRemainders(const LinearForm &form, const LinearForm &divisor) {
  LinearForm result = form;
  for (auto [atom, coefficient] : form.terms) {
    if (atom->kind != AtomKind::Remainder)
      continue;
    std::optional<Split> parts = split(atom->operands[1], divisor);
    Parsed inner = parts && parts->rest == LinearForm()
                       ? multiply(atom->operands[0], constantForm(coefficient))
                       : std::nullopt;
    if (inner)
      result = combine(combine(result, mask::ofAtom(atom, coefficient), -1), *inner, 1);
  }
  return fitting(std::move(result));
}

Parsed Algebra::modulo(const LinearForm &dividend, const LinearForm &divisor) {
  if (!rangeOf(dividend) || !rangeOf(divisor))
    return std::nullopt;
  if (divisor == constantForm(1))
    return LinearForm();
  Parsed without = dropRemainders(dividend, divisor);
  std::optional<Split> parts = split(without ? *without : dividend, divisor);
  if (!parts)
    return std::nullopt;
  const LinearForm &rest = parts->rest;
  if (std::optional<int64_t> only = onlyQuotient(rest, divisor))
    return add(rest, divisor, -*only);
  if (isWithin(rest, divisor))
    return rest;
  // (g a + b) % (g m), 0 <= b < g, is g (a % m) + b.
  for (auto &[first, second] : factorings(divisor, rest)) {
    std::optional<Split> inner = split(rest, first);
    if (!inner || inner->multiple.terms.empty() || !isWithin(inner->rest, first))
      continue;
    Parsed reduced = modulo(inner->multiple, second);
    Parsed scaled = reduced ? multiply(*reduced, first) : std::nullopt;
    if (scaled)
      return add(*scaled, inner->rest);
  }
  Atom atom;
  atom.kind = AtomKind::Remainder;
  std::optional<NumberRange> range = rangeOf(rest), size = rangeOf(divisor);
  atom.high = std::max<int64_t>(size->high - 1, 0);
  if (range->low >= 0)
    atom.high = std::min(atom.high, range->high);
  atom.operands = {rest, divisor};
  return ofAtom(std::move(atom));
}

//===--- quotients and remainders that belong together ----------------------------------------===//

static int64_t coefficientOf(const LinearForm &form, const Atom *atom) {
  for (auto &term : form.terms)
    if (term.first == atom)
      return term.second;
  return 0;
}

/// Does `form` contain all terms of `part`?
static bool contains(const LinearForm &form, const LinearForm &part) {
  return llvm::all_of(part.terms,
                      [&](auto &term) { return coefficientOf(form, term.first) == term.second; });
}

/// c (z % n) + c n (z // n) is c z.
Parsed Algebra::joinRemainder(const LinearForm &form, std::pair<const Atom *, int64_t> term) {
  auto [atom, coefficient] = term;
  Parsed quotient = floorDivide(atom->operands[0], atom->operands[1]);
  Parsed multiple = quotient ? expand(*quotient, atom->operands[1]) : std::nullopt;
  Parsed scaled = multiple ? scale(*multiple, coefficient) : std::nullopt;
  Parsed whole = scale(atom->operands[0], coefficient);
  if (!scaled || !whole || scaled->terms.empty() || !contains(form, *scaled))
    return std::nullopt;
  LinearForm rest = combine(combine(form, *scaled, -1), mask::ofAtom(atom, coefficient), -1);
  return fitting(combine(rest, *whole, 1));
}

/// c z - c n (z // n) is c (z % n); `term` has z // n as a factor.
Parsed Algebra::makeRemainder(const LinearForm &form, std::pair<const Atom *, int64_t> term) {
  for (const LinearForm &factor : factorsOf(term.first)) {
    if (!isAtom(factor) || factor.terms[0].first->kind != AtomKind::Quotient)
      continue;
    const Atom *quotient = factor.terms[0].first;
    Parsed multiple = expand(factor, quotient->operands[1]);
    int64_t unit = multiple ? coefficientOf(*multiple, term.first) : 0;
    if (unit == 0 || term.second % unit != 0)
      continue;
    int64_t coefficient = -(term.second / unit);
    Parsed scaled = scale(*multiple, -coefficient),
           whole = scale(quotient->operands[0], coefficient);
    if (!scaled || !whole || whole->terms.empty() || !contains(form, *whole) ||
        !contains(form, *scaled))
      continue;
    Parsed remainder = modulo(quotient->operands[0], quotient->operands[1]);
    Parsed result = remainder ? scale(*remainder, coefficient) : std::nullopt;
    if (!result || result->terms.size() > 1)
      continue;
    LinearForm rest = combine(combine(form, *scaled, -1), *whole, -1);
    return fitting(combine(rest, *result, 1));
  }
  return std::nullopt;
}

Parsed Algebra::tidy(LinearForm form) {
  // Quotients inside of quotients are tidy by themselves, but for odd ones.
  constexpr unsigned maxNesting = 3;
  if (tidying > maxNesting)
    return form;
  ++tidying;
  // Each step removes a quotient or a remainder.
  for (unsigned step = 0; step < 8; ++step) {
    Parsed better;
    for (auto term : form.terms) {
      better = term.first->kind == AtomKind::Remainder ? joinRemainder(form, term)
                                                       : makeRemainder(form, term);
      if (better)
        break;
    }
    if (!better)
      break;
    form = std::move(*better);
  }
  --tidying;
  return form;
}
