// SPDX-License-Identifier: Apache-2.0
// What does the importer know of a virtual value, and how does it read regions?
#ifndef ATTUNE_COMPILER_ANALYSIS_VECTORMAPS_H
#define ATTUNE_COMPILER_ANALYSIS_VECTORMAPS_H

#include "compiler/analysis/Expression.h"
#include "llvm/ADT/DenseMap.h"

namespace attune {

/// A value of the kernel while it is imported: the expression of one element, or for rows of vectors the
/// terms that it is made of.
struct VirtualValue {
  const Node *node = nullptr;
  Domain domain;
  llvm::SmallVector<GraphResult::Term, 2> terms;
  llvm::SmallVector<EpilogueStep, 1> epilogue;
  /// Does it surely have as many heads and batches as the scores?
  bool allHeads = false;
};

/// Reads the scalar ops of regions, and of the kernel's body, as expressions.
class ScalarImporter {
public:
  explicit ScalarImporter(ExpressionGraph &graph) : graph(graph) {}
  void bind(mlir::Value value, const Node *node) { nodes[value] = node; }
  const Node *import(mlir::Value value);

private:
  const Node *importOp(mlir::Operation *op, unsigned result);
  const Node *importComposite(llvm::StringRef name, llvm::ArrayRef<const Node *> operands);

  ExpressionGraph &graph;
  llvm::DenseMap<mlir::Value, const Node *> nodes;
};

/// A map that makes rows of vectors: joined into row factors when it is linear in its vectors, else one step
/// of the epilogue. The indices of its region are bound already.
mlir::FailureOr<VirtualValue> importVectorMap(attn::MapOp map, ExpressionGraph &graph,
                                              ScalarImporter &scalars,
                                              llvm::DenseMap<mlir::Value, VirtualValue> &values);

} // namespace attune

#endif // ATTUNE_COMPILER_ANALYSIS_VECTORMAPS_H
