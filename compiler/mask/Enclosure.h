// SPDX-License-Identifier: Apache-2.0
// Between which values does a form lie, and can a formula hold, while tokens vary in ranges? The
// transfer rules (mask-analysis, section 3).
#ifndef ATTUNE_COMPILER_MASK_ENCLOSURE_H
#define ATTUNE_COMPILER_MASK_ENCLOSURE_H

#include "compiler/mask/Algebra.h"
#include "compiler/mask/Emission.h"
#include <map>

namespace attune::mask {

class Enclosure {
public:
  /// Where a token (coordinate) lies. An end that is null is not known; low = high: it is one value.
  using Ranges = std::function<Interval(const Atom &token)>;

  Enclosure(Emitter &emitter, Ranges ranges) : emitter(emitter), ranges(std::move(ranges)) {}
  virtual ~Enclosure() = default;

  /// Null where unknown.
  Interval form(const LinearForm &form);
  /// Can the formula hold at a pair? Only errs towards yes.
  virtual Value may(const Formula &formula);

protected:
  /// An end of the terms of one side, given without constant. With `gate`, what it yields need only be
  /// right where that holds; it is narrowed to where it is.
  virtual Value part(const LinearForm &terms, Side side, bool high, Value *gate = nullptr);
  /// The rules alone: the corners where that is monotone, else term by term.
  Interval plain(const LinearForm &form);
  /// As a function of tokens and remainders; `bases` are those that vary. Null if it reads memory
  /// for each token other than from sorted tables.
  Value function(const LinearForm &form, llvm::SmallVectorImpl<Base> &bases);
  /// Is it a function of tokens and remainders that is monotone in each of them?
  bool isMonotone(const LinearForm &form);
  Value mayAtMostZero(const LinearForm &form);
  Value mayEqualZero(const LinearForm &form);
  /// To be called where `part` begins to answer otherwise.
  void forget();

  Emitter &emitter;

private:
  /// Where `isInside` holds `bare` is right, too; null where that says no more.
  struct Plain {
    Interval range, bare;
    Value isInside;
  };
  const Plain &find(const LinearForm &form);
  Plain corners(const LinearForm &form);
  Interval atom(const Atom &atom);
  Interval remainder(const Atom &atom);
  Interval findRemainder(const Atom &atom);
  Interval select(const Atom &atom);
  Interval product(Interval a, Interval b);
  Interval bits(const Atom &atom, Opcode opcode);
  Interval withoutLowestBit(Interval x, Interval any);
  Interval scaled(Interval range, int64_t factor);
  Interval sum(Interval a, Interval b);
  Interval declared(const Atom &atom);

  Ranges ranges;

  /// What was found before: the same parts are in many literals.
  template <typename Found>
  using ByForm = std::map<LinearForm, Found, bool (*)(const LinearForm &, const LinearForm &)>;
  ByForm<Plain> plains{isBefore};
  ByForm<bool> monotones{isBefore};
  llvm::DenseMap<const Atom *, Interval> remainders;
};

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_ENCLOSURE_H
