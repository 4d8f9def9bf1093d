// SPDX-License-Identifier: Apache-2.0
// An expression with other leaves.
#include "compiler/analysis/LeafRewriter.h"

namespace attune {

const Node *LeafRewriter::operator()(const Node *node) {
  if (!node || node->kind == NodeKind::Constant)
    return node;
  auto [place, isNew] = done.try_emplace(node, nullptr);
  if (!isNew)
    return place->second;
  const Node *result;
  if (node->operands.empty()) {
    result = rewrite(node);
  } else {
    llvm::SmallVector<const Node *, 3> operands;
    for (const Node *operand : node->operands)
      operands.push_back((*this)(operand));
    result = graph.withOperands(node, operands);
  }
  return done[node] = result;
}

void rewriteResults(SweepPlan &plan, LeafRewriter &rewrite) {
  for (ResultPlan &result : plan.results) {
    result.scalar = rewrite(result.scalar);
    for (ResultPlan::Term &term : result.terms)
      term.factor = rewrite(term.factor);
    for (EpilogueStep &step : result.epilogue)
      for (const Node *&input : step.inputs)
        input = rewrite(input);
  }
}

} // namespace attune
