// SPDX-License-Identifier: Apache-2.0
// tile-join-bounds: which bounds on a key's place are one bound?
//
//   %a = arith.cmpi slt, %j, %length : index
//   %b = arith.cmpi sle, %j, %i : index                %l = arith.subi %length, 1 : index
//   %c = arith.andi %a, %b : i1                 ->     %m = arith.minsi %l, %i : index
//                                                      %c = arith.cmpi sle, %j, %m : index
// (for `ori` with maxsi) where %j changes from key to key and the limits do not: they are joined once a row, and each pair has
// one comparison less. Indices stay below 2^62 in magnitude, so that 1 more or less does not wrap.
#include "compiler/Passes.h"
#include "dialects/tile/TileOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/MapVector.h"

namespace attune {
#define GEN_PASS_DEF_JOINBOUNDSPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;
using namespace attune;

namespace {

/// `varying` <= or >= `limit`, or < and > where it is strict.
struct Bound {
  Value varying, limit;
  bool isUpper, isStrict;
};

class JoinBounds : public attune::impl::JoinBoundsPassBase<JoinBounds> {
public:
  void runOnOperation() override {
    getOperation().walk([&](tile::MapOp map) {
      if (isa<tile::MatrixType>(map.getResult().getType()))
        join(map);
    });
  }

private:
  void join(tile::MapOp map);
  void findVarying(tile::MapOp map);
  std::optional<Bound> readBound(Value condition) const;
  template <typename Op> void joinAll(Block &block);
  template <typename Op> void joinLeaves(Op root);

  /// Values that change from key to key.
  llvm::DenseSet<Value> varying;
};

} // namespace

void JoinBounds::findVarying(tile::MapOp map) {
  varying.clear();
  for (auto [argument, input] : llvm::zip(map.getElementArguments(), map.getInputs()))
    if (isa<tile::MatrixType, tile::ColsType>(input.getType()))
      varying.insert(argument);
  if (map.getOrigins().size() == 2)
    for (BlockArgument index : map.getIndexArguments(1))
      varying.insert(index);
  for (Operation &op : map.getBody().front()) {
    bool varies = false;
    op.walk([&](Operation *inner) {
      varies |= llvm::any_of(inner->getOperands(),
                             [&](Value operand) { return varying.contains(operand); });
    });
    if (varies)
      varying.insert(op.result_begin(), op.result_end());
  }
}

std::optional<Bound> JoinBounds::readBound(Value condition) const {
  auto compare = condition.getDefiningOp<arith::CmpIOp>();
  if (!compare || !compare.getLhs().getType().isIndex())
    return std::nullopt;
  bool leftVaries = varying.contains(compare.getLhs());
  if (leftVaries == varying.contains(compare.getRhs()))
    return std::nullopt;
  Value left = compare.getLhs(), right = compare.getRhs();
  Value place = leftVaries ? left : right, limit = leftVaries ? right : left;
  switch (compare.getPredicate()) {
  case arith::CmpIPredicate::slt: return Bound{place, limit, leftVaries, true};
  case arith::CmpIPredicate::sle: return Bound{place, limit, leftVaries, false};
  case arith::CmpIPredicate::sgt: return Bound{place, limit, !leftVaries, true};
  case arith::CmpIPredicate::sge: return Bound{place, limit, !leftVaries, false};
  default: return std::nullopt;
  }
}

/// What a conjunction, or disjunction, consists of. Parts that others use too stay whole.
template <typename Op> static void collectLeaves(Op both, SmallVectorImpl<Value> &leaves) {
  for (Value operand : both->getOperands()) {
    auto inner = operand.getDefiningOp<Op>();
    if (inner && operand.hasOneUse())
      collectLeaves(inner, leaves);
    else
      leaves.push_back(operand);
  }
}

template <typename Op> void JoinBounds::joinLeaves(Op root) {
  constexpr bool isConjunction = std::is_same_v<Op, arith::AndIOp>;
  SmallVector<Value> leaves;
  collectLeaves(root, leaves);
  llvm::MapVector<std::pair<Value, int>, SmallVector<Bound>> groups; // of a value, from a side
  SmallVector<Value> kept;
  for (Value leaf : leaves)
    if (auto bound = readBound(leaf))
      groups[{bound->varying, int(bound->isUpper)}].push_back(*bound);
    else
      kept.push_back(leaf);
  if (llvm::all_of(groups, [](auto &group) { return group.second.size() < 2; }))
    return;
  OpBuilder builder(root);
  Location loc = root.getLoc();
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  Value all;
  auto add = [&](Value condition) {
    all = all ? Value(Op::create(builder, loc, all, condition)) : condition;
  };
  for (auto &[key, bounds] : groups) {
    Value limit;
    for (const Bound &bound : bounds) {
      Value own = bound.limit;
      if (bound.isStrict)
        own = bound.isUpper ? Value(arith::SubIOp::create(builder, loc, own, one))
                            : Value(arith::AddIOp::create(builder, loc, own, one));
      limit = !limit ? own
              : bound.isUpper == isConjunction
                  ? Value(arith::MinSIOp::create(builder, loc, limit, own))
                  : Value(arith::MaxSIOp::create(builder, loc, limit, own));
    }
    auto predicate = key.second ? arith::CmpIPredicate::sle : arith::CmpIPredicate::sge;
    add(arith::CmpIOp::create(builder, loc, predicate, key.first, limit));
  }
  for (Value condition : kept)
    add(condition);
  root.getResult().replaceAllUsesWith(all);
}

template <typename Op> void JoinBounds::joinAll(Block &block) {
  SmallVector<Op> roots;
  for (auto both : block.getOps<Op>()) {
    bool isPart = both->hasOneUse() && isa<Op>(*both->user_begin());
    if (!isPart && both.getType().isInteger(1))
      roots.push_back(both);
  }
  for (Op root : roots)
    joinLeaves(root);
}

void JoinBounds::join(tile::MapOp map) {
  findVarying(map);
  joinAll<arith::OrIOp>(map.getBody().front());
  joinAll<arith::AndIOp>(map.getBody().front());
}
