// SPDX-License-Identifier: Apache-2.0
// Is a result as good as it must be? The tolerance is computed, not chosen: against the exact
// result, an error of at most twice the largest one that an eager evaluation of the same program in
// the same input precision makes, plus one rounding to the type of the result.
#ifndef ATTUNE_COMPILER_REFERENCE_COMPARE_H
#define ATTUNE_COMPILER_REFERENCE_COMPARE_H

#include "compiler/reference/Tensor.h"

namespace attune::reference {

/// How far numbers are from the exact ones. Places where either is not finite are not counted in
/// the errors but must agree (after rounding): NaN with NaN, an infinity with the same one.
struct Figures {
  double maxAbsolute = 0;
  /// maxAbsolute as a share of the largest exact magnitude.
  double maxRelative = 0;
  double rootMeanSquare = 0;
  int64_t disagreements = 0;
};

/// `found` and `exact` have one shape; `type` is the element type of the result.
Figures compare(const Tensor &found, const Tensor &exact, ElementType type);

struct Verdict {
  Figures found, eager;
  /// The largest error as a share of what is allowed at its place: at most 1 passes.
  double share = 0;
  /// Where that is: the indices, the number found, the exact one and the allowed error.
  std::vector<int64_t> worst;
  double worstFound = 0, worstExact = 0, allowed = 0;

  bool passes() const { return share <= 1 && found.disagreements == 0; }
};

/// Judges a result of element type `type`. Integers must be equal.
Verdict judge(const Tensor &found, const Tensor &exact, const Tensor &eager, ElementType type);

} // namespace attune::reference

#endif // ATTUNE_COMPILER_REFERENCE_COMPARE_H
