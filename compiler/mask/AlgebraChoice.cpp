// SPDX-License-Identifier: Apache-2.0
// What are canonical extrema, absolute values, choices and bit operations?
#include "compiler/mask/Algebra.h"

#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <numeric>

using namespace attune;
using namespace attune::mask;

//===--- extrema ------------------------------------------------------------------------------===//

/// The terms that both have, with equal coefficients.
static LinearForm commonTerms(const LinearForm &left, const LinearForm &right) {
  LinearForm common;
  for (auto &term : left.terms)
    if (llvm::is_contained(right.terms, term))
      common.terms.push_back(term);
  return common;
}

static LinearForm negate(const LinearForm &form) { return combine({}, form, -1); }

Parsed Algebra::extremum(AtomKind kind, const LinearForm &left, const LinearForm &right) {
  bool isMaximum = kind == AtomKind::Maximum;
  Parsed difference = add(left, right, -1);
  std::optional<NumberRange> first = rangeOf(left), second = rangeOf(right);
  if (!first || !second || !difference)
    return std::nullopt;
  if (isNeverNegative(*difference))
    return isMaximum ? left : right;
  if (isNeverNegative(negate(*difference)))
    return isMaximum ? right : left;
  if (left == negate(right)) {
    Parsed magnitude = absolute(left);
    return magnitude && !isMaximum ? Parsed(negate(*magnitude)) : magnitude;
  }
  LinearForm common = commonTerms(left, right);
  if (!common.terms.empty()) {
    Parsed rest = extremum(kind, combine(left, common, -1), combine(right, common, -1));
    return rest ? add(common, *rest) : std::nullopt;
  }
  Atom atom;
  atom.kind = kind;
  atom.operands = {left, right};
  if (isBefore(right, left))
    std::swap(atom.operands[0], atom.operands[1]);
  atom.low = isMaximum ? std::max(first->low, second->low) : std::min(first->low, second->low);
  atom.high = isMaximum ? std::max(first->high, second->high) : std::min(first->high, second->high);
  return ofAtom(std::move(atom));
}

Parsed Algebra::absolute(const LinearForm &form) {
  std::optional<NumberRange> range = rangeOf(form);
  if (!range)
    return std::nullopt;
  if (isNeverNegative(form))
    return form;
  if (isNeverNegative(negate(form)))
    return negate(form);
  Monomial monomial = monomialOf(form);
  int64_t content = std::abs(monomial.coefficient);
  Atom atom;
  atom.kind = AtomKind::Absolute;
  LinearForm inside = form;
  inside.constant /= monomial.coefficient;
  for (auto &term : inside.terms)
    term.second /= monomial.coefficient;
  std::optional<NumberRange> inner = rangeOf(inside);
  atom.low = std::max<int64_t>({inner->low, -inner->high, 0});
  atom.high = std::max(inner->high, -inner->low);
  atom.operands = {std::move(inside)};
  return scale(ofAtom(std::move(atom)), content);
}

//===--- choices ------------------------------------------------------------------------------===//

/// x <= y ? x : y and its like are extrema.
static std::optional<AtomKind> extremumOf(Algebra &algebra, const Formula &condition,
                                          const LinearForm &left, const LinearForm &right) {
  for (int64_t strict : {0, 1}) {
    LinearForm shift = constantForm(strict);
    if (condition == algebra.atMostZero(combine(combine(left, right, -1), shift, 1)))
      return AtomKind::Minimum;
    if (condition == algebra.atMostZero(combine(combine(right, left, -1), shift, 1)))
      return AtomKind::Maximum;
  }
  return std::nullopt;
}

Parsed Algebra::select(const Formula &condition, const Formula &otherwise, const LinearForm &left,
                       const LinearForm &right) {
  if (condition.kind == FormulaKind::True || left == right)
    return left;
  if (condition.kind == FormulaKind::False)
    return right;
  if (hasUnknown(condition) || hasUnknown(otherwise))
    return std::nullopt;
  if (std::optional<AtomKind> kind = extremumOf(*this, condition, left, right))
    return extremum(*kind, left, right);
  LinearForm common = commonTerms(left, right);
  if (!common.terms.empty()) {
    Parsed rest =
        select(condition, otherwise, combine(left, common, -1), combine(right, common, -1));
    return rest ? add(common, *rest) : std::nullopt;
  }
  std::optional<NumberRange> first = rangeOf(left), second = rangeOf(right);
  if (!first || !second)
    return std::nullopt;
  Atom atom;
  atom.kind = AtomKind::Select;
  atom.low = std::min(first->low, second->low);
  atom.high = std::max(first->high, second->high);
  atom.operands = {left, right};
  atom.condition = std::make_shared<const Formula>(condition);
  atom.otherwise = std::make_shared<const Formula>(otherwise);
  return ofAtom(std::move(atom));
}

//===--- bits ---------------------------------------------------------------------------------===//

/// The number of low bits that hold every number of the range, besides the sign.
static unsigned bitsOf(NumberRange range) {
  return llvm::bit_width(uint64_t(std::max({range.high, ~range.low, int64_t(0)})));
}

static NumberRange rangeOfBits(AtomKind kind, NumberRange a, NumberRange b) {
  int64_t ones = (int64_t(1) << std::max(bitsOf(a), bitsOf(b))) - 1;
  bool isFirst = a.low >= 0, isSecond = b.low >= 0;
  if (kind == AtomKind::BitAnd && (isFirst || isSecond))
    return {0, std::min(isFirst ? a.high : ones, isSecond ? b.high : ones)};
  if (kind == AtomKind::BitOr && isFirst && isSecond)
    return {std::max(a.low, b.low), ones};
  if (isFirst && isSecond)
    return {0, ones};
  return {-ones - 1, ones};
}

static int64_t foldBits(AtomKind kind, int64_t a, int64_t b) {
  return kind == AtomKind::BitAnd ? a & b : kind == AtomKind::BitOr ? a | b : a ^ b;
}

/// Are all bits of `low` below those that `high` can have?
static bool areApart(const LinearForm &high, const LinearForm &low) {
  std::optional<NumberRange> range = rangeOf(low);
  if (!range || range->low < 0)
    return false;
  int64_t unit = int64_t(1) << bitsOf(*range);
  return high.constant % unit == 0 &&
         llvm::all_of(high.terms, [&](auto &term) { return term.second % unit == 0; });
}

Parsed Algebra::bitwise(AtomKind kind, const LinearForm &left, const LinearForm &right) {
  std::optional<NumberRange> first = rangeOf(left), second = rangeOf(right);
  if (!first || !second || std::max(bitsOf(*first), bitsOf(*second)) > 60)
    return std::nullopt;
  if (isConstant(left) && isConstant(right))
    return constantForm(foldBits(kind, left.constant, right.constant));
  if (left == right)
    return kind == AtomKind::BitXor ? LinearForm() : left;
  bool isSwapped = isConstant(left) || (!isConstant(right) && isBefore(right, left));
  const LinearForm &x = isSwapped ? right : left, &y = isSwapped ? left : right;
  if (kind == AtomKind::BitAnd && isConstant(y) && y.constant >= 0) {
    // Bits m .. k-1 of x: (x // 2^m) % 2^(k-m) * 2^m.
    int64_t ones = y.constant, unit = ones == 0 ? 1 : ones & -ones;
    if (((ones + unit) & ones) == 0) {
      Parsed high = floorDivide(x, constantForm(unit));
      Parsed bits = high ? modulo(*high, constantForm(ones / unit + 1)) : std::nullopt;
      return bits ? scale(*bits, unit) : std::nullopt;
    }
  }
  if (kind == AtomKind::BitXor && y == constantForm(-1))
    return add(constantForm(-1), x, -1);
  if (kind != AtomKind::BitAnd && (areApart(x, y) || areApart(y, x)))
    return add(x, y);
  NumberRange range = rangeOfBits(kind, *first, *second);
  Atom atom;
  atom.kind = kind;
  atom.low = range.low;
  atom.high = range.high;
  atom.operands = {x, y};
  return ofAtom(std::move(atom));
}
