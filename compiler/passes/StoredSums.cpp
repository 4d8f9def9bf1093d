// SPDX-License-Identifier: Apache-2.0
#include "compiler/passes/StoredSums.h"

#include "dialects/attn/AttnOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;
using namespace attune;

static Value settle(OpBuilder &builder, Value value, llvm::DenseMap<Value, Value> &settled) {
  Operation *op = value.getDefiningOp();
  if (!op || !attn::isVirtual(value.getType()) || op->hasAttr("attn.store"))
    return value;
  if (Value known = settled.lookup(value))
    return known;
  Value result = value;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfter(op);
  if (isa<attn::ReduceOp>(op) && isa<attn::RowsType>(value.getType())) {
    Operation *copy = builder.clone(*op);
    copy->setAttr("attn.store", builder.getUnitAttr());
    result = copy->getResult(0);
  } else if (isa<attn::MapOp, attn::WhereOp, attn::TakeOp>(op)) {
    IRMapping mapping;
    for (Value operand : op->getOperands())
      if (Value own = settle(builder, operand, settled); own != operand)
        mapping.map(operand, own);
    if (!mapping.getValueMap().empty())
      result = builder.clone(*op, mapping)->getResult(0);
  }
  return settled[value] = result;
}

Value attune::createWithStoredSums(OpBuilder &builder, Value matrix) {
  llvm::DenseMap<Value, Value> settled;
  return settle(builder, matrix, settled);
}
