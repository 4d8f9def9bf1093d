// SPDX-License-Identifier: Apache-2.0
// How do the predicates of a mask become the formulas of what is visible and what is hidden?
#include "compiler/mask/FormulaImplementation.h"

using namespace attune;
using namespace attune::mask;

FormulaBuilder::FormulaBuilder(const ExpressionGraph &graph, TokenGrid queries, TokenGrid keys)
    : implementation(std::make_unique<Implementation>(graph, std::move(queries), std::move(keys))) {
}

FormulaBuilder::~FormulaBuilder() = default;

MaskFormula FormulaBuilder::build(const Domain &domain) {
  implementation->reader.noteDivisors(domain);
  std::vector<Formula> visible, hidden;
  for (const Node *node : domain) {
    visible.push_back(implementation->reader.predicate(node, /*negated=*/false));
    hidden.push_back(implementation->reader.predicate(node, /*negated=*/true));
  }
  Algebra &algebra = implementation->algebra;
  return {algebra.join(FormulaKind::And, std::move(visible)),
          algebra.join(FormulaKind::Or, std::move(hidden))};
}

LinearForm FormulaBuilder::token(Side side) { return implementation->reader.token(side); }

std::optional<LinearForm> FormulaBuilder::length(Side side) {
  return implementation->reader.length(side);
}
