// SPDX-License-Identifier: Apache-2.0
// attn-opt: reads programs of our dialects, runs any of our passes on them and prints the result.
#include "compiler/Dialects.h"
#include "compiler/Passes.h"
#include "compiler/Pipeline.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  attune::registerDialects(registry);
  attune::registerAttunePasses();
  attune::registerPipelines();
  mlir::registerTransformsPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "attn-opt: run passes over attention kernels\n", registry));
}
