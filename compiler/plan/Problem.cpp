// SPDX-License-Identifier: Apache-2.0
// Evaluates a mask's uniform numbers at the sizes of one problem.
#include "compiler/plan/Problem.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace attune {

int64_t ProblemNumbers::length(StringRef axis) const {
  auto found = sizes.axes.find(axis.str());
  return found == sizes.axes.end() ? 1024 : int64_t(found->second);
}

std::optional<int64_t> ProblemNumbers::operator()(const Node *node) const {
  switch (node->kind) {
  case NodeKind::Constant: return int64_t(node->number);
  case NodeKind::IndexB:
  case NodeKind::IndexH: return 0; // the first sequence and head stand for all
  case NodeKind::Size: return length(node->axis.getValue());
  case NodeKind::Scalar: return scalar(node->source);
  case NodeKind::Opaque: return compute(node);
  default: return std::nullopt;
  }
}

std::optional<int64_t> ProblemNumbers::scalar(Value value) const {
  IntegerAttr constant;
  if (matchPattern(value, m_Constant(&constant)))
    return constant.getInt();
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return std::nullopt;
  auto found = sizes.scalars.find(kernel.getOperandName(argument.getArgNumber()).str());
  return found == sizes.scalars.end() ? std::nullopt : std::optional<int64_t>(found->second);
}

std::optional<int64_t> ProblemNumbers::compute(const Node *node) const {
  SmallVector<int64_t, 2> values;
  for (const Node *operand : node->operands) {
    auto value = (*this)(operand);
    if (!value)
      return std::nullopt;
    values.push_back(*value);
  }
  Operation *operation = node->operation;
  if (isa<arith::IndexCastOp, arith::ExtSIOp>(operation))
    return values[0];
  if (isa<arith::AddIOp>(operation))
    return values[0] + values[1];
  if (isa<arith::SubIOp>(operation))
    return values[0] - values[1];
  if (isa<arith::MulIOp>(operation))
    return values[0] * values[1];
  return std::nullopt;
}

Formula buildMask(const SweepPlan &plan, MaskFormulas &formulas) {
  std::vector<Domain> domains;
  auto add = [&](const Domain &domain) {
    if (!llvm::is_contained(domains, domain))
      domains.push_back(domain);
  };
  for (const Frame &frame : plan.frames)
    add(frame.domain);
  for (const Accumulator &accumulator : plan.accumulators)
    add(accumulator.domain);
  Formula mask;
  mask.kind = FormulaKind::Or;
  for (const Domain &domain : domains)
    mask.parts.push_back(formulas.build(domain));
  if (mask.parts.size() == 1) {
    Formula only = std::move(mask.parts.front());
    return only;
  }
  return mask;
}

std::pair<StringRef, StringRef> getScoreAxes(attn::KernelOp kernel) {
  StringRef rows = "q", cols = "k";
  kernel.walk([&](Operation *operation) {
    for (Value value : operation->getResults())
      if (auto matrix = dyn_cast<attn::MatrixType>(value.getType())) {
        rows = matrix.getRowAxis().getValue();
        cols = matrix.getColAxis().getValue();
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return {rows, cols};
}

std::optional<int64_t> countVisiblePairs(attn::KernelOp kernel, const ProblemSizes &sizes) {
  auto plan = planSweeps(kernel);
  if (failed(plan))
    return std::nullopt;
  MaskFormulas formulas;
  Formula mask = buildMask(*plan, formulas);
  ProblemNumbers numbers(kernel, sizes);
  auto [rows, cols] = getScoreAxes(kernel);
  int64_t queries = numbers.length(rows), keys = numbers.length(cols);
  // Tile sizes do not matter for the pairs.
  constexpr int64_t tile = 128;
  return predictWork(mask, queries, keys, tile, tile, numbers).visiblePairs;
}

} // namespace attune
