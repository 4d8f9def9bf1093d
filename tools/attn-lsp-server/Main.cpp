// SPDX-License-Identifier: Apache-2.0
// attn-lsp-server: diagnostics, hover and navigation for our programs in any editor.
// LSP.
#include "compiler/Dialects.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  attune::registerDialects(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
