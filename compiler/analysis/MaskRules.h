// SPDX-License-Identifier: Apache-2.0
// How does a linear inequality bound the keys? The rules, written once for numbers and for emitted
// code: `Arithmetic` says what a number is.
//
// A literal c * a + rest <= 0 with one atom a of the key is solved for a. Which pairs *may* be
// visible takes the least rest over the queries of the tile, which pairs *must* be visible the
// greatest; floor divisions are undone by x // n <= b iff x <= n b + n - 1. Conjunctions intersect
// ranges, disjunctions take the hull (may) or the longest provable range (must).
#ifndef ATTUNE_COMPILER_ANALYSIS_MASKRULES_H
#define ATTUNE_COMPILER_ANALYSIS_MASKRULES_H

#include "compiler/analysis/MaskFormula.h"

namespace attune {

/// Do the rules ask for the pairs that may be visible, or for those that must be?
enum class Question { May, Must };

template <class Arithmetic> class MaskRules {
public:
  using Number = typename Arithmetic::Number;
  using Truth = typename Arithmetic::Truth;
  /// Keys [low, high).
  struct Range {
    Number low, high;
  };

  MaskRules(Arithmetic &arithmetic, Number firstQuery, Number lastQuery, Number keys)
      : math(arithmetic), firstQuery(firstQuery), lastQuery(lastQuery), keys(keys),
        zero(math.constant(0)) {}

  Range solve(const Formula &formula, Question question) {
    switch (formula.kind) {
    case FormulaKind::True: return everything();
    case FormulaKind::False: return nothing();
    case FormulaKind::Unknown: return question == Question::May ? everything() : nothing();
    case FormulaKind::AtMostZero:
      if (!isKnown(formula.literal))
        return question == Question::May ? everything() : nothing();
      return atMost(formula.literal, zero, question);
    case FormulaKind::And:
    case FormulaKind::Or: break;
    }
    Range range = solve(formula.parts.front(), question);
    for (const Formula &part : llvm::drop_begin(formula.parts)) {
      Range next = solve(part, question);
      range =
          formula.kind == FormulaKind::And ? intersect(range, next) : unite(range, next, question);
    }
    return range;
  }

private:
  struct Interval {
    Number low, high;
  };

  Range everything() { return {zero, keys}; }
  Range nothing() { return {zero, zero}; }

  bool isKnown(const LinearForm &form) {
    return llvm::all_of(form.terms, [&](auto &term) {
      const MaskAtom &atom = *term.first;
      if (atom.kind == AtomKind::Uniform)
        return math.isKnown(atom.node);
      return isKnown(atom.first) && isKnown(atom.second);
    });
  }

  //===--- enclosures over the tile's queries and all keys ---===//

  Interval enclose(const MaskAtom &atom) {
    switch (atom.kind) {
    case AtomKind::Query: return {firstQuery, lastQuery};
    case AtomKind::Key: return {zero, math.subtract(keys, math.constant(1))};
    case AtomKind::Uniform: {
      Number value = math.uniform(atom.node);
      return {value, value};
    }
    case AtomKind::FloorDiv: {
      Interval inner = enclose(atom.first);
      return {math.floorDivide(inner.low, atom.divisor),
              math.floorDivide(inner.high, atom.divisor)};
    }
    case AtomKind::Modulo: return encloseModulo(atom);
    case AtomKind::Max:
    case AtomKind::Min: {
      Interval a = enclose(atom.first), b = enclose(atom.second);
      if (atom.kind == AtomKind::Max)
        return {math.max(a.low, b.low), math.max(a.high, b.high)};
      return {math.min(a.low, b.low), math.min(a.high, b.high)};
    }
    }
    llvm_unreachable("every kind of atom is enclosed");
  }

  Interval encloseModulo(const MaskAtom &atom) {
    Interval inner = enclose(atom.first);
    Number low = math.floorDivide(inner.low, atom.divisor);
    Number high = math.floorDivide(inner.high, atom.divisor);
    Number base = math.multiply(low, atom.divisor);
    Truth one = math.atMost(high, low);
    return {math.select(one, math.subtract(inner.low, base), zero),
            math.select(one, math.subtract(inner.high, base), math.constant(atom.divisor - 1))};
  }

  Interval enclose(const LinearForm &form) {
    Interval sum = {math.constant(form.constant), math.constant(form.constant)};
    for (auto [atom, coefficient] : form.terms) {
      Interval part = enclose(*atom);
      if (coefficient < 0)
        std::swap(part.low, part.high);
      sum.low = math.add(sum.low, math.multiply(part.low, coefficient));
      sum.high = math.add(sum.high, math.multiply(part.high, coefficient));
    }
    return sum;
  }

  Number extreme(const LinearForm &form, Question question) {
    Interval interval = enclose(form);
    return question == Question::May ? interval.low : interval.high;
  }

  //===--- solving for the key ---===//

  /// Keys for which form <= bound, for some query (may) or for all (must).
  Range atMost(const LinearForm &form, Number bound, Question question) {
    std::optional<Range> range;
    for (unsigned index = 0; index < form.terms.size(); ++index) {
      auto [atom, coefficient] = form.terms[index];
      if (!atom->onKey)
        continue;
      LinearForm rest = form;
      rest.terms.erase(rest.terms.begin() + index);
      Number room = math.subtract(bound, extreme(rest, question));
      Range next = coefficient > 0
                       ? atomAtMost(*atom, math.floorDivide(room, coefficient), question)
                       : atomAtLeast(*atom, negate(math.floorDivide(room, -coefficient)), question);
      // Several atoms of the key: each alone is implied (may), each alone suffices (must).
      range = !range ? next : question == Question::May ? intersect(*range, next) : *range;
    }
    return range ? *range : when(math.atMost(extreme(form, question), bound));
  }

  Range atLeast(const LinearForm &form, Number bound, Question question) {
    return atMost(combine({}, form, -1), negate(bound), question);
  }

  Range atomAtMost(const MaskAtom &atom, Number bound, Question question) {
    switch (atom.kind) {
    case AtomKind::Key: {
      Number end = math.add(bound, math.constant(1));
      return {zero, math.min(end, keys)};
    }
    case AtomKind::FloorDiv:
      return atMost(atom.first,
                    math.add(math.multiply(bound, atom.divisor), math.constant(atom.divisor - 1)),
                    question);
    case AtomKind::Max:
      return intersect(atMost(atom.first, bound, question), atMost(atom.second, bound, question));
    case AtomKind::Min:
      return unite(atMost(atom.first, bound, question), atMost(atom.second, bound, question),
                   question);
    default: {
      Interval interval = enclose(atom);
      return when(math.atMost(question == Question::May ? interval.low : interval.high, bound));
    }
    }
  }

  Range atomAtLeast(const MaskAtom &atom, Number bound, Question question) {
    switch (atom.kind) {
    case AtomKind::Key: return {math.max(bound, zero), keys};
    case AtomKind::FloorDiv:
      return atLeast(atom.first, math.multiply(bound, atom.divisor), question);
    case AtomKind::Max:
      return unite(atLeast(atom.first, bound, question), atLeast(atom.second, bound, question),
                   question);
    case AtomKind::Min:
      return intersect(atLeast(atom.first, bound, question), atLeast(atom.second, bound, question));
    default: {
      Interval interval = enclose(atom);
      return when(math.atMost(bound, question == Question::May ? interval.high : interval.low));
    }
    }
  }

  //===--- ranges ---===//

  Number negate(Number value) { return math.subtract(zero, value); }

  Range when(Truth condition) { return {zero, math.select(condition, keys, zero)}; }

  Range intersect(const Range &a, const Range &b) {
    return {math.max(a.low, b.low), math.min(a.high, b.high)};
  }

  Range choose(Truth condition, const Range &a, const Range &b) {
    return {math.select(condition, a.low, b.low), math.select(condition, a.high, b.high)};
  }

  Range unite(const Range &a, const Range &b, Question question) {
    Range hull = {math.min(a.low, b.low), math.max(a.high, b.high)};
    if (question == Question::Must) {
      Truth joined = math.both(math.atMost(a.low, b.high), math.atMost(b.low, a.high));
      Truth longer = math.atMost(math.subtract(b.high, b.low), math.subtract(a.high, a.low));
      hull = choose(joined, hull, choose(longer, a, b));
    }
    return choose(math.atMost(a.high, a.low), b, choose(math.atMost(b.high, b.low), a, hull));
  }

  Arithmetic &math;
  Number firstQuery, lastQuery, keys, zero;
};

} // namespace attune

#endif // ATTUNE_COMPILER_ANALYSIS_MASKRULES_H
