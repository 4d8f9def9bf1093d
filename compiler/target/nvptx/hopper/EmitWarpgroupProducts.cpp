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
                                   Value base, bool byColumns) {
  Value address = sharedAddress(tile.base, tile.offset + segment.offset);
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

/// A product of more steps takes descriptors of B that were made beforehand.
static constexpr size_t mostMadeSteps = 8;
/// One of more than this makes those of A too.
static constexpr size_t mostKeptSteps = 12;

/// Gives each place a descriptor of its own.
void WarpgroupEmitter::spread(SmallVectorImpl<Place> &places) {
  for (Place &place : places)
    place = {arith::AddIOp::create(builder, place.descriptor, i64(place.distance)), 0};
}

/// Operands in the order in which the text of an instruction refers to them.
namespace {
struct AsmOperands {
  SmallVector<Value> values;
  std::string constraints;

  /// "$n" of `value`, which comes once.
  std::string refer(Value value, size_t first, StringRef constraint) {
    auto found = llvm::find(ArrayRef(values).drop_front(first), value);
    size_t number = found - values.begin();
    if (found == values.end()) {
      values.push_back(value);
      constraints += "," + constraint.str();
    }
    return "$" + std::to_string(number);
  }
};
} // namespace

/// Begins the product: its sums may be used after a wait only.
SmallVector<Value> WarpgroupEmitter::issue(const Product &product) {
  size_t sums = product.columns / 2, steps = product.b.size();
  bool adds = !product.accumulator.empty(), inRegisters = product.a.empty();
  SmallVector<Place> a(product.a), b(product.b);
  // What changes with the tile is cheaper to make at each product, and so is all of a long product, whose
  // descriptors take more uniform registers than there are (ptxas 13.0, turns over full tiles: 466
  // instructions instead of 474 for a head of 128, 487 instead of 500 for one of 256).
  bool isLong = steps > mostKeptSteps;
  if (!isLong)
    spread(a);
  if (!isLong && steps > mostMadeSteps)
    spread(b);
  AsmOperands operands;
  operands.values.append(product.accumulator);
  operands.constraints = repeated("=f", sums) + (adds ? "," + tied(sums) : "");
  // Results are numbered before operands.
  auto refer = [&](Value value, StringRef constraint) {
    std::string text = operands.refer(value, adds ? sums : 0, constraint);
    return "$" + std::to_string(std::stoul(text.substr(1)) + sums);
  };
  std::string scalar = product.scalar.isF16() ? "f16" : "bf16";
  std::string text = "{\n.reg .pred keep, fresh;\n.reg .b64 left, right;\n.reg .b32 low, high;\n"
                     "setp.ne.b32 keep, 1, 0;\nsetp.ne.b32 fresh, 0, 0;\n"
                     "wgmma.fence.sync.aligned;\n";
  auto locate = [&](const Place &place, const std::string &scratch) {
    std::string name = refer(place.descriptor, "l");
    if (place.distance == 0)
      return name;
    std::string distance = std::to_string(place.distance);
    if (isLong) // the low half holds the address, and its sums do not carry
      text += "mov.b64 {low, high}, " + name + ";\nadd.s32 low, low, " + distance + ";\nmov.b64 " +
              scratch + ", {low, high};\n";
    else
      text += "add.s64 " + scratch + ", " + name + ", " + distance + ";\n";
    return scratch;
  };
  for (size_t step = 0; step < steps; ++step) {
    std::string left;
    for (size_t index = 0; inRegisters && index < 4; ++index)
      left += (index ? ", " : "{") + refer(product.aRegisters[4 * step + index], "r");
    left = inRegisters ? left + "}" : locate(a[step], "left");
    std::string right = locate(b[step], "right");
    text += "wgmma.mma_async.sync.aligned.m64n" + std::to_string(product.columns) + "k16.f32." +
            scalar + "." + scalar + " {" + operandList(0, sums) + "}, " + left + ", " + right +
            ", " + (step == 0 && !adds ? "fresh" : "keep");
    text += inRegisters ? ", 1, 1" : ", 1, 1, 0";
    text += product.bByColumns ? ", 1;\n" : ", 0;\n";
  }
  text += product.commits ? "wgmma.commit_group.sync.aligned;\n}" : "}";
  return emitAsm(text, operands.constraints, operands.values, sums);
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
    Value a, b = descriptor(keys, segment, Value(), false);
    if ((*rows)->shared) {
      Value own = arith::MulIOp::create(builder, group, i32(64 * 2 * segment.width));
      a = descriptor(*(*rows)->shared, (*rows)->shared->layout.segmentOf(segment.firstColumn), own,
                     false);
    }
    for (int64_t step = 0; step < segment.width / 16; ++step) {
      product.b.push_back({b, 2 * step});
      if (a)
        product.a.push_back({a, 2 * step});
    }
  }
  if (!(*rows)->shared)
    product.aRegisters = packOperandA(**rows, product.scalar);
  return issue(product);
}

/// `weights` are packed; `accumulator` is scaled already.
FailureOr<SmallVector<Value>> WarpgroupEmitter::issueContract(tile::ContractOp op,
                                                              ArrayRef<Value> weights,
                                                              const TileValue &accumulator,
                                                              bool commits) {
  FailureOr<SharedTile> tokens = lookupValues(op);
  if (failed(tokens))
    return failure();
  const SharedTile &values = *tokens;
  if (values.layout.columns % 64)
    return op.emitOpError() << "expected values of a multiple of 64 components where warpgroups "
                               "multiply, but got "
                            << values.layout.columns << "; use warpgroups=0";
  Product product;
  product.columns = values.layout.columns;
  product.scalar = values.scalar;
  product.bByColumns = true;
  product.commits = commits;
  product.aRegisters = llvm::to_vector(weights);
  product.accumulator = toAccumulator(accumulator);
  Value b = descriptor(values, values.layout.segments.front(), Value(), true);
  for (int64_t step = 0; step < values.layout.tokens / 16; ++step)
    product.b.push_back({b, 16 * 128 / 16 * step});
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
  if (failed(scaleRows(op, *sums)))
    return failure();
  SmallVector<Value> packed =
      packOperandA(**weights, tile::getScalarType(op.getValues().getType()));
  auto results = issueContract(op, packed, *sums, true);
  if (failed(results))
    return failure();
  tiles[op.getResult()] = fromAccumulator(waitProducts(0, *results, packed));
  return success();
}
