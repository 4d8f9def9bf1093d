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

static bool isExit(const ptx::Statement &statement) {
  std::string_view word = statement.opcode.front();
  return word == "exit" || word == "ret" || word == "trap";
}

ControlFlow::ControlFlow(const ptx::Function &function)
    : statementCount(uint32_t(function.statements.size())),
      nodeCount(statementCount + 1 + uint32_t(function.branchTargets.size())), exits(nodeCount),
      order(1, none), numbers(nodeCount, unvisited), parents(1, 0), firsts(1, 0) {
  addEdges(function);
  buildLists();
  // The last exit first: whatever reaches it is its.
  for (uint32_t i = statementCount + 1; i--;)
    if (exits[i] && numbers[i] == unvisited)
      visitFrom(i);
  for (uint32_t i = nodeCount; i--;)
    if (numbers[i] == unvisited)
      visitFrom(i);
  findDominators();
}

void ControlFlow::addEdges(const ptx::Function &function) {
  using Kind = ptx::Operand::Kind;
  exits[statementCount] = true;
  for (uint32_t i = 0; i < statementCount; ++i) {
    const ptx::Statement &statement = function.statements[i];
    exits[i] = isExit(statement);
    bool goesOn = statement.guard != ptx::Statement::unguarded;
    if (isBranch(statement) && !statement.operands.empty()) {
      const ptx::Operand &target = statement.operands.back();
      if (target.kind == Kind::Label)
        addEdge(i, target.index);
      else if (target.kind == Kind::TargetList)
        addEdge(i, statementCount + 1 + target.index);
    } else if (!exits[i]) {
      goesOn = true;
    }
    if (goesOn)
      addEdge(i, i + 1);
  }
  for (uint32_t list = 0; list < function.branchTargets.size(); ++list)
    for (uint32_t target : function.branchTargets[list])
      addEdge(statementCount + 1 + list, target);
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
    if (!isBranch(statement) && !isExit(statement))
      continue;
    uint32_t meeting = program.code[i].reconverge = flow.meeting(i);
    bool parts = isBranch(statement) && (statement.guard != ptx::Statement::unguarded ||
                                         statement.opcode.front() == "brx");
    if (parts && meeting < program.code.size())
      program.code[meeting].flags |= Joins;
  }
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
