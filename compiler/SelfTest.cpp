// SPDX-License-Identifier: Apache-2.0
#include "compiler/SelfTest.h"

#include "compiler/Pipeline.h"
#include "compiler/analysis/Stages.h"
#include "compiler/analysis/Sweeps.h"
#include "compiler/problem/ProblemChoice.h"
#include "compiler/reference/Compare.h"
#include "compiler/reference/Reference.h"
#include "mlir/IR/Diagnostics.h"

using namespace mlir;

namespace attune {

namespace {

/// More than two tiles on each side, and a part of one; a number with many divisors, for grids.
constexpr int64_t tokens = 288;
/// A few thousand numbers of each result are kept, in every column and row of a tile.
constexpr int64_t step = 37;
constexpr int64_t heads = 2;
constexpr uint64_t attempts = 8;

/// One problem: shapes, arguments, and the blob as far as it is known.
class Candidate {
public:
  Candidate(attn::KernelOp kernel, const bundle::KernelInfo &info, const ProblemSizes &sizes,
            const MaskProblem &problem)
      : kernel(kernel), info(info), sizes(sizes), problem(problem) {}

  /// False where a shape is not known.
  bool makeArguments();
  /// Evaluates and appends what is expected; the share of numbers that are not zero.
  std::optional<double> evaluate();

  bundle::SelfTest test;
  std::string data;

private:
  int64_t lengthOf(StringRef axis) const;
  bool shapeOf(const bundle::OperandInfo &operand, std::vector<int64_t> &shape) const;
  reference::Argument makeTensor(unsigned index, const std::vector<int64_t> &shape) const;
  void append(const void *bytes, size_t count) {
    data.append(static_cast<const char *>(bytes), count);
  }

  attn::KernelOp kernel;
  const bundle::KernelInfo &info;
  const ProblemSizes &sizes;
  const MaskProblem &problem;
  std::vector<reference::Argument> arguments;
};

} // namespace

int64_t Candidate::lengthOf(StringRef axis) const {
  auto [whole, block] = axis.split('/');
  int64_t length = problem.queryAxis() == whole ? problem.queries()
                   : problem.keyAxis() == whole ? problem.keys()
                                                : 0;
  int64_t tokensOfBlock = 1;
  if (!block.empty() && block.getAsInteger(10, tokensOfBlock))
    return 0;
  return (length + tokensOfBlock - 1) / tokensOfBlock;
}

bool Candidate::shapeOf(const bundle::OperandInfo &operand, std::vector<int64_t> &shape) const {
  shape = operand.shape;
  auto setDynamic = [&](size_t dim, int64_t size) {
    if (dim < shape.size() && shape[dim] == bundle::dynamicSize)
      shape[dim] = size;
  };
  if (operand.isTokens()) {
    setDynamic(0, 1);
    // Heads of queries share those of keys.
    setDynamic(1, operand.role == bundle::OperandRole::Rows ? heads : 1);
    setDynamic(2, lengthOf(operand.axis));
  } else if (shape.size() == 1) {
    setDynamic(0, heads);
  } else if (shape.size() == 2) {
    setDynamic(0, 1);
    setDynamic(1, std::max(problem.queries(), problem.keys()));
  }
  return llvm::all_of(shape, [](int64_t size) { return size > 0; });
}

reference::Argument Candidate::makeTensor(unsigned index, const std::vector<int64_t> &shape) const {
  const bundle::OperandInfo &operand = info.operands[index];
  reference::Tensor tensor = reference::Tensor::zeros(operand.dtype, shape);
  int64_t last = shape.empty() ? 1 : shape.back();
  int64_t low = operand.range ? (*operand.range)[0] : 0;
  int64_t high = operand.range ? std::min((*operand.range)[1], low + 3) : 3;
  for (int64_t i = 0, end = tensor.numElements(); i < end; ++i)
    if (reference::isFloat(operand.dtype))
      tensor.set(i, bundle::selfTestNumber(operand.role, index, uint64_t(i)));
    else if (operand.dtype == reference::ElementType::I1)
      tensor.set(i, int64_t(bundle::selfTestNumber(operand.role, index, uint64_t(i)) > 0.25));
    else // groups, one after the other
      tensor.set(i, low + i % last * (high - low + 1) / last);
  return tensor;
}

bool Candidate::makeArguments() {
  std::string integers;
  for (auto [index, operand] : llvm::enumerate(info.operands)) {
    std::vector<int64_t> shape;
    if (!operand.isTensor()) {
      // What no sweep reads no mask does either: any number will do.
      auto known = sizes.scalars.find(operand.name);
      double value = known == sizes.scalars.end() ? 2 : known->second;
      if (reference::isFloat(operand.dtype)) {
        append(&value, 8);
        arguments.emplace_back(value);
      } else {
        int64_t number = int64_t(value);
        append(&number, 8);
        arguments.emplace_back(number);
      }
    } else {
      if (!shapeOf(operand, shape))
        return false;
      arguments.push_back(makeTensor(unsigned(index), shape));
      const auto &tensor = std::get<reference::Tensor>(arguments.back());
      if (!reference::isFloat(operand.dtype))
        integers.append(reinterpret_cast<const char *>(tensor.data.get()),
                        size_t(tensor.numElements() * byteSize(operand.dtype)));
    }
    test.shapes.push_back(shape);
  }
  data += integers;
  return true;
}

std::optional<double> Candidate::evaluate() {
  auto exact = reference::evaluate(kernel, arguments, {.threads = 1});
  if (!exact) {
    llvm::consumeError(exact.takeError());
    return std::nullopt;
  }
  auto eager = reference::evaluate(kernel, arguments, {reference::Mode::Eager, 1});
  if (!eager) {
    llvm::consumeError(eager.takeError());
    return std::nullopt;
  }
  int64_t kept = 0, notZero = 0;
  for (auto [index, tensor] : llvm::enumerate(*exact)) {
    reference::ElementType type = info.results[index].dtype;
    double allowed = reference::isFloat(type)
                         ? 2 * reference::compare((*eager)[index], tensor, type).maxAbsolute
                         : 0;
    append(&allowed, 8);
    test.shapes.push_back(tensor.shape);
    for (int64_t i = 0, end = tensor.numElements(); i < end; i += step, ++kept) {
      float number = reference::isFloat(type) ? float(tensor.real(i)) : float(tensor.integer(i));
      append(&number, 4);
      notZero += number != 0;
    }
  }
  return kept ? std::optional(double(notZero) / double(kept)) : std::nullopt;
}

/// Lengths of tokens on every axis, and grids of as many.
static ProblemSizes sizesOf(const SweepPlan &plan) {
  ProblemSizes sizes;
  attn::KernelOp kernel = plan.graph->kernel();
  auto [rows, columns] = getScoreAxes(kernel);
  for (StringRef axis : {rows, columns})
    sizes.axes[axis.split('/').first.str()] = tokens;
  auto setScalar = [&](Value value, int64_t number) {
    if (auto argument = dyn_cast<BlockArgument>(value))
      sizes.scalars[kernel.getOperandName(argument.getArgNumber()).str()] = double(number);
  };
  const std::vector<int64_t> grids[] = {{tokens}, {16, 18}, {4, 8, 9}};
  for (auto op : kernel.getBody().getOps<attn::AxisOp>()) {
    if (op.getSize() || !op.getGrid().empty())
      sizes.axes.erase(op.getAxis().str());
    if (op.getSize())
      setScalar(op.getSize(), tokens);
    if (op.getGrid().size() <= 3)
      for (auto [dim, size] : llvm::enumerate(op.getGrid()))
        setScalar(size, grids[op.getGrid().size() - 1][dim]);
  }
  return sizes;
}

bool addSelfTest(attn::KernelOp primitives, bundle::KernelInfo &info, bundle::Bundle &result) {
  // What cannot be planned was refused, with its reason, when it was compiled.
  ScopedDiagnosticHandler silence(primitives.getContext(), [](Diagnostic &) { return success(); });
  OwningOpRef<ModuleOp> stages = cast<ModuleOp>(primitives->getParentOp()).clone();
  PassManager manager(primitives.getContext());
  buildStagesPipeline(manager);
  if (failed(manager.run(*stages)))
    return false;
  attn::KernelOp sweeping = findSweepingStage(*stages);
  if (!sweeping)
    return false;
  auto plan = planSweeps(sweeping);
  if (failed(plan))
    return false;
  std::optional<bundle::SelfTest> best;
  std::string data;
  double most = -1;
  for (uint64_t seed = 0; seed < attempts && most < 0.9; ++seed) {
    auto sizes = chooseSizes(*plan, sizesOf(*plan), seed);
    if (!sizes) {
      llvm::consumeError(sizes.takeError());
      continue;
    }
    auto problem = MaskProblem::make(*plan, *sizes);
    if (!problem) {
      llvm::consumeError(problem.takeError());
      continue;
    }
    Candidate candidate(primitives, info, *sizes, **problem);
    std::optional<double> share;
    if (!candidate.makeArguments() || !(share = candidate.evaluate()) || *share <= most)
      continue;
    most = *share;
    best = std::move(candidate.test);
    data = std::move(candidate.data);
  }
  // Results of zeros tell nothing.
  if (!best || most <= 0)
    return false;
  best->step = step;
  best->blob = result.addBlob(std::move(data));
  info.selfTest = std::move(best);
  return true;
}

} // namespace attune
