// SPDX-License-Identifier: Apache-2.0
#include "compiler/passes/PlaceRegions.h"

using namespace mlir;

namespace attune {

void createPlaceRegion(OpBuilder &builder, Location loc, Region &region, TypeRange leading,
                       ValueRange inputs, Type place, PlaceBody body) {
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(&region);
  for (Type type : leading)
    block->addArgument(type, loc);
  for (Value input : inputs)
    block->addArgument(attn::getPlaceElementType(input.getType()), loc);
  unsigned numElements = block->getNumArguments();
  for (unsigned i = 0, e = attn::getNumPlaceIndices(place); i < e; ++i)
    block->addArgument(builder.getIndexType(), loc);
  attn::YieldOp::create(builder, loc, body(builder, block->getArguments().take_front(numElements)));
}

Value createMap(OpBuilder &builder, Location loc, Type type, ValueRange inputs, PlaceBody body) {
  auto map = attn::MapOp::create(builder, loc, type, inputs);
  createPlaceRegion(builder, loc, map.getBody(), {}, inputs, type, body);
  return map;
}

void eraseDeadOps(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

} // namespace attune
