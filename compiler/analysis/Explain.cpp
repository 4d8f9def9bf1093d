// SPDX-License-Identifier: Apache-2.0
// What does a plan read like in words? One line a sweep, then each thing that it carries, and how results
// are finished.
#include "compiler/analysis/RowAlgebra.h"
#include "compiler/analysis/Sweeps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace attune {
namespace {

class Explainer {
public:
  Explainer(const SweepPlan &plan, llvm::raw_ostream &out) : plan(plan), out(out) {}
  void write();

private:
  void writeSweep(unsigned index);
  void writeAccumulator(unsigned index);
  void writeDomain(const Domain &domain);
  void writeResult(unsigned index);
  void writeReasons();

  const SweepPlan &plan;
  llvm::raw_ostream &out;
};

} // namespace

static void count(llvm::raw_ostream &out, unsigned number, StringRef what) {
  out << number << ' ' << what << (number == 1 ? "" : "s");
}

static std::string nameOf(const SweepPlan &plan, Value operand) {
  auto argument = cast<BlockArgument>(operand);
  return plan.graph->kernel().getOperandName(argument.getArgNumber()).str();
}

void Explainer::writeDomain(const Domain &domain) {
  if (domain.empty())
    return;
  out << " where ";
  llvm::interleave(domain, out, [&](const Node *node) { out << toString(node); }, " and ");
}

void Explainer::writeAccumulator(unsigned index) {
  const Accumulator &of = plan.accumulators[index];
  out << "    a" << index << " = ";
  if (of.continues >= 0)
    out << "a" << of.continues << " and ";
  out << (of.listed ? "list" : of.identity ? "last" : attn::stringifyReduceKind(of.kind)) << " of ";
  std::vector<std::string> factors;
  bool alone = of.frame < 0 && !of.values;
  if (of.listed)
    factors.push_back("j");
  if (of.coefficient)
    factors.push_back(toString(of.coefficient, /*isFactor=*/!alone));
  if (of.frame >= 0) {
    std::string origin = "m" + std::to_string(of.frame);
    std::string rate;
    llvm::raw_string_ostream stream(rate);
    if (of.rate != 1)
      stream << toString(plan.graph->constant(of.rate)) << ' ';
    std::string shifted = "(" + toString(plan.frames[of.frame].exponent) + " - " + origin + ")";
    factors.push_back(
        "exp(" + (rate.empty() ? shifted.substr(1, shifted.size() - 2) : rate + shifted) + ")");
    if (of.centredPower)
      factors.push_back(shifted +
                        (of.centredPower > 1 ? "^" + std::to_string(of.centredPower) : ""));
  }
  if (of.values)
    factors.push_back(nameOf(plan, of.values) + "[j]");
  if (factors.empty())
    factors.push_back("1");
  llvm::interleave(factors, out, of.listed ? ", " : " * ");
  if (of.frame < 0 || of.domain != plan.frames[of.frame].domain)
    writeDomain(of.domain);
  out << '\n';
}

void Explainer::writeSweep(unsigned index) {
  const Sweep &sweep = plan.sweeps[index];
  unsigned vectors = llvm::count_if(sweep.accumulators,
                                    [&](unsigned a) { return bool(plan.accumulators[a].values); });
  unsigned lists = llvm::count_if(sweep.accumulators,
                                  [&](unsigned a) { return bool(plan.accumulators[a].listed); });
  unsigned extrema = llvm::count_if(sweep.accumulators, [&](unsigned a) {
    return plan.accumulators[a].kind != attn::ReduceKind::Sum;
  });
  unsigned running = 0;
  for (llvm::ArrayRef<const Node *> scan : sweep.scans)
    running += countStates(scan.front());
  out << "sweep " << index;
  if (llvm::any_of(plan.sweeps, [&](const Sweep &other) { return other.keyAxis != sweep.keyAxis; }))
    out << " over " << sweep.keyAxis.getValue();
  out << (sweep.reverse ? " in reverse: carries " : ": carries ");
  unsigned parts[] = {unsigned(sweep.frames.size()),
                      unsigned(sweep.accumulators.size()) - vectors - extrema - lists,
                      extrema,
                      vectors,
                      lists,
                      running};
  StringRef names[] = {"frame", "scalar sum", "extremum", "vector sum", "list", "running value"};
  bool first = true;
  for (auto [number, name] : llvm::zip(parts, names)) {
    if (number == 0)
      continue;
    out << (first ? "" : ", ");
    first = false;
    count(out, number, name);
  }
  out << '\n';
  for (unsigned frame : sweep.frames) {
    out << "    m" << frame << " = max of ";
    if (plan.frames[frame].continues >= 0)
      out << "m" << plan.frames[frame].continues << " and ";
    out << toString(plan.frames[frame].exponent);
    writeDomain(plan.frames[frame].domain);
    out << (plan.frames[frame].exact ? ", exact\n" : "\n");
  }
  for (unsigned accumulator : sweep.accumulators)
    writeAccumulator(accumulator);
  for (unsigned fold : sweep.folds)
    writeAccumulator(fold);
  for (auto [row, value] : llvm::enumerate(plan.rowValues))
    if (value.sweep == index)
      out << "    then row" << row << " = " << toString(value.finish) << '\n';
}

void Explainer::writeResult(unsigned index) {
  const ResultPlan &result = plan.results[index];
  attn::KernelOp kernel = plan.graph->kernel();
  out << "result " << (kernel ? kernel.getResultName(index) : std::to_string(index)) << " = ";
  if (result.scalar)
    out << toString(result.scalar);
  if (result.listing)
    out << "list a" << *result.listing;
  llvm::interleave(
      result.terms, out,
      [&](const ResultPlan::Term &term) {
        if (term.factor)
          out << toString(term.factor, /*isFactor=*/true) << " * ";
        out << "a" << term.accumulator;
      },
      " + ");
  if (!result.epilogue.empty()) {
    out << ", then ";
    count(out, result.epilogue.size(), "map");
    out << " of its vectors";
  }
  out << '\n';
}

void Explainer::writeReasons() {
  for (const SweepReason &reason : plan.reasons)
    out << "another sweep for r" << reason.reduction << ", the "
        << describeReduction(*plan.graph, reason.reduction) << ": " << reason.text << '\n';
}

void Explainer::write() {
  count(out, plan.sweeps.size(), "sweep");
  out << " over the keys\n";
  for (unsigned index = 0; index < plan.sweeps.size(); ++index)
    writeSweep(index);
  for (unsigned index = 0; index < plan.results.size(); ++index)
    writeResult(index);
  writeReasons();
}

std::string explain(const SweepPlan &plan) {
  std::string text;
  llvm::raw_string_ostream out(text);
  Explainer(plan, out).write();
  return text;
}

std::string explainTokens(attn::KernelOp kernel) {
  StringAttr axis = attn::getAxes(kernel.getResultTypes().front()).front();
  std::string text = "no sweep: each token of axis '" + axis.str() + "' by itself, to ";
  for (unsigned index = 0; index < kernel.getNumResults(); ++index)
    text += (index ? ", " : "") + kernel.getResultName(index);
  return text + "\n";
}

} // namespace attune
