// SPDX-License-Identifier: Apache-2.0
// An expression with other leaves.
#ifndef ATTUNE_COMPILER_ANALYSIS_LEAFREWRITER_H
#define ATTUNE_COMPILER_ANALYSIS_LEAFREWRITER_H

#include "compiler/analysis/Sweeps.h"
#include "llvm/ADT/DenseMap.h"
#include <functional>

namespace attune {

/// Rebuilds expressions from what `rewrite` makes of their leaves; equal parts once. Null stays null.
class LeafRewriter {
public:
  using Rewrite = std::function<const Node *(const Node *leaf)>;
  LeafRewriter(ExpressionGraph &graph, Rewrite rewrite)
      : graph(graph), rewrite(std::move(rewrite)) {}

  const Node *operator()(const Node *node) {
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

private:
  ExpressionGraph &graph;
  Rewrite rewrite;
  llvm::DenseMap<const Node *, const Node *> done;
};

/// Rewrites what the results read.
void rewriteResults(SweepPlan &plan, LeafRewriter &rewrite);

} // namespace attune

#endif // ATTUNE_COMPILER_ANALYSIS_LEAFREWRITER_H
