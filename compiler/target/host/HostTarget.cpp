// SPDX-License-Identifier: Apache-2.0
// The stages of the host back end, put together.
#include "compiler/target/host/HostTarget.h"

#include "compiler/target/host/HostStages.h"
#include "compiler/target/host/KernelEmitter.h"
#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;

namespace attune {

void registerHostTarget(DialectRegistry &registry) {
  registry
      .insert<tile::TileDialect, affine::AffineDialect, arith::ArithDialect, cf::ControlFlowDialect,
              LLVM::LLVMDialect, math::MathDialect, scf::SCFDialect, vector::VectorDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

/// A module with a copy of `kernel`, its affine ops expanded to arith.
static FailureOr<OwningOpRef<ModuleOp>> copyKernel(tile::KernelOp kernel) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernel.getLoc());
  bool hasAffine = false;
  kernel.walk([&](Operation *op) { hasAffine |= isa<affine::AffineDialect>(op->getDialect()); });
  module->push_back(kernel->clone());
  if (!hasAffine)
    return module;
  PassManager passes(kernel.getContext());
  passes.addPass(affine::createAffineExpandIndexOpsPass());
  passes.addPass(createLowerAffinePass());
  if (failed(passes.run(*module)))
    return failure();
  return module;
}

FailureOr<HostModule> lowerToHostVectors(tile::KernelOp kernel, HostLevel level) {
  MLIRContext *context = kernel.getContext();
  context->loadDialect<arith::ArithDialect, cf::ControlFlowDialect, LLVM::LLVMDialect,
                       math::MathDialect, scf::SCFDialect, vector::VectorDialect>();
  FailureOr<OwningOpRef<ModuleOp>> copy = copyKernel(kernel);
  if (failed(copy))
    return failure();
  HostModule result;
  result.module = ModuleOp::create(kernel.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(result.module->getBody());
  auto copied = *(*copy)->getOps<tile::KernelOp>().begin();
  KernelEmitter emitter(copied, getHostFacts(level), builder);
  if (failed(emitter.emit()))
    return failure();
  result.scratchBytes = emitter.getScratchBytes();
  return result;
}

FailureOr<HostModule> lowerToHostLlvm(tile::KernelOp kernel, HostLevel level) {
  FailureOr<HostModule> result = lowerToHostVectors(kernel, level);
  if (failed(result) || failed(expandMath(*result->module, getHostFacts(level))) ||
      failed(lowerVectorsToLlvm(*result->module)))
    return failure();
  return result;
}

/// Optimised LLVM IR and the machine it is for.
struct HostProgram {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::TargetMachine> machine;
  std::unique_ptr<llvm::Module> code;
  int64_t scratchBytes = 0;
};

static LogicalResult buildProgram(tile::KernelOp kernel, HostLevel level, HostProgram &program) {
  const HostFacts &facts = getHostFacts(level);
  FailureOr<HostModule> lowered = lowerToHostLlvm(kernel, level);
  if (failed(lowered))
    return failure();
  program.scratchBytes = lowered->scratchBytes;
  program.machine = createHostMachine(facts);
  if (!program.machine)
    return kernel.emitError() << "expected LLVM with the X86 target to compile for " << facts.name
                              << ", but it is absent";
  program.code = optimizeForHost(*lowered->module, facts, *program.machine, program.context);
  return success(program.code != nullptr);
}

FailureOr<std::string> emitHostLlvmIr(tile::KernelOp kernel, HostLevel level) {
  HostProgram program;
  if (failed(buildProgram(kernel, level, program)))
    return failure();
  std::string text;
  llvm::raw_string_ostream stream(text);
  program.code->print(stream, nullptr);
  return text;
}

FailureOr<std::string> emitHostObject(tile::KernelOp kernel, HostLevel level) {
  HostProgram program;
  if (failed(buildProgram(kernel, level, program)))
    return failure();
  return assembleForHost(*program.code, *program.machine);
}

FailureOr<HostCode> compileForHost(tile::KernelOp kernel, HostLevel level) {
  HostProgram program;
  if (failed(buildProgram(kernel, level, program)))
    return failure();
  FailureOr<std::string> elf =
      linkForHost(kernel.getLoc(), assembleForHost(*program.code, *program.machine));
  if (failed(elf))
    return failure();
  return HostCode{std::move(*elf), kernel.getSymName().str(), program.scratchBytes};
}

} // namespace attune
