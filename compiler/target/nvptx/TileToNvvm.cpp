// SPDX-License-Identifier: Apache-2.0
// The pass tile-to-nvvm: every tile kernel of a module becomes its GPU function.
//
//   tile.kernel @f(%q: memref<...>, ...)  ->  llvm.func @f(%pointer: !llvm.ptr<1>, %size: i64, ...)
//                                               attributes {nvvm.kernel, nvvm.reqntid = ...}
#include "compiler/Passes.h"
#include "compiler/target/nvptx/NvptxTarget.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace attune {
#define GEN_PASS_DEF_TILETONVVMPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;

namespace attune {

namespace {

class TileToNvvmPass : public impl::TileToNvvmPassBase<TileToNvvmPass> {
public:
  void runOnOperation() override {
    for (auto kernel : llvm::make_early_inc_range(getOperation().getOps<tile::KernelOp>())) {
      FailureOr<OwningOpRef<ModuleOp>> lowered = lowerToNvvm(kernel);
      if (failed(lowered))
        return signalPassFailure();
      for (Operation &op : llvm::make_early_inc_range(*(*lowered)->getBody())) {
        // Kernels of one module share the symbol of shared memory.
        auto global = dyn_cast<LLVM::GlobalOp>(op);
        if (!global || !getOperation().lookupSymbol(global.getSymName()))
          op.moveBefore(kernel);
      }
      kernel.erase();
    }
  }
};

} // namespace

} // namespace attune
