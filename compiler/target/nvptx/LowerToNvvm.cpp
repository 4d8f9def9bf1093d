// SPDX-License-Identifier: Apache-2.0
// From a tile kernel to a module of the LLVM and NVVM dialects.
#include "compiler/target/nvptx/BranchArms.h"
#include "compiler/target/nvptx/KernelEmitter.h"
#include "compiler/target/nvptx/MathToPtx.h"
#include "compiler/target/nvptx/NvptxTarget.h"
#include "compiler/target/nvptx/hopper/WarpgroupEmitter.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void attune::registerNvptxDialects(DialectRegistry &registry) {
  registry.insert<tile::TileDialect, affine::AffineDialect, arith::ArithDialect,
                  cf::ControlFlowDialect, LLVM::LLVMDialect, math::MathDialect,
                  memref::MemRefDialect, NVVM::NVVMDialect, scf::SCFDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
}

/// Moves what does not change out of `loop`, which no upstream interface knows to be one.
static void hoistInvariant(Operation *loop) {
  auto regions = llvm::map_to_vector(loop->getRegions(), [](Region &region) { return &region; });
  moveLoopInvariantCode(
      regions,
      [](Value value, Region *region) { return value.getParentRegion()->isProperAncestor(region); },
      [](Operation *op, Region *) { return isMemoryEffectFree(op) && isSpeculatable(op); },
      [](Operation *op, Region *region) { op->moveBefore(region->getParentOp()); });
}

/// Affine ops become arith; what does not change in a loop leaves it, so that loads of key tiles
/// are seen to depend on nothing but the loop's index.
static LogicalResult prepare(ModuleOp module) {
  PassManager passes(module.getContext());
  OpPassManager &kernels = passes.nest<attune::tile::KernelOp>();
  kernels.addPass(affine::createAffineExpandIndexOpsPass());
  kernels.addPass(createLowerAffinePass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createLoopInvariantCodeMotionPass());
  if (failed(passes.run(module)))
    return failure();
  module.walk([](Operation *op) {
    if (isa<attune::tile::SweepOp, attune::tile::FoldOp, attune::tile::ElementsOp>(op))
      hoistInvariant(op);
  });
  module.walk(
      [](attune::tile::ElementsOp elements) { attune::nvptx::branchOnSelections(elements); });
  return success();
}

/// Loops and branches become blocks; scalars become types of the LLVM dialect.
static LogicalResult convertToLlvm(ModuleOp module) {
  PassManager passes(module.getContext());
  passes.addPass(createSCFToControlFlowPass());
  if (failed(passes.run(module)))
    return failure();
  LLVMTypeConverter types(module.getContext());
  RewritePatternSet patterns(module.getContext());
  arith::populateArithToLLVMConversionPatterns(types, patterns);
  populateMathToLLVMConversionPatterns(types, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
  LLVMConversionTarget target(*module.getContext());
  target.addLegalOp<ModuleOp>();
  target.addLegalDialect<LLVM::LLVMDialect, NVVM::NVVMDialect>();
  return applyFullConversion(module, target, std::move(patterns));
}

FailureOr<OwningOpRef<ModuleOp>> attune::lowerToNvvm(tile::KernelOp kernel, const PtxOptions &) {
  kernel.getContext()
      ->loadDialect<affine::AffineDialect, arith::ArithDialect, cf::ControlFlowDialect,
                    LLVM::LLVMDialect, math::MathDialect, NVVM::NVVMDialect, scf::SCFDialect>();
  OwningOpRef<ModuleOp> source(ModuleOp::create(kernel.getLoc()));
  source->push_back(kernel->clone());
  if (failed(prepare(*source)))
    return failure();
  OwningOpRef<ModuleOp> module(ModuleOp::create(kernel.getLoc()));
  auto prepared = *source->getOps<tile::KernelOp>().begin();
  std::unique_ptr<nvptx::KernelEmitter> emitter;
  if (usesWarpgroups(prepared))
    emitter = std::make_unique<nvptx::WarpgroupEmitter>(prepared);
  else
    emitter = std::make_unique<nvptx::KernelEmitter>(prepared);
  if (failed(emitter->emit(*module)) || failed(nvptx::lowerMath(*module)) ||
      failed(convertToLlvm(*module)))
    return failure();
  return module;
}
