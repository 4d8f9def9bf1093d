// SPDX-License-Identifier: Apache-2.0
// Which ops of the language are constants or other values, and which programs are the same?
#include "dialects/attn/AttnOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attune::attn;

OpFoldResult HoldsOp::fold(FoldAdaptor) { return {}; }
