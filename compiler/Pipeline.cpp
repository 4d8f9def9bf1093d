// SPDX-License-Identifier: Apache-2.0
// The order of the passes after the primitives (PrimitivesPipeline.cpp), and the names of pipelines.
#include "compiler/Pipeline.h"

#include "compiler/Passes.h"
#include "dialects/attn/AttnOps.h"
#include "dialects/tile/TileOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace attune {

void buildStagesPipeline(OpPassManager &manager, StringRef target, bool gathers) {
  SplitValuesPassOptions values;
  values.target = target.str();
  manager.addNestedPass<attn::KernelOp>(createSplitValuesPass(values));
  manager.addNestedPass<attn::KernelOp>(createExpandSolvePass());
  // Makes selections, whose members it lists.
  manager.addNestedPass<attn::KernelOp>(createExpandListsPass());
  manager.addNestedPass<attn::KernelOp>(createExpandSelectionsPass());
  manager.addNestedPass<attn::KernelOp>(createExpandMembershipsPass());
  manager.addNestedPass<attn::KernelOp>(createExpandBucketsPass());
  manager.addNestedPass<attn::KernelOp>(createExpandScansPass());
  manager.addNestedPass<attn::KernelOp>(createStoreMatricesPass());
  manager.addPass(createSplitStagesPass());
  if (gathers)
    manager.addPass(createGatherKeysPass());
}

void buildPlanPipeline(OpPassManager &manager, const TargetPipelineOptions &options) {
  buildPrimitivesPipeline(manager);
  buildStagesPipeline(manager, options.target, options.gatherRows > 0);
  PlanPassOptions plan;
  plan.target = options.target;
  plan.planOverride = options.planOverride;
  if (options.gatherRows > 0)
    plan.gatherRows = options.gatherRows;
  manager.addNestedPass<attn::KernelOp>(createPlanPass(plan));
}

void buildTilePipeline(OpPassManager &manager, const TargetPipelineOptions &options) {
  buildPlanPipeline(manager, options);
  // Reads `attn.plan`; ends the attn dialect.
  manager.addPass(createLowerToTilePass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  // Before indices are narrowed: an index may become 1 less.
  manager.addNestedPass<tile::KernelOp>(createJoinBoundsPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  // After canonicalisation: folded indices have tighter ranges.
  manager.addNestedPass<tile::KernelOp>(createNarrowIndicesPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

void registerPipelines() {
  PassPipelineRegistration<>("attn-to-primitives",
                             "inline helpers and expand sugar: the primitives of the language",
                             buildPrimitivesPipeline);
  PassPipelineRegistration<>("attn-to-stages",
                             "primitives, and each program cut into the kernels that it takes",
                             [](OpPassManager &manager) {
                               buildPrimitivesPipeline(manager);
                               buildStagesPipeline(manager);
                             });
  PassPipelineRegistration<TargetPipelineOptions>(
      "attn-to-plan", "stages, and tile sizes for a target as the attribute attn.plan",
      buildPlanPipeline);
  PassPipelineRegistration<TargetPipelineOptions>(
      "attn-to-tile", "the tile program of each kernel for a target", buildTilePipeline);
}

} // namespace attune
