// SPDX-License-Identifier: Apache-2.0
// The flat parameter list of a tile kernel.
#include "compiler/target/Signature.h"

#include "compiler/target/nvptx/SharedLayout.h"

using namespace mlir;

namespace attune {

bool hasRows(tile::KernelOp kernel) {
  auto isTile = [](Type type) {
    return isa<tile::RowsType, tile::PartialType, tile::MatrixType, tile::ColsType>(type);
  };
  return kernel
      .walk([&](Operation *op) {
        return WalkResult(failure(llvm::any_of(op->getResultTypes(), isTile)));
      })
      .wasInterrupted();
}

bool usesWarpgroups(tile::KernelOp kernel) {
  return kernel.getConfig().getWarpgroups() > 0 && hasRows(kernel);
}

int64_t getRunOfTokens(tile::LoadOp load) {
  if (auto box = dyn_cast<tile::BoxType>(load.getFirst().getType()))
    return box.getSizes().back();
  Type type = load.getResult().getType();
  auto cols = dyn_cast<tile::ColsType>(type);
  return cols ? cols.getTokens() : cast<tile::RowsType>(type).getTokens();
}

bool storesTiles(tile::StoreOp store) {
  Type type = store.getValue().getType();
  // Of a box, a tensor map would write what is not in it where it reaches out of the grid.
  return isa<VectorType>(tile::getElementType(type)) && store.getFirst().getType().isIndex() &&
         tile::getScalarType(type).getIntOrFloatBitWidth() == 16;
}

/// The tensor maps of argument `argument`, whose vectors are copied by tiles.
static void addTensorMaps(tile::KernelOp kernel, unsigned argument,
                          SmallVectorImpl<LaunchParameter> &parameters) {
  size_t first = parameters.size();
  Value memory = kernel.getBody().getArgument(argument);
  auto add = [&](Type type, int64_t tokens) {
    for (const auto &segment : nvptx::SharedLayout(tokens, tile::getComponents(type)).segments)
      if (llvm::none_of(ArrayRef(parameters).drop_front(first), [&](const LaunchParameter &known) {
            return known.tokens == tokens && known.columns == segment.width;
          }))
        parameters.push_back(
            {ParameterKind::TensorMap, argument, 0, Type(), tokens, segment.width});
  };
  kernel.walk([&](Operation *op) {
    auto load = dyn_cast<tile::LoadOp>(op);
    auto store = dyn_cast<tile::StoreOp>(op);
    if (load && load.getSource() == memory &&
        isa<VectorType>(tile::getElementType(load.getResult().getType())))
      add(load.getResult().getType(), getRunOfTokens(load));
    if (store && store.getTarget() == memory && storesTiles(store))
      add(store.getValue().getType(), warpgroupTokens);
  });
}

llvm::SmallVector<LaunchParameter> getLaunchParameters(tile::KernelOp kernel) {
  bool copiesTiles = usesWarpgroups(kernel);
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
    if (copiesTiles)
      addTensorMaps(kernel, argument, parameters);
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
