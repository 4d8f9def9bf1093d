// SPDX-License-Identifier: Apache-2.0
// What does a kernel compute, as a graph of scalar functions of (b, h, i, j)? The form in which the
// planner does its algebra and from which code is emitted.
#ifndef ATTUNE_COMPILER_ANALYSIS_EXPRESSION_H
#define ATTUNE_COMPILER_ANALYSIS_EXPRESSION_H

#include "dialects/attn/AttnOps.h"
#include "llvm/ADT/SmallVector.h"
#include <memory>
#include <optional>

namespace attune {

enum class NodeKind {
  // Leaves.
  Constant, // `number`
  Scalar,   // a scalar or captured table of the kernel: `source`, always one of its operands
  Element,  // the element of an operand, rows (a function of i) or cols (of j): `source`
  IndexB,
  IndexH,
  IndexI,
  IndexJ,
  Size,      // length of axis `axis`
  Dot,       // unscaled product; `source` = the attn.dot's result
  Reduction, // the finished value of graph reduction `index`
  // At a key of several segments side by side (see Segments, number `index`): the value in the key's
  // own segment; whether the pair is visible there; the key's number over all segments.
  Concat,
  ConcatDomain,
  ConcatIndex,
  // Leaves that only the planner makes (see Sweeps.h).
  AccumulatorRef, // the final value of accumulator `index` of a sweep
  FrameRef,       // the final origin m of frame `index` of a sweep
  RowRef,         // plan row value `index`
  // Float algebra; operands in order.
  Add,
  Sub,
  Mul,
  Div,
  Neg,
  Max,
  Min,
  Pow,
  Exp,
  Log,
  Sqrt,
  Abs,
  Sin,
  Cos,
  Select, // condition, then, otherwise
  // i1: operands differ, or one is NaN (arith.cmpf une). Made only by the planner, for guards.
  NotEqual,
  // Any other pure region op: result `index` of a clone of `operation` on the operands.
  Opaque,
  // Running state `index` of the scan or fold `operation`: the operands are its inputs, then the identities
  // if it has a region, then the predicates of where they are visible (see countStates, identitiesOf,
  // domainOf). Always a function of i and j.
  Scan,
};

/// One immutable node, owned and hash-consed by its ExpressionGraph: equal expressions are one node.
struct Node {
  NodeKind kind;
  /// A total order that depends only on the program: operands come before users.
  unsigned id = 0;
  /// Does the value depend on the query, on the key?
  bool onQuery = false, onKey = false;
  /// Is a Reduction inside?
  bool hasReduction = false;
  mlir::Type type;
  llvm::SmallVector<const Node *, 3> operands;
  double number = 0;                    // Constant
  mlir::Value source;                   // Scalar, Element, Dot
  mlir::StringAttr axis;                // Size; its operand is the sequence b
  unsigned index = 0;                   // Reduction, AccumulatorRef, FrameRef, RowRef, Opaque
  mlir::Operation *operation = nullptr; // Opaque
};

/// The visible pairs: all predicates (i1 nodes) hold. Sorted by id, without repetition; empty = all pairs.
using Domain = llvm::SmallVector<const Node *, 2>;

/// Of a Scan: the number of its states, which are its first operands; their identities if it joins them
/// by a region; and where their pairs are visible.
unsigned countStates(const Node *scan);
llvm::ArrayRef<const Node *> identitiesOf(const Node *scan);
Domain domainOf(const Node *scan);

/// A reduction of the kernel: `kind` over visible keys of `body` (times the vector `values(j)` for a contract).
/// With an `identity` it is a fold: the last value of `body`, a Scan, or the identity over no pair.
struct GraphReduction {
  attn::ReduceKind kind; // Mean never appears: it is Sum / Sum(1)
  attn::ReduceOver over;
  const Node *body;
  Domain domain;
  mlir::Value values; // attn cols of vectors, or null for a scalar reduction
  mlir::Value result; // the attn value it defines, if any
  /// Null, or what appends the visible keys, with `body` there, to the row's list: a sum of nothing.
  attn::VisibleKeysOp listed = {};
  const Node *identity = nullptr;
};

/// Values side by side along the keys (attn.concat): of each segment the value, and where it is visible.
struct Segments {
  attn::ConcatOp op;
  llvm::SmallVector<const Node *, 2> values;
  llvm::SmallVector<Domain, 2> domains;
};

/// One map on rows of vectors that is applied to a finished result: `inputs` in the map's order, scalar row
/// nodes or elements of rows operands; null stands for the vector so far.
struct EpilogueStep {
  attn::MapOp map;
  llvm::SmallVector<const Node *, 2> inputs;
};

/// A result of the kernel. Scalar rows: `scalar`. Vector rows: the sum over terms of a row factor (null = 1)
/// times the vectors of a contraction, then `epilogue`, first applied first. Maps that are linear in
/// their vectors and elementwise end up in the factors.
struct GraphResult {
  struct Term {
    const Node *factor;
    unsigned contraction; // index of a reduction with `values`
  };
  const Node *scalar = nullptr;
  llvm::SmallVector<Term, 2> terms;
  llvm::SmallVector<EpilogueStep, 1> epilogue;
  /// Not scalar or vectors, but a result of a list: the reduction that appends to it.
  std::optional<unsigned> listing = {};
};

/// The whole kernel as expressions. Built from a kernel of primitives (helpers inlined, sugar expanded).
class ExpressionGraph {
public:
  /// Fails, having emitted why at the op, when the kernel uses what cannot be planned yet.
  /// `headsOnRows`: the head is an index of the rows, as the query is.
  static mlir::FailureOr<std::unique_ptr<ExpressionGraph>> build(attn::KernelOp kernel,
                                                                 bool headsOnRows = false);
  /// Empty, for tests.
  explicit ExpressionGraph(mlir::MLIRContext *context);
  ~ExpressionGraph();

  const Node *constant(double number, mlir::Type type);
  /// A constant of the type that the kernel computes in: f32, or f64 when its scores are f64.
  const Node *constant(double number) { return constant(number, floatType()); }
  mlir::Type floatType() const;
  /// Makes (or finds) a node of the float algebra; folds constants, x+0, x*1, x*-1, x/1, x-0
  /// and --x; small whole powers become products.
  const Node *make(NodeKind kind, llvm::ArrayRef<const Node *> operands);
  const Node *leaf(NodeKind kind, mlir::Type type, mlir::Value source = {}, unsigned index = 0);
  const Node *size(mlir::StringAttr axis, mlir::Type type, const Node *sequence);
  const Node *opaque(mlir::Operation *operation, unsigned result,
                     llvm::ArrayRef<const Node *> operands);
  /// State `index` of a scan or fold; for the operands see NodeKind::Scan.
  const Node *scan(mlir::Operation *operation, unsigned index,
                   llvm::ArrayRef<const Node *> operands);
  /// `node` with other operands, of any kind that has operands.
  const Node *withOperands(const Node *node, llvm::ArrayRef<const Node *> operands);

  llvm::ArrayRef<GraphReduction> reductions() const;
  llvm::ArrayRef<GraphResult> results() const;
  attn::KernelOp kernel() const;
  /// The values that Concat and ConcatDomain leaves stand for.
  const Segments &segments(unsigned index) const;
  /// x + y of two indices.
  const Node *addIndices(const Node *x, const Node *y);
  /// For the importer and for tests.
  unsigned addSegments(Segments segments);
  unsigned addReduction(GraphReduction reduction);
  void addResult(GraphResult result);
  void setKernel(attn::KernelOp kernel);
  void setFloatType(mlir::Type type);
  void setHeadsOnRows();

private:
  const Node *foldPower(const Node *base, double power);

  struct Implementation;
  std::unique_ptr<Implementation> implementation;
};

/// What an op of the float algebra makes of numbers, in double precision; nothing for other kinds, and for
/// Select and NotEqual, whose operands are not all numbers.
std::optional<double> applyAlgebra(NodeKind kind, llvm::ArrayRef<double> operands);

/// The expression in infix, for messages and --explain: `exp(0.125 q.k - m0)`. As a factor of a product a sum
/// stands in parentheses.
std::string toString(const Node *node, bool isFactor = false);

} // namespace attune

#endif // ATTUNE_COMPILER_ANALYSIS_EXPRESSION_H
