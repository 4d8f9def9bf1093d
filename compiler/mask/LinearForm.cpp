// SPDX-License-Identifier: Apache-2.0
// What is the sum of two linear forms, and in which range does a form lie?
#include "compiler/mask/Algebra.h"

#include <algorithm>
#include <tuple>

using namespace attune;
using namespace attune::mask;

LinearForm mask::constantForm(int64_t constant) { return LinearForm{constant, {}}; }

LinearForm mask::ofAtom(const Atom *atom, int64_t coefficient) {
  return LinearForm{0, {{atom, coefficient}}};
}

LinearForm mask::combine(const LinearForm &left, const LinearForm &right, int64_t factor) {
  LinearForm sum;
  sum.constant = left.constant + factor * right.constant;
  const auto *a = left.terms.begin(), *b = right.terms.begin();
  while (a != left.terms.end() || b != right.terms.end()) {
    bool takeLeft =
        b == right.terms.end() || (a != left.terms.end() && a->first->id <= b->first->id);
    bool takeRight =
        a == left.terms.end() || (b != right.terms.end() && b->first->id <= a->first->id);
    const Atom *atom = takeLeft ? a->first : b->first;
    int64_t coefficient = (takeLeft ? (a++)->second : 0) + (takeRight ? factor * (b++)->second : 0);
    if (coefficient != 0)
      sum.terms.push_back({atom, coefficient});
  }
  return sum;
}

bool mask::dependsOn(const LinearForm &form, Side side) {
  return llvm::any_of(form.terms, [&](auto &term) {
    return side == Side::Query ? term.first->onQuery : term.first->onKey;
  });
}

bool mask::isUniform(const LinearForm &form) {
  return !dependsOn(form, Side::Query) && !dependsOn(form, Side::Key);
}

/// The magnitudes are added, too: then no partial sum leaves the limit, in whatever order.
std::optional<NumberRange> mask::rangeOf(const LinearForm &form) {
  __int128 low = form.constant, high = form.constant;
  __int128 magnitude = low < 0 ? -low : low;
  for (auto [atom, coefficient] : form.terms) {
    __int128 first = __int128(coefficient) * atom->low, second = __int128(coefficient) * atom->high;
    low += std::min(first, second);
    high += std::max(first, second);
    magnitude += std::max(first < 0 ? -first : first, second < 0 ? -second : second);
  }
  if (magnitude > valueLimit)
    return std::nullopt;
  return NumberRange{int64_t(low), int64_t(high)};
}

std::optional<std::pair<int64_t, int64_t>> mask::staticRange(const LinearForm &form) {
  std::optional<NumberRange> range = rangeOf(form);
  return range ? std::optional(std::make_pair(range->low, range->high)) : std::nullopt;
}

bool mask::isBefore(const LinearForm &left, const LinearForm &right) {
  auto key = [](const std::pair<const Atom *, int64_t> &term) {
    return std::make_pair(term.first->id, term.second);
  };
  size_t common = std::min(left.terms.size(), right.terms.size());
  for (size_t index = 0; index < common; ++index)
    if (key(left.terms[index]) != key(right.terms[index]))
      return key(left.terms[index]) < key(right.terms[index]);
  return std::make_tuple(left.terms.size(), left.constant) <
         std::make_tuple(right.terms.size(), right.constant);
}
