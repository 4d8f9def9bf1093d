// SPDX-License-Identifier: Apache-2.0
// Products on the tensor cores: mma.m16n8k16 with f32 sums, operands by ldmatrix or from registers.
//
// One ldmatrix.x4 reads a 16 x 16 block as four 8 x 8 matrices, one register each. mma wants the
// two registers of B next to each other, so that the order of the matrices differs:
//   queries (A), and values, transposed (B): rows 0-7, rows 8-15, then both for columns 8-15
//   keys (B): columns 0-7, columns 8-15, then both for rows 8-15
#include "compiler/target/nvptx/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

/// Where this lane's row of 8 columns is, in a 16 x 16 block at the start of a segment of `width`
/// columns: bytes from the segment's start.
Value KernelEmitter::laneOffset(int64_t width, bool rowsFirst) {
  Value &offset = laneOffsets[rowsFirst ? width : -width];
  if (offset)
    return offset;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfter(sharedBase.getDefiningOp());
  Value eighth = arith::ShRUIOp::create(builder, lane, i32(3)); // which of the four matrices
  Value odd = arith::AndIOp::create(builder, eighth, i32(1));
  Value upper = arith::ShRUIOp::create(builder, eighth, i32(1));
  Value chunk = rowsFirst ? upper : odd, row = rowsFirst ? odd : upper;
  row = arith::MulIOp::create(builder, row, i32(8));
  row = arith::AddIOp::create(builder, row, arith::AndIOp::create(builder, lane, i32(7)));
  int64_t divisor = SharedLayout::swizzleDivisor(width);
  Value swizzle = arith::ShRUIOp::create(builder, row, i32(llvm::Log2_64(divisor)));
  swizzle = arith::AndIOp::create(builder, swizzle, i32(SharedLayout::swizzleModulus(width) - 1));
  chunk = arith::XOrIOp::create(builder, chunk, swizzle);
  Value bytes = arith::MulIOp::create(builder, row, i32(2 * width));
  bytes = arith::AddIOp::create(builder, bytes, arith::MulIOp::create(builder, chunk, i32(16)));
  return offset = bytes;
}

/// Where this lane's row is of the 16 x 16 block at tokens `row`.., columns 16 `step`.. of `tile`; rows
/// of queries count from the warp's first.
Value KernelEmitter::matrixPointer(const SharedTile &tile, int64_t row, int64_t step,
                                   Operand role) {
  const SharedLayout::Segment &segment = tile.layout.segmentOf(16 * step);
  Value place = laneOffset(segment.width, role != Operand::Keys);
  if (role == Operand::Queries)
    place = arith::AddIOp::create(builder, place,
                                  arith::MulIOp::create(builder, warpRow, i32(2 * segment.width)));
  if (tile.base)
    place = arith::AddIOp::create(builder, place, tile.base);
  // Steps differ in address bits that the swizzle only flips. Last, so that the steps share the
  // register that everything before is in.
  int64_t stepInSegment = step - segment.firstColumn / 16;
  place = arith::XOrIOp::create(builder, place, i32(32 * stepInSegment));
  return sharedPointer(place, tile.offset + segment.offset + row * 2 * segment.width);
}

SmallVector<Value, 4> KernelEmitter::loadMatrix(const SharedTile &tile, int64_t row, int64_t step,
                                                Operand role) {
  Value pointer = matrixPointer(tile, row, step, role);
  SmallVector<Type> registers(4, builder.getI32Type());
  auto type = LLVM::LLVMStructType::getLiteral(builder.getContext(), registers);
  auto layout = role == Operand::Values ? NVVM::MMALayout::col : NVVM::MMALayout::row;
  auto shape = NVVM::LdStMatrixShapeAttr::get(builder.getContext(), 8, 8);
  Value loaded = NVVM::LdMatrixOp::create(builder, type, pointer, 4, layout, shape,
                                          NVVM::LdStMatrixEltType::B16);
  SmallVector<Value, 4> result;
  for (int64_t index = 0; index < 4; ++index)
    result.push_back(LLVM::ExtractValueOp::create(builder, loaded, index));
  return result;
}

/// accumulator += a * b on 16 rows and 8 columns.
void KernelEmitter::multiply(MutableArrayRef<Value> accumulator, ArrayRef<Value> a, Value b0,
                             Value b1, Type scalar) {
  SmallVector<Value> left(a), right{b0, b1};
  if (scalar.isF16()) { // the f16 form of mma takes vectors, the bf16 form integers
    Type pair = VectorType::get(2, scalar);
    for (SmallVector<Value> *operand : {&left, &right})
      for (Value &value : *operand)
        value = LLVM::BitcastOp::create(builder, pair, value);
  }
  SmallVector<Type> floats(4, builder.getF32Type());
  auto type = LLVM::LLVMStructType::getLiteral(builder.getContext(), floats);
  auto element = scalar.isF16() ? NVVM::MMATypes::f16 : NVVM::MMATypes::bf16;
  Value product = NVVM::MmaOp::create(
      builder, type, left, right, accumulator, ArrayRef<int64_t>{16, 8, 16}, std::nullopt,
      std::nullopt, std::array<NVVM::MMATypes, 2>{element, element},
      std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row, NVVM::MMALayout::col});
  for (int64_t index = 0; index < 4; ++index)
    accumulator[index] = LLVM::ExtractValueOp::create(builder, product, index);
}

/// All A operands of the warp's rows: 4 registers for each row block and k step.
SmallVector<Value> KernelEmitter::loadOperandA(const SharedTile &tile) {
  SmallVector<Value> result;
  for (int64_t block = 0; block < rowBlocks; ++block)
    for (int64_t step = 0; step < tile.layout.columns / 16; ++step)
      llvm::append_range(result, loadMatrix(tile, 16 * block, step, Operand::Queries));
  return result;
}

/// Two numbers as one register of two 16-bit floats, rounded to nearest even.
Value KernelEmitter::packPair(Value low, Value high, Type scalar) {
  auto lowRound = low.getDefiningOp<arith::TruncFOp>();
  auto highRound = high.getDefiningOp<arith::TruncFOp>();
  if (low.getType() == scalar && lowRound && highRound && lowRound.getIn().getType().isF32() &&
      highRound.getIn().getType().isF32()) {
    low = lowRound.getIn();
    high = highRound.getIn();
  }
  auto pair = VectorType::get(2, scalar);
  Value packed;
  if (low.getType().isF32()) {
    auto name =
        builder.getStringAttr(scalar.isF16() ? "llvm.nvvm.ff2f16x2.rn" : "llvm.nvvm.ff2bf16x2.rn");
    packed = LLVM::CallIntrinsicOp::create(builder, pair, name, ValueRange{high, low}).getResult(0);
  } else {
    packed = LLVM::PoisonOp::create(builder, pair);
    packed = LLVM::InsertElementOp::create(builder, packed, low, i32(0));
    packed = LLVM::InsertElementOp::create(builder, packed, high, i32(1));
  }
  return LLVM::BitcastOp::create(builder, builder.getI32Type(), packed);
}

/// Accumulator fragments as A operands: the layouts agree, so this only rounds and packs.
SmallVector<Value> KernelEmitter::packOperandA(const TileValue &tile, Type scalar) {
  SmallVector<Value> result;
  for (int64_t block = 0; block < rowBlocks; ++block)
    for (int64_t column = 0; column < tile.columns; column += 4)
      for (int64_t index = 0; index < 4; ++index) {
        int64_t row = 2 * block + index % 2, first = column + 2 * (index / 2);
        result.push_back(packPair(tile.at(row, first), tile.at(row, first + 1), scalar));
      }
  return result;
}

/// The accumulator of row block `block` and n tile `tile`: slots in mma's order.
static SmallVector<int64_t, 4> accumulatorSlots(int64_t block, int64_t tile, int64_t columns) {
  SmallVector<int64_t, 4> slots;
  for (int64_t index = 0; index < 4; ++index)
    slots.push_back((2 * block + index / 2) * columns + 2 * tile + index % 2);
  return slots;
}

LogicalResult KernelEmitter::emitDot(tile::DotOp op) {
  FailureOr<const TileValue *> rows = lookupTile(op, op.getRows());
  FailureOr<const TileValue *> cols = lookupTile(op, op.getCols());
  FailureOr<std::pair<int64_t, int64_t>> share = shareOf(op, op.getResult().getType());
  if (failed(rows) || failed(cols) || failed(share))
    return failure();
  if (!(*cols)->shared)
    return op.emitOpError("expected the cols of a dot to be loaded tokens on the nvptx target");
  settlePendingCopies();
  Type scalar = tile::getScalarType(op.getRows().getType());
  int64_t steps = tile::getComponents(op.getRows().getType()) / 16;
  SmallVector<Value> operands = (*rows)->operandA;
  if (operands.empty() && !(*rows)->shared)
    operands = packOperandA(**rows, scalar);
  TileValue result;
  result.columns = share->second;
  result.elements.assign(share->first * share->second, zero(builder.getF32Type()));
  for (int64_t step = 0; step < steps; ++step) {
    SmallVector<SmallVector<Value, 4>> a;
    for (int64_t block = 0; block < rowBlocks; ++block)
      if (operands.empty())
        a.push_back(loadMatrix(*(*rows)->shared, 16 * block, step, Operand::Queries));
      else
        a.push_back(
            llvm::to_vector_of<Value, 4>(ArrayRef(operands).slice(4 * (block * steps + step), 4)));
    for (int64_t tile = 0; tile < result.columns / 2; tile += 2) {
      SmallVector<Value, 4> b = loadMatrix(*(*cols)->shared, 8 * tile, step, Operand::Keys);
      for (int64_t block = 0; block < rowBlocks; ++block)
        for (int64_t half = 0; half < 2; ++half)
          accumulate(result, a[block], block, tile + half, b[2 * half], b[2 * half + 1], scalar);
    }
  }
  tiles[op.getResult()] = result;
  return success();
}

void KernelEmitter::accumulate(TileValue &sums, ArrayRef<Value> a, int64_t block, int64_t tile,
                               Value b0, Value b1, Type scalar) {
  SmallVector<int64_t, 4> slots = accumulatorSlots(block, tile, sums.columns);
  SmallVector<Value, 4> values =
      llvm::map_to_vector<4>(slots, [&](int64_t slot) { return sums.elements[slot]; });
  multiply(values, a, b0, b1, scalar);
  for (auto [slot, value] : llvm::zip(slots, values))
    sums.elements[slot] = value;
}

/// The tokens that the contract adds; refuses what the tensor cores cannot multiply with its weights.
FailureOr<SharedTile> KernelEmitter::lookupValues(tile::ContractOp op) {
  FailureOr<const TileValue *> values = lookupTile(op, op.getValues());
  if (failed(values))
    return failure();
  if (!(*values)->shared)
    return op.emitOpError(
        "expected the values of a contract to be loaded tokens on the nvptx target");
  Type scalar = tile::getScalarType(op.getValues().getType());
  Type weight = tile::getScalarType(op.getWeights().getType());
  if (!weight.isF32() && weight != scalar)
    return op.emitOpError() << "expected weights of f32 or " << scalar
                            << " on the nvptx target, but got " << weight;
  return *(*values)->shared;
}

/// Multiplies what the contract adds to by its scale, if it has one.
LogicalResult KernelEmitter::scaleRows(tile::ContractOp op, TileValue &rows) {
  if (!op.getScale())
    return success();
  FailureOr<const TileValue *> scale = lookupTile(op, op.getScale());
  if (failed(scale))
    return failure();
  for (auto [index, value] : llvm::enumerate(rows.elements))
    value = arith::MulFOp::create(builder, value, (*scale)->at(index / rows.columns, 0));
  return success();
}

LogicalResult KernelEmitter::emitContract(tile::ContractOp op) {
  FailureOr<const TileValue *> weights = lookupTile(op, op.getWeights());
  FailureOr<SharedTile> values = lookupValues(op);
  FailureOr<const TileValue *> before = lookupTile(op, op.getAccumulator());
  if (failed(weights) || failed(values) || failed(before))
    return failure();
  Type scalar = values->scalar;
  settlePendingCopies();
  TileValue result = **before;
  if (failed(scaleRows(op, result)))
    return failure();
  SmallVector<Value> a = packOperandA(**weights, scalar);
  int64_t steps = (*weights)->columns / 4;
  for (int64_t step = 0; step < steps; ++step)
    for (int64_t tile = 0; tile < result.columns / 2; tile += 2) {
      SmallVector<Value, 4> b = loadMatrix(*values, 16 * step, tile / 2, Operand::Values);
      for (int64_t block = 0; block < rowBlocks; ++block)
        for (int64_t half = 0; half < 2; ++half)
          accumulate(result, ArrayRef(a).slice(4 * (block * steps + step), 4), block, tile + half,
                     b[2 * half], b[2 * half + 1], scalar);
    }
  tiles[op.getResult()] = result;
  return success();
}
