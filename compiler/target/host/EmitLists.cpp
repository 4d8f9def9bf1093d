// SPDX-License-Identifier: Apache-2.0
// Lists of keys: how does each lane append to its row's list? Key by key; most are in no list.
#include "compiler/target/host/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace attune {

static Value isAnySet(LaneBuilder &b, Value mask) {
  if (cast<VectorType>(mask.getType()).getNumElements() == 1)
    return vector::ExtractOp::create(b, mask, 0);
  return LLVM::vector_reduce_or::create(b, b.getI1Type(), mask);
}

KernelEmitter::AppendTarget KernelEmitter::appendTarget(tile::AppendOp op, Value memref,
                                                        Type element) {
  const Memory &memory = memories[memref];
  Type raw = b.getMemoryType(element), rows = op.getCount().getType();
  Shape shape = getShape(rows);
  AppendTarget target = {element,
                         headAddress(memory, raw, scalar(op.getBatch()), scalar(op.getHead())),
                         memory.strides[3],
                         {},
                         {}};
  Tokens tokens = tokensOf(op.getFirst(), rows, memory);
  for (int64_t vector = 0; vector < shape.vectors; ++vector) {
    auto [offset, exists] =
        tokenLanes(tokens, b.iota(b.getI64Type(), shape.lanes, vector * shape.lanes));
    target.rows.push_back(offset);
    target.exists.push_back(exists);
  }
  return target;
}

/// Writes `numbers` as entries `counts` (i64) of the rows of vector `vector` where `mask`.
void KernelEmitter::appendLanes(const AppendTarget &target, int64_t vector, Value counts,
                                Value numbers, Value mask) {
  int64_t lanes = cast<VectorType>(counts.getType()).getNumElements();
  Value offset = b.add(target.rows[vector], b.multiply(counts, b.splat(target.stride, lanes)));
  b.scatter(b.toMemory(numbers, target.element), target.base, offset, mask);
}

void KernelEmitter::emitAppend(tile::AppendOp op) {
  auto marks = cast<tile::MatrixType>(op.getMarks().getType());
  Shape shape = getShape(marks);
  AppendTarget keys = appendTarget(op, op.getList(), b.getI32Type()), elements;
  if (op.getElements())
    elements = appendTarget(op, op.getValues(), tile::getScalarType(op.getElements().getType()));
  Value length = b.splat(memories[op.getList()].sizes[3], shape.lanes);
  Type i32 = b.vectorOf(b.getI32Type(), shape.lanes), i64 = b.vectorOf(b.getI64Type(), shape.lanes);
  Lanes initial = asVectors(Lanes(values.lookup(op.getCount())), shape);
  auto appended = b.loop(
      b.integer(0), b.integer(marks.getCols()), 1, initial, [&](Value key, ValueRange counts) {
        Lanes row = loadRow(op.getMarks(), key, shape);
        SmallVector<Value> next;
        for (int64_t vector = 0; vector < shape.vectors; ++vector) {
          Value zero = b.constantFloat(row[vector].getType(), 0.0);
          Value seen = arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, row[vector], zero);
          auto some = scf::IfOp::create(b, isAnySet(b, seen), /*withElseRegion=*/false);
          {
            OpBuilder::InsertionGuard guard(b);
            b.setInsertionPointToStart(some.thenBlock());
            Value place = arith::ExtSIOp::create(b, i64, counts[vector]);
            Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, place, length);
            Value mask = arith::AndIOp::create(b, seen, keys.exists[vector]);
            mask = arith::AndIOp::create(b, mask, fits);
            Value number = b.add(scalar(op.getFirstKey()), key);
            number = arith::TruncIOp::create(b, b.getI32Type(), number);
            appendLanes(keys, vector, place, b.splat(number, shape.lanes), mask);
            if (op.getElements())
              appendLanes(elements, vector, place, loadRow(op.getElements(), key, shape)[vector],
                          mask);
          }
          Value one = arith::ExtUIOp::create(b, i32, seen);
          next.push_back(arith::AddIOp::create(b, counts[vector], one));
        }
        return next;
      });
  values[op.getResult()] = Lanes(appended.begin(), appended.end());
}

} // namespace attune
