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

  const Node *operator()(const Node *node);

private:
  ExpressionGraph &graph;
  Rewrite rewrite;
  llvm::DenseMap<const Node *, const Node *> done;
};

/// Rewrites what the results read.
void rewriteResults(SweepPlan &plan, LeafRewriter &rewrite);

} // namespace attune

#endif // ATTUNE_COMPILER_ANALYSIS_LEAFREWRITER_H
