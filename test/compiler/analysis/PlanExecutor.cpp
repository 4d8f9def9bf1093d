// SPDX-License-Identifier: Apache-2.0
#include "test/compiler/analysis/PlanExecutor.h"
#include "test/compiler/analysis/NodeEvaluator.h"
#include <cmath>
#include <map>

using attune::attn::ReduceKind;

namespace attune::test {
namespace {

using Vector = std::vector<double>;

/// What one row carries through one sweep, for all frames and accumulators of the plan.
struct RowState {
  std::vector<double> origins;
  std::vector<Vector> sums;
};

/// What the scans of a sweep carry on.
using Carries = std::vector<double>;

class RowExecutor {
public:
  RowExecutor(const SweepPlan &plan, const NodeEvaluator &evaluator, const Execution &execution,
              Place place)
      : plan(plan), evaluator(evaluator), execution(execution), place(place), finished(init()) {}

  void run();
  double scalar(unsigned result) const { return evaluate(plan.results[result].scalar); }
  Vector vector(unsigned result) const;

private:
  RowState init() const;
  void update(RowState &state, const Sweep &sweep, int64_t begin, int64_t end);
  void accumulate(RowState &state, unsigned accumulator, int64_t key);
  void changeFrame(RowState &state, const Sweep &sweep, unsigned frame, double origin) const;
  RowState combine(RowState a, RowState b, const Sweep &sweep) const;
  RowState sweepRange(const Sweep &sweep, int64_t begin, int64_t end, Carries &carries);
  Carries scanRange(const Sweep &sweep, int64_t begin, int64_t end, const Carries &before);
  double atKey(const Node *node, int64_t key) const;
  bool visible(const Domain &domain, int64_t key) const;
  double evaluate(const Node *node) const;
  unsigned random(unsigned low, unsigned high) {
    return std::uniform_int_distribution<unsigned>(low, high)(*execution.generator);
  }

  const SweepPlan &plan;
  const NodeEvaluator &evaluator;
  const Execution &execution;
  Place place;
  RowState finished;
  std::vector<double> rowValues;
  /// The running values of the keys that were scanned last.
  std::map<std::pair<const Node *, int64_t>, double> running;
};

} // namespace

static double identity(ReduceKind kind) {
  return kind == ReduceKind::Max ? -INFINITY : kind == ReduceKind::Min ? INFINITY : 0;
}

RowState RowExecutor::init() const {
  RowState state;
  state.origins.assign(plan.frames.size(), -INFINITY);
  for (const Accumulator &of : plan.accumulators) {
    size_t lanes = of.values ? size_t(evaluator.tensor(of.values).shape[3]) : 1;
    state.sums.emplace_back(lanes, identity(of.kind));
  }
  return state;
}

double RowExecutor::evaluate(const Node *node) const {
  return evaluator(node, place, [&](const Node *leaf) {
    if (leaf->kind == NodeKind::AccumulatorRef)
      return finished.sums[leaf->index][0];
    return leaf->kind == NodeKind::FrameRef ? finished.origins[leaf->index]
                                            : rowValues[leaf->index];
  });
}

double RowExecutor::atKey(const Node *node, int64_t key) const {
  Place pair = place;
  pair.j = key;
  return evaluator(node, pair, [&](const Node *leaf) {
    if (leaf->kind == NodeKind::Scan) {
      EXPECT_TRUE(running.contains({leaf, key})) << "not scanned: " << toString(leaf);
      return running.at({leaf, key});
    }
    EXPECT_EQ(leaf->kind, NodeKind::RowRef) << "a sweep reads " << toString(leaf);
    return rowValues[leaf->index];
  });
}

bool RowExecutor::visible(const Domain &domain, int64_t key) const {
  return llvm::all_of(domain, [&](const Node *node) { return atKey(node, key) != 0; });
}

static double binomial(unsigned n, unsigned k) {
  return k == 0 ? 1 : binomial(n - 1, k - 1) * n / k;
}

void RowExecutor::changeFrame(RowState &state, const Sweep &sweep, unsigned frame,
                              double origin) const {
  double delta = state.origins[frame] - origin;
  bool moves = std::isfinite(state.origins[frame]) && std::isfinite(origin);
  state.origins[frame] = std::isnan(origin) ? origin : std::max(origin, state.origins[frame]);
  if (!moves)
    return;
  RowState old = state;
  for (unsigned index : sweep.accumulators) {
    const Accumulator &of = plan.accumulators[index];
    if (of.frame != int(frame))
      continue;
    for (size_t lane = 0; lane < state.sums[index].size(); ++lane) {
      double sum = old.sums[index][lane];
      for (unsigned l = 0; l < of.centredPower; ++l)
        sum += binomial(of.centredPower, l) * std::pow(delta, of.centredPower - l) *
               old.sums[of.family[l]][lane];
      state.sums[index][lane] = std::exp(of.rate * delta) * sum;
    }
  }
}

void RowExecutor::accumulate(RowState &state, unsigned index, int64_t key) {
  const Accumulator &of = plan.accumulators[index];
  if (!visible(of.domain, key))
    return;
  double weight = of.coefficient ? atKey(of.coefficient, key) : 1;
  if (of.frame >= 0) {
    double origin = state.origins[of.frame];
    if (origin == -INFINITY)
      return;
    double shifted = atKey(plan.frames[of.frame].exponent, key) - origin;
    // A visible score of -inf has weight 0, whatever the power beside it.
    if (shifted == -INFINITY)
      return;
    weight *= std::exp(of.rate * shifted) * std::pow(shifted, of.centredPower);
  }
  Place pair = place;
  for (size_t lane = 0; lane < state.sums[index].size(); ++lane) {
    double &sum = state.sums[index][lane];
    double value = of.values ? evaluator.element(evaluator.tensor(of.values), pair, key, lane) : 1;
    if (of.kind == ReduceKind::Sum)
      sum += weight * value;
    else
      sum = of.kind == ReduceKind::Max ? std::max(sum, weight) : std::min(sum, weight);
  }
}

void RowExecutor::update(RowState &state, const Sweep &sweep, int64_t begin, int64_t end) {
  for (unsigned frame : sweep.frames) {
    double largest = -INFINITY;
    for (int64_t key = begin; key < end; ++key)
      if (visible(plan.frames[frame].domain, key)) {
        double exponent = atKey(plan.frames[frame].exponent, key);
        largest = std::isnan(exponent) ? exponent : std::max(largest, exponent);
      }
    double slack = plan.frames[frame].exact ? 0 : execution.slack;
    if (!(largest <= state.origins[frame] + slack))
      changeFrame(state, sweep, frame, largest);
  }
  for (unsigned accumulator : sweep.accumulators)
    for (int64_t key = begin; key < end; ++key)
      accumulate(state, accumulator, key);
}

static double joinTwo(const Node *scan, double a, double b) {
  switch (*llvm::cast<attn::ScanOp>(scan->operation).getKind()) {
  case ReduceKind::Max: return std::max(a, b);
  case ReduceKind::Min: return std::min(a, b);
  default: return a + b;
  }
}

static Carries initialCarries(const Sweep &sweep) {
  Carries carries;
  for (llvm::ArrayRef<const Node *> scan : sweep.scans)
    carries.push_back(identity(*llvm::cast<attn::ScanOp>(scan[0]->operation).getKind()));
  return carries;
}

/// The running values of a range of keys, and what is carried behind it.
Carries RowExecutor::scanRange(const Sweep &sweep, int64_t begin, int64_t end,
                               const Carries &before) {
  running.clear();
  Carries after;
  for (auto [states, carried] : llvm::zip(sweep.scans, before)) {
    const Node *scan = states[0];
    bool exclusive = llvm::cast<attn::ScanOp>(scan->operation).getExclusive();
    double state = carried;
    for (int64_t step = begin; step < end; ++step) {
      int64_t key = sweep.reverse ? begin + end - 1 - step : step;
      double next = state;
      if (visible(domainOf(scan), key))
        next = joinTwo(scan, state, atKey(scan->operands[0], key));
      running[{scan, key}] = exclusive ? state : next;
      state = next;
    }
    after.push_back(state);
  }
  return after;
}

RowState RowExecutor::sweepRange(const Sweep &sweep, int64_t begin, int64_t end, Carries &carries) {
  RowState state = init();
  while (begin < end) {
    int64_t tile = std::min<int64_t>(end - begin, random(1, execution.maxTile));
    int64_t first = sweep.reverse ? end - tile : begin;
    carries = scanRange(sweep, first, first + tile, carries);
    update(state, sweep, first, first + tile);
    (sweep.reverse ? end : begin) += sweep.reverse ? -tile : tile;
  }
  return state;
}

RowState RowExecutor::combine(RowState a, RowState b, const Sweep &sweep) const {
  for (unsigned frame : sweep.frames) {
    double larger = std::max(a.origins[frame], b.origins[frame]);
    changeFrame(a, sweep, frame, larger);
    changeFrame(b, sweep, frame, larger);
  }
  for (unsigned index : sweep.accumulators)
    for (size_t lane = 0; lane < a.sums[index].size(); ++lane) {
      double &sum = a.sums[index][lane], other = b.sums[index][lane];
      ReduceKind kind = plan.accumulators[index].kind;
      sum = kind == ReduceKind::Sum   ? sum + other
            : kind == ReduceKind::Max ? std::max(sum, other)
                                      : std::min(sum, other);
    }
  return a;
}

void RowExecutor::run() {
  int64_t keys = evaluator.length("k");
  rowValues.assign(plan.rowValues.size(), NAN);
  for (auto [number, sweep] : llvm::enumerate(plan.sweeps)) {
    std::vector<int64_t> cuts = {0, keys};
    for (unsigned cut = random(0, execution.maxRanges - 1); cut > 0; --cut)
      cuts.push_back(random(0, keys));
    llvm::sort(cuts);
    std::vector<RowState> parts;
    // What is carried into a part is what parts on its way carry from nothing, joined in order.
    Carries carries = initialCarries(sweep);
    for (size_t step = 0; step + 1 < cuts.size(); ++step) {
      size_t part = sweep.reverse ? cuts.size() - 2 - step : step;
      Carries alone = scanRange(sweep, cuts[part], cuts[part + 1], initialCarries(sweep));
      Carries through = carries;
      parts.push_back(sweepRange(sweep, cuts[part], cuts[part + 1], through));
      for (auto [scan, carried, own] : llvm::zip(sweep.scans, carries, alone))
        carried = joinTwo(scan[0], carried, own);
      for (auto [carried, direct] : llvm::zip(carries, through))
        EXPECT_TRUE(carried == direct || std::abs(carried - direct) < 1e-9);
    }
    while (parts.size() > 1) {
      std::swap(parts[random(0, parts.size() - 1)], parts.back());
      RowState last = std::move(parts.back());
      parts.pop_back();
      RowState &other = parts[random(0, parts.size() - 1)];
      other = combine(std::move(other), std::move(last), sweep);
    }
    for (unsigned frame : sweep.frames)
      finished.origins[frame] = parts[0].origins[frame];
    for (unsigned accumulator : sweep.accumulators)
      finished.sums[accumulator] = parts[0].sums[accumulator];
    for (auto [index, value] : llvm::enumerate(plan.rowValues))
      if (value.sweep == number)
        rowValues[index] = evaluate(value.finish);
  }
}

Vector RowExecutor::vector(unsigned result) const {
  Vector sum;
  for (const ResultPlan::Term &term : plan.results[result].terms) {
    const Vector &carried = finished.sums[term.accumulator];
    sum.resize(carried.size());
    double factor = term.factor ? evaluate(term.factor) : 1;
    for (size_t lane = 0; lane < carried.size(); ++lane)
      sum[lane] += factor * carried[lane];
  }
  return sum;
}

std::vector<Tensor> execute(const SweepPlan &plan, llvm::ArrayRef<Argument> arguments,
                            const Execution &execution) {
  NodeEvaluator evaluator(plan.graph->kernel(), arguments);
  int64_t batches = evaluator.batches(), heads = evaluator.heads(), rows = evaluator.length("q");
  std::vector<Tensor> results;
  for (const ResultPlan &result : plan.results) {
    std::vector<int64_t> shape = {batches, heads, rows};
    if (!result.scalar)
      shape.push_back(
          evaluator.tensor(plan.accumulators[result.terms[0].accumulator].values).shape[3]);
    results.push_back(Tensor::zeros(ElementType::F64, shape));
  }
  for (int64_t row = 0; row < batches * heads * rows; ++row) {
    Place place{row / rows / heads, row / rows % heads, row % rows, 0};
    RowExecutor executor(plan, evaluator, execution, place);
    executor.run();
    for (auto [index, result] : llvm::enumerate(plan.results)) {
      if (result.scalar) {
        results[index].set(row, executor.scalar(index));
        continue;
      }
      Vector values = executor.vector(index);
      for (size_t lane = 0; lane < values.size(); ++lane)
        results[index].set(row * int64_t(values.size()) + int64_t(lane), values[lane]);
    }
  }
  return results;
}

} // namespace attune::test
