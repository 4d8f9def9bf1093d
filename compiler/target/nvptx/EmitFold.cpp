// SPDX-License-Identifier: Apache-2.0
// Folds: how do a block's threads make numbers together? And who writes the block's numbers?
//
// Each thread folds the numbers first + thread, + threads, ..; lanes join by butterflies, so that all
// of them have the result; warps leave theirs in shared memory, where every thread joins them.
#include "compiler/target/nvptx/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

Value KernelEmitter::joinNumbers(tile::FoldKind kind, Value a, Value b) {
  switch (kind) {
  case tile::FoldKind::Least: return arith::MinSIOp::create(builder, a, b);
  case tile::FoldKind::Greatest: return arith::MaxSIOp::create(builder, a, b);
  case tile::FoldKind::Union: return arith::OrIOp::create(builder, a, b);
  }
  llvm_unreachable("all kinds are listed");
}

/// What this thread's share of the numbers gives, as i64.
FailureOr<SmallVector<Value>> KernelEmitter::foldOwn(tile::FoldOp fold) {
  SmallVector<Value> initial;
  for (unsigned index = 0; index < fold.getNumResults(); ++index)
    initial.push_back(i64(tile::FoldOp::getNeutral(fold.getKind(index))));
  Value one = arith::ConstantIndexOp::create(builder, 1);
  Value first = arith::AddIOp::create(builder, lookup(fold.getFirst()), toIndex(thread));
  Value end = arith::AddIOp::create(builder, lookup(fold.getLast()), one);
  Value step = arith::ConstantIndexOp::create(builder, threads);
  auto loop = scf::ForOp::create(builder, first, end, step, initial);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  auto numbers = evaluate(fold.getBody(), loop.getInductionVar());
  if (failed(numbers))
    return failure();
  SmallVector<Value> joined;
  for (auto [index, number, before] : llvm::enumerate(*numbers, loop.getRegionIterArgs()))
    joined.push_back(joinNumbers(fold.getKind(index), before, toI64(number)));
  scf::YieldOp::create(builder, joined);
  return llvm::to_vector_of<Value>(loop.getResults());
}

/// The join of what `lanes` neighbours of a warp hold, a power of two, in all of them. Shuffles move 32
/// bits.
Value KernelEmitter::joinLanes(tile::FoldKind kind, Value value, int64_t lanes) {
  Type half = builder.getI32Type(), whole = builder.getI64Type();
  for (int64_t distance = lanes / 2; distance > 0; distance /= 2) {
    auto shuffle = [&](Value part) -> Value {
      part = arith::TruncIOp::create(builder, half, part);
      part = NVVM::ShflOp::create(builder, half, i32(-1), part, i32(distance), i32(31),
                                  NVVM::ShflKind::bfly, UnitAttr());
      return arith::ExtUIOp::create(builder, whole, part);
    };
    Value low = shuffle(value);
    Value high = shuffle(arith::ShRUIOp::create(builder, value, i64(32)));
    high = arith::ShLIOp::create(builder, high, i64(32));
    value = joinNumbers(kind, value, arith::OrIOp::create(builder, high, low));
  }
  return value;
}

/// Joins `values`, each the same in all lanes of a warp, over the warps of the block.
void KernelEmitter::joinWarps(tile::FoldOp fold, MutableArrayRef<Value> values) {
  int64_t top = sharedTop, places = allocateShared(8 * warps * values.size());
  Value leads = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, lane, i32(0));
  auto one = scf::IfOp::create(builder, leads, false);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(one.thenBlock());
    Value own = arith::MulIOp::create(builder, warp, i32(8));
    for (auto [index, value] : llvm::enumerate(values))
      LLVM::StoreOp::create(builder, value, sharedPointer(own, places + 8 * warps * index));
  }
  barrier();
  // Some lanes take the last warp's number, too: joined twice it is the same.
  int64_t lanes = llvm::PowerOf2Ceil(warps);
  Value other = arith::AndIOp::create(builder, lane, i32(lanes - 1));
  other = arith::MinUIOp::create(builder, other, i32(warps - 1));
  Value taken = arith::MulIOp::create(builder, other, i32(8));
  for (auto [index, value] : llvm::enumerate(values)) {
    Value pointer = sharedPointer(taken, places + 8 * warps * index);
    value = LLVM::LoadOp::create(builder, builder.getI64Type(), pointer);
    value = joinLanes(fold.getKind(index), value, lanes);
  }
  barrier(); // what follows may reuse this shared memory
  sharedTop = top;
}

LogicalResult KernelEmitter::emitFold(tile::FoldOp fold) {
  FailureOr<SmallVector<Value>> values = foldOwn(fold);
  if (failed(values))
    return failure();
  for (auto [index, value] : llvm::enumerate(*values))
    value = joinLanes(fold.getKind(index), value, 32);
  if (warps > 1)
    joinWarps(fold, *values);
  for (auto [result, value] : llvm::zip(fold.getResults(), *values))
    scalars.map(result, toIndex(value));
  return success();
}

/// One thread writes a number of the block.
LogicalResult KernelEmitter::emitWrite(tile::WriteOp write) {
  auto memory = memories.find(write.getMemory());
  if (memory == memories.end())
    return write.emitOpError("expected one of the kernel's arguments as its memory");
  Value leads = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, thread, i32(0));
  auto one = scf::IfOp::create(builder, leads, false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(one.thenBlock());
  Value pointer = memory->second.pointer, number = toI64(lookup(write.getValue()));
  for (auto [dim, index] : llvm::enumerate(write.getIndices())) {
    Value distance =
        arith::MulIOp::create(builder, toI64(lookup(index)), memory->second.strides[dim]);
    pointer = globalPointer(pointer, distance, number.getType());
  }
  LLVM::StoreOp::create(builder, number, pointer);
  return success();
}
