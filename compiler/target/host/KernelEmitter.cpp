// SPDX-License-Identifier: Apache-2.0
// The host function of a tile kernel: entry, loop over tasks, dispatch to EmitControl, EmitElements, EmitLists,
// EmitMemory, EmitProducts, EmitMaps and EmitRegion.
#include "compiler/target/host/KernelEmitter.h"

#include "compiler/target/Signature.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace attune {

KernelEmitter::KernelEmitter(tile::KernelOp kernel, const HostFacts &facts, OpBuilder builder)
    : kernel(kernel), b(kernel.getLoc(), builder, facts), groups(kernel), plan(kernel, groups) {}

/// Reads out of range go to the first bytes of scratch memory, so there are always some.
int64_t KernelEmitter::getScratchBytes() const {
  return std::max<int64_t>(plan.getTotalBytes(), 64);
}

//===--- the function --------------------------------------------------------------------------===//

LogicalResult KernelEmitter::emit() {
  Type pointer = b.pointerType(), i64 = b.getI64Type();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                          {pointer, i64, i64, pointer});
  auto function = LLVM::LLVMFuncOp::create(b, kernel.getSymName(), type);
  function.setArgAttr(3, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
  function.setArgAttr(3, LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(64));
  Block *entry = function.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
  scratch = entry->getArgument(3);
  readArguments(*entry);
  LogicalResult result = success();
  b.loop(entry->getArgument(1), entry->getArgument(2), 1, [&](Value number) {
    task = number;
    result = emitBlock(kernel.getBody().front());
  });
  LLVM::ReturnOp::create(b, ValueRange());
  return result;
}

void KernelEmitter::readArguments(Block &entry) {
  Value parameters = entry.getArgument(0);
  for (Value argument : kernel.getArguments())
    if (auto type = dyn_cast<MemRefType>(argument.getType())) {
      auto [strides, offset] = type.getStridesAndOffset();
      Memory &memory = memories[argument];
      for (int64_t dim = 0; dim < type.getRank(); ++dim) {
        memory.sizes.push_back(type.isDynamicDim(dim) ? Value() : b.integer(type.getDimSize(dim)));
        bool dynamic = ShapedType::isDynamic(strides[dim]);
        memory.strides.push_back(dynamic ? Value() : b.integer(strides[dim]));
      }
      memory.contiguous = type.getRank() > 0 && strides.back() == 1;
    }
  for (auto [index, parameter] : llvm::enumerate(getLaunchParameters(kernel))) {
    Type pointer = b.pointerType();
    Value slot = b.load(pointer, b.address(parameters, pointer, index), 8);
    Value argument = kernel.getArgument(parameter.argument);
    if (parameter.kind == ParameterKind::Pointer) {
      memories[argument].pointer = b.load(pointer, slot, 8);
      continue;
    }
    bool isScalar = parameter.kind == ParameterKind::Scalar;
    Value value = b.load(isScalar ? b.getMemoryType(argument.getType()) : parameter.type, slot);
    if (parameter.kind == ParameterKind::Size)
      memories[argument].sizes[parameter.dim] = value;
    else if (parameter.kind == ParameterKind::Stride)
      memories[argument].strides[parameter.dim] = value;
    else
      values[argument] = {b.fromMemory(value, argument.getType())};
  }
}

//===--- tiles ---------------------------------------------------------------------------------===//

KernelEmitter::Shape KernelEmitter::getShape(Type tile) {
  int64_t tokens = 0;
  if (auto rows = dyn_cast<tile::RowsType>(tile))
    tokens = rows.getTokens();
  else if (auto partial = dyn_cast<tile::PartialType>(tile))
    tokens = partial.getTokens();
  else if (auto cols = dyn_cast<tile::ColsType>(tile))
    tokens = cols.getTokens();
  else
    tokens = cast<tile::MatrixType>(tile).getRows();
  int64_t lanes = std::gcd(tokens, b.facts.lanes);
  return {lanes, tokens / lanes};
}

KernelEmitter::Lanes KernelEmitter::asVectors(const Lanes &lanes, Shape shape) {
  Lanes vectors = lanes;
  if (!isa<VectorType>(vectors.front().getType()))
    vectors.assign(shape.vectors, b.splat(vectors.front(), shape.lanes));
  return vectors;
}

Value KernelEmitter::buffer(Value tile) {
  return b.address(scratch, b.getI8Type(), plan.getOffset(tile));
}

Value KernelEmitter::temporary(Operation *op) {
  return b.address(scratch, b.getI8Type(), plan.getTemporaryOffset(op));
}

KernelEmitter::View KernelEmitter::view(Value cols) { return views.lookup(cols); }

//===--- blocks and ops ------------------------------------------------------------------------===//

LogicalResult KernelEmitter::emitBlock(Block &block) {
  for (Operation &op : block)
    if (failed(emitOp(&op)))
      return failure();
  return success();
}

LogicalResult KernelEmitter::emitOp(Operation *op) {
  b.setLoc(op->getLoc());
  if (MapGroup *group = groups.find(op))
    return group->ops.front() == op ? emitGroup(*group) : success();
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return emitFor(loop);
  if (auto loop = dyn_cast<scf::WhileOp>(op))
    return emitWhile(loop);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return emitIf(branch);
  if (isa<scf::YieldOp, scf::ConditionOp, tile::YieldOp, tile::ReturnOp>(op))
    return success();
  if (isa<tile::TileDialect>(op->getDialect()))
    return emitTileOp(op);
  return emitScalarOp(op, Shape{1, 1});
}

/// Tasks are numbered (batch, head, tile), tiles fastest.
void KernelEmitter::emitCoordinates(tile::CoordinatesOp op) {
  Memory &first = memories[kernel.getArgument(kernel.getNumArguments() - kernel.getResultCount())];
  int64_t queries = kernel.getConfig().getQueries();
  Value tiles;
  if (op.getGrid().empty())
    tiles = arith::CeilDivUIOp::create(b, first.sizes[2], b.integer(queries));
  else
    for (auto [extent, size] : llvm::zip(op.getGrid(), kernel.getConfig().getQuerySizes())) {
      Value count = arith::CeilDivUIOp::create(b, scalar(extent), b.integer(size));
      tiles = tiles ? b.multiply(tiles, count) : count;
    }
  Value rest = arith::DivUIOp::create(b, task, tiles);
  Value tile = arith::RemUIOp::create(b, task, tiles);
  values[op.getFirstQuery()] = {b.multiply(tile, b.integer(queries))};
  Value heads = op.getHeads() ? scalar(op.getHeads()) : first.sizes[1];
  values[op.getHead()] = {arith::RemUIOp::create(b, rest, heads)};
  values[op.getBatch()] = {arith::DivUIOp::create(b, rest, heads)};
}

void KernelEmitter::emitBox(tile::BoxOp op) {
  Tokens &tokens = boxes[op.getResult()];
  tokens = {};
  llvm::append_range(tokens.sizes, cast<tile::BoxType>(op.getResult().getType()).getSizes());
  for (Value origin : op.getOrigin())
    tokens.origin.push_back(scalar(origin));
  for (Value size : op.getGrid())
    tokens.grid.push_back(scalar(size));
}

LogicalResult KernelEmitter::emitTileOp(Operation *op) {
  if (auto coordinates = dyn_cast<tile::CoordinatesOp>(op)) {
    emitCoordinates(coordinates);
  } else if (auto box = dyn_cast<tile::BoxOp>(op)) {
    emitBox(box);
  } else if (auto load = dyn_cast<tile::LoadOp>(op)) {
    if (auto element = dyn_cast<VectorType>(tile::getElementType(load.getResult().getType()));
        element && element.getRank() > 1)
      return op->emitOpError() << "expected elements of rank at most 1 on the host, but got "
                               << element;
    emitLoad(load);
  } else if (auto store = dyn_cast<tile::StoreOp>(op)) {
    emitStore(store);
  } else if (auto read = dyn_cast<tile::ReadOp>(op)) {
    values[read.getResult()] = emitRead(read, Shape{1, 1});
  } else if (auto write = dyn_cast<tile::WriteOp>(op)) {
    emitWrite(write);
  } else if (auto append = dyn_cast<tile::AppendOp>(op)) {
    emitAppend(append);
  } else if (auto sweep = dyn_cast<tile::SweepOp>(op)) {
    return emitSweep(sweep);
  } else if (auto scan = dyn_cast<tile::ScanOp>(op)) {
    return emitScan(scan);
  } else if (auto fold = dyn_cast<tile::FoldOp>(op)) {
    return emitFold(fold);
  } else if (auto elements = dyn_cast<tile::ElementsOp>(op)) {
    return emitElements(elements);
  } else if (auto splat = dyn_cast<tile::SplatOp>(op)) {
    emitSplat(splat);
  } else if (auto combine = dyn_cast<tile::CombineOp>(op)) {
    // One lane owns a row.
    values[combine.getResult()] = Lanes(values[combine.getInput()]);
  } else if (auto dot = dyn_cast<tile::DotOp>(op)) {
    emitDot(dot);
  } else if (auto contract = dyn_cast<tile::ContractOp>(op)) {
    emitContract(contract);
  } else {
    return emitMap(cast<tile::MapOp>(op));
  }
  return success();
}

} // namespace attune
