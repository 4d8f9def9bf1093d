// SPDX-License-Identifier: Apache-2.0
// What does a kernel compute? The meaning of the attn language, to be compared with.
#ifndef ATTUNE_COMPILER_REFERENCE_REFERENCE_H
#define ATTUNE_COMPILER_REFERENCE_REFERENCE_H

#include "compiler/reference/Tensor.h"
#include "dialects/attn/AttnOps.h"
#include "llvm/Support/Error.h"

#include <functional>

namespace attune::reference {

/// Exact: everything in double, nothing is rounded; the meaning. Eager: each op on its own, as a
/// framework without a compiler runs it, every float rounded to its type, sums in f32, and matrices
/// kept in the type of the operands; what a compiled kernel has to be as good as.
enum class Mode { Exact, Eager };

struct Options {
  Mode mode = Mode::Exact;
  /// 0: as many as there are processors.
  unsigned threads = 0;
  /// Told the share that is done, from one thread at a time.
  std::function<void(double)> progress = nullptr;
};

/// Evaluates any verified attn kernel, before or after its helpers are inlined and its sugar is
/// expanded. `arguments` are in the order of the operands. The results are dense, in order, not yet
/// rounded: f64 for floats, their own type for integers; `convert` rounds them once. Fails with a
/// sentence where an argument does not fit, a fact is false, a table is read out of range or an
/// integer is divided by zero at a visible place.
llvm::Expected<std::vector<Tensor>>
evaluate(attn::KernelOp kernel, llvm::ArrayRef<Argument> arguments, const Options &options = {});

/// The element type that a result of the kernel is stored in.
ElementType resultType(attn::KernelOp kernel, unsigned index);

} // namespace attune::reference

#endif // ATTUNE_COMPILER_REFERENCE_REFERENCE_H
