// SPDX-License-Identifier: Apache-2.0
// A tool of these tests: tile kernels in, what the nvptx target makes of each of them out.
//   tile-to-ptx --emit=nvvm|llvm|ptx|ptxas [--arch=sm_80] file.mlir
#include "compiler/target/nvptx/NvptxTarget.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

using namespace attune;

enum class Emit { Nvvm, Llvm, Ptx, Ptxas };
static llvm::cl::opt<std::string> inputPath(llvm::cl::Positional, llvm::cl::init("-"));
static llvm::cl::opt<std::string> arch("arch", llvm::cl::init("sm_80"));
static llvm::cl::opt<Emit>
    emitted("emit", llvm::cl::init(Emit::Ptx),
            llvm::cl::values(clEnumValN(Emit::Nvvm, "nvvm", "LLVM and NVVM dialects"),
                             clEnumValN(Emit::Llvm, "llvm", "optimised LLVM IR"),
                             clEnumValN(Emit::Ptx, "ptx", "PTX, its launch shape in front"),
                             clEnumValN(Emit::Ptxas, "ptxas", "what ptxas says about the PTX")));

static bool run(tile::KernelOp kernel) {
  PtxOptions options{arch};
  if (emitted == Emit::Nvvm) {
    auto module = lowerToNvvm(kernel, options);
    if (succeeded(module))
      llvm::outs() << **module;
    return succeeded(module);
  }
  if (emitted == Emit::Llvm) {
    auto text = compileToLlvmIr(kernel, options);
    if (succeeded(text))
      llvm::outs() << *text;
    return succeeded(text);
  }
  auto code = compileToPtx(kernel, options);
  if (failed(code))
    return false;
  llvm::outs() << "// entry " << code->entry << " threads " << code->threads << " shared "
               << code->sharedBytes << "\n";
  if (emitted == Emit::Ptx) {
    llvm::outs() << code->text;
    return true;
  }
  std::string error;
  auto cubin = assemblePtx(code->text, arch, error);
  llvm::outs() << (succeeded(cubin) ? cubin->tool + "\n" + cubin->log : error + "\n");
  return succeeded(cubin);
}

int main(int argc, char **argv) {
  llvm::cl::ParseCommandLineOptions(argc, argv);
  mlir::DialectRegistry registry;
  registerNvptxDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(inputPath, &context);
  if (!module)
    return 1;
  bool good = true;
  for (tile::KernelOp kernel : module->getOps<tile::KernelOp>())
    good &= run(kernel);
  return good ? 0 : 1;
}
