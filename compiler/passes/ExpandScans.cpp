// SPDX-License-Identifier: Apache-2.0
// attn-expand-scans: how do tokens get running values without a sweep over all of them for each?
//
//   %y = scan sum %x over keys : !attn.cols<f32>
// becomes, with blocks of 64 tokens,
//   %blocks = reduce sum %x over keys by 64 : !attn.cols<f32>
//   %own = reduce sum (%x at the tokens up to %i of the block of %i) over keys
//   %before = reduce sum (%blocks at the blocks before %i) over keys
//   %y = map (%own, %before) { %own + %before }, from rows to cols
// N (64 + N / 4096) pairs for N tokens. The matrices have the axis of the tokens on both sides.
#include "compiler/Passes.h"
#include "compiler/passes/PlaceRegions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

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

/// The tokens of one scan.
struct TokenScan {
  ScanOp op;
  OpBuilder builder;
  Location loc;
  Type f32;

  explicit TokenScan(ScanOp op)
      : op(op), builder(op), loc(op.getLoc()), f32(builder.getF32Type()) {}
  Value widened(Value tokens);
  Value reduceVisible(Value cols, bool inBlocks);
  Value expand();
};

} // namespace

static Type tokensLike(Type type, Type element, bool asRows) {
  StringAttr axis = getAxes(type).front();
  return asRows ? Type(RowsType::get(type.getContext(), element, axis))
                : Type(ColsType::get(type.getContext(), element, axis));
}

/// The tokens as cols of f32.
Value TokenScan::widened(Value tokens) {
  if (isa<RowsType>(tokens.getType()))
    tokens = TransposeOp::create(builder, loc, tokens);
  if (getPlaceElementType(tokens.getType()).isF32())
    return tokens;
  return createMap(builder, loc, tokensLike(tokens.getType(), f32, false), tokens,
                   [&](OpBuilder &inner, ValueRange x) -> Value {
                     return arith::ExtFOp::create(inner, loc, f32, x[0]);
                   });
}

/// Joined over the tokens j on the scan's side of i, with i itself unless it is excluded: of the
/// tokens of i's block (`inBlocks`), or of whole blocks, of which i's own is left out.
Value TokenScan::reduceVisible(Value cols, bool inBlocks) {
  StringAttr axis = getAxes(cols.getType()).front();
  auto pairs = MatrixType::get(builder.getContext(), f32, axis, axis);
  Value all = createMap(builder, loc, pairs, cols, [](OpBuilder &, ValueRange x) { return x[0]; });
  auto where = WhereOp::create(builder, loc, pairs, all);
  bool isStrict = !inBlocks || op.getExclusive();
  auto body = [&](OpBuilder &inner, ValueRange) -> Value {
    Block *block = inner.getInsertionBlock();
    Value i = block->getArgument(block->getNumArguments() - 2), j = block->getArguments().back();
    if (op.getReverse())
      std::swap(i, j);
    auto order = isStrict ? arith::CmpIPredicate::slt : arith::CmpIPredicate::sle;
    Value keep = arith::CmpIOp::create(inner, loc, order, j, i);
    if (!inBlocks)
      return keep;
    Value size = arith::ConstantIndexOp::create(inner, loc, blockTokens);
    Value same = arith::CmpIOp::create(inner, loc, arith::CmpIPredicate::eq,
                                       arith::FloorDivSIOp::create(inner, loc, i, size),
                                       arith::FloorDivSIOp::create(inner, loc, j, size));
    return arith::AndIOp::create(inner, loc, keep, same);
  };
  createPlaceRegion(builder, loc, where.getBody(), {}, all, pairs, body);
  return ReduceOp::create(builder, loc, *op.getKind(), where.getResult(), ReduceOver::Keys);
}

static Value join(OpBuilder &builder, Location loc, ReduceKind kind, Value a, Value b) {
  if (kind == ReduceKind::Max)
    return arith::MaximumFOp::create(builder, loc, a, b);
  if (kind == ReduceKind::Min)
    return arith::MinimumFOp::create(builder, loc, a, b);
  return arith::AddFOp::create(builder, loc, a, b);
}

Value TokenScan::expand() {
  Value tokens = widened(op.getInputs().front());
  auto over = ReduceOverAttr::get(builder.getContext(), ReduceOver::Keys);
  auto blocks = ReduceOp::create(builder, loc, op.getKindAttr(), tokens, over,
                                 builder.getI64IntegerAttr(blockTokens), StringAttr());
  Value own = reduceVisible(tokens, /*inBlocks=*/true);
  Value before = reduceVisible(blocks.getResult(), /*inBlocks=*/false);
  Type type = op.getResults().front().getType(), element = getPlaceElementType(type);
  Value joined = createMap(builder, loc, tokensLike(type, element, true), {own, before},
                           [&](OpBuilder &inner, ValueRange x) -> Value {
                             Value y = join(inner, loc, *op.getKind(), x[0], x[1]);
                             return element == f32
                                        ? y
                                        : Value(arith::TruncFOp::create(inner, loc, element, y));
                           });
  return isa<RowsType>(type) ? joined : Value(TransposeOp::create(builder, loc, joined));
}

void ExpandScans::runOnOperation() {
  for (auto scan : llvm::make_early_inc_range(getOperation().getBody().getOps<ScanOp>())) {
    Type type = scan.getInputs().front().getType();
    auto element = dyn_cast<FloatType>(getPlaceElementType(type));
    if (isa<MatrixType>(type) || !scan.getKind() || !element || element.getWidth() > 32)
      continue;
    scan.getResults().front().replaceAllUsesWith(TokenScan(scan).expand());
    scan.erase();
  }
}
