// SPDX-License-Identifier: Apache-2.0
// attn-expand-scans: how do tokens get running values without a sweep over all of them for each?
//
//   %y = scan sum %x over keys : !attn.cols<f32>
// becomes, with blocks of 64 tokens,
//   %blocks = reduce sum %x over keys by 64 : !attn.cols<f32>
//   %own = reduce sum (%x at the tokens up to %i of the block of %i) over keys
//   %before = reduce sum (%blocks at the blocks before %i) over keys
//   %y = map (%before, %own) { %before + %own }, from rows to cols
// N (64 + N / 4096) pairs for N tokens. The matrices have the axis of the tokens on both sides. With a region
// instead of a kind reductions are folds, those of blocks too: N more pairs.
#include "compiler/Passes.h"
#include "compiler/passes/PlaceRegions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

namespace attune {
#define GEN_PASS_DEF_EXPANDSCANSPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;
using namespace attune;
using namespace attune::attn;

namespace {

class ExpandScans : public attune::impl::ExpandScansPassBase<ExpandScans> {
public:
  void runOnOperation() override;
};

constexpr int64_t blockTokens = 64;

/// Which tokens j, or blocks of them, are joined for a token or block i?
enum class Reach {
  InBlock, // tokens of i's block up to i, or before it
  OfBlock, // tokens of block i
  Before,  // blocks before block i
};

/// The tokens of one scan. What comes before is, in reverse, what comes after.
struct TokenScan {
  ScanOp op;
  OpBuilder builder;
  Location loc;
  StringAttr axis, blocks;

  explicit TokenScan(ScanOp op)
      : op(op), builder(op), loc(op.getLoc()), axis(getAxes(op.getInputs()[0].getType()).front()),
        blocks(getBlockedAxis(axis, blockTokens)) {}
  bool canExpand();
  void expand();

private:
  SmallVector<Value> readCols();
  Value createPairs(Value cols, StringAttr rowAxis, Reach reach);
  SmallVector<Value> join(ArrayRef<Value> cols, StringAttr rowAxis, Reach reach);
  SmallVector<Value> joinBlocks(ArrayRef<Value> cols);
  Value joinRows(ArrayRef<Value> earlier, ArrayRef<Value> later, unsigned state);
};

} // namespace

/// What is joined has 32 bits; by the kinds only floats are reduced.
bool TokenScan::canExpand() {
  if (isa<MatrixType>(op.getInputs()[0].getType()) || !blocks)
    return false;
  return llvm::all_of(op.getInputs().getTypes(), [&](Type type) {
    Type element = getPlaceElementType(type);
    if (op.getKind())
      return isa<FloatType>(element) && element.getIntOrFloatBitWidth() <= 32;
    return element.isF32() || element.isInteger(32);
  });
}

static Type tokensOf(Type element, StringAttr axis, bool asRows) {
  return asRows ? Type(RowsType::get(element.getContext(), element, axis))
                : Type(ColsType::get(element.getContext(), element, axis));
}

/// The inputs as cols, narrow floats as f32.
SmallVector<Value> TokenScan::readCols() {
  SmallVector<Value> cols;
  for (Value tokens : op.getInputs()) {
    if (isa<RowsType>(tokens.getType()))
      tokens = TransposeOp::create(builder, loc, tokens);
    if (getPlaceElementType(tokens.getType()).getIntOrFloatBitWidth() < 32)
      tokens = createMap(builder, loc, tokensOf(builder.getF32Type(), axis, false), tokens,
                         [&](OpBuilder &inner, ValueRange x) -> Value {
                           return arith::ExtFOp::create(inner, loc, inner.getF32Type(), x[0]);
                         });
    cols.push_back(tokens);
  }
  return cols;
}

/// The cols at the pairs (i, j) of `reach`.
Value TokenScan::createPairs(Value cols, StringAttr rowAxis, Reach reach) {
  Type element = getPlaceElementType(cols.getType());
  auto type =
      MatrixType::get(builder.getContext(), element, rowAxis, getAxes(cols.getType()).front());
  Value all = createMap(builder, loc, type, cols, [](OpBuilder &, ValueRange x) { return x[0]; });
  auto where = WhereOp::create(builder, loc, type, all);
  auto body = [&](OpBuilder &inner, ValueRange) -> Value {
    Block *block = inner.getInsertionBlock();
    Value i = block->getArgument(block->getNumArguments() - 2), j = block->getArguments().back();
    Value size = arith::ConstantIndexOp::create(inner, loc, blockTokens);
    auto blockOf = [&](Value token) {
      return arith::FloorDivSIOp::create(inner, loc, token, size).getResult();
    };
    auto compare = [&](arith::CmpIPredicate predicate, Value a, Value b) {
      return arith::CmpIOp::create(inner, loc, predicate, a, b).getResult();
    };
    if (reach == Reach::OfBlock)
      return compare(arith::CmpIPredicate::eq, blockOf(j), i);
    bool isStrict = reach == Reach::Before || op.getExclusive();
    auto order = isStrict ? arith::CmpIPredicate::slt : arith::CmpIPredicate::sle;
    Value keep = op.getReverse() ? compare(order, i, j) : compare(order, j, i);
    if (reach == Reach::Before)
      return keep;
    Value same = compare(arith::CmpIPredicate::eq, blockOf(i), blockOf(j));
    return arith::AndIOp::create(inner, loc, keep, same);
  };
  createPlaceRegion(builder, loc, where.getBody(), {}, all, type, body);
  return where.getResult();
}

/// For each i the states of all j of `reach`, joined.
SmallVector<Value> TokenScan::join(ArrayRef<Value> cols, StringAttr rowAxis, Reach reach) {
  SmallVector<Value> pairs;
  for (Value value : cols)
    pairs.push_back(createPairs(value, rowAxis, reach));
  if (op.getKind())
    return {ReduceOp::create(builder, loc, *op.getKind(), pairs[0], ReduceOver::Keys)};
  auto fold = FoldOp::create(builder, loc, pairs, op.getIdentities());
  IRMapping mapping;
  op.getBody().cloneInto(&fold.getBody(), mapping);
  return llvm::to_vector_of<Value>(fold.getResults());
}

/// The states of whole blocks, as cols.
SmallVector<Value> TokenScan::joinBlocks(ArrayRef<Value> cols) {
  if (op.getKind()) {
    auto over = ReduceOverAttr::get(builder.getContext(), ReduceOver::Keys);
    auto reduce = ReduceOp::create(builder, loc, op.getKindAttr(), cols[0], over,
                                   builder.getI64IntegerAttr(blockTokens), StringAttr());
    return {reduce.getResult()};
  }
  SmallVector<Value> states;
  for (Value rows : join(cols, blocks, Reach::OfBlock))
    states.push_back(TransposeOp::create(builder, loc, rows));
  return states;
}

static Value joinTwo(OpBuilder &builder, Location loc, ReduceKind kind, Value a, Value b) {
  if (kind == ReduceKind::Max)
    return arith::MaximumFOp::create(builder, loc, a, b);
  if (kind == ReduceKind::Min)
    return arith::MinimumFOp::create(builder, loc, a, b);
  return arith::AddFOp::create(builder, loc, a, b);
}

/// State `state` of two joined, in the order of the tokens, as rows of the result's element.
Value TokenScan::joinRows(ArrayRef<Value> earlier, ArrayRef<Value> later, unsigned state) {
  SmallVector<Value> inputs(op.getReverse() ? later : earlier);
  llvm::append_range(inputs, op.getReverse() ? earlier : later);
  Type element = getPlaceElementType(op->getResult(state).getType());
  auto body = [&](OpBuilder &inner, ValueRange x) -> Value {
    if (op.getKind()) {
      Value y = joinTwo(inner, loc, *op.getKind(), x[0], x[1]);
      return element.isF32() ? y : arith::TruncFOp::create(inner, loc, element, y).getResult();
    }
    IRMapping mapping;
    Block &own = op.getBody().front();
    mapping.map(own.getArguments(), x);
    for (Operation &nested : own.without_terminator())
      inner.clone(nested, mapping);
    return mapping.lookupOrDefault(own.getTerminator()->getOperand(state));
  };
  return createMap(builder, loc, tokensOf(element, axis, true), inputs, body);
}

void TokenScan::expand() {
  SmallVector<Value> cols = readCols();
  SmallVector<Value> before = join(joinBlocks(cols), blocks, Reach::Before);
  SmallVector<Value> own = join(cols, axis, Reach::InBlock);
  for (OpResult result : op.getResults()) {
    Value rows = joinRows(before, own, result.getResultNumber());
    bool isRows = isa<RowsType>(result.getType());
    result.replaceAllUsesWith(isRows ? rows : Value(TransposeOp::create(builder, loc, rows)));
  }
  op.erase();
}

void ExpandScans::runOnOperation() {
  for (auto scan : llvm::make_early_inc_range(getOperation().getBody().getOps<ScanOp>()))
    if (TokenScan tokens(scan); tokens.canExpand())
      tokens.expand();
}
