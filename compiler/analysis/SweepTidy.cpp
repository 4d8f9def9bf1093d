// SPDX-License-Identifier: Apache-2.0
// Which of the drafted state does anybody read? The rest is dropped, and what stays is numbered.
#include "compiler/analysis/LeafRewriter.h"
#include "compiler/analysis/SweepPlanner.h"

namespace attune {
/// The drafts as they are executed: row values take the place of reductions of earlier sweeps.
void SweepPlanner::resolveState() {
  Separation separation(graph, [](unsigned) { return false; });
  for (const DraftFrame &draft : frames)
    plan.frames.push_back({resolve(draft.exponent), resolve(draft.domain), false});
  // Guards of row values may add a count while this goes on.
  for (unsigned index = 0; index < accumulators.size(); ++index) {
    DraftAccumulator draft = accumulators[index];
    const Node *coefficient = draft.whole ? draft.whole : separation.product(draft.weight);
    Accumulator made;
    made.kind = draft.kind;
    made.coefficient = resolve(coefficient);
    if (made.coefficient->kind == NodeKind::Constant && made.coefficient->number == 1)
      made.coefficient = nullptr;
    made.frame = draft.frame;
    made.rate = draft.rate;
    made.centredPower = draft.centredPower;
    made.family = draft.family;
    made.domain = resolve(draft.domain);
    made.values = draft.values;
    made.relative = draft.divides;
    made.listed = draft.listed;
    made.identity = draft.identity;
    plan.accumulators.push_back(std::move(made));
  }
}

const Node *SweepPlanner::aliasedLeaf(const Node *leaf) {
  if (leaf->kind != NodeKind::AccumulatorRef || accumulators[leaf->index].alias < 0)
    return leaf;
  const DraftAccumulator &draft = accumulators[leaf->index];
  frames[draft.alias].exact = true;
  return graph.make(NodeKind::Mul, {graph.constant(draft.aliasRatio), frameRef(draft.alias)});
}

const Node *SweepPlanner::aliased(const Node *node) {
  return LeafRewriter(graph, [this](const Node *leaf) { return aliasedLeaf(leaf); })(node);
}

/// A maximum that is still read, though it did not cancel, is the origin of its frame, which then is exact.
void SweepPlanner::settleExtrema() {
  LeafRewriter rewrite(graph, [this](const Node *leaf) { return aliasedLeaf(leaf); });
  for (RowValue &value : plan.rowValues)
    value.finish = rewrite(value.finish);
  rewriteResults(plan, rewrite);
  for (auto [made, draft] : llvm::zip(plan.frames, frames))
    made.exact = draft.exact;
}

//===--- What is read --------------------------------------------------------------------------===//

namespace {

/// Marks state from the results backwards.
class Reader {
public:
  explicit Reader(const SweepPlan &plan)
      : accumulators(plan.accumulators.size()), frames(plan.frames.size()),
        rowValues(plan.rowValues.size()), plan(plan) {}

  void read(const Node *node) {
    if (!node || !seen.insert(node).second)
      return;
    if (node->kind == NodeKind::AccumulatorRef)
      readAccumulator(node->index);
    else if (node->kind == NodeKind::FrameRef)
      readFrame(node->index);
    else if (node->kind == NodeKind::RowRef && !rowValues[node->index]) {
      rowValues[node->index] = true;
      read(plan.rowValues[node->index].finish);
    }
    for (const Node *operand : node->operands)
      read(operand);
  }
  void readAccumulator(unsigned index) {
    if (accumulators[index])
      return;
    accumulators[index] = true;
    const Accumulator &of = plan.accumulators[index];
    read(of.coefficient);
    for (const Node *predicate : of.domain)
      read(predicate);
    for (unsigned member : of.family)
      readAccumulator(member);
    if (of.frame >= 0)
      readFrame(of.frame);
  }
  void readFrame(unsigned index) {
    if (frames[index])
      return;
    frames[index] = true;
    read(plan.frames[index].exponent);
    for (const Node *predicate : plan.frames[index].domain)
      read(predicate);
  }
  void readResult(const ResultPlan &result) {
    read(result.scalar);
    if (result.listing)
      readAccumulator(*result.listing);
    for (const ResultPlan::Term &term : result.terms) {
      read(term.factor);
      readAccumulator(term.accumulator);
    }
    for (const EpilogueStep &step : result.epilogue)
      for (const Node *input : step.inputs)
        read(input);
  }

  std::vector<bool> accumulators, frames, rowValues;

private:
  const SweepPlan &plan;
  llvm::DenseSet<const Node *> seen;
};

/// New positions of what is kept; -1 for the rest.
std::vector<int> positions(const std::vector<bool> &kept) {
  std::vector<int> result;
  int next = 0;
  for (bool keep : kept)
    result.push_back(keep ? next++ : -1);
  return result;
}

template <typename T> void keep(llvm::SmallVectorImpl<T> &all, const std::vector<bool> &kept) {
  llvm::SmallVector<T> result;
  for (unsigned index = 0; index < all.size(); ++index)
    if (kept[index])
      result.push_back(std::move(all[index]));
  all = std::move(result);
}

} // namespace

/// Drops what nobody reads and numbers the rest.
void SweepPlanner::writePlan() {
  Reader reader(plan);
  for (const ResultPlan &result : plan.results)
    reader.readResult(result);
  std::vector<int> ofAccumulator = positions(reader.accumulators),
                   ofFrame = positions(reader.frames), ofRowValue = positions(reader.rowValues);
  std::vector<bool> usedStage(numStages, false);
  for (unsigned index = 0; index < accumulators.size(); ++index)
    if (reader.accumulators[index])
      usedStage[accumulators[index].stage] = true;
  for (unsigned index = 0; index < frames.size(); ++index)
    if (reader.frames[index])
      usedStage[frames[index].stage] = true;
  std::vector<int> ofStage = positions(usedStage);

  plan.sweeps.resize(llvm::count(usedStage, true));
  for (unsigned index = 0; index < accumulators.size(); ++index)
    if (reader.accumulators[index])
      plan.sweeps[ofStage[accumulators[index].stage]].accumulators.push_back(ofAccumulator[index]);
  for (unsigned index = 0; index < frames.size(); ++index)
    if (reader.frames[index])
      plan.sweeps[ofStage[frames[index].stage]].frames.push_back(ofFrame[index]);

  keep(plan.accumulators, reader.accumulators);
  keep(plan.frames, reader.frames);
  keep(plan.rowValues, reader.rowValues);
  LeafRewriter rewrite(graph, [&](const Node *leaf) -> const Node * {
    if (leaf->kind == NodeKind::AccumulatorRef)
      return graph.leaf(NodeKind::AccumulatorRef, leaf->type, {}, ofAccumulator[leaf->index]);
    if (leaf->kind == NodeKind::FrameRef)
      return frameRef(ofFrame[leaf->index]);
    if (leaf->kind == NodeKind::RowRef)
      return graph.leaf(NodeKind::RowRef, leaf->type, {}, ofRowValue[leaf->index]);
    return leaf;
  });
  auto rewriteDomain = [&](Domain &domain) {
    for (const Node *&predicate : domain)
      predicate = rewrite(predicate);
  };
  for (Accumulator &made : plan.accumulators) {
    made.coefficient = rewrite(made.coefficient);
    made.frame = made.frame < 0 ? -1 : ofFrame[made.frame];
    for (unsigned &member : made.family)
      member = ofAccumulator[member];
    rewriteDomain(made.domain);
  }
  for (Frame &made : plan.frames) {
    made.exponent = rewrite(made.exponent);
    rewriteDomain(made.domain);
  }
  for (RowValue &value : plan.rowValues) {
    value.finish = rewrite(value.finish);
    value.sweep = ofStage[value.sweep];
  }
  rewriteResults(plan, rewrite);
  for (ResultPlan &result : plan.results) {
    for (ResultPlan::Term &term : result.terms)
      term.accumulator = ofAccumulator[term.accumulator];
    if (result.listing)
      result.listing = ofAccumulator[*result.listing];
  }
}

} // namespace attune
