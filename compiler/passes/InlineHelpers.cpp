// SPDX-License-Identifier: Apache-2.0
// attn-inline-helpers: how do helper functions become part of the kernels that call them?
//
//   func.func private @twice(%x: f32) -> f32 { %y = arith.addf %x, %x : f32   return %y : f32 }
//   attn.kernel @f(...) { ... map (%x = %s) : (!s) -> !s {
//     %y = func.call @twice(%x) : (f32) -> f32
//     yield %y : f32 } ... }
// becomes
//   attn.kernel @f(...) { ... map (%x = %s) : (!s) -> !s {
//     %y = arith.addf %x, %x : f32
//     yield %y : f32 } ... }
#include "compiler/Passes.h"
#include "dialects/attn/AttnOps.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/Extensions/InlinerExtension.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/Inliner.h"
#include "mlir/Transforms/InliningUtils.h"
#include "llvm/ADT/SetVector.h"

namespace attune {
#define GEN_PASS_DEF_INLINEHELPERSPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;
using namespace attune;

namespace {

class InlineHelpers : public attune::impl::InlineHelpersPassBase<InlineHelpers> {
public:
  void getDependentDialects(DialectRegistry &registry) const override {
    InlineHelpersPassBase::getDependentDialects(registry);
    func::registerInlinerExtension(registry);
  }

  void runOnOperation() override;

private:
  LogicalResult inlineCall(func::CallOp call, SymbolTable &symbols);
  LogicalResult checkHelper(func::CallOp call, func::FuncOp helper, SymbolTable &symbols);
  void eraseUnusedHelpers(SymbolTable &symbols);

  /// Helpers that may be inlined, with all that they call.
  llvm::SmallPtrSet<Operation *, 8> checked;
  /// The chain of calls that is being checked.
  SmallVector<func::FuncOp> chain;
  llvm::SetVector<Operation *> inlined;
};

} // namespace

static LogicalResult refuse(func::CallOp call, func::FuncOp helper, const Twine &why,
                            Operation *culprit = nullptr) {
  InFlightDiagnostic error = call.emitOpError()
                             << "cannot inline '@" << call.getCallee() << "': " << why;
  error.attachNote(helper.getLoc()) << "the helper stands here";
  if (culprit)
    error.attachNote(culprit->getLoc())
        << "'" << culprit->getName() << "' " << attn::describeRefusal(culprit);
  return error;
}

static LogicalResult checkBody(func::CallOp call, func::FuncOp helper) {
  if (!helper.isPrivate())
    return refuse(call, helper, "expected a private function, but this one is public");
  if (helper.isExternal())
    return refuse(call, helper, "expected a function with a body, but this one has none");
  if (!helper.getBody().hasOneBlock())
    return refuse(call, helper,
                  "expected a function without control flow (use arith.select), but this one has "
                  "several blocks");
  for (Operation &op : helper.getBody().front().without_terminator())
    if (!attn::isAllowedInRegion(&op))
      return refuse(call, helper, "it contains an op that a region may not contain", &op);
  return success();
}

/// A helper is checked before it is inlined, so that a cycle of calls is found and not followed.
LogicalResult InlineHelpers::checkHelper(func::CallOp call, func::FuncOp helper,
                                         SymbolTable &symbols) {
  if (checked.contains(helper))
    return success();
  if (llvm::is_contained(chain, helper))
    return refuse(call, helper, "it calls itself");
  if (failed(checkBody(call, helper)))
    return failure();
  chain.push_back(helper);
  WalkResult result = helper.walk([&](func::CallOp inner) -> WalkResult {
    return checkHelper(inner, symbols.lookup<func::FuncOp>(inner.getCallee()), symbols);
  });
  chain.pop_back();
  checked.insert(helper);
  return failure(result.wasInterrupted());
}

LogicalResult InlineHelpers::inlineCall(func::CallOp call, SymbolTable &symbols) {
  auto helper = symbols.lookup<func::FuncOp>(call.getCallee());
  if (failed(checkHelper(call, helper, symbols)))
    return failure();
  InlinerInterface interface(&getContext());
  InlinerConfig config;
  if (failed(mlir::inlineCall(interface, config.getCloneCallback(), call, helper, &helper.getBody(),
                              /*shouldCloneInlinedRegion=*/true)))
    return refuse(call, helper, "an op in it does not allow it");
  call.erase();
  inlined.insert(helper);
  return success();
}

void InlineHelpers::eraseUnusedHelpers(SymbolTable &symbols) {
  // Erasing one may end the last use of another that it called.
  for (bool erased = true; erased;) {
    erased = false;
    for (Operation *helper : llvm::to_vector(inlined)) {
      if (!SymbolTable::symbolKnownUseEmpty(helper, getOperation()))
        continue;
      inlined.remove(helper);
      symbols.erase(helper);
      erased = true;
    }
  }
}

void InlineHelpers::runOnOperation() {
  SymbolTable symbols(getOperation());
  for (auto kernel : getOperation().getOps<attn::KernelOp>()) {
    // An inlined body may bring calls of its own: go on until there is none.
    for (bool found = true; found;) {
      SmallVector<func::CallOp> calls;
      kernel.walk([&](func::CallOp call) { calls.push_back(call); });
      for (func::CallOp call : calls)
        if (failed(inlineCall(call, symbols)))
          return signalPassFailure();
      found = !calls.empty();
    }
  }
  eraseUnusedHelpers(symbols);
}
