// SPDX-License-Identifier: Apache-2.0
// attn-explain-sweeps: in how many passes over the keys is each kernel computed, and what is carried?
//
//   attn.kernel @causal ... { softmax, contract }
// prints
//   @causal: 1 sweep over the keys
//   sweep 0: carries 1 frame, 1 scalar sum, 1 vector sum
//   ...
#include "compiler/Passes.h"
#include "compiler/analysis/Sweeps.h"

namespace attune {
#define GEN_PASS_DEF_EXPLAINSWEEPSPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;

namespace {

class ExplainSweeps : public attune::impl::ExplainSweepsPassBase<ExplainSweeps> {
public:
  void runOnOperation() override;
};

} // namespace

void ExplainSweeps::runOnOperation() {
  for (auto kernel : getOperation().getOps<attune::attn::KernelOp>()) {
    llvm::outs() << '@' << kernel.getSymName() << ": ";
    if (kernel->hasAttr("attn.tokens")) {
      llvm::outs() << attune::explainTokens(kernel);
      continue;
    }
    FailureOr<attune::SweepPlan> plan = attune::planSweeps(kernel);
    if (failed(plan))
      return signalPassFailure();
    llvm::outs() << attune::explain(*plan);
  }
  markAllAnalysesPreserved();
}
