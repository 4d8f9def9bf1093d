// SPDX-License-Identifier: Apache-2.0
// A sweep over several segments of keys (attn.concat) is a sweep for each, which goes on with the state of
// the one before: the state is a monoid, so that nothing else changes.
#include "compiler/analysis/LeafRewriter.h"
#include "compiler/analysis/SweepPlanner.h"

using namespace mlir;

namespace attune {
namespace {

class SegmentSplitter {
public:
  explicit SegmentSplitter(SweepPlan &plan) : plan(plan), graph(*plan.graph) {}
  void run();

private:
  attn::ConcatOp findSegments(const Sweep &sweep);
  /// The state of a sweep over all segments, by its ids.
  struct Whole {
    Sweep sweep;
    llvm::SmallVector<Frame> frames;
    llvm::SmallVector<Accumulator> accumulators;
  };
  Whole takeOut(const Sweep &sweep);
  Sweep makeSegment(const Whole &whole, attn::ConcatOp concat, unsigned segment,
                    const Sweep *before);
  const Node *keysBefore(attn::ConcatOp concat, unsigned segment);
  Domain rewriteDomain(const Domain &domain, LeafRewriter &rewrite, unsigned segment);

  SweepPlan &plan;
  ExpressionGraph &graph;
  /// Where the state of a frame and of an accumulator ends up.
  llvm::DenseMap<unsigned, unsigned> lastFrame, lastAccumulator;
};

} // namespace

static StringAttr keyAxisOf(Value value) { return attn::getAxes(value.getType()).back(); }

/// A concatenation of the sweep's axis that it reads; null if the axis has no segments.
attn::ConcatOp SegmentSplitter::findSegments(const Sweep &sweep) {
  if (!sweep.keyAxis.getValue().contains('+'))
    return {};
  attn::ConcatOp found;
  graph.kernel().walk([&](attn::ConcatOp concat) {
    if (keyAxisOf(concat.getResult()) == sweep.keyAxis)
      found = concat;
  });
  return found;
}

/// How many keys there are in the segments before.
const Node *SegmentSplitter::keysBefore(attn::ConcatOp concat, unsigned segment) {
  Type index = IndexType::get(concat.getContext());
  const Node *sum = nullptr;
  for (Value before : concat.getSegments().take_front(segment)) {
    const Node *size = graph.size(keyAxisOf(before), index, graph.leaf(NodeKind::IndexB, index));
    sum = sum ? graph.addIndices(sum, size) : size;
  }
  return sum;
}

Domain SegmentSplitter::rewriteDomain(const Domain &domain, LeafRewriter &rewrite,
                                      unsigned segment) {
  Domain made;
  for (const Node *predicate : domain)
    if (predicate->kind == NodeKind::ConcatDomain)
      llvm::append_range(made, graph.segments(predicate->index).domains[segment]);
    else
      made.push_back(rewrite(predicate));
  llvm::sort(made, [](const Node *a, const Node *b) { return a->id < b->id; });
  made.erase(llvm::unique(made), made.end());
  return made;
}

SegmentSplitter::Whole SegmentSplitter::takeOut(const Sweep &sweep) {
  Whole whole = {sweep, {}, {}};
  for (unsigned id : sweep.frames)
    whole.frames.push_back(plan.frames[id]);
  for (unsigned id : sweep.accumulators)
    whole.accumulators.push_back(plan.accumulators[id]);
  return whole;
}

/// Puts `value` where number `id` is, or behind all where `isNew`; gives its number.
template <typename List, typename T>
static unsigned place(List &list, unsigned id, bool isNew, T value) {
  if (!isNew) {
    list[id] = std::move(value);
    return id;
  }
  list.push_back(std::move(value));
  return list.size() - 1;
}

/// The sweep over one segment; the first takes the place of what it is made of.
Sweep SegmentSplitter::makeSegment(const Whole &whole, attn::ConcatOp concat, unsigned segment,
                                   const Sweep *before) {
  const Node *offset = keysBefore(concat, segment);
  LeafRewriter rewrite(graph, [&](const Node *leaf) -> const Node * {
    if (leaf->kind == NodeKind::Concat)
      return graph.segments(leaf->index).values[segment];
    if (leaf->kind != NodeKind::ConcatIndex)
      return leaf;
    const Node *own = graph.leaf(NodeKind::IndexJ, leaf->type);
    return offset ? graph.addIndices(own, offset) : own;
  });
  Sweep made;
  made.keyAxis = keyAxisOf(concat.getSegments()[segment]);
  for (auto [position, id] : llvm::enumerate(whole.sweep.frames)) {
    Frame frame = whole.frames[position];
    frame.exponent = rewrite(frame.exponent);
    frame.domain = rewriteDomain(frame.domain, rewrite, segment);
    frame.continues = before ? int(before->frames[position]) : -1;
    made.frames.push_back(place(plan.frames, id, before, std::move(frame)));
  }
  auto renumber = [](ArrayRef<unsigned> from, ArrayRef<unsigned> to, unsigned id) {
    return to[llvm::find(from, id) - from.begin()];
  };
  for (auto [position, id] : llvm::enumerate(whole.sweep.accumulators)) {
    Accumulator carried = whole.accumulators[position];
    carried.coefficient = rewrite(carried.coefficient);
    carried.domain = rewriteDomain(carried.domain, rewrite, segment);
    if (carried.frame >= 0)
      carried.frame = int(renumber(whole.sweep.frames, made.frames, carried.frame));
    if (carried.values)
      carried.values = carried.values.getDefiningOp<attn::ConcatOp>().getSegments()[segment];
    carried.continues = before ? int(before->accumulators[position]) : -1;
    made.accumulators.push_back(place(plan.accumulators, id, before, std::move(carried)));
  }
  for (unsigned id : made.accumulators)
    for (unsigned &member : plan.accumulators[id].family)
      member = renumber(whole.sweep.accumulators, made.accumulators, member);
  return made;
}

void SegmentSplitter::run() {
  llvm::SmallVector<Sweep> sweeps;
  llvm::SmallVector<unsigned> lastOf;
  for (const Sweep &sweep : plan.sweeps) {
    attn::ConcatOp concat = findSegments(sweep);
    if (!concat) {
      sweeps.push_back(sweep);
    } else {
      Whole whole = takeOut(sweep);
      std::optional<Sweep> before;
      for (unsigned segment = 0; segment < concat.getSegments().size(); ++segment) {
        before = makeSegment(whole, concat, segment, before ? &*before : nullptr);
        sweeps.push_back(*before);
      }
      for (auto [old, made] : llvm::zip(sweep.frames, sweeps.back().frames))
        lastFrame[old] = made;
      for (auto [old, made] : llvm::zip(sweep.accumulators, sweeps.back().accumulators))
        lastAccumulator[old] = made;
    }
    lastOf.push_back(sweeps.size() - 1);
  }
  if (lastFrame.empty() && lastAccumulator.empty())
    return;
  plan.sweeps = std::move(sweeps);
  LeafRewriter rewrite(graph, [&](const Node *leaf) -> const Node * {
    auto renumbered = [&](const llvm::DenseMap<unsigned, unsigned> &last) {
      auto found = last.find(leaf->index);
      return found == last.end() ? leaf : graph.leaf(leaf->kind, leaf->type, {}, found->second);
    };
    return leaf->kind == NodeKind::FrameRef         ? renumbered(lastFrame)
           : leaf->kind == NodeKind::AccumulatorRef ? renumbered(lastAccumulator)
                                                    : leaf;
  });
  for (RowValue &value : plan.rowValues) {
    value.finish = rewrite(value.finish);
    value.sweep = lastOf[value.sweep];
  }
  rewriteResults(plan, rewrite);
  for (ResultPlan &result : plan.results)
    for (ResultPlan::Term &term : result.terms)
      if (auto found = lastAccumulator.find(term.accumulator); found != lastAccumulator.end())
        term.accumulator = found->second;
}

void splitSegments(SweepPlan &plan) { SegmentSplitter(plan).run(); }

} // namespace attune
