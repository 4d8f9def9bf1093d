// SPDX-License-Identifier: Apache-2.0
// Which passes are there, and what does each need, do and refuse?
#ifndef ATTUNE_COMPILER_PASSES
#define ATTUNE_COMPILER_PASSES

include "mlir/Pass/PassBase.td"

def InlineHelpersPass : Pass<"attn-inline-helpers", "::mlir::ModuleOp"> {
  let summary = "inline the helper functions that kernels and their regions call";
  let description = [{
    Replaces each `func.call` in an `attn.kernel` by the body of its callee, and erases the helpers
    that were inlined and that nothing else uses.

    On entry: any verified module. On exit: no kernel contains a `func.call`.

    Refuses, with a note at the helper: a callee that is not a private function with a body, that
    has more than one block, that calls itself, or that contains an op that the language does not
    allow in a region.

    Example: `test/compiler/passes/attn-inline-helpers.mlir`.
  }];
  let dependentDialects = ["::mlir::cf::ControlFlowDialect", "::mlir::func::FuncDialect"];
}

def ExpandSugarPass : Pass<"attn-expand-sugar", "::attune::attn::KernelOp"> {
  let summary = "rewrite softmax, logsumexp and holds into primitives";
  let description = [{
    `softmax` and `logsumexp` become a row maximum, the exponentials under it and their sum, with the
    sink as one more summand; `holds` becomes one `affine.apply` and `arith.cmpi` a constraint,
    joined by `arith.andi`. Nothing marks where the primitives came from: the planner treats what a
    user writes out in the same way. In a row whose visible scores are all -inf the maximum is -inf
    and the written difference has no value; evaluators and the planner read such a row as empty.

    On entry: helpers are inlined (`attn-inline-helpers`), so that no `holds` hides in one. On exit:
    no `softmax`, `logsumexp` or `holds` is in the kernel. Refuses nothing.

    Example: `test/compiler/passes/attn-expand-sugar.mlir`.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
}

def ExplainSweepsPass : Pass<"attn-explain-sweeps", "::mlir::ModuleOp"> {
  let summary = "print how many passes over the keys each kernel needs, and why";
  let description = [{
    Prints for each `attn.kernel` its sweeps over the keys, the state that each carries, the row
    values between them, how results are finished, and which reduction had to wait for which row
    value. Changes nothing.

    On entry: kernels of primitives (`attn-inline-helpers`, `attn-expand-sugar`). Refuses what the
    planner does not support yet.

    Example: `test/compiler/analysis/explain-softmax.mlir`.
  }];
}

#endif // ATTUNE_COMPILER_PASSES
