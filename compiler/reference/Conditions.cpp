// SPDX-License-Identifier: Apache-2.0
// Do the scalar arguments meet what the kernel demands of them? By the conditions that a launch
// checks, in the same words.
#include "compiler/Conditions.h"
#include "compiler/ElementTypes.h"
#include "compiler/Pipeline.h"
#include "compiler/reference/Failure.h"
#include "compiler/reference/Problem.h"
#include "runtime/bundle/Evaluate.h"

#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using llvm::Error;

namespace attune::reference {
namespace {

/// Scalar operands by number; conditions about scalars ask for no sizes.
class ScalarValues final : public bundle::LaunchValues {
public:
  explicit ScalarValues(const Problem &problem)
      : kernel(problem.kernel), scalars(problem.environment.scalars) {}

  int64_t size(size_t, int64_t) const override {
    llvm_unreachable("the conditions are about scalars");
  }
  int64_t scalar(size_t argument) const override {
    return scalars.find(kernel.getArgument(unsigned(argument)))->second.integers[0];
  }

private:
  mutable attn::KernelOp kernel;
  const llvm::DenseMap<Value, Lanes> &scalars;
};

/// The operands of `kernel`, as much of them as conditions about scalars say.
bundle::KernelInfo describeOperands(attn::KernelOp kernel) {
  bundle::KernelInfo info;
  info.name = kernel.getSymName().str();
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    bundle::OperandInfo operand;
    operand.name = kernel.getOperandName(unsigned(index)).str();
    operand.dtype = elementTypeOf(type).value_or(ElementType::F64);
    info.operands.push_back(std::move(operand));
  }
  return info;
}

/// What can be checked of `kernel` at a launch. What cannot has no conditions here; a device refuses
/// the kernel then, the reference evaluates it.
bundle::KernelInfo describe(attn::KernelOp kernel) {
  bundle::KernelInfo info = describeOperands(kernel);
  // Conditions may be computed by helpers and sugar, so they are read from the primitives.
  OwningOpRef<ModuleOp> copy = kernel->getParentOfType<ModuleOp>().clone();
  ScopedDiagnosticHandler silence(copy->getContext(), [](Diagnostic &) { return success(); });
  PassManager manager(copy->getContext());
  buildPrimitivesPipeline(manager);
  if (succeeded(manager.run(*copy)))
    (void)describeScalarConditions(copy->lookupSymbol<attn::KernelOp>(kernel.getSymName()), info);
  return info;
}

} // namespace

ScalarConditions::ScalarConditions(attn::KernelOp kernel)
    : info(std::make_shared<bundle::KernelInfo>(describe(kernel))) {}

Error ScalarConditions::check(const Problem &problem) const {
  for (const bundle::Condition &condition : info->conditions) {
    std::string why = explainFailure(condition, toSteps(condition.expression, *info), *info,
                                     ScalarValues(problem));
    if (!why.empty())
      return makeError("kernel '{0}': {1}", info->name, why);
  }
  return Error::success();
}

} // namespace attune::reference
