// SPDX-License-Identifier: Apache-2.0
// attn-expand-lists: how is the list of a row's best keys made?
//
//   %w, %n = list %x first 8
// becomes
//   %t = select %x top 8   %m = where (%x, %t)   %keys, %values, %count = visible_keys %m most 8 on near
//   %r = map (entries %values, %count) -> matrix<i32, q, place>    { how many entries come before this one }
//   %s = map (entries %values, %r) -> matrix<f32, q, place>        { the entry before which so many come }
//   %w = map (entries %s, %count)          { -inf behind the last }, and the same of the keys
// Of N entries each is compared with the others, which costs N x N a row. What %x divides by is stored, so that it
// is the same number wherever %x is evaluated again.
#include "compiler/Passes.h"
#include "compiler/passes/FloatOrder.h"
#include "compiler/passes/PlaceRegions.h"
#include "compiler/passes/StoredSums.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/MapVector.h"

namespace attune {
#define GEN_PASS_DEF_EXPANDLISTSPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;
using namespace attune;

namespace {

class ExpandLists : public attune::impl::ExpandListsPassBase<ExpandLists> {
public:
  void runOnOperation() override;
};

/// Comparing each entry with each other is nothing beside finding them, up to here.
constexpr int64_t mostEntries = 256;

class ListExpansion {
public:
  ListExpansion(attn::ListOp list, unsigned number)
      : list(list), number(number), builder(list), loc(list.getLoc()),
        axis(cast<attn::MatrixType>(list.getInput().getType()).getRowAxis()),
        length(int64_t(list.getCount())) {}
  LogicalResult run();

private:
  StringAttr freeAxis(StringRef name);
  Value entries(Value matrix) {
    return attn::EntriesOp::create(builder, loc, matrix, uint64_t(length));
  }
  Type i32() { return builder.getI32Type(); }
  VectorType vectorOf(Type element) { return VectorType::get({length}, element); }
  Value zeros(Type element) {
    return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(vectorOf(element)));
  }
  Value spread(Value scalar) {
    return vector::BroadcastOp::create(builder, loc, vectorOf(scalar.getType()), scalar);
  }
  Value placeNumber();
  Value entryNumbers();
  Value isEntry(Value count);
  Value known(Value entries, Value count);
  Value rank();
  Value inOrder(Value unordered);
  Value asVectors(Value matrix, TypedAttr padding);

  attn::ListOp list;
  unsigned number;
  OpBuilder builder;
  Location loc;
  StringAttr axis, places;
  int64_t length;
  attn::VisibleKeysOp found;
  Value ranks;
};

} // namespace

/// A name that no axis has.
StringAttr ListExpansion::freeAxis(StringRef name) {
  auto kernel = list->getParentOfType<attn::KernelOp>();
  auto isTaken = [&](StringRef wanted) {
    auto has = [&](Type type) {
      return attn::isVirtual(type) && llvm::any_of(attn::getAxes(type), [&](StringAttr own) {
               return llvm::any_of(llvm::split(own.getValue(), '+'), [&](StringRef segment) {
                 return attn::getAxisRoot(segment) == wanted;
               });
             });
    };
    return llvm::any_of(kernel.getArgumentTypes(), has) ||
           kernel
               .walk([&](Operation *op) {
                 auto axisOp = dyn_cast<attn::AxisOp>(op);
                 bool taken = llvm::any_of(op->getResultTypes(), has) ||
                              (axisOp && axisOp.getAxis() == wanted);
                 return taken ? WalkResult::interrupt() : WalkResult::advance();
               })
               .wasInterrupted();
  };
  std::string wanted = name.str() + std::to_string(number);
  while (isTaken(wanted))
    wanted += "_";
  return builder.getStringAttr(wanted);
}

//===--- regions ------------------------------------------------------------------------------===//

/// The number of the place of the matrix that is being made.
Value ListExpansion::placeNumber() {
  Value index = builder.getInsertionBlock()->getArguments().back();
  return arith::IndexCastOp::create(builder, loc, i32(), index);
}

/// 0, 1, ... N - 1.
Value ListExpansion::entryNumbers() {
  Value steps = vector::StepOp::create(builder, loc, vectorOf(builder.getIndexType()));
  return arith::IndexCastOp::create(builder, loc, vectorOf(i32()), steps);
}

Value ListExpansion::isEntry(Value count) {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, entryNumbers(),
                               spread(count));
}

/// The entries that there are: behind them nothing was written, and nothing is read.
Value ListExpansion::known(Value entries, Value count) {
  Value none = zeros(cast<VectorType>(entries.getType()).getElementType());
  return arith::SelectOp::create(builder, loc, isEntry(count), entries, none);
}

/// How many entries come before each: greater ones, and equals of lower keys, which are listed earlier.
Value ListExpansion::rank() {
  Value values = entries(found.getElements());
  auto type = attn::MatrixType::get(builder.getContext(), i32(), axis, places);
  return createMap(
      builder, loc, type, {values, found.getCount()}, [&](OpBuilder &inner, ValueRange x) -> Value {
        OpBuilder outer = std::exchange(builder, inner);
        Value orders = createFloatOrder(builder, loc, known(x[0], x[1]));
        Value place = builder.getInsertionBlock()->getArguments().back();
        Value own = spread(vector::ExtractOp::create(builder, loc, orders, place));
        auto compare = [&](arith::CmpIPredicate predicate, Value a, Value b) -> Value {
          return arith::CmpIOp::create(builder, loc, predicate, a, b);
        };
        Value earlier = compare(arith::CmpIPredicate::slt, entryNumbers(), spread(placeNumber()));
        Value equal = arith::AndIOp::create(
            builder, loc, compare(arith::CmpIPredicate::eq, orders, own), earlier);
        Value before = arith::OrIOp::create(builder, loc,
                                            compare(arith::CmpIPredicate::sgt, orders, own), equal);
        before = arith::AndIOp::create(builder, loc, before, isEntry(x[1]));
        Value ones = arith::ExtUIOp::create(builder, loc, vectorOf(i32()), before);
        Value sum = vector::ReductionOp::create(builder, loc, vector::CombiningKind::ADD, ones);
        inner = std::exchange(builder, outer);
        return sum;
      });
}

/// The entries by rank, as the bits of numbers.
Value ListExpansion::inOrder(Value unordered) {
  Type element = attn::getPlaceElementType(unordered.getType());
  auto type = attn::MatrixType::get(builder.getContext(), element, axis, places);
  Value inputs[] = {entries(unordered), entries(ranks), found.getCount()};
  return createMap(builder, loc, type, inputs, [&](OpBuilder &inner, ValueRange x) -> Value {
    OpBuilder outer = std::exchange(builder, inner);
    Value words = known(x[0], x[2]);
    if (element != i32())
      words = arith::BitcastOp::create(builder, loc, vectorOf(i32()), words);
    Value own =
        arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, x[1], spread(placeNumber()));
    own = arith::AndIOp::create(builder, loc, own, isEntry(x[2]));
    words = arith::SelectOp::create(builder, loc, own, words, zeros(i32()));
    Value chosen = vector::ReductionOp::create(builder, loc, vector::CombiningKind::OR, words);
    if (element != i32())
      chosen = arith::BitcastOp::create(builder, loc, element, chosen);
    inner = std::exchange(builder, outer);
    return chosen;
  });
}

/// The rows of a matrix of entries as vectors; `padding` behind the last.
Value ListExpansion::asVectors(Value matrix, TypedAttr padding) {
  Value vectors = entries(matrix);
  auto type = cast<VectorType>(attn::getPlaceElementType(vectors.getType()));
  Value inputs[] = {vectors, found.getCount()};
  return createMap(
      builder, loc, vectors.getType(), inputs, [&](OpBuilder &inner, ValueRange x) -> Value {
        OpBuilder outer = std::exchange(builder, inner);
        Value none = arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, padding));
        Value result = arith::SelectOp::create(builder, loc, isEntry(x[1]), x[0], none);
        inner = std::exchange(builder, outer);
        return result;
      });
}

//===--- the pass -----------------------------------------------------------------------------===//

LogicalResult ListExpansion::run() {
  Type element = attn::getPlaceElementType(list.getInput().getType());
  if (!element.isF32())
    return list.emitOpError(
               "expected scores of f32, which is what can be listed from yet, but got ")
           << element;
  if (length > mostEntries)
    return list.emitOpError("expected at most ")
           << mostEntries << " keys a row, but got " << length
           << "; of more, hide all but those that `select` chooses";
  if (cast<attn::MatrixType>(list.getInput().getType()).getColAxis().getValue().contains('+'))
    return list.emitOpError("expected keys of one axis, which is what can be listed yet, but got ")
           << list.getInput().getType() << "; list each segment";
  Value input = createWithStoredSums(builder, list.getInput());
  Value most = arith::ConstantIndexOp::create(builder, loc, length);
  places = freeAxis("place");
  attn::AxisOp::create(builder, loc, places, most, StringAttr(), IntegerAttr(), ValueRange());
  Value chosen = attn::SelectOp::create(builder, loc, input, most);
  Value pair[] = {input, chosen};
  auto shown = attn::WhereOp::create(builder, loc, input.getType(), pair);
  createPlaceRegion(builder, loc, shown.getBody(), {}, pair, input.getType(),
                    [](OpBuilder &, ValueRange x) { return x[1]; });
  found = attn::VisibleKeysOp::create(builder, loc, shown.getResult(), most, freeAxis("near"));
  ranks = rank();
  TypedAttr least = builder.getF32FloatAttr(-std::numeric_limits<float>::infinity());
  TypedAttr none = builder.getI32IntegerAttr(-1);
  if (!list.getValues().use_empty())
    list.getValues().replaceAllUsesWith(asVectors(inOrder(found.getElements()), least));
  if (!list.getKeys().use_empty())
    list.getKeys().replaceAllUsesWith(asVectors(inOrder(found.getKeys()), none));
  list.erase();
  return success();
}

/// Of lists of one matrix the longest begins with the others.
static void shorten(attn::ListOp longest, attn::ListOp list) {
  OpBuilder builder(list);
  for (auto [from, to] : llvm::zip(longest.getResults(), list.getResults())) {
    Value part = createMap(builder, list.getLoc(), to.getType(), from,
                           [&](OpBuilder &inner, ValueRange x) -> Value {
                             return vector::ExtractStridedSliceOp::create(
                                 inner, list.getLoc(), x[0], /*offsets=*/int64_t(0),
                                 /*sizes=*/int64_t(list.getCount()), /*strides=*/int64_t(1));
                           });
    to.replaceAllUsesWith(part);
  }
  list.erase();
}

static void shareLists(attn::KernelOp kernel) {
  llvm::MapVector<Value, SmallVector<attn::ListOp>> ofMatrix;
  for (auto list : kernel.getBody().getOps<attn::ListOp>())
    ofMatrix[list.getInput()].push_back(list);
  for (auto &[matrix, lists] : ofMatrix) {
    auto longest = *llvm::max_element(
        lists, [](attn::ListOp a, attn::ListOp b) { return a.getCount() < b.getCount(); });
    longest->moveBefore(lists.front());
    for (attn::ListOp list : lists)
      if (list != longest)
        shorten(longest, list);
  }
}

void ExpandLists::runOnOperation() {
  shareLists(getOperation());
  auto lists = llvm::to_vector(getOperation().getBody().getOps<attn::ListOp>());
  for (auto [number, list] : llvm::enumerate(lists))
    if (failed(ListExpansion(list, number).run()))
      return signalPassFailure();
}
