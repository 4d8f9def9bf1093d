// SPDX-License-Identifier: Apache-2.0
// The first passes, by themselves: the reference runs them too, and links nothing of what comes after.
#include "compiler/Passes.h"
#include "compiler/Pipeline.h"
#include "dialects/attn/AttnOps.h"
#include "mlir/Transforms/Passes.h"

void attune::buildPrimitivesPipeline(mlir::OpPassManager &manager) {
  manager.addPass(createInlineHelpersPass());
  // Needs kernels without calls: a `holds` may stand in a helper.
  manager.addNestedPass<attn::KernelOp>(createExpandSugarPass());
  manager.addPass(mlir::createCanonicalizerPass());
  manager.addPass(mlir::createCSEPass());
}
