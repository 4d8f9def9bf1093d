// SPDX-License-Identifier: Apache-2.0
// The flat parameter list of a tile kernel.
#include "compiler/target/Signature.h"

using namespace mlir;

namespace attune {

llvm::SmallVector<LaunchParameter> getLaunchParameters(tile::KernelOp kernel) {
  llvm::SmallVector<LaunchParameter> parameters;
  Builder builder(kernel.getContext());
  Type i64 = builder.getI64Type();
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    unsigned argument = index;
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref) {
      Type scalar = type.isIndex() ? i64 : type.isInteger(1) ? builder.getI8Type() : type;
      parameters.push_back({ParameterKind::Scalar, argument, 0, scalar});
      continue;
    }
    parameters.push_back({ParameterKind::Pointer, argument, 0, Type()});
    for (unsigned dim = 0; dim < memref.getRank(); ++dim)
      if (memref.isDynamicDim(dim))
        parameters.push_back({ParameterKind::Size, argument, dim, i64});
    SmallVector<int64_t> strides;
    int64_t offset;
    if (failed(memref.getStridesAndOffset(strides, offset)))
      continue; // refused by the kernel's verifier
    for (unsigned dim = 0; dim < memref.getRank(); ++dim)
      if (ShapedType::isDynamic(strides[dim]))
        parameters.push_back({ParameterKind::Stride, argument, dim, i64});
  }
  return parameters;
}

int findLaunchParameter(llvm::ArrayRef<LaunchParameter> parameters, ParameterKind kind,
                        unsigned argument, unsigned dim) {
  for (auto [index, parameter] : llvm::enumerate(parameters))
    if (parameter.kind == kind && parameter.argument == argument && parameter.dim == dim)
      return index;
  return -1;
}

} // namespace attune
