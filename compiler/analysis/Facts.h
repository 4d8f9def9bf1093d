// SPDX-License-Identifier: Apache-2.0
// What is known of the value of an expression without evaluating it?
#ifndef ATTUNE_COMPILER_ANALYSIS_FACTS_H
#define ATTUNE_COMPILER_ANALYSIS_FACTS_H

#include "compiler/analysis/Expression.h"
#include "llvm/ADT/DenseMap.h"
#include <map>
#include <optional>
#include <vector>

namespace attune {

/// Which signs an expression provably has where it is a number; both flags: it is zero.
struct Sign {
  bool nonNegative = false, nonPositive = false;
};
Sign signOf(const ExpressionGraph &graph, const Node *node);

/// Does `node` contain a reduction for which `wanted` holds? The first such one, in the order of the text.
const Node *findReduction(const Node *node, llvm::function_ref<bool(unsigned)> wanted);

/// An expression expanded into numbers times products of atoms, an atom being what is not + - * / by a
/// number. Canonical: equal expressions, as far as these four go, have equal expansions.
class Expansion {
public:
  explicit Expansion(const Node *node);

  /// c with this = c * other, if there is one (c is not 0).
  std::optional<double> ratioTo(const Expansion &other) const;
  /// Is this - other <= 0 by the signs of the addends that are left?
  bool isProvablyAtMost(const Expansion &other, const ExpressionGraph &graph) const;

private:
  struct ById {
    bool operator()(const std::vector<const Node *> &a, const std::vector<const Node *> &b) const;
  };
  using Addends = std::map<std::vector<const Node *>, double, ById>;
  using Known = llvm::DenseMap<const Node *, Addends>;
  static const Addends &expand(const Node *node, Known &known);
  static Addends expandOnce(const Node *node, Known &known);
  static Addends multiply(const Addends &a, const Addends &b);

  Addends addends; // product of atoms, repeated for powers and sorted by id -> number
};

} // namespace attune

#endif // ATTUNE_COMPILER_ANALYSIS_FACTS_H
