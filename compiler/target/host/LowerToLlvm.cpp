// SPDX-License-Identifier: Apache-2.0
// How does a host function, in scf, arith, math, vector and llvm, become the LLVM dialect alone?
// By upstream patterns; math that hardware lacks becomes polynomials first.
#include "compiler/target/host/HostStages.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace attune {

/// Math that every level does in a few instructions.
static bool isInstruction(Operation *op, const HostFacts &facts) {
  if (isa<math::FloorOp, math::CeilOp, math::RoundEvenOp, math::TruncOp>(op))
    return facts.rounds;
  return isa<math::AbsFOp, math::AbsIOp, math::SqrtOp, math::CopySignOp, math::CtPopOp,
             math::CountLeadingZerosOp, math::CountTrailingZerosOp, math::IsNaNOp, math::IsInfOp,
             math::IsFiniteOp, math::IsNormalOp>(op);
}

LogicalResult expandMath(ModuleOp module, const HostFacts &facts) {
  bool needed = false;
  module.walk([&](Operation *op) {
    needed |= isa<math::MathDialect>(op->getDialect()) && !isInstruction(op, facts);
  });
  if (!needed)
    return success();
  RewritePatternSet patterns(module.getContext());
  SmallVector<StringRef> expanded = {"acosh", "asinh", "atanh", "cosh",  "fpowi",
                                     "powf",  "round", "rsqrt", "sinh", "tan"};
  if (!facts.rounds)
    expanded.append({"ceil", "floor", "roundeven"});
  if (!facts.fused)
    expanded.push_back("fma");
  math::populateExpansionPatterns(patterns, expanded);
  populateMathPolynomialApproximationPatterns(patterns, [&](StringRef name) {
    return !llvm::is_contained(expanded, name.drop_front(strlen("math.")));
  });
  GreedyRewriteConfig config;
  config.enableFolding(false).enableConstantCSE(false);
  return applyPatternsGreedily(module, std::move(patterns), config);
}

LogicalResult lowerVectorsToLlvm(ModuleOp module) {
  MLIRContext *context = module.getContext();
  LowerToLLVMOptions options(context);
  LLVMTypeConverter converter(context, options);
  RewritePatternSet patterns(context);
  populateSCFToControlFlowConversionPatterns(patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  populateMathToLLVMConversionPatterns(converter, patterns, /*approximateLog1p=*/false);
  populateVectorToLLVMConversionPatterns(converter, patterns);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  ConversionConfig config;
  return applyFullConversion(module, target, std::move(patterns), config);
}

} // namespace attune
