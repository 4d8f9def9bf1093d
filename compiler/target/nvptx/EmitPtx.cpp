// SPDX-License-Identifier: Apache-2.0
// From a module of the NVVM dialect through LLVM to PTX text.
#include "compiler/target/Signature.h"
#include "compiler/target/Target.h"
#include "compiler/target/nvptx/NvptxTarget.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include <mutex>

using namespace mlir;
using namespace attune;

namespace {

/// A kernel as LLVM IR, with what owns it.
struct LlvmKernel {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::TargetMachine> machine;
  std::unique_ptr<llvm::Module> module;
  int64_t sharedBytes = 0;
};

} // namespace

static std::unique_ptr<llvm::TargetMachine> createMachine(llvm::StringRef arch) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast; // a * b + c is one rounding
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, arch, "", options, llvm::Reloc::Static, std::nullopt,
                                  llvm::CodeGenOptLevel::Aggressive));
}

/// What the translation from MLIR cannot say.
static void annotate(llvm::Module &module) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration()) {
      // All lanes of a warp work together in an mma, but its intrinsic does not say so.
      if (function.getName().starts_with("llvm.nvvm.mma."))
        function.addFnAttr(llvm::Attribute::Convergent);
      continue;
    }
    // Text of instructions that a whole warp takes part in; MLIR cannot say so.
    for (llvm::BasicBlock &block : function)
      for (llvm::Instruction &instruction : block)
        if (auto *call = llvm::dyn_cast<llvm::CallBase>(&instruction))
          if (call->isInlineAsm())
            call->setConvergent();
    // Selects the .ftz forms.
    function.addFnAttr("denormal-fp-math-f32", "preserve-sign,preserve-sign");
  }
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PipelineTuningOptions tuning;
  // The emitter unrolled all there is to unroll, and a lane is scalar.
  tuning.LoopUnrolling = tuning.LoopVectorization = tuning.SLPVectorization = false;
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager calls;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(calls);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, calls, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
}

/// Compares bf16 in f32: from sm_90 on LLVM would write setp.ftz.bf16, which ptxas refuses.
static void widenComparisons(llvm::Module &module) {
  for (llvm::Function &function : module)
    for (llvm::Instruction &instruction : llvm::instructions(function)) {
      auto *compare = llvm::dyn_cast<llvm::FCmpInst>(&instruction);
      if (!compare || !compare->getOperand(0)->getType()->isBFloatTy())
        continue;
      llvm::IRBuilder<> builder(compare);
      for (unsigned side : {0, 1})
        compare->setOperand(side,
                            builder.CreateFPExt(compare->getOperand(side), builder.getFloatTy()));
    }
}

static FailureOr<LlvmKernel> toLlvm(tile::KernelOp kernel, const PtxOptions &options) {
  const Target *target = Target::find(options.arch);
  if (usesWarpgroups(kernel) && !(target && target->warpgroupQueries))
    return kernel.emitOpError() << "expected warpgroups = 0 for " << options.arch
                                << ", which has no products of warpgroups, but got "
                                << kernel.getConfig().getWarpgroups();
  FailureOr<OwningOpRef<ModuleOp>> lowered = lowerToNvvm(kernel, options);
  if (failed(lowered))
    return failure();
  LlvmKernel result;
  auto function = *(*lowered)->getOps<LLVM::LLVMFuncOp>().begin();
  result.sharedBytes = function->getAttrOfType<IntegerAttr>("tile.shared_bytes").getInt();
  function->removeAttr("tile.shared_bytes");
  result.context = std::make_unique<llvm::LLVMContext>();
  result.machine = createMachine(options.arch);
  if (!result.machine)
    return kernel.emitOpError("cannot be compiled: this build of LLVM lacks the NVPTX target");
  // Now, as the alignments of loads and stores come from it.
  llvm::DataLayout layout = result.machine->createDataLayout();
  (**lowered)->setAttr(LLVM::LLVMDialect::getDataLayoutAttrName(),
                       StringAttr::get(kernel.getContext(), layout.getStringRepresentation()));
  result.module = translateModuleToLLVMIR(**lowered, *result.context, kernel.getSymName());
  if (!result.module)
    return failure();
  result.module->setTargetTriple(result.machine->getTargetTriple());
  result.module->setDataLayout(layout);
  annotate(*result.module);
  optimize(*result.module, *result.machine);
  widenComparisons(*result.module);
  return result;
}

/// May LLVM compute the address of shared memory once and for all? In a vector register, it would have to
/// be moved to a uniform one for each operand of a warpgroup's product. The passes that do it have no
/// other switch than LLVM's command line.
static void keepAddresses(bool keep) {
  for (llvm::StringRef pass : {"disable-machine-cse", "disable-machine-licm"})
    if (auto found = llvm::cl::getRegisteredOptions().find(pass);
        found != llvm::cl::getRegisteredOptions().end())
      static_cast<llvm::cl::opt<bool> *>(found->second)->setValue(!keep);
}

/// Adds the passes that write assembly, one thread at a time: they are chosen by LLVM's command line.
static bool addPasses(llvm::TargetMachine &machine, llvm::legacy::PassManager &passes,
                      llvm::raw_pwrite_stream &stream, bool keepsAddresses) {
  static std::mutex commandLine;
  std::lock_guard<std::mutex> lock(commandLine);
  keepAddresses(keepsAddresses);
  bool refuses =
      machine.addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::AssemblyFile);
  keepAddresses(true);
  return !refuses;
}

FailureOr<std::string> attune::compileToLlvmIr(tile::KernelOp kernel, const PtxOptions &options) {
  FailureOr<LlvmKernel> compiled = toLlvm(kernel, options);
  if (failed(compiled))
    return failure();
  std::string text;
  llvm::raw_string_ostream(text) << *compiled->module;
  return text;
}

FailureOr<PtxCode> attune::compileToPtx(tile::KernelOp kernel, const PtxOptions &options) {
  FailureOr<LlvmKernel> compiled = toLlvm(kernel, options);
  if (failed(compiled))
    return failure();
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager passes;
  if (!addPasses(*compiled->machine, passes, stream, !usesWarpgroups(kernel)))
    return kernel.emitOpError("cannot be compiled: LLVM's NVPTX target writes no assembly");
  passes.run(*compiled->module);
  // Nothing links the PTX: a call would only be found out at load time.
  if (text.str().contains("\tcall"))
    return kernel.emitOpError("uses a function that the nvptx target has no instructions for");
  return PtxCode{text.str().str(), kernel.getSymName().str(), kernel.getConfig().getThreads(),
                 compiled->sharedBytes};
}
