// SPDX-License-Identifier: Apache-2.0
// Can a pair of a tile be visible, be hidden? Intervals and three-valued logic over the tile, with
// what rows and tables are known to hold (mask-analysis, sections 3, 4 and 6).
#ifndef ATTUNE_COMPILER_MASK_TILETEST_H
#define ATTUNE_COMPILER_MASK_TILETEST_H

#include "compiler/mask/Enclosure.h"
#include "compiler/mask/Schedule.h"
#include "llvm/ADT/SmallPtrSet.h"

namespace attune::mask {

class TileTest final : public Enclosure {
public:
  TileTest(Emitter &emitter, Schedule &schedule, bool allowSummaries);

  Value may(const Formula &formula) override;

private:
  /// Formulas on one side alone that hold wherever the pairs in question are.
  struct Guards {
    llvm::SmallVector<const Formula *, 4> rows, columns;
  };

  Value part(const LinearForm &terms, Side side, bool high, Value *gate) override;
  Value mayAll(const Formula &conjunction);
  Value mayMerged(const Formula &conjunction, Side side,
                  llvm::SmallPtrSetImpl<const Formula *> &merged);
  Value mayEqual(const LinearForm &form);
  /// Can all of `formulas`, on one side and reading memory, hold at a token?
  Value any(llvm::ArrayRef<const Formula *> formulas, Side side);
  Value mayShareValue(const LinearForm &form);
  bool canReduce(Side side) const { return emitter.isRow(side) || allowSummaries; }
  Value reduce(FoldKind kind, Value value, Value when, Side side);
  Value guard(Side side);

  Schedule &schedule;
  bool allowSummaries;
  Guards guards;
};

/// Where one-sided quotients and remainders of the mask step: at most two a side, outermost first.
std::vector<Cut> findCuts(Emitter &emitter, const MaskFormula &mask, Side side);

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_TILETEST_H
