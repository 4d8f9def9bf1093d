// SPDX-License-Identifier: Apache-2.0
#include "tools/attn-opt/VerifyMasksPass.h"

#include "compiler/Pipeline.h"
#include "compiler/Compile.h"
#include "compiler/problem/VerifyMasks.h"

using namespace mlir;

namespace attune {

namespace {

class VerifyMasks : public PassWrapper<VerifyMasks, OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(VerifyMasks)
  explicit VerifyMasks(std::string options) : options(std::move(options)) {}

  StringRef getName() const override { return "VerifyMasks"; }
  void runOnOperation() override;

private:
  LogicalResult verify(attn::KernelOp kernel);
  LogicalResult verifyStage(attn::KernelOp stage);

  std::string options;
};

} // namespace

LogicalResult VerifyMasks::verify(attn::KernelOp kernel) {
  auto module = runPasses(kernel, Stage::Attn, "", {});
  if (failed(module))
    return failure();
  PassManager manager(kernel.getContext());
  buildStagesPipeline(manager);
  if (failed(manager.run(**module)))
    return failure();
  for (auto stage : (**module).getOps<attn::KernelOp>())
    if (!stage->hasAttr("attn.tokens") && failed(verifyStage(stage)))
      return failure();
  return success();
}

LogicalResult VerifyMasks::verifyStage(attn::KernelOp kernel) {
  auto plan = planSweeps(kernel);
  if (failed(plan))
    return failure();
  auto parsed = parseVerifyOptions(kernel, options);
  if (!parsed)
    return kernel.emitOpError("--verify-masks: ") << llvm::toString(parsed.takeError());
  auto unsound = attune::verifyMasks(*plan, *parsed, llvm::outs());
  if (!unsound)
    return kernel.emitOpError("--verify-masks: ") << llvm::toString(unsound.takeError());
  llvm::outs().flush();
  if (*unsound > 0)
    return kernel.emitOpError("has wrong claims about the tiles of ")
           << *unsound << (*unsound == 1 ? " mask" : " masks") << "; see the counterexamples";
  return success();
}

void VerifyMasks::runOnOperation() {
  bool sound = true;
  for (auto kernel : getOperation().getOps<attn::KernelOp>())
    sound &= succeeded(verify(kernel));
  if (!sound)
    signalPassFailure();
  markAllAnalysesPreserved();
}

std::unique_ptr<Pass> createVerifyMasksPass(std::string options) {
  return std::make_unique<VerifyMasks>(std::move(options));
}

} // namespace attune
