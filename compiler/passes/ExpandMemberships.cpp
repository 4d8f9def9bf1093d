// SPDX-License-Identifier: Apache-2.0
// attn-expand-memberships: how does a pair know whether its key is in a list of the query's?
//
//   %m = where (%x = %s, %l = %list) { %e = cmpi eq, %l, broadcast %j   yield vector.reduction <or> %e }
// becomes
//   %bits = map (%l = %list) at (%b, %h, %i, %w) -> matrix<i32, q, k/32> { or of 1 << (l & 31) where l >> 5 == w }
//   %word = take %bits at (%b, %h, %i, %j) { yield %j floordiv 32 }
//   %m = where (%x = %s, %y = %word) { yield (%y >> (%j & 31)) & 1 }
// The words are stored: a pair reads one, however long the list is.
#include "compiler/Passes.h"
#include "compiler/passes/PlaceRegions.h"
#include "dialects/attn/AttnOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

namespace attune {
#define GEN_PASS_DEF_EXPANDMEMBERSHIPSPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;
using namespace attune;

namespace {

class ExpandMemberships : public attune::impl::ExpandMembershipsPassBase<ExpandMemberships> {
public:
  void runOnOperation() override;
};

/// Is `token` one of `list`? The list is an element of the region's op.
struct Membership {
  vector::ReductionOp test;
  BlockArgument list;
  Value token;
};

constexpr int64_t wordBits = 32;

} // namespace

/// `contains` as it stands among primitives.
static std::optional<Membership> match(vector::ReductionOp test) {
  auto equal = test.getVector().getDefiningOp<arith::CmpIOp>();
  if (test.getKind() != vector::CombiningKind::OR || test.getAcc() || !equal ||
      equal.getPredicate() != arith::CmpIPredicate::eq)
    return std::nullopt;
  for (auto [list, token] :
       {std::pair(equal.getLhs(), equal.getRhs()), std::pair(equal.getRhs(), equal.getLhs())}) {
    auto cast = list.getDefiningOp<arith::IndexCastOp>();
    auto broadcast = token.getDefiningOp<vector::BroadcastOp>();
    auto argument = cast ? dyn_cast<BlockArgument>(cast.getIn()) : BlockArgument();
    if (argument && broadcast && broadcast.getSource().getType().isIndex())
      return Membership{test, argument, broadcast.getSource()};
  }
  return std::nullopt;
}

/// `k/64` has words `k/2048`: 32 of its tokens each.
static StringAttr wordAxis(StringAttr axis) {
  int64_t tokens = attn::getAxisBlock(axis) * wordBits;
  return StringAttr::get(axis.getContext(), attn::getAxisRoot(axis) + "/" + Twine(tokens));
}

/// The words of each row's list.
static Value createBits(OpBuilder &builder, Location loc, Value list, attn::MatrixType pairs) {
  OpBuilder::InsertionGuard guard(builder);
  auto type = attn::MatrixType::get(builder.getContext(), builder.getI32Type(), pairs.getRowAxis(),
                                    wordAxis(pairs.getColAxis()));
  auto map = attn::MapOp::create(builder, loc, type, list);
  Block *block = builder.createBlock(&map.getBody());
  auto numbers = cast<VectorType>(attn::getPlaceElementType(list.getType()));
  Value entries = block->addArgument(numbers, loc);
  for (int index = 0; index < 4; ++index)
    block->addArgument(builder.getIndexType(), loc);
  auto splat = [&](int32_t value) -> Value {
    return arith::ConstantOp::create(
        builder, loc, DenseElementsAttr::get(numbers, builder.getI32IntegerAttr(value)));
  };
  Value word =
      arith::IndexCastOp::create(builder, loc, builder.getI32Type(), block->getArguments().back());
  Value words = vector::BroadcastOp::create(builder, loc, numbers, word);
  Value own = arith::ShRUIOp::create(builder, loc, entries, splat(5));
  Value isOwn = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, own, words);
  Value bit = arith::ShLIOp::create(
      builder, loc, splat(1), arith::AndIOp::create(builder, loc, entries, splat(wordBits - 1)));
  Value bits = arith::SelectOp::create(builder, loc, isOwn, bit, splat(0));
  Value joined = vector::ReductionOp::create(builder, loc, vector::CombiningKind::OR, bits);
  attn::YieldOp::create(builder, loc, joined);
  return map.getResult();
}

/// The word that holds the bit of the token at each pair.
static Value createWords(OpBuilder &builder, Operation *user, const Membership &membership) {
  Location loc = user->getLoc();
  auto pairs = cast<attn::MatrixType>(user->getResult(0).getType());
  unsigned place = membership.list.getArgNumber();
  Value bits = createBits(builder, loc, user->getOperand(place), pairs);
  auto type = attn::MatrixType::get(builder.getContext(), builder.getI32Type(), pairs.getRowAxis(),
                                    pairs.getColAxis());
  SmallVector<Value> inputs = llvm::to_vector_of<Value>(user->getOperands());
  auto take = attn::TakeOp::create(builder, loc, type, bits, inputs);
  IRMapping mapping;
  user->getRegion(0).cloneInto(&take.getBody(), mapping);
  Operation *yield = take.getBody().front().getTerminator();
  OpBuilder inner(yield);
  Value size = arith::ConstantIndexOp::create(inner, loc, wordBits);
  yield->setOperands(
      arith::FloorDivSIOp::create(inner, loc, mapping.lookup(membership.token), size).getResult());
  Block &block = take.getBody().front();
  eraseDeadOps(block);
  // Only what the token's number is computed from is bound.
  for (unsigned index = inputs.size(); index-- > 0;)
    if (block.getArgument(index).use_empty() && !isa<attn::MatrixType>(inputs[index].getType())) {
      block.eraseArgument(index);
      take.getInputsMutable().erase(index);
    }
  return take.getResult();
}

/// The op with one more element, of which the test is made.
static Operation *replaceTest(Operation *user, const Membership &membership, Value words) {
  OpBuilder builder(user);
  Location loc = user->getLoc();
  SmallVector<Value> inputs = llvm::to_vector_of<Value>(user->getOperands());
  unsigned place = inputs.size();
  inputs.push_back(words);
  Operation *wider =
      isa<attn::MapOp>(user)
          ? attn::MapOp::create(builder, loc, user->getResult(0).getType(), inputs).getOperation()
          : attn::WhereOp::create(builder, loc, user->getResult(0).getType(), inputs);
  wider->getRegion(0).takeBody(user->getRegion(0));
  Block &block = wider->getRegion(0).front();
  Value word = block.insertArgument(place, builder.getI32Type(), loc);
  builder.setInsertionPointAfter(membership.test);
  auto integer = [&](int32_t value) -> Value {
    return arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(value));
  };
  Value token = arith::IndexCastOp::create(builder, loc, builder.getI32Type(), membership.token);
  Value distance = arith::AndIOp::create(builder, loc, token, integer(wordBits - 1));
  Value shifted = arith::ShRUIOp::create(builder, loc, word, distance);
  Value bit = arith::AndIOp::create(builder, loc, shifted, integer(1));
  Value isSet = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, bit, integer(0));
  membership.test->getResult(0).replaceAllUsesWith(isSet);
  eraseDeadOps(block);
  // The list itself is not read any more.
  unsigned list = membership.list.getArgNumber();
  if (block.getArgument(list).use_empty()) {
    block.eraseArgument(list);
    wider->eraseOperand(list);
  }
  user->replaceAllUsesWith(wider);
  user->erase();
  return wider;
}

void ExpandMemberships::runOnOperation() {
  for (Operation &op : llvm::make_early_inc_range(getOperation().getBody().front())) {
    if (!isa<attn::MapOp, attn::WhereOp>(op) || !isa<attn::MatrixType>(op.getResult(0).getType()))
      continue;
    Operation *user = &op;
    auto tests = llvm::to_vector(user->getRegion(0).getOps<vector::ReductionOp>());
    for (vector::ReductionOp test : tests)
      if (auto membership = match(test)) {
        OpBuilder builder(user);
        Value words = createWords(builder, user, *membership);
        user = replaceTest(user, *membership, words);
      }
  }
}
