// SPDX-License-Identifier: Apache-2.0
// How do a block's threads write its tokens number by number?
//
// The numbers of the block's tokens are numbered n * C + c, components fastest; thread t makes t, t +
// threads, ..: neighbouring threads touch neighbouring components. Division is slow where C is known
// only at launch, so each thread divides once and then steps:
//   (n, c) += (threads / C, threads % C); if c >= C { c -= C; n += 1 }
#include "compiler/target/nvptx/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

/// Stores `value` at (n, c), n from the block's first token on, where `start` points to.
void KernelEmitter::storeNumber(const MemRefValue &memory, Value start, Value n, Value c,
                                Value value) {
  Type scalar = value.getType();
  auto step = [&](Value pointer, Value number, unsigned dim) {
    Value wide = arith::ExtUIOp::create(builder, builder.getI64Type(), number);
    Value distance = arith::MulIOp::create(builder, wide, memory.strides[dim]);
    return globalPointer(pointer, distance, scalar);
  };
  Value pointer = step(start, n, 2);
  if (memory.sizes.size() > 3)
    pointer = step(pointer, c, 3);
  if (scalar.isInteger(1))
    value = arith::ExtUIOp::create(builder, builder.getI8Type(), value);
  else if (scalar.isIndex())
    value = toI64(value);
  LLVM::StoreOp::create(builder, value, pointer);
}

/// Where the block's first token is.
Value KernelEmitter::firstPointer(const MemRefValue &memory, tile::ElementsOp op) {
  Value pointer = memory.pointer;
  const Value indices[] = {op.getBatch(), op.getHead(), op.getFirst()};
  for (auto [stride, index] : llvm::zip(memory.strides, indices)) {
    Value distance = arith::MulIOp::create(builder, toI64(lookup(index)), stride);
    pointer = globalPointer(pointer, distance, op.getElementType());
  }
  return pointer;
}

LogicalResult KernelEmitter::emitElements(tile::ElementsOp op) {
  auto found = memories.find(op.getTarget());
  if (found == memories.end())
    return op.emitOpError("expected one of the kernel's arguments as its target");
  if (hasRows(kernel))
    return op.emitOpError("expected a kernel without tiles on the nvptx target");
  const MemRefValue memory = found->second;
  Value start = firstPointer(memory, op), first = toI64(lookup(op.getFirst()));
  Value tokens = arith::SubIOp::create(builder, memory.sizes[2], first);
  tokens = arith::MinSIOp::create(builder, tokens, i64(kernel.getConfig().getQueries()));
  Value width = op.hasScalars() ? i64(1) : memory.sizes[3];
  Value count = arith::MulIOp::create(builder, tokens, width);
  // Sizes are below 2^31; what a division by no components gives is not used.
  width = arith::TruncIOp::create(builder, builder.getI32Type(), width);
  Value divisor = arith::MaxUIOp::create(builder, width, i32(1));
  Value n = arith::DivUIOp::create(builder, thread, divisor);
  Value c = arith::RemUIOp::create(builder, thread, divisor);
  Value begin = arith::ExtUIOp::create(builder, builder.getI64Type(), thread);
  Value tokenStep = arith::DivUIOp::create(builder, i32(threads), divisor);
  Value componentStep = arith::RemUIOp::create(builder, i32(threads), divisor);
  auto loop = scf::ForOp::create(builder, begin, count, i64(threads), ValueRange{n, c});
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  n = loop.getRegionIterArg(0);
  c = loop.getRegionIterArg(1);
  Value token = arith::AddIOp::create(builder, toIndex(first), toIndex(n));
  auto yielded = evaluate(op.getBody(), {token, toIndex(c)});
  if (failed(yielded))
    return failure();
  builder.setLoc(op.getLoc());
  storeNumber(memory, start, n, c, yielded->front());
  n = arith::AddIOp::create(builder, n, tokenStep);
  c = arith::AddIOp::create(builder, c, componentStep);
  Value wraps = arith::CmpIOp::create(builder, arith::CmpIPredicate::uge, c, width);
  n = arith::AddIOp::create(builder, n, arith::ExtUIOp::create(builder, n.getType(), wraps));
  Value before = arith::SubIOp::create(builder, c, width);
  c = arith::SelectOp::create(builder, wraps, before, c);
  scf::YieldOp::create(builder, ValueRange{n, c});
  return success();
}
