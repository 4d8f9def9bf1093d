// SPDX-License-Identifier: Apache-2.0
// Which columns does a clause leave to a row, to a tile of rows? Every literal inverted
// (mask-analysis, section 5).
#ifndef ATTUNE_COMPILER_MASK_KEYRANGES_H
#define ATTUNE_COMPILER_MASK_KEYRANGES_H

#include "compiler/mask/Enclosure.h"
#include "compiler/mask/Schedule.h"

namespace attune::mask {

/// Narrows the ranges of one side's tokens by literals; the other side's token is one value, or, for
/// a solver without others, unknown.
class RangeSolver {
public:
  /// Ranges start at `ranges`, one for each coordinate of `side`.
  RangeSolver(Emitter &emitter, Side side, llvm::ArrayRef<Interval> ranges, bool withOther);

  /// Narrows by a conjunction. Literals that cannot be inverted, or that would make ranges cost more
  /// than the budget, are left out: ranges only grow.
  void narrow(llvm::ArrayRef<Formula> literals);

  llvm::SmallVector<Interval, 3> ranges;
  /// Leave out, too, what would make ranges other than monotone in the row?
  bool monotone = false;

private:
  bool isSimple(const LinearForm &form) const;
  void apply(const Formula &literal);
  bool isAcceptable() const;
  /// form <= bound, form >= bound.
  void push(const LinearForm &form, Value bound, bool upper) {
    upper ? pushUpper(form, bound) : pushLower(form, bound);
  }
  void pushUpper(const LinearForm &form, Value bound);
  void pushLower(const LinearForm &form, Value bound);
  void pushUpper(const Atom &atom, Value bound);
  void pushLower(const Atom &atom, Value bound);
  void pushRemainder(const Atom &atom, Value bound, bool upper);
  void pushEntry(const Atom &atom, Value bound, bool upper);
  void pushProduct(const Atom &atom, Value bound, bool upper);
  void pushClamp(const Atom &atom, Value bound, bool upper);
  Interval enclose(const LinearForm &form) { return enclose(form, ranges); }
  Interval enclose(const LinearForm &form, llvm::ArrayRef<Interval> within);
  /// The value of what does not depend on the side; null if it cannot be known.
  Value fixedValue(const LinearForm &form);

  Emitter &emitter;
  Side side;
  bool withOther;
  llvm::SmallVector<Interval, 3> axes;
};

/// Adds a fold over rows to a schedule; the value that reads it.
Value addFold(Schedule &schedule, FoldKind kind, Value value, Value when);
Value addSummary(Schedule &schedule, FoldKind kind, Value value, Value when);

/// The ranges of a formula, one for each clause that is left, for the tile [RowFirst, RowLast].
/// At most `limit`; more are joined into one. Without folds they are what ends of the tile tell.
std::vector<ColumnRange> findRanges(Emitter &emitter, Schedule &schedule, const Formula &formula,
                                    size_t limit, bool withFolds);

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_KEYRANGES_H
