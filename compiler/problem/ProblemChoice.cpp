// SPDX-License-Identifier: Apache-2.0
#include "compiler/problem/ProblemChoice.h"

#include "compiler/reference/Failure.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <random>

using namespace mlir;

namespace attune {

namespace {

/// Draws what is missing.
class Chooser {
public:
  Chooser(attn::KernelOp kernel, uint64_t seed) : kernel(kernel), random(seed) {}

  void chooseScalars(ProblemSizes &sizes);
  void chooseLengths(ProblemSizes &sizes);

private:
  int64_t between(int64_t low, int64_t high) {
    return low + int64_t(random() % uint64_t(high - low + 1));
  }
  int64_t number();
  int64_t length();
  void chooseGrid(attn::AxisOp op, ProblemSizes &sizes);
  std::optional<std::string> operandName(Value value);

  attn::KernelOp kernel;
  std::mt19937_64 random;
};

} // namespace

/// Small numbers as often as large ones; now and then zero or below.
int64_t Chooser::number() {
  constexpr int64_t odd[] = {0, -1, -40};
  if (between(0, 15) == 0)
    return odd[between(0, 2)];
  if (between(0, 3) == 0) // the multiples that tiles like
    return int64_t(16) << between(0, 4);
  double share = double(random() >> 11) * 0x1p-53;
  return int64_t(std::exp2(8.2 * share * share));
}

int64_t Chooser::length() {
  switch (between(0, 3)) {
  case 0: return 64 * between(1, 8);
  case 1: return between(1, 130);
  default: return between(130, 600);
  }
}

std::optional<std::string> Chooser::operandName(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return std::nullopt;
  return kernel.getOperandName(argument.getArgNumber()).str();
}

void Chooser::chooseGrid(attn::AxisOp op, ProblemSizes &sizes) {
  // A few hundred tokens in all, of unequal sizes.
  const int64_t largest[] = {600, 30, 11};
  for (Value size : op.getGrid())
    if (std::optional<std::string> name = operandName(size))
      sizes.scalars.try_emplace(
          *name, double(between(3, largest[std::min<size_t>(op.getGrid().size(), 3) - 1])));
}

void Chooser::chooseScalars(ProblemSizes &sizes) {
  for (auto op : kernel.getBody().getOps<attn::AxisOp>()) {
    chooseGrid(op, sizes);
    if (op.getSize())
      if (std::optional<std::string> name = operandName(op.getSize()))
        sizes.scalars.try_emplace(*name, double(length()));
  }
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    std::string name = kernel.getOperandName(unsigned(index)).str();
    if (type.isInteger(1))
      sizes.scalars.try_emplace(name, double(between(0, 1)));
    else if (type.isIntOrIndex())
      sizes.scalars.try_emplace(name, double(number()));
    else if (isa<FloatType>(type))
      sizes.scalars.try_emplace(name, double(between(1, 100)) / 100);
  }
}

void Chooser::chooseLengths(ProblemSizes &sizes) {
  auto [rows, columns] = getScoreAxes(kernel);
  // As often one length for all as not.
  int64_t common = length();
  bool same = between(0, 1) == 0;
  for (StringRef axis : {rows, columns}) {
    bool determined = axis.contains('/');
    int64_t multiple = 1;
    for (auto op : kernel.getBody().getOps<attn::AxisOp>())
      if (op.getAxis() == axis) {
        determined |= op.getSize() || op.getLike() || !op.getGrid().empty();
        multiple = int64_t(op.getMultiple().value_or(1));
      }
    for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes()))
      determined |= attn::isVirtual(type) && attn::getAxes(type)[0] == axis &&
                    sizes.tensors.contains(kernel.getOperandName(unsigned(index)).str());
    int64_t tokens = llvm::alignTo(uint64_t(same ? common : length()), uint64_t(multiple));
    if (!determined)
      sizes.axes.try_emplace(axis.str(), double(tokens));
  }
}

llvm::Expected<ProblemSizes> chooseSizes(const SweepPlan &plan, const ProblemSizes &given,
                                         uint64_t seed) {
  constexpr unsigned attempts = 100;
  std::string why;
  reference::ScalarConditions conditions(plan.graph->kernel());
  for (unsigned attempt = 0; attempt < attempts; ++attempt) {
    ProblemSizes sizes = given;
    sizes.seed = seed;
    Chooser chooser(plan.graph->kernel(), seed * attempts + attempt);
    chooser.chooseScalars(sizes);
    chooser.chooseLengths(sizes);
    auto problem = MaskProblem::make(plan, sizes);
    llvm::Error error = problem ? (*problem)->check(conditions) : problem.takeError();
    if (!error)
      return sizes;
    why = llvm::toString(std::move(error));
  }
  return reference::makeError("no sizes were found that meet what kernel @{0} demands; give them. "
                              "The last ones failed: {1}",
                              plan.graph->kernel().getSymName(), why);
}

} // namespace attune
