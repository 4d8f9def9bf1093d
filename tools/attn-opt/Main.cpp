// SPDX-License-Identifier: Apache-2.0
// attn-opt: reads programs of our dialects, runs any of our passes on them and prints the result, or
// verifies the masks of its kernels.
#include "compiler/Dialects.h"
#include "compiler/Passes.h"
#include "compiler/Pipeline.h"
#include "tools/attn-opt/VerifyMasksPass.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;

static llvm::cl::opt<std::string> verifyMasks(
    "verify-masks", llvm::cl::ValueOptional, llvm::cl::init(""),
    llvm::cl::value_desc("NAME=VALUE,..."),
    llvm::cl::desc(
        "check every claim about the tiles of every mask against every pair, print a line "
        "a mask instead of the program, and fail with a counterexample if one is wrong. "
        "Lengths (q=300), scalars (w=64) and tables (doc=doc.npy) may be given, and tiles="
        "128x128:64x64, problems=4, seed=1, batch=2, heads=2; the rest is made up"));

/// Runs the passes that `config` names, then the verification; its words are the only output.
static LogicalResult verify(StringRef input, DialectRegistry &registry, MlirOptMainConfig config) {
  std::string error;
  auto file = openInputFile(input, &error);
  if (!file) {
    llvm::errs() << error << "\n";
    return failure();
  }
  MlirOptMainConfig passes = config;
  config.setPassPipelineSetupFn([passes](PassManager &manager) {
    if (failed(passes.setupPassPipeline(manager)))
      return failure();
    manager.addPass(attune::createVerifyMasksPass(verifyMasks));
    return success();
  });
  return MlirOptMain(llvm::nulls(), std::move(file), registry, config);
}

int main(int argc, char **argv) {
  DialectRegistry registry;
  attune::registerDialects(registry);
  attune::registerAttunePasses();
  attune::registerPipelines();
  registerTransformsPasses();
  auto [input, output] = registerAndParseCLIOptions(
      argc, argv, "attn-opt: run passes over attention kernels\n", registry);
  if (verifyMasks.getNumOccurrences() == 0)
    return asMainReturnCode(MlirOptMain(argc, argv, input, output, registry));
  return asMainReturnCode(verify(input, registry, MlirOptMainConfig::createFromCLOptions()));
}
