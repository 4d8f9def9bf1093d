// SPDX-License-Identifier: Apache-2.0
// What is the value of an expression at each token, and at each pair of a row? By the reference's own
// translation of every op.
#ifndef ATTUNE_COMPILER_PROBLEM_NODEVALUES_H
#define ATTUNE_COMPILER_PROBLEM_NODEVALUES_H

#include "compiler/analysis/Expression.h"
#include "compiler/reference/Problem.h"
#include <map>

namespace attune {

/// Where expressions are evaluated: one sequence and head, all queries and keys.
struct ScorePlane {
  int64_t batch = 0, head = 0;
  /// How many heads the scores have: operands with fewer are shared as the language says.
  int64_t heads = 1;
  int64_t queries = 0, keys = 0;
};

/// Evaluates the integers and truths that masks are made of. What depends on scores, or on a number
/// that the problem does not know, has no value. Entries outside of a table are 0, as in kernels.
class NodeValues {
public:
  /// Both are read as long as this lives.
  NodeValues(const reference::Problem &problem, const ScorePlane &plane);
  ~NodeValues();
  NodeValues(NodeValues &&) = default;

  /// The values of a node of one side at all its tokens, or of one that depends on neither, kept
  /// once. Null: it has none.
  const reference::Lanes *tokens(const Node *node);
  /// The values of any node at `query` and all keys; null: it has none. Valid until the next row.
  const reference::Lanes *row(const Node *node, int64_t query);
  /// The integer of a node that depends on neither side.
  std::optional<int64_t> uniform(const Node *node);

  const ScorePlane &place() const { return plane; }
  /// Why the last value that failed did; empty if it is merely not known.
  const std::string &failure() const { return error; }

private:
  struct Compiled;
  using Values = llvm::DenseMap<const Node *, std::unique_ptr<reference::Lanes>>;

  std::optional<reference::Lanes> compute(const Node *node, int64_t places);
  std::optional<reference::Lanes> leaf(const Node *node) const;
  std::optional<reference::Lanes> element(const Node *node) const;
  std::optional<reference::Lanes> operation(const Node *node, int64_t places);
  std::optional<reference::Lanes> algebra(const Node *node, int64_t places);
  std::optional<reference::Lanes> operand(const Node *node);
  Compiled *compile(const Node *node);

  const reference::Problem &problem;
  ScorePlane plane;
  reference::Environment environment;
  Values known, inRow;
  int64_t query = -1;
  /// One for each op and result types; null where the reference cannot translate it.
  std::map<const Node *, std::unique_ptr<Compiled>> programs;
  std::string error;
};

} // namespace attune

#endif // ATTUNE_COMPILER_PROBLEM_NODEVALUES_H
