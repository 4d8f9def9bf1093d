// SPDX-License-Identifier: Apache-2.0
// The pass tile-to-host: every tile kernel of a module becomes its host function.
//
//   tile.kernel @f(%q: memref<...>, ...)  ->  llvm.func @f(%params: !llvm.ptr, %taskBegin: i64,
//     ...                                                  %taskEnd: i64, %scratch: !llvm.ptr)
#include "compiler/Passes.h"
#include "compiler/target/host/HostTarget.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace attune {
#define GEN_PASS_DEF_TILETOHOSTPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;

namespace attune {

namespace {

class TileToHostPass : public impl::TileToHostPassBase<TileToHostPass> {
public:
  using TileToHostPassBase::TileToHostPassBase;

  void runOnOperation() override {
    std::optional<HostLevel> parsed = findHostLevel(level);
    if (!parsed) {
      getOperation().emitError() << "expected option level to be x86-64, x86-64-v3 or x86-64-v4, "
                                    "but got '"
                                 << level << "'";
      return signalPassFailure();
    }
    for (auto kernel : llvm::make_early_inc_range(getOperation().getOps<tile::KernelOp>())) {
      FailureOr<HostModule> lowered = lowerToHostVectors(kernel, *parsed);
      if (failed(lowered))
        return signalPassFailure();
      for (Operation &op : llvm::make_early_inc_range(*lowered->module->getBody()))
        op.moveBefore(kernel);
      kernel.erase();
    }
  }
};

} // namespace

} // namespace attune
