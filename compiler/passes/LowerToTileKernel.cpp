// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: arguments of tile kernels.
#include "compiler/passes/LowerToTileKernel.h"

#include "compiler/analysis/Stages.h"

using namespace mlir;
using namespace attune;

/// A strided tensor: tokens are (batch, heads, tokens, element) with a contiguous element; a table
/// has any strides.
static Type getMemoryType(Type type) {
  SmallVector<int64_t> shape, trailing;
  Type element;
  if (auto table = dyn_cast<RankedTensorType>(type)) {
    shape.assign(table.getShape().begin(), table.getShape().end());
    element = table.getElementType();
  } else if (attn::isVirtual(type)) {
    element = attn::getPlaceElementType(type);
    shape.assign(isa<attn::MatrixType>(type) ? 4 : 3, ShapedType::kDynamic);
    if (auto vector = dyn_cast<VectorType>(element)) {
      trailing.assign(vector.getShape().begin(), vector.getShape().end());
      element = vector.getElementType();
    }
  } else {
    return type;
  }
  SmallVector<int64_t> strides(shape.size(), ShapedType::kDynamic);
  int64_t stride = 1;
  for (int64_t size : llvm::reverse(trailing)) {
    strides.insert(strides.begin() + shape.size(), stride);
    stride *= size;
  }
  llvm::append_range(shape, trailing);
  return MemRefType::get(shape, element,
                         StridedLayoutAttr::get(type.getContext(), /*offset=*/0, strides));
}

tile::KernelOp attune::createTileKernel(attn::KernelOp source, StringRef name,
                                        tile::ConfigAttr config, Type workspace, bool hasResults) {
  OpBuilder builder(source);
  SmallVector<Type> types;
  SmallVector<Attribute> names;
  auto add = [&](Type type, StringRef argument) {
    types.push_back(getMemoryType(type));
    names.push_back(builder.getDictionaryAttr(
        builder.getNamedAttr("tile.name", builder.getStringAttr(argument))));
  };
  for (auto [index, type] : llvm::enumerate(source.getArgumentTypes()))
    add(type, getTensorName(source.getOperandName(index)));
  if (workspace) {
    types.push_back(workspace);
    // Each kernel of a program has its own.
    std::string owner = source->hasAttr("attn.stage") ? (source.getSymName() + ".").str() : "";
    names.push_back(builder.getDictionaryAttr(
        {builder.getNamedAttr("tile.name", builder.getStringAttr(owner + "mask.summaries")),
         builder.getNamedAttr("tile.workspace", builder.getUnitAttr())}));
  }
  size_t results = 1;
  if (hasResults) {
    results = source.getResultTypes().size();
    for (auto [index, type] : llvm::enumerate(source.getResultTypes()))
      add(type, source.getResultName(index));
  }
  auto kernel = tile::KernelOp::create(builder, source.getLoc(), builder.getStringAttr(name),
                                       TypeAttr::get(builder.getFunctionType(types, {})), config,
                                       builder.getI64IntegerAttr(results), StringAttr(),
                                       builder.getArrayAttr(names), ArrayAttr());
  kernel->setAttr("tile.source", source.getSymNameAttr());
  Block *block = builder.createBlock(&kernel.getBody());
  for (Type type : types)
    block->addArgument(type, source.getLoc());
  return kernel;
}
