// SPDX-License-Identifier: Apache-2.0
// attn-plan: which tiles, threads and stages does each kernel get on a target?
//
//   attn.kernel @f(..) {..}
// becomes
//   attn.kernel @f(..) attributes {attn.plan = #tile.config<queries = 128, keys = 64, ..>} {..}
#include "compiler/Passes.h"
#include "compiler/analysis/Sweeps.h"
#include "compiler/plan/BoxChoice.h"
#include "mlir/IR/BuiltinOps.h"

namespace attune {
#define GEN_PASS_DEF_PLANPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;
using namespace attune;

namespace {

class Plan : public attune::impl::PlanPassBase<Plan> {
public:
  using PlanPassBase::PlanPassBase;
  void runOnOperation() override;

private:
  FailureOr<tile::ConfigAttr> choose(attn::KernelOp kernel, const Target &target,
                                     const SweepPlan &plan, KernelShape shape);
  FailureOr<tile::ConfigAttr> chooseGathered(attn::KernelOp kernel, const Target &target,
                                             KernelShape shape);
  int64_t findPackedHeads(MLIRContext *context);
};

} // namespace

/// Those that the override asks for: the target's choice depends on them.
int64_t Plan::findPackedHeads(MLIRContext *context) {
  std::string error;
  auto asked = overrideTiles(tile::ConfigAttr::get(context, 1, 1, 1, 1), planOverride, error);
  return asked ? asked.getPackedHeads() : 0;
}

/// The user's own attribute, or the target's choice, with the overrides of the pass's option.
FailureOr<tile::ConfigAttr> Plan::choose(attn::KernelOp kernel, const Target &target,
                                         const SweepPlan &plan, KernelShape shape) {
  tile::ConfigAttr config;
  shape.packedHeads = findPackedHeads(kernel.getContext());
  if (Attribute written = kernel->getAttr("attn.plan")) {
    config = dyn_cast<tile::ConfigAttr>(written);
    if (!config)
      return kernel.emitOpError() << "expected attribute 'attn.plan' to be a #tile.config, but got "
                                  << written;
  } else {
    config = chooseTiles(kernel.getContext(), target, shape);
  }
  std::string error;
  config = overrideTiles(config, planOverride, error);
  if (!config)
    return kernel.emitOpError() << "plan override: " << error;
  // What is said of boxes, be it that there are none, is not reconsidered.
  if (!kernel->hasAttr("attn.plan") && !StringRef(planOverride).contains("_box") &&
      !config.getPackedHeads() && checkTiles(config, target, shape).empty())
    config = chooseBoxes(config, plan, shape);
  error = checkTiles(config, target, shape);
  if (!error.empty())
    return kernel.emitOpError() << "plan: " << error;
  return config;
}

/// Each query has keys of its own: a tile holds its heads.
FailureOr<tile::ConfigAttr> Plan::chooseGathered(attn::KernelOp kernel, const Target &target,
                                                 KernelShape shape) {
  shape.packedHeads = gatherRows;
  tile::ConfigAttr config = attune::chooseGathered(kernel.getContext(), target, shape);
  if (std::string error = checkTiles(config, target, shape); !error.empty())
    return kernel.emitOpError() << "plan: " << error;
  return config;
}

void Plan::runOnOperation() {
  attn::KernelOp kernel = getOperation();
  const Target *found = Target::find(target);
  if (!found) {
    kernel.emitOpError() << "expected a target among " << Target::names() << ", but got '" << target
                         << "'";
    return signalPassFailure();
  }
  if (kernel->hasAttr("attn.tokens")) {
    kernel->setAttr("attn.plan", chooseTokens(kernel.getContext(), *found));
    return;
  }
  FailureOr<SweepPlan> plan = planSweeps(kernel);
  if (failed(plan))
    return signalPassFailure();
  KernelShape shape = getKernelShape(*plan, kernel);
  std::string refusal = checkShape(*found, shape);
  if (!refusal.empty()) {
    kernel.emitOpError() << refusal;
    return signalPassFailure();
  }
  FailureOr<tile::ConfigAttr> config =
      kernel->hasAttr("attn.gathered") && !kernel->hasAttr("attn.plan")
          ? chooseGathered(kernel, *found, shape)
          : choose(kernel, *found, *plan, shape);
  if (failed(config))
    return signalPassFailure();
  kernel->setAttr("attn.plan", *config);
}
