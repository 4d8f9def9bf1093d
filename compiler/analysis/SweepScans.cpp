// SPDX-License-Identifier: Apache-2.0
// Which running values does a sweep carry on from tile to tile, and which way does it go?
#include "compiler/analysis/SweepPlanner.h"

namespace attune {

static void visitScans(const Node *node, llvm::function_ref<void(const Node *)> visit,
                       llvm::DenseSet<const Node *> &seen) {
  if (!node || !seen.insert(node).second)
    return;
  for (const Node *operand : node->operands)
    visitScans(operand, visit, seen);
  if (node->kind == NodeKind::Scan)
    visit(node);
}

void forEachScan(const Node *node, llvm::function_ref<void(const Node *)> visit) {
  llvm::DenseSet<const Node *> seen;
  visitScans(node, visit, seen);
}

bool isReverse(const Node *scan) {
  auto op = llvm::dyn_cast<attn::ScanOp>(scan->operation);
  return op && op.getReverse();
}

static void addScan(Sweep &sweep, const Node *scan) {
  for (auto &known : sweep.scans) {
    if (llvm::is_contained(known, scan))
      return;
    // States of one op have one list of operands.
    const Node *other = known.front();
    if (scan->source && other->source == scan->source && other->operands == scan->operands)
      return known.push_back(scan);
  }
  sweep.scans.push_back({scan});
  sweep.reverse |= isReverse(scan);
}

void findScans(SweepPlan &plan) {
  for (Sweep &sweep : plan.sweeps) {
    auto add = [&](const Node *node) {
      forEachScan(node, [&](const Node *scan) { addScan(sweep, scan); });
    };
    for (unsigned id : sweep.frames) {
      add(plan.frames[id].exponent);
      llvm::for_each(plan.frames[id].domain, add);
    }
    for (unsigned id : sweep.accumulators) {
      add(plan.accumulators[id].coefficient);
      llvm::for_each(plan.accumulators[id].domain, add);
    }
    // A node is made after its operands.
    auto firstId = [](llvm::ArrayRef<const Node *> scan) {
      unsigned least = scan.front()->id;
      for (const Node *state : scan)
        least = std::min(least, state->id);
      return least;
    };
    llvm::sort(sweep.scans, [&](const auto &a, const auto &b) { return firstId(a) < firstId(b); });
    auto isFold = [&](unsigned id) { return plan.accumulators[id].identity != nullptr; };
    llvm::copy_if(sweep.accumulators, std::back_inserter(sweep.folds), isFold);
    llvm::erase_if(sweep.accumulators, isFold);
  }
}

llvm::SmallVector<Domain> domainsOf(const SweepPlan &plan, const Sweep &sweep) {
  llvm::SmallVector<Domain> domains;
  for (unsigned frame : sweep.frames)
    domains.push_back(plan.frames[frame].domain);
  for (unsigned accumulator : sweep.accumulators)
    domains.push_back(plan.accumulators[accumulator].domain);
  // A scan is of all pairs that it sees, also of those that are hidden from its readers.
  for (llvm::ArrayRef<const Node *> scan : sweep.scans)
    domains.push_back(domainOf(scan.front()));
  return domains;
}

} // namespace attune
