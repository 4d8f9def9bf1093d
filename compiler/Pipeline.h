// SPDX-License-Identifier: Apache-2.0
// In which order do the passes run? The named pipelines from attn text to tile programs.
#ifndef ATTUNE_COMPILER_PIPELINE_H
#define ATTUNE_COMPILER_PIPELINE_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace attune {

struct TargetPipelineOptions : mlir::PassPipelineOptions<TargetPipelineOptions> {
  Option<std::string> target{*this, "target", llvm::cl::desc("which machine the program is for"),
                             llvm::cl::init("x86-64-v4")};
  Option<std::string> planOverride{
      *this, "override",
      llvm::cl::desc("tile sizes that replace the planner's: queries=64,keys=64"),
      llvm::cl::init("")};
  Option<int64_t> gatherRows{
      *this, "gather-rows",
      llvm::cl::desc(
          "above 0, a kernel that attends to selected keys walks a list of them, in tiles "
          "of so many heads of one query"),
      llvm::cl::init(0)};
};

/// `attn-to-primitives`: helpers inlined, sugar expanded. On exit: only the primitives of the language.
void buildPrimitivesPipeline(mlir::OpPassManager &manager);

/// From primitives: each program cut into the kernels that it takes on `target` (none: one without limits).
/// `gathers`: what attends to selected keys walks a list of them.
void buildStagesPipeline(mlir::OpPassManager &manager, llvm::StringRef target = "",
                         bool gathers = false);

/// `attn-to-plan`: primitives, stages, and the attribute `attn.plan` on every kernel.
void buildPlanPipeline(mlir::OpPassManager &manager, const TargetPipelineOptions &options);

/// `attn-to-tile`: and each attn kernel replaced by its tile program.
void buildTilePipeline(mlir::OpPassManager &manager, const TargetPipelineOptions &options);

/// Makes these known to command lines.
void registerPipelines();

} // namespace attune

#endif // ATTUNE_COMPILER_PIPELINE_H
