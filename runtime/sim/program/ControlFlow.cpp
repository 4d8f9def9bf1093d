// SPDX-License-Identifier: Apache-2.0
// Immediate post-dominators by the algorithm of Lengauer and Tarjan, on the reversed flow: nearly
// linear, whatever the text.
#include "runtime/sim/program/ControlFlow.h"

#include <algorithm>
#include <numeric>

namespace attune::sim {

static constexpr uint32_t none = ~0u;

static bool isBranch(const ptx::Statement &statement) {
  return statement.opcode.front() == "bra" || statement.opcode.front() == "brx";
}

/// How much an exit counts: its place in ControlFlow::exits, or -1 for what is none.
static int exitKind(const ptx::Statement &statement) {
  std::string_view word = statement.opcode.front();
  return word == "ret" ? 0 : word == "exit" ? 1 : word == "trap" ? 2 : -1;
}

static bool isGuarded(const ptx::Statement &statement) {
  return statement.guard != ptx::Statement::unguarded;
}

ControlFlow::ControlFlow(const ptx::Function &function)
    : statementCount(uint32_t(function.statements.size())),
      nodeCount(statementCount + 1 + uint32_t(function.branchTargets.size())), leaves(nodeCount),
      stays(nodeCount, none), order(1, none), numbers(nodeCount, unvisited), parents(1, 0),
      firsts(1, 0) {
  findExits(function);
  addEdges(function);
  buildLists();
  auto visit = [&](Node node) {
    if (numbers[node] == unvisited)
      visitFrom(node);
  };
  // Whatever reaches the first exit is its.
  for (const std::vector<Node> &kind : exits)
    std::for_each(kind.rbegin(), kind.rend(), visit);
  // Loops that only such a branch leaves.
  for (Node node = nodeCount; node--;)
    if (stays[node] != none)
      visit(node);
  for (Node node = nodeCount; node--;)
    visit(node);
  findDominators();
}

void ControlFlow::findExits(const ptx::Function &function) {
  for (uint32_t i = 0; i < statementCount; ++i) {
    const ptx::Statement &statement = function.statements[i];
    if (int kind = exitKind(statement); kind >= 0) {
      exits[kind].push_back(i);
      leaves[i] = !isGuarded(statement);
    }
  }
  exits[0].push_back(statementCount);
  leaves[statementCount] = true;
  // Branches to them, too; one step, because branches may go in circles.
  std::vector<bool> direct = leaves;
  for (uint32_t i = 0; i < statementCount; ++i) {
    const ptx::Statement &statement = function.statements[i];
    if (isBranch(statement) && !isGuarded(statement) && !statement.operands.empty() &&
        statement.operands[0].kind == ptx::Operand::Kind::Label)
      leaves[i] = direct[statement.operands[0].index];
  }
}

/// A guarded branch: to `target`, or on.
void ControlFlow::addBranch(Node branch, Node target) {
  Node next = branch + 1;
  if (leaves[target] == leaves[next]) {
    addEdge(branch, target);
    addEdge(branch, next);
    return;
  }
  stays[branch] = leaves[target] ? next : target;
  addEdge(branch, stays[branch]);
}

void ControlFlow::addEdges(const ptx::Function &function) {
  using Kind = ptx::Operand::Kind;
  for (uint32_t i = 0; i < statementCount; ++i) {
    const ptx::Statement &statement = function.statements[i];
    bool goesOn = isGuarded(statement) || exitKind(statement) < 0;
    if (isBranch(statement) && !statement.operands.empty()) {
      const ptx::Operand &target = statement.operands.back();
      if (target.kind == Kind::Label && isGuarded(statement)) {
        addBranch(i, target.index);
        continue;
      }
      goesOn = isGuarded(statement);
      if (target.kind == Kind::Label)
        addEdge(i, target.index);
      else if (target.kind == Kind::TargetList)
        addEdge(i, statementCount + 1 + target.index);
    }
    if (goesOn)
      addEdge(i, i + 1);
  }
  for (uint32_t list = 0; list < function.branchTargets.size(); ++list) {
    const std::vector<uint32_t> &targets = function.branchTargets[list];
    bool allLeave =
        std::all_of(targets.begin(), targets.end(), [&](Node node) { return leaves[node]; });
    for (Node target : targets)
      if (allLeave || !leaves[target])
        addEdge(statementCount + 1 + list, target);
  }
}

void ControlFlow::buildLists() {
  auto build = [&](Neighbours &neighbours, auto from, auto to) {
    neighbours.begins.assign(nodeCount + 1, 0);
    for (const auto &edge : edges)
      ++neighbours.begins[edge.*from + 1];
    std::partial_sum(neighbours.begins.begin(), neighbours.begins.end(), neighbours.begins.begin());
    neighbours.nodes.resize(edges.size());
    std::vector<uint32_t> next(neighbours.begins.begin(), neighbours.begins.end() - 1);
    for (const auto &edge : edges)
      neighbours.nodes[next[edge.*from]++] = edge.*to;
  };
  using Edge = std::pair<Node, Node>;
  build(successors, &Edge::first, &Edge::second);
  build(predecessors, &Edge::second, &Edge::first);
}

/// Walks against the flow, depth first, and numbers what no earlier walk has found.
void ControlFlow::visitFrom(Node exit) {
  uint32_t first = uint32_t(order.size());
  auto number = [&](Node node, uint32_t parent) {
    numbers[node] = uint32_t(order.size());
    order.push_back(node);
    parents.push_back(parent);
    firsts.push_back(first);
  };
  struct Place {
    Node node;
    uint32_t next;
  };
  number(exit, 0);
  std::vector<Place> path{{exit, predecessors.begins[exit]}};
  while (!path.empty()) {
    Place &place = path.back();
    if (place.next == predecessors.begins[place.node + 1]) {
      path.pop_back();
      continue;
    }
    Node before = predecessors.nodes[place.next++];
    if (numbers[before] != unvisited)
      continue;
    number(before, numbers[place.node]);
    path.push_back({before, predecessors.begins[before]});
  }
}

/// The number with the least semidominator between this one and the root of its tree; shortens the
/// way there.
uint32_t ControlFlow::evaluate(uint32_t number) {
  if (ancestors[number] == none)
    return number;
  std::vector<uint32_t> path;
  for (uint32_t at = number; ancestors[ancestors[at]] != none; at = ancestors[at])
    path.push_back(at);
  for (auto at = path.rbegin(); at != path.rend(); ++at) {
    uint32_t above = ancestors[*at];
    if (semi[labels[above]] < semi[labels[*at]])
      labels[*at] = labels[above];
    ancestors[*at] = ancestors[above];
  }
  return labels[number];
}

void ControlFlow::findDominators() {
  uint32_t count = uint32_t(order.size());
  semi.resize(count);
  std::iota(semi.begin(), semi.end(), 0);
  labels = semi;
  ancestors.assign(count, none);
  dominators.assign(count, 0);
  // Lists of the numbers that have this semidominator.
  std::vector<uint32_t> firstOf(count, none), nextOf(count, none);
  for (uint32_t w = count; --w > 0;) {
    Node node = order[w];
    for (uint32_t i = successors.begins[node]; i < successors.begins[node + 1]; ++i) {
      uint32_t v = numbers[successors.nodes[i]];
      if (firsts[v] == firsts[w])
        semi[w] = std::min(semi[w], semi[evaluate(v)]);
    }
    // The way out of this walk.
    if (firsts[w] == w)
      semi[w] = 0;
    nextOf[w] = firstOf[semi[w]];
    firstOf[semi[w]] = w;
    ancestors[w] = parents[w];
    for (uint32_t v = firstOf[parents[w]]; v != none; v = nextOf[v]) {
      uint32_t u = evaluate(v);
      dominators[v] = semi[u] < semi[v] ? u : parents[w];
    }
    firstOf[parents[w]] = none;
  }
  for (uint32_t w = 1; w < count; ++w)
    if (dominators[w] != semi[w])
      dominators[w] = dominators[dominators[w]];
}

uint32_t ControlFlow::meeting(uint32_t statement) const {
  if (stays[statement] != none)
    return stays[statement];
  uint32_t number = numbers[statement];
  do
    number = dominators[number];
  while (number && order[number] > statementCount);
  return number ? order[number] : statementCount;
}

void markMeetings(Program &program, const ptx::Function &function) {
  ControlFlow flow(function);
  for (uint32_t i = 0; i < program.code.size(); ++i) {
    const ptx::Statement &statement = function.statements[i];
    if (!isBranch(statement) && exitKind(statement) < 0)
      continue;
    uint32_t meeting = program.code[i].reconverge = flow.meeting(i);
    bool parts = isBranch(statement) && (isGuarded(statement) || statement.opcode.front() == "brx");
    if (parts && meeting < program.code.size())
      program.code[meeting].flags |= Joins;
  }
}

void markBranchTargets(Program &program, const ptx::Function &function) {
  auto mark = [&](uint32_t target) {
    if (target < program.code.size())
      program.code[target].flags |= BranchTarget;
  };
  for (const ptx::Statement &statement : function.statements)
    if (isBranch(statement))
      for (const ptx::Operand &operand : statement.operands)
        if (operand.kind == ptx::Operand::Kind::Label)
          mark(operand.index);
  for (const std::vector<uint32_t> &targets : function.branchTargets)
    for (uint32_t target : targets)
      mark(target);
}

void markTensorRegisters(Program &program) {
  const std::vector<bool> &rows = program.tensorRows;
  auto isTensor = [&](Row row) { return row < rows.size() && rows[row]; };
  if (rows.empty())
    return;
  for (size_t i = 0; i < program.code.size(); ++i) {
    const RegisterUse &use = program.uses[i];
    if (std::any_of(use.reads.begin(), use.reads.end(), isTensor) ||
        std::any_of(use.writes.begin(), use.writes.end(), isTensor))
      program.code[i].flags |= TouchesTensorRegisters;
  }
}

} // namespace attune::sim
