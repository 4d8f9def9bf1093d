// SPDX-License-Identifier: Apache-2.0
// Which axis of keys does a sweep walk? What reduces the keys of different axes has different sweeps, one
// after the other.
#include "compiler/analysis/SweepPlanner.h"

using namespace mlir;

namespace attune {
namespace {

class AxisSplitter {
public:
  explicit AxisSplitter(SweepPlan &plan) : plan(plan), graph(*plan.graph) {}
  LogicalResult run();

private:
  StringAttr axisOf(const Node *node);
  StringAttr axisOfLeaf(const Node *leaf);
  void note(StringAttr axis, StringAttr &found);
  StringAttr axisOfDomain(const Domain &domain);
  StringAttr axisOfFrame(unsigned frame);
  StringAttr axisOfAccumulator(unsigned accumulator);
  StringAttr countedAxis();
  void split(const Sweep &sweep, SmallVectorImpl<Sweep> &sweeps);

  SweepPlan &plan;
  ExpressionGraph &graph;
  llvm::DenseMap<const Node *, StringAttr> known;
  bool conflicts = false;
};

} // namespace

void AxisSplitter::note(StringAttr axis, StringAttr &found) {
  if (axis && found && axis != found && !conflicts) {
    graph.kernel().emitError() << "expected one axis of keys in a reduction, but got '"
                               << found.getValue() << "' and '" << axis.getValue() << "'";
    conflicts = true;
  }
  if (axis)
    found = axis;
}

StringAttr AxisSplitter::axisOfLeaf(const Node *leaf) {
  switch (leaf->kind) {
  case NodeKind::Element:
    return leaf->onKey ? cast<attn::ColsType>(leaf->source.getType()).getAxis() : StringAttr();
  case NodeKind::Dot:
    return leaf->source ? cast<attn::MatrixType>(leaf->source.getType()).getColAxis()
                        : StringAttr();
  case NodeKind::Scan: return attn::getAxes(leaf->operation->getOperand(0).getType()).back();
  case NodeKind::Concat:
  case NodeKind::ConcatDomain: {
    attn::ConcatOp concat = graph.segments(leaf->index).op;
    return attn::getAxes(concat.getType()).back();
  }
  default: return {};
  }
}

StringAttr AxisSplitter::axisOf(const Node *node) {
  if (!node || !node->onKey)
    return {};
  auto [place, isNew] = known.try_emplace(node);
  if (!isNew)
    return place->second;
  StringAttr found = axisOfLeaf(node);
  for (const Node *operand : node->operands)
    note(axisOf(operand), found);
  return known[node] = found;
}

StringAttr AxisSplitter::axisOfDomain(const Domain &domain) {
  StringAttr found;
  for (const Node *predicate : domain)
    note(axisOf(predicate), found);
  return found;
}

StringAttr AxisSplitter::axisOfFrame(unsigned frame) {
  StringAttr found = axisOf(plan.frames[frame].exponent);
  note(axisOfDomain(plan.frames[frame].domain), found);
  return found;
}

StringAttr AxisSplitter::axisOfAccumulator(unsigned id) {
  const Accumulator &carried = plan.accumulators[id];
  StringAttr found = axisOf(carried.coefficient);
  note(axisOfDomain(carried.domain), found);
  if (carried.frame >= 0)
    note(axisOfFrame(carried.frame), found);
  if (attn::VisibleKeysOp listed = carried.listed)
    note(attn::getAxes(listed.getInput().getType()).back(), found);
  if (carried.values)
    note(cast<attn::ColsType>(carried.values.getType()).getAxis(), found);
  return found;
}

/// Counting alone reads no key: the axis is that of a counted matrix.
StringAttr AxisSplitter::countedAxis() {
  for (const GraphReduction &reduction : graph.reductions())
    if (auto reduce =
            reduction.result ? reduction.result.getDefiningOp<attn::ReduceOp>() : attn::ReduceOp())
      if (auto matrix = dyn_cast<attn::MatrixType>(reduce.getInput().getType()))
        return matrix.getColAxis();
  return StringAttr::get(graph.floatType().getContext(), "k");
}

void AxisSplitter::split(const Sweep &sweep, SmallVectorImpl<Sweep> &sweeps) {
  llvm::MapVector<StringAttr, Sweep> byAxis;
  for (unsigned id : sweep.frames)
    byAxis[axisOfFrame(id)].frames.push_back(id);
  for (unsigned id : sweep.accumulators)
    byAxis[axisOfAccumulator(id)].accumulators.push_back(id);
  // What has no axis of its own, a count of all pairs, goes with the counted axis.
  if (auto found = byAxis.find(StringAttr()); found != byAxis.end()) {
    Sweep counted = std::move(found->second);
    byAxis.erase(found);
    StringAttr axis = byAxis.size() == 1 ? byAxis.front().first : countedAxis();
    llvm::append_range(byAxis[axis].frames, counted.frames);
    llvm::append_range(byAxis[axis].accumulators, counted.accumulators);
    llvm::sort(byAxis[axis].accumulators);
  }
  for (auto &[axis, part] : byAxis) {
    part.keyAxis = axis;
    sweeps.push_back(part);
  }
}

LogicalResult AxisSplitter::run() {
  SmallVector<Sweep> sweeps;
  SmallVector<unsigned> lastOf;
  for (const Sweep &sweep : plan.sweeps) {
    split(sweep, sweeps);
    lastOf.push_back(sweeps.size() - 1);
  }
  plan.sweeps = std::move(sweeps);
  for (RowValue &value : plan.rowValues)
    value.sweep = lastOf[value.sweep];
  return failure(conflicts);
}

LogicalResult splitAxes(SweepPlan &plan) { return AxisSplitter(plan).run(); }

} // namespace attune
