// SPDX-License-Identifier: Apache-2.0
#include "tools/attn-compile/Explain.h"
using namespace mlir;
namespace attune {
LogicalResult explainModule(ModuleOp, const CompileOptions &, const ProblemSizes &, llvm::raw_ostream &) { return failure(); }
FailureOr<std::string> drawModule(ModuleOp, const CompileOptions &, const ProblemSizes &) { return failure(); }
}
