// SPDX-License-Identifier: Apache-2.0
// How are products of powers, and terms of them, put together?
#ifndef ATTUNE_COMPILER_ANALYSIS_FACTORS_H
#define ATTUNE_COMPILER_ANALYSIS_FACTORS_H

#include "compiler/analysis/RowAlgebra.h"

namespace attune {

/// factors * node ^ power; for a linear form: factors + power * node.
inline void includeFactor(Factors &factors, const Node *node, double power) {
  auto place = llvm::lower_bound(factors, node,
                                 [](const Factor &f, const Node *n) { return f.node->id < n->id; });
  if (place == factors.end() || place->node != node) {
    if (power != 0)
      factors.insert(place, {node, power});
    return;
  }
  place->power += power;
  if (place->power == 0)
    factors.erase(place);
}

inline void includeFactors(Factors &factors, const Factors &more, double scale = 1) {
  for (const Factor &factor : more)
    includeFactor(factors, factor.node, scale * factor.power);
}

/// Is an exponential of the key to be found in `node` by taking apart only + - * / and select?
bool hasExponentialAddend(const Node *node);

} // namespace attune

#endif // ATTUNE_COMPILER_ANALYSIS_FACTORS_H
