// SPDX-License-Identifier: Apache-2.0
// The pass tile-to-host: every tile kernel of a module becomes its host function.
//
//   tile.kernel @f(%q: memref<...>, ...)  ->  llvm.func @f(%params: !llvm.ptr, %taskBegin: i64,
//     ...                                                  %taskEnd: i64, %scratch: !llvm.ptr)
#include "compiler/target/host/HostTarget.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace attune {

namespace {

class TileToHostPass : public PassWrapper<TileToHostPass, OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TileToHostPass)

  explicit TileToHostPass(HostLevel initial) { level = getHostFacts(initial).name; }
  TileToHostPass(const TileToHostPass &other) : PassWrapper(other) {}

  StringRef getArgument() const override { return "tile-to-host"; }
  StringRef getDescription() const override {
    return "replace tile kernels by host functions in scf, arith, math, vector and llvm";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, LLVM::LLVMDialect, math::MathDialect, scf::SCFDialect,
                    vector::VectorDialect>();
  }

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
      OpBuilder builder(kernel);
      for (Operation &op : llvm::make_early_inc_range(*lowered->module->getBody()))
        op.moveBefore(kernel);
      kernel.erase();
    }
  }

private:
  Option<std::string> level{*this, "level",
                            llvm::cl::desc("x86-64, x86-64-v3 or x86-64-v4")};
};

} // namespace

std::unique_ptr<Pass> createTileToHostPass(HostLevel level) {
  return std::make_unique<TileToHostPass>(level);
}

} // namespace attune
