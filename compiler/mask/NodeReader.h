// SPDX-License-Identifier: Apache-2.0
// What do the nodes of a mask's expression say, as linear forms and formulas? Whatever is not understood
// and depends on one side alone becomes one number (or truth) of that side, evaluated by its node.
#ifndef ATTUNE_COMPILER_MASK_NODEREADER_H
#define ATTUNE_COMPILER_MASK_NODEREADER_H

#include "compiler/mask/Algebra.h"
#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/SetVector.h"
#include <deque>

namespace attune::mask {

class NodeReader {
public:
  NodeReader(Algebra &algebra, const ExpressionGraph &graph, TokenGrid queries, TokenGrid keys);

  /// i or j; in coordinates where its side has a grid.
  LinearForm token(Side side);
  std::optional<LinearForm> length(Side side);
  /// To be called before nodes are read: divisors are checked at launch.
  void noteDivisors(const Domain &domain);

  /// The integer that a node computes; nothing if it is not understood.
  Parsed read(const Node *node);
  /// The truth of an i1 node or of its negation, pushed down to the literals.
  Formula predicate(const Node *node, bool negated);

private:
  // Divisors (NodeDivisors.cpp).
  void noteDivisors(const Node *node);
  void noteDivisor(const Node *node);
  void noteDivisors(mlir::AffineExpr expression, llvm::ArrayRef<const Node *> operands,
                    unsigned dimensions);
  bool isLaunchScalar(const Node *node);
  /// A divisor that is at least 1 and depends on neither side.
  Parsed divisor(const Node *node);
  Parsed asDivisor(Parsed form);

  // Leaves (NodeLeaves.cpp).
  Parsed readLeaf(const Node *node);
  Parsed readLoad(const Node *node);
  Parsed numberOf(const Node *node);
  std::optional<NumberRange> rangeOfNode(const Node *node);
  std::optional<NumberRange> rangeOfLoad(const Node *node);
  bool staysInTable(const Node *node);
  bool isComputable(const Node *node);
  Parsed truthAsNumber(const Node *node);
  LinearForm size(const Node *node);
  void placeOnGrid(Side side, const TokenGrid &grid);

  // Integer operations (NodeReader.cpp, NodeAffine.cpp).
  Parsed readOperation(const Node *node);
  Parsed readCast(const Node *node);
  Parsed readDivision(const Node *node);
  Parsed readShift(const Node *node);
  Parsed readBinary(const Node *node);
  Parsed readSelect(const Node *node);
  Parsed readAffine(const Node *node);
  Parsed readMap(mlir::AffineExpr expression, llvm::ArrayRef<const Node *> operands,
                 unsigned dimensions);
  Parsed readDelinearize(const Node *node);
  Parsed readLinearize(const Node *node);

  // Truths (NodePredicate.cpp).
  Formula readPredicate(const Node *node, bool negated);
  Formula readLogic(const Node *node, bool negated);
  Formula comparison(const Node *node, bool negated);
  Formula truthComparison(const Node *node, bool negated);
  Formula differ(const Node *left, const Node *right, bool negated);
  Formula choice(const Node *node, bool negated);
  Formula truthOfNode(const Node *node, bool negated);

  Algebra &algebra;
  const ExpressionGraph &graph;
  llvm::DenseMap<const Node *, Parsed> forms;
  llvm::DenseMap<std::pair<const Node *, unsigned>, Formula> predicates;
  llvm::DenseMap<const Node *, bool> computable;
  llvm::DenseMap<const Node *, bool> seenDivisors;
  /// What divides and is made of scalars: above 0 at every legal launch.
  llvm::SetVector<const Node *> positive;
  /// What assumptions say of scalars.
  llvm::DenseMap<mlir::Value, NumberRange> scalarFacts;
  std::array<std::optional<LinearForm>, 2> tokens;
  std::array<std::optional<std::optional<LinearForm>>, 2> lengths;
  std::array<TokenGrid, 2> grids;
  /// Lengths of axes, and nodes for those that the graph may not have.
  llvm::DenseMap<mlir::StringAttr, const Node *> sizes;
  std::deque<Node> ownNodes;
};

/// The value of an integer constant.
std::optional<int64_t> constantOf(const Node *node);
/// The range of a whole type; nothing for wide types, about whose values nothing is known.
std::optional<NumberRange> rangeOfType(mlir::Type type);
/// Where the operation of an integer type cannot have wrapped.
Parsed fittingType(Parsed form, mlir::Type type);

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_NODEREADER_H
