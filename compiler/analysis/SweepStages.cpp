// SPDX-License-Identifier: Apache-2.0
// Which sweep carries a reduction? The first one after which its body separates.
#include "compiler/analysis/SweepPlanner.h"

using namespace mlir;

namespace attune {

/// A sweep goes one way: that of the scans in it.
bool SweepPlanner::goesTheWayOf(unsigned stage, unsigned index, std::string &failure) {
  const GraphReduction &reduction = graph.reductions()[index];
  bool forward = reduction.listed != nullptr, reverse = false; // lists are in order
  auto note = [&](const Node *scan) { (isReverse(scan) ? reverse : forward) = true; };
  forEachScan(reduction.body, note);
  for (const Node *predicate : reduction.domain)
    forEachScan(predicate, note);
  if (forward && reverse) {
    failure = "it reads scans from the first key on and from the last, which no sweep can make";
    return false;
  }
  if (!forward && !reverse)
    return true;
  if (!reverses.try_emplace(stage, reverse).second && reverses[stage] != reverse) {
    failure = reverse ? "it reads a scan in reverse, and that sweep goes forward"
                      : "it reads a scan, and that sweep goes in reverse";
    return false;
  }
  return true;
}

/// Does the domain or the body make `reduction` wait whatever the algebra says?
bool SweepPlanner::tryStage(unsigned index, unsigned stage, std::string &failure) {
  const GraphReduction &reduction = graph.reductions()[index];
  auto isOpen = [&](unsigned other) { return reductions[other].finished >= stage; };
  for (const Node *predicate : reduction.domain)
    if (const Node *open = findReduction(predicate, isOpen)) {
      failure = "which pairs are visible depends on r" + std::to_string(open->index) + ", the " +
                describeReduction(graph, open->index) + ", which is unfinished";
      return false;
    }
  Separation separation(graph, isOpen);
  ReductionPlan &own = reductions[index];
  if (reduction.listed) {
    const Node *open = findReduction(reduction.body, isOpen);
    if (open)
      failure = "an element of its list depends on r" + std::to_string(open->index) +
                ", which is unfinished";
    return !open;
  }
  if (reduction.identity) {
    const Node *open = findReduction(reduction.body, isOpen);
    if (open)
      failure = "what it joins depends on r" + std::to_string(open->index) + ", the " +
                describeReduction(graph, open->index) + ", which is unfinished";
    return !open;
  }
  if (reduction.kind == attn::ReduceKind::Sum) {
    std::optional<llvm::SmallVector<Term>> terms = separation.terms(reduction.body);
    failure = separation.failure();
    if (!terms)
      return false;
    own.terms = *terms;
    return true;
  }
  // The state is made later: here only whether it can be.
  auto leaf = [](attn::ReduceKind, const Node *body) { return body; };
  bool separates = separation.extremum(reduction.kind, reduction.body, leaf);
  failure = separation.failure();
  return separates;
}

LogicalResult SweepPlanner::assignStage(unsigned index) {
  const GraphReduction &reduction = graph.reductions()[index];
  ReductionPlan &own = reductions[index];
  std::string failure, reason;
  // Once every earlier reduction is closed nothing is open, so this ends.
  while (!tryStage(index, own.stage, failure) || !goesTheWayOf(own.stage, index, failure)) {
    reason = failure;
    if (own.stage++ > graph.reductions().size())
      return graph.kernel().emitError("cannot plan ")
             << describeReduction(graph, index) << ": " << failure;
  }
  if (!reason.empty())
    plan.reasons.push_back({index, reason});
  own.finished = own.stage;
  auto waitFor = [&](const Node *node) {
    findReduction(node, [&](unsigned other) {
      own.finished = std::max(own.finished, reductions[other].finished);
      return false;
    });
  };
  waitFor(reduction.body);
  numStages = std::max(numStages, own.stage + 1);
  return success();
}

static bool isPlain(const Node *node) { return node->kind != NodeKind::Exp && !node->hasReduction; }

/// Walks a row expression and marks the reductions whose scale may cancel in it.
void SweepPlanner::markRelative(const Node *node, bool relative, bool divides) {
  unsigned bit = 1u << (2 * relative + divides);
  if (!node->hasReduction || (marked[node] & bit))
    return;
  marked[node] |= bit;
  markOperands(node, relative, divides);
}

void SweepPlanner::markOperands(const Node *node, bool relative, bool divides) {
  if (node->kind == NodeKind::Reduction) {
    reductions[node->index].relative |= relative;
    reductions[node->index].divides |= divides;
    return;
  }
  auto mark = [&](unsigned i, bool scaled, bool divided) {
    markRelative(node->operands[i], relative || scaled, divides || divided);
  };
  switch (node->kind) {
  case NodeKind::Add:
  case NodeKind::Sub:
  case NodeKind::Neg:
    for (unsigned i = 0; i < node->operands.size(); ++i)
      mark(i, false, false);
    return;
  case NodeKind::Mul: {
    bool scaled = !isPlain(node->operands[0]) && !isPlain(node->operands[1]);
    mark(0, scaled, false);
    mark(1, scaled, false);
    return;
  }
  case NodeKind::Div:
    mark(0, !isPlain(node->operands[1]), false);
    mark(1, true, true);
    return;
  default:
    for (unsigned i = 0; i < node->operands.size(); ++i)
      mark(i, true, true);
  }
}

/// What a later sweep reads has its value then, whether it cancels or not.
void SweepPlanner::markClosed(unsigned reader) {
  const GraphReduction &reduction = graph.reductions()[reader];
  auto mark = [&](unsigned other) {
    reductions[other].readLater |= reductions[other].finished < reductions[reader].stage;
    return false;
  };
  findReduction(reduction.body, mark);
  for (const Node *predicate : reduction.domain)
    findReduction(predicate, mark);
}

/// What is used inside another reduction, or beside a factor of the row, is relative: its frame may cancel.
void SweepPlanner::markUses() {
  for (auto [index, reduction] : llvm::enumerate(graph.reductions())) {
    markRelative(reduction.body, true, true);
    for (const Node *predicate : reduction.domain)
      markRelative(predicate, true, true);
    for (const Term &term : reductions[index].terms)
      reductions[index].relative |= !term.openRow.empty();
    markClosed(index);
  }
  for (const GraphResult &result : graph.results()) {
    if (result.scalar)
      markRelative(result.scalar, false, false);
    for (const GraphResult::Term &term : result.terms) {
      if (!term.factor)
        continue;
      markRelative(term.factor, true, true);
      reductions[term.contraction].relative |= !isPlain(term.factor) || term.factor->onQuery;
    }
    for (const EpilogueStep &step : result.epilogue)
      for (const Node *input : step.inputs)
        if (input)
          markRelative(input, false, false);
  }
}

LogicalResult SweepPlanner::run() {
  reductions.resize(graph.reductions().size());
  for (unsigned index = 0; index < reductions.size(); ++index)
    if (failed(assignStage(index)))
      return failure();
  markUses();
  for (unsigned stage = 0; stage < numStages; ++stage)
    makeState(stage);
  makeResults();
  resolveState();
  settleExtrema();
  writePlan();
  return success();
}

FailureOr<SweepPlan> planSweeps(attn::KernelOp kernel, bool headsOnRows) {
  FailureOr<std::unique_ptr<ExpressionGraph>> graph = ExpressionGraph::build(kernel, headsOnRows);
  if (failed(graph))
    return failure();
  SweepPlan plan;
  plan.graph = std::move(*graph);
  if (failed(SweepPlanner(*plan.graph, plan).run()) || failed(splitAxes(plan)))
    return failure();
  splitSegments(plan);
  findScans(plan);
  return plan;
}

} // namespace attune
