// SPDX-License-Identifier: Apache-2.0
// Products of a warpgroup: wgmma.mma_async.m64nNk16 with f32 sums; A in shared memory or in registers,
// B in shared memory (PTX ISA, "Asynchronous warpgroup level matrix multiply-accumulate").
//
// A whole product, fence, steps and commit, is one piece of text, so that nothing comes between its
// steps. The registers of a product under way must not be touched: a wait names those that it frees.
#include "compiler/target/nvptx/hopper/WarpgroupEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

/// `floats` results of type f32; text with side effects.
SmallVector<Value> WarpgroupEmitter::emitAsm(StringRef text, StringRef constraints,
                                             ValueRange operands, size_t floats) {
  SmallVector<Type> types(floats, builder.getF32Type());
  Type result = floats > 1    ? LLVM::LLVMStructType::getLiteral(builder.getContext(), types)
                : floats == 1 ? types.front()
                              : Type();
  auto assembly = LLVM::InlineAsmOp::create(
      builder, result ? TypeRange(result) : TypeRange(), operands, text, constraints,
      /*has_side_effects=*/true, /*is_align_stack=*/false, LLVM::TailCallKind::None,
      LLVM::AsmDialectAttr(), ArrayAttr());
  SmallVector<Value> results;
  if (floats == 1)
    results.push_back(assembly.getResult(0));
  for (size_t index = 0; floats > 1 && index < floats; ++index)
    results.push_back(LLVM::ExtractValueOp::create(builder, assembly.getResult(0), index));
  return results;
}

//===--- layouts ------------------------------------------------------------------------------===//

/// Register i of an accumulator is row slot i / 2 % 2, column slot 2 (i / 4) + i % 2.
static int64_t placeOfRegister(int64_t index, int64_t columns) {
  return index / 2 % 2 * columns + 2 * (index / 4) + index % 2;
}

TileValue WarpgroupEmitter::fromAccumulator(ValueRange registers) {
  TileValue tile;
  tile.columns = registers.size() / 2;
  tile.elements.resize(registers.size());
  for (auto [index, value] : llvm::enumerate(registers))
    tile.elements[placeOfRegister(index, tile.columns)] = value;
  return tile;
}

SmallVector<Value> WarpgroupEmitter::toAccumulator(const TileValue &tile) {
  SmallVector<Value> registers;
  for (size_t index = 0; index < tile.elements.size(); ++index)
    registers.push_back(tile.elements[placeOfRegister(index, tile.columns)]);
  return registers;
}

/// Where an operand begins and how its parts follow (PTX ISA, "Matrix descriptor format"). Along k its
/// rows are runs of a segment's columns; by columns (the rows are k) a group of 64 columns follows
/// after all rows of the one before it.
Value WarpgroupEmitter::descriptor(const SharedTile &tile, const SharedLayout::Segment &segment,
                                   Value base, int64_t distance, bool byColumns) {
  Value address = sharedAddress(tile.base, tile.offset + segment.offset + distance);
  if (base)
    address = arith::AddIOp::create(builder, address, base);
  address = arith::ShRUIOp::create(builder, address, i32(4));
  address = arith::AndIOp::create(builder, address, i32(0x3fff));
  int64_t swizzle = segment.width == 64 ? 1 : segment.width == 32 ? 2 : 3;
  int64_t eightRows = 8 * 2 * segment.width;
  int64_t leading = byColumns ? tile.layout.tokens * 2 * segment.width : 16;
  int64_t fixed = leading >> 4 << 16 | eightRows >> 4 << 32 | swizzle << 62;
  Value wide = arith::ExtUIOp::create(builder, builder.getI64Type(), address);
  return arith::OrIOp::create(builder, wide, i64(fixed));
}

//===--- the instruction ----------------------------------------------------------------------===//

/// "$first, .., $(first + count - 1)"
static std::string operandList(size_t first, size_t count) {
  std::string list;
  for (size_t index = first; index < first + count; ++index)
    list += (index == first ? "$" : ", $") + std::to_string(index);
  return list;
}

static std::string repeated(StringRef constraint, size_t count) {
  std::string text;
  for (size_t index = 0; index < count; ++index)
    text += (text.empty() ? "" : ",") + constraint.str();
  return text;
}

/// "0,1,..": operands that are in the registers of the results.
static std::string tied(size_t count) {
  std::string text;
  for (size_t index = 0; index < count; ++index)
    text += (text.empty() ? "" : ",") + std::to_string(index);
  return text;
}

/// Begins the product: its sums may be used after a wait only.
SmallVector<Value> WarpgroupEmitter::issue(const Product &product) {
  size_t sums = product.columns / 2, steps = product.b.size();
  bool adds = !product.accumulator.empty();
  size_t aSize = product.aInRegisters ? 4 : 1;
  size_t firstA = adds ? 2 * sums : sums, firstB = firstA + steps * aSize;
  std::string scalar = product.scalar.isF16() ? "f16" : "bf16";
  std::string text = "{\n.reg .pred keep, fresh;\nsetp.ne.b32 keep, 1, 0;\n"
                     "setp.ne.b32 fresh, 0, 0;\nwgmma.fence.sync.aligned;\n";
  for (size_t step = 0; step < steps; ++step) {
    text += "wgmma.mma_async.sync.aligned.m64n" + std::to_string(product.columns) + "k16.f32." +
            scalar + "." + scalar + " {" + operandList(0, sums) + "}, ";
    std::string a = operandList(firstA + step * aSize, aSize);
    text += product.aInRegisters ? "{" + a + "}" : a;
    text += ", " + operandList(firstB + step, 1) + ", ";
    text += step == 0 && !adds ? "fresh" : "keep";
    text += product.aInRegisters ? ", 1, 1" : ", 1, 1, 0";
    text += product.bByColumns ? ", 1;\n" : ", 0;\n";
  }
  text += product.commits ? "wgmma.commit_group.sync.aligned;\n}" : "}";
  std::string constraints = repeated("=f", sums);
  if (adds)
    constraints += "," + tied(sums);
  constraints += "," + repeated(product.aInRegisters ? "r" : "l", steps * aSize);
  constraints += "," + repeated("l", steps);
  SmallVector<Value> operands(product.accumulator);
  llvm::append_range(operands, product.a);
  llvm::append_range(operands, product.b);
  return emitAsm(text, constraints, operands, sums);
}

/// Waits until at most `pending` groups are under way. The results of those that are over may be used
/// then; what is `held` is still read until then.
SmallVector<Value> WarpgroupEmitter::waitProducts(int64_t pending, ValueRange results,
                                                  ValueRange held) {
  std::string constraints = repeated("=f", results.size()) + "," + tied(results.size());
  if (!held.empty())
    constraints += "," + repeated("r", held.size());
  SmallVector<Value> operands(results);
  llvm::append_range(operands, held);
  std::string text = "wgmma.wait_group.sync.aligned " + std::to_string(pending) + ";";
  return emitAsm(text, constraints, operands, results.size());
}

//===--- dots and contracts -------------------------------------------------------------------===//

FailureOr<SmallVector<Value>> WarpgroupEmitter::issueDot(tile::DotOp op, bool commits) {
  FailureOr<const TileValue *> rows = lookupTile(op, op.getRows());
  FailureOr<const TileValue *> cols = lookupTile(op, op.getCols());
  if (failed(rows) || failed(cols))
    return failure();
  if (!(*cols)->shared)
    return op.emitOpError("expected the cols of a dot to be loaded tokens on the nvptx target");
  const SharedTile &keys = *(*cols)->shared;
  Product product;
  product.columns = keys.layout.tokens;
  product.scalar = tile::getScalarType(op.getRows().getType());
  product.commits = commits;
  for (const SharedLayout::Segment &segment : keys.layout.segments) {
    Value a, b = descriptor(keys, segment, Value(), 0, false);
    if ((*rows)->shared) {
      Value own = arith::MulIOp::create(builder, group, i32(64 * 2 * segment.width));
      a = descriptor(*(*rows)->shared, (*rows)->shared->layout.segmentOf(segment.firstColumn), own,
                     0, false);
    }
    for (int64_t step = 0; step < segment.width / 16; ++step) {
      product.b.push_back(arith::AddIOp::create(builder, b, i64(2 * step)));
      if (a)
        product.a.push_back(arith::AddIOp::create(builder, a, i64(2 * step)));
    }
  }
  if (!(*rows)->shared) {
    product.aInRegisters = true;
    product.a = packOperandA(**rows, product.scalar);
  }
  return issue(product);
}

/// `weights` are packed; `accumulator` is scaled already.
FailureOr<SmallVector<Value>> WarpgroupEmitter::issueContract(tile::ContractOp op,
                                                              ArrayRef<Value> weights,
                                                              const TileValue &accumulator,
                                                              bool commits) {
  FailureOr<const TileValue *> tokens = lookupTile(op, op.getValues());
  if (failed(tokens))
    return failure();
  if (!(*tokens)->shared)
    return op.emitOpError(
        "expected the values of a contract to be loaded tokens on the nvptx target");
  const SharedTile &values = *(*tokens)->shared;
  if (values.layout.columns % 64)
    return op.emitOpError() << "expected values of a multiple of 64 components where warpgroups "
                               "multiply, but got "
                            << values.layout.columns << "; use warpgroups=0";
  Type scalar = tile::getScalarType(op.getValues().getType());
  Type weight = tile::getScalarType(op.getWeights().getType());
  if (!weight.isF32() && weight != scalar)
    return op.emitOpError() << "expected weights of f32 or " << scalar
                            << " on the nvptx target, but got " << weight;
  Product product;
  product.columns = values.layout.columns;
  product.scalar = scalar;
  product.aInRegisters = product.bByColumns = true;
  product.commits = commits;
  product.a = llvm::to_vector(weights);
  product.accumulator = toAccumulator(accumulator);
  Value b = descriptor(values, values.layout.segments.front(), Value(), 0, true);
  for (int64_t step = 0; step < values.layout.tokens / 16; ++step)
    product.b.push_back(arith::AddIOp::create(builder, b, i64(16 * 128 / 16 * step)));
  return issue(product);
}

LogicalResult WarpgroupEmitter::emitDot(tile::DotOp op) {
  auto sums = issueDot(op, true);
  if (failed(sums))
    return failure();
  tiles[op.getResult()] = fromAccumulator(waitProducts(0, *sums, {}));
  return success();
}

LogicalResult WarpgroupEmitter::emitContract(tile::ContractOp op) {
  FailureOr<const TileValue *> weights = lookupTile(op, op.getWeights());
  FailureOr<TileValue> sums = toElements(op, op.getAccumulator());
  if (failed(weights) || failed(sums))
    return failure();
  if (op.getScale()) {
    FailureOr<const TileValue *> scale = lookupTile(op, op.getScale());
    if (failed(scale))
      return failure();
    for (auto [place, value] : llvm::enumerate(sums->elements))
      value = arith::MulFOp::create(builder, value, (*scale)->at(place / sums->columns, 0));
  }
  SmallVector<Value> packed =
      packOperandA(**weights, tile::getScalarType(op.getValues().getType()));
  auto results = issueContract(op, packed, *sums, true);
  if (failed(results))
    return failure();
  tiles[op.getResult()] = fromAccumulator(waitProducts(0, *results, packed));
  return success();
}
