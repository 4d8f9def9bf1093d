// SPDX-License-Identifier: Apache-2.0
// What does a kernel compute, as a graph of scalar functions of (b, h, i, j)? The form in which the
// planner does its algebra and from which code is emitted.
#ifndef ATTUNE_COMPILER_ANALYSIS_EXPRESSION_H
#define ATTUNE_COMPILER_ANALYSIS_EXPRESSION_H

#include "dialects/attn/AttnOps.h"
#include "llvm/ADT/SmallVector.h"
#include <memory>

namespace attune {

enum class NodeKind {
  // Leaves.
  Constant, // `number`
  Scalar,   // a scalar of the kernel's body: `source`
  Element,  // the element of a rows value (function of i) or cols value (of j) passed as operand: `source`
  IndexB,
  IndexH,
  IndexI,
  IndexJ,
  Size,       // length of axis `axis`
  Dot,        // unscaled product; `source` = the attn.dot's result
  Reduction,  // the finished value of graph reduction `index`
  // Leaves that only the planner makes (see Sweeps.h).
  AccumulatorRef, // the final value of accumulator `index` of a sweep
  FrameRef,       // the final origin m of frame `index` of a sweep
  RowRef,         // plan row value `index`
  // Float algebra; operands in order.
  Add, Sub, Mul, Div, Neg, Max, Min, Pow, Exp, Log, Sqrt, Abs, Sin, Cos,
  Select, // condition, then, otherwise
  // Any other pure region op: a clone of `operation` on the operands.
  Opaque,
};

/// One immutable node, owned and hash-consed by its ExpressionGraph: equal expressions are one node.
struct Node {
  NodeKind kind;
  /// A total order that depends only on the program: operands come before users.
  unsigned id = 0;
  /// Does the value depend on the query, on the key?
  bool onQuery = false, onKey = false;
  mlir::Type type;
  llvm::SmallVector<const Node *, 3> operands;
  double number = 0;             // Constant
  mlir::Value source;            // Scalar, Element, Dot
  mlir::StringAttr axis;         // Size
  unsigned index = 0;            // Reduction, AccumulatorRef, FrameRef, RowRef
  mlir::Operation *operation = nullptr; // Opaque
};

/// The visible pairs: all predicates (i1 nodes) hold. Sorted by id, without repetition; empty = all pairs.
using Domain = llvm::SmallVector<const Node *, 2>;

/// A reduction of the kernel: `kind` over visible keys of `body` (times the vector `values(j)` for a contract).
struct GraphReduction {
  attn::ReduceKind kind; // Mean never appears: it is Sum / Sum(1)
  attn::ReduceOver over;
  const Node *body;
  Domain domain;
  mlir::Value values; // attn cols of vectors, or null for a scalar reduction
  mlir::Value result; // the attn value it defines, if any
};

/// A result of the kernel. Scalar rows: `scalar`. Vector rows: the reduction whose vectors it is, then
/// `epilogue` maps (attn.map ops on rows of vectors, first applied first).
struct GraphResult {
  const Node *scalar = nullptr;
  int contraction = -1;
  llvm::SmallVector<attn::MapOp, 1> epilogue;
};

/// The whole kernel as expressions. Built from a kernel of primitives (helpers inlined, sugar expanded).
class ExpressionGraph {
public:
  /// Fails, having emitted why at the op, when the kernel uses what cannot be planned yet.
  static mlir::FailureOr<std::unique_ptr<ExpressionGraph>> build(attn::KernelOp kernel);
  ExpressionGraph(); // empty, for tests
  ~ExpressionGraph();

  const Node *constant(double number, mlir::Type type);
  /// Makes (or finds) a node; folds constants, x+0, x*1, x*0, --x.
  const Node *make(NodeKind kind, llvm::ArrayRef<const Node *> operands);
  const Node *leaf(NodeKind kind, mlir::Type type, mlir::Value source, unsigned index = 0);

  llvm::ArrayRef<GraphReduction> reductions() const;
  llvm::ArrayRef<GraphResult> results() const;
  attn::KernelOp kernel() const;

private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation;
};

/// The expression in infix, for messages and --explain: `exp(0.125 q.k - m0)`.
std::string toString(const Node *node);

} // namespace attune

#endif // ATTUNE_COMPILER_ANALYSIS_EXPRESSION_H
