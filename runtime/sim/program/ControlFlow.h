// SPDX-License-Identifier: Apache-2.0
// Where do lanes that a branch parts meet again?
#pragma once

#include "runtime/sim/program/Program.h"

namespace attune::sim {

/// The flow between the statements of a function, and its immediate post-dominators.
///
/// Lanes that exit early leave the others, which still have to meet. Therefore
/// - a branch to a statement that only exits is no way to the end: those who do not take it stay
///   together;
/// - of several exits one counts for a statement: the last `ret` in the text (the end of the text
///   is one too) that it can reach; `exit` counts if there is no ret, and trap if there is neither.
///   Paths that cannot reach it only lead out and are not looked at;
/// - a loop without an exit counts as if it left at its last statement.
class ControlFlow {
public:
  explicit ControlFlow(const ptx::Function &function);

  /// The first statement that is on every path from behind `statement` to the end that counts for
  /// it; the number of statements when there is none.
  uint32_t meeting(uint32_t statement) const;

private:
  /// Statements, the end behind them, and one for each list of targets, so that many brx.idx with
  /// one long list stay few edges.
  using Node = uint32_t;
  void findExits(const ptx::Function &function);
  void addEdges(const ptx::Function &function);
  void addBranch(Node branch, Node target);
  void addEdge(Node from, Node to) { edges.emplace_back(from, to); }
  void buildLists();
  void visitFrom(Node exit);
  void findDominators();
  uint32_t evaluate(uint32_t number);

  uint32_t statementCount, nodeCount;
  std::vector<std::pair<Node, Node>> edges;
  /// Whether all that a node does is to leave.
  std::vector<bool> leaves;
  /// Exits by how much they count: ret, exit, trap.
  std::vector<Node> exits[3];
  /// Of a branch of which one side only leaves: the other side.
  std::vector<Node> stays;
  /// Neighbours of node i: between begins[i] and begins[i + 1].
  struct Neighbours {
    std::vector<uint32_t> begins;
    std::vector<Node> nodes;
  } successors, predecessors;

  /// Nodes by the order of a walk against the flow; number 0 stands for the way out.
  static constexpr uint32_t unvisited = 0;
  std::vector<Node> order;
  std::vector<uint32_t> numbers;
  /// By number: the number that it was found from, the first number of the walk from the same exit,
  /// and the immediate post-dominator.
  std::vector<uint32_t> parents, firsts, dominators;
  /// Of the algorithm of Lengauer and Tarjan, by number.
  std::vector<uint32_t> semi, ancestors, labels;
};

/// Fills Instruction::reconverge of branches and exits, and sets the flag Joins where lanes meet.
void markMeetings(Program &program, const ptx::Function &function);

/// Sets the flag BranchTarget.
void markBranchTargets(Program &program, const ptx::Function &function);

/// Sets the flag TouchesTensorRegisters.
void markTensorRegisters(Program &program);

} // namespace attune::sim
