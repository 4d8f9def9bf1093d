// SPDX-License-Identifier: Apache-2.0
// attn-expand-selections: how are the n best keys of a row found, and how is a selection evaluated?
//
//   %y = select %x top %n
// becomes rounds that count, each a kernel of its own, and
//   %y = map (%x, %t, %j) { key(x) > t or key(x) == t and j < end }
// key(x) is an integer in the order of the floats. A round finds four bits of the threshold t, the greatest
// number that n keys reach: it counts who reaches each of 15 probes. Where more than n reach t, as many
// rounds find up to which key its equals are chosen; rows without equals are hidden in them, so that tiles of
// such rows visit nothing. What %x divides by is stored: all rounds see one number.
#include "compiler/Passes.h"
#include "compiler/passes/FloatOrder.h"
#include "compiler/passes/PlaceRegions.h"
#include "compiler/passes/StoredSums.h"
#include "dialects/attn/AttnOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

namespace attune {
#define GEN_PASS_DEF_EXPANDSELECTIONSPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;
using namespace attune;

namespace {

class ExpandSelections : public attune::impl::ExpandSelectionsPassBase<ExpandSelections> {
public:
  void runOnOperation() override;
};

constexpr int64_t bits = 4, probes = (1 << bits) - 1;
/// Counts are sums of f32, exact below 2^24: so many keys a row has at most.
constexpr int64_t keyBits = 24;

/// What a value is at all pairs, also hidden ones, and where it is visible: i1 matrices, all of them.
struct Everywhere {
  Value value;
  SmallVector<Value> visible;
};

class Expansion {
public:
  explicit Expansion(attn::SelectOp select)
      : select(select), builder(select), loc(select.getLoc()) {}
  LogicalResult run();

private:
  using Body = llvm::function_ref<Value(ValueRange elements, Value key)>;
  Value map(Type type, ArrayRef<Value> inputs, Body body);
  Value where(ArrayRef<Value> inputs, Body keep);
  Value store(Value value);
  Type rows(Type element) {
    auto matrix = cast<attn::MatrixType>(select.getInput().getType());
    return attn::RowsType::get(builder.getContext(), element, matrix.getRowAxis());
  }
  Value integer(int64_t value) {
    return arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(int32_t(value)));
  }
  Value real(double value) {
    return arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(float(value)));
  }
  Value compare(arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(builder, loc, predicate, x, y);
  }

  Value orderOf(Value x) { return createFloatOrder(builder, loc, x); }
  Value isChosen(Value x, Value reached, Value key, Value last);
  Value wanted();
  Value after(Value low, Value step, Value steps);
  Value countOf(ValueRange counts, arith::CmpFPredicate predicate);
  Value countWhere(ArrayRef<Value> inputs, Body chosen);
  void findThreshold();
  void findEnd();
  FailureOr<Everywhere> everywhere(Value value, StringAttr axis);
  FailureOr<Everywhere> everywhereOfRegion(Operation *op, StringAttr axis);
  Value colsOn(Value cols, StringAttr axis);
  Attribute findMost();
  FailureOr<Value> chosenOn(StringAttr axis);

  attn::SelectOp select;
  OpBuilder builder;
  Location loc;
  /// Of each row: the threshold, how many reach it, and the first key whose equals are not chosen.
  Value threshold, reaching, end;
  llvm::DenseMap<std::pair<Value, StringAttr>, Everywhere> known;
};

} // namespace

//===--- ops -----------------------------------------------------------------------------------===//

/// The number of the key (of rows and cols, of the token) in the region that is being made.
static Value lastIndex(OpBuilder &inner) {
  return inner.getInsertionBlock()->getArguments().back();
}

Value Expansion::map(Type type, ArrayRef<Value> inputs, Body body) {
  return createMap(builder, loc, type, inputs, [&](OpBuilder &inner, ValueRange elements) {
    return body(elements, lastIndex(inner));
  });
}

Value Expansion::where(ArrayRef<Value> inputs, Body keep) {
  Type type = inputs.front().getType();
  auto op = attn::WhereOp::create(builder, loc, type, inputs);
  createPlaceRegion(
      builder, loc, op.getBody(), {}, inputs, type,
      [&](OpBuilder &inner, ValueRange elements) { return keep(elements, lastIndex(inner)); });
  return op.getResult();
}

/// A round ends with what it has found, in memory.
Value Expansion::store(Value value) {
  value.getDefiningOp()->setAttr("attn.store", builder.getUnitAttr());
  return value;
}

/// Is x beyond the threshold, or equal to it at a key before `last`?
Value Expansion::isChosen(Value x, Value reached, Value key, Value last) {
  Value order = orderOf(x);
  Value equal = compare(arith::CmpIPredicate::eq, order, reached);
  Value number = arith::IndexCastOp::create(builder, loc, builder.getI32Type(), key);
  Value before = compare(arith::CmpIPredicate::slt, number, last);
  return arith::OrIOp::create(builder, loc, compare(arith::CmpIPredicate::sgt, order, reached),
                              arith::AndIOp::create(builder, loc, equal, before));
}

/// n as a number that counts are compared with.
Value Expansion::wanted() {
  Value most = arith::ConstantIndexOp::create(builder, loc, int64_t(1) << keyBits);
  Value least = arith::ConstantIndexOp::create(builder, loc, 0);
  Value count = arith::MinSIOp::create(builder, loc, select.getCount(), most);
  count = arith::MaxSIOp::create(builder, loc, count, least);
  Value narrow = arith::IndexCastOp::create(builder, loc, builder.getI32Type(), count);
  return arith::SIToFPOp::create(builder, loc, builder.getF32Type(), narrow);
}

/// `steps` steps from `low`.
Value Expansion::after(Value low, Value step, Value steps) {
  Value distance = arith::MulIOp::create(builder, loc, steps, step);
  return arith::AddIOp::create(builder, loc, low, distance);
}

/// Of how many counts does the comparison with n hold?
Value Expansion::countOf(ValueRange counts, arith::CmpFPredicate predicate) {
  Value number = integer(0);
  for (Value count : counts) {
    Value holds = arith::CmpFOp::create(builder, loc, predicate, count, wanted());
    Value one = arith::ExtUIOp::create(builder, loc, builder.getI32Type(), holds);
    number = arith::AddIOp::create(builder, loc, number, one);
  }
  return number;
}

/// How many visible keys of each row are chosen; the first input is the matrix.
Value Expansion::countWhere(ArrayRef<Value> inputs, Body chosen) {
  auto matrix = cast<attn::MatrixType>(inputs.front().getType());
  Type numbers = attn::MatrixType::get(builder.getContext(), builder.getF32Type(),
                                       matrix.getRowAxis(), matrix.getColAxis());
  Value ones = map(numbers, inputs, [&](ValueRange elements, Value key) -> Value {
    return arith::SelectOp::create(builder, loc, chosen(elements, key), real(1), real(0));
  });
  return attn::ReduceOp::create(builder, loc, attn::ReduceKind::Sum, ones, attn::ReduceOver::Keys)
      .getResult();
}

//===--- the search ----------------------------------------------------------------------------===//

/// Rounds: t = the greatest number that n keys reach, four bits at a time; and how many reach it.
void Expansion::findThreshold() {
  Value weight;
  for (int64_t round = 0; round < 32 / bits; ++round) {
    // The first round knows where it starts; all others are one program.
    SmallVector<Value> state =
        round ? SmallVector<Value>{threshold, weight, reaching} : SmallVector<Value>();
    auto low = [&](ValueRange x) {
      return round ? x[0] : integer(std::numeric_limits<int32_t>::min());
    };
    auto step = [&](ValueRange x) { return round ? x[1] : integer(int64_t(1) << (32 - bits)); };
    SmallVector<Value> counts;
    for (int64_t number = 1; number <= probes; ++number) {
      SmallVector<Value> inputs = {select.getInput()};
      inputs.append(ArrayRef(state).take_front(2).begin(), ArrayRef(state).take_front(2).end());
      counts.push_back(countWhere(inputs, [&](ValueRange x, Value) {
        ValueRange own = x.drop_front();
        return compare(arith::CmpIPredicate::sge, orderOf(x[0]),
                       after(low(own), step(own), integer(number)));
      }));
    }
    SmallVector<Value> inputs = state;
    llvm::append_range(inputs, counts);
    auto reaches = [&](Value count) {
      return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGE, count, wanted());
    };
    Value next = map(rows(builder.getI32Type()), inputs, [&](ValueRange x, Value) {
      Value steps = countOf(x.drop_front(state.size()), arith::CmpFPredicate::OGE);
      return after(low(x), step(x), steps);
    });
    reaching = map(rows(builder.getF32Type()), inputs, [&](ValueRange x, Value) {
      // All visible keys reach the least number: so many that equals are looked for.
      Value most = round ? x[2] : real(double(int64_t(1) << (keyBits + 1)));
      for (Value count : x.drop_front(state.size()))
        most = arith::SelectOp::create(builder, loc, reaches(count), count, most);
      return most;
    });
    weight = map(rows(builder.getI32Type()), inputs, [&](ValueRange x, Value) -> Value {
      return arith::ShRSIOp::create(builder, loc, step(x), integer(bits));
    });
    threshold = next;
    for (Value value : {threshold, reaching, weight})
      store(value);
  }
}

/// Rounds: the first key from which on the equals of t are not chosen.
void Expansion::findEnd() {
  Value ties = store(map(rows(builder.getI32Type()), {reaching}, [&](ValueRange x, Value) -> Value {
    Value more = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT, x[0], wanted());
    return arith::ExtUIOp::create(builder, loc, builder.getI32Type(), more);
  }));
  Value candidates = where({select.getInput(), ties}, [&](ValueRange x, Value) {
    return compare(arith::CmpIPredicate::ne, x[1], integer(0));
  });
  Value weight;
  for (int64_t round = 0; round < keyBits / bits; ++round) {
    SmallVector<Value> state = round ? SmallVector<Value>{end, weight} : SmallVector<Value>();
    auto low = [&](ValueRange x) { return round ? x[0] : integer(0); };
    auto step = [&](ValueRange x) {
      return round ? x[1] : integer(int64_t(1) << (keyBits - bits));
    };
    SmallVector<Value> inputs = state;
    for (int64_t number = 1; number <= probes; ++number) {
      SmallVector<Value> own = {candidates, threshold};
      llvm::append_range(own, state);
      inputs.push_back(countWhere(own, [&](ValueRange x, Value key) -> Value {
        ValueRange found = x.drop_front(2);
        return isChosen(x[0], x[1], key, after(low(found), step(found), integer(number)));
      }));
    }
    Value next = map(rows(builder.getI32Type()), inputs, [&](ValueRange x, Value) -> Value {
      Value steps = countOf(x.drop_front(state.size()), arith::CmpFPredicate::OLE);
      return after(low(x), step(x), steps);
    });
    weight = map(rows(builder.getI32Type()), inputs, [&](ValueRange x, Value) -> Value {
      return arith::ShRSIOp::create(builder, loc, step(x), integer(bits));
    });
    end = next;
    store(end);
    store(weight);
  }
}

//===--- values of hidden pairs ----------------------------------------------------------------===//

/// The cols at each token of a finer axis: what a block has, each of its tokens has.
Value Expansion::colsOn(Value cols, StringAttr axis) {
  auto type = cast<attn::ColsType>(cols.getType());
  if (type.getAxis() == axis)
    return cols;
  return map(attn::ColsType::get(builder.getContext(), type.getElementType(), axis), {cols},
             [](ValueRange x, Value) { return x[0]; });
}

FailureOr<Everywhere> Expansion::everywhereOfRegion(Operation *op, StringAttr axis) {
  Everywhere result;
  SmallVector<Value> inputs;
  for (Value operand : op->getOperands()) {
    if (!isa<attn::MatrixType>(operand.getType())) {
      inputs.push_back(isa<attn::ColsType>(operand.getType()) ? colsOn(operand, axis) : operand);
      continue;
    }
    auto own = everywhere(operand, axis);
    if (failed(own))
      return failure();
    inputs.push_back(own->value);
    llvm::append_range(result.visible, own->visible);
  }
  auto type = cast<attn::MatrixType>(op->getResult(0).getType());
  bool hides = isa<attn::WhereOp>(op);
  Type element = hides ? builder.getI1Type() : type.getElementType();
  Type ownType = attn::MatrixType::get(builder.getContext(), element, type.getRowAxis(), axis);
  auto copy = attn::MapOp::create(builder, loc, ownType, inputs);
  IRMapping mapping;
  op->getRegion(0).cloneInto(&copy.getBody(), mapping);
  if (int64_t ratio = attn::getAxisBlock(type.getColAxis()) / attn::getAxisBlock(axis); ratio > 1) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(&copy.getBody().front());
    Value key = copy.getBody().front().getArguments().back();
    Value size = arith::ConstantIndexOp::create(builder, loc, ratio);
    auto block = arith::FloorDivSIOp::create(builder, loc, key, size);
    key.replaceAllUsesExcept(block.getResult(), block);
  }
  result.value = hides ? inputs.front() : copy.getResult();
  if (hides)
    result.visible.push_back(copy.getResult());
  return result;
}

FailureOr<Everywhere> Expansion::everywhere(Value value, StringAttr axis) {
  if (auto place = known.find({value, axis}); place != known.end())
    return place->second;
  Operation *op = value.getDefiningOp();
  FailureOr<Everywhere> result = Everywhere{value, {}};
  if (isa<attn::MapOp, attn::WhereOp>(op))
    result = everywhereOfRegion(op, axis);
  else if (auto dot = dyn_cast<attn::DotOp>(op)) {
    auto type = cast<attn::MatrixType>(dot.getType());
    if (type.getColAxis() != axis)
      result->value =
          attn::DotOp::create(builder, loc,
                              attn::MatrixType::get(builder.getContext(), type.getElementType(),
                                                    type.getRowAxis(), axis),
                              dot.getRows(), colsOn(dot.getCols(), axis), dot.getScaleAttr());
  } else
    return select.emitOpError("expected scores made by dot, map and where, which is what can be "
                              "selected from yet, but got '")
           << op->getName() << "'";
  if (succeeded(result))
    known[{value, axis}] = *result;
  return result;
}

/// How many keys of a row are chosen at most, where that is written as a number or is an operand: its name.
Attribute Expansion::findMost() {
  Value count = select.getCount();
  if (auto argument = dyn_cast<BlockArgument>(count)) {
    auto kernel = select->getParentOfType<attn::KernelOp>();
    return builder.getStringAttr(kernel.getOperandName(argument.getArgNumber()));
  }
  IntegerAttr number;
  return matchPattern(count, m_Constant(&number)) ? Attribute(number) : Attribute();
}

/// Which keys of an axis are chosen: that of the scores, or a finer one whose tokens read the selection of
/// their block.
FailureOr<Value> Expansion::chosenOn(StringAttr axis) {
  auto scores = everywhere(select.getInput(), axis);
  if (failed(scores))
    return failure();
  SmallVector<Value> inputs = {scores->value, threshold, end};
  llvm::append_range(inputs, scores->visible);
  auto type = cast<attn::MatrixType>(select.getType());
  int64_t ratio = attn::getAxisBlock(type.getColAxis()) / attn::getAxisBlock(axis);
  Type ownType =
      attn::MatrixType::get(builder.getContext(), builder.getI1Type(), type.getRowAxis(), axis);
  Value chosen = map(ownType, inputs, [&](ValueRange x, Value key) {
    if (ratio > 1)
      key = arith::FloorDivSIOp::create(builder, loc, key,
                                        arith::ConstantIndexOp::create(builder, loc, ratio));
    Value result = isChosen(x[0], x[1], key, x[2]);
    for (Value visible : x.drop_front(3))
      result = arith::AndIOp::create(builder, loc, visible, result);
    return result;
  });
  if (Attribute most = findMost(); most && ratio == 1)
    chosen.getDefiningOp()->setAttr("attn.most", most);
  return chosen;
}

//===--- the pass ------------------------------------------------------------------------------===//

LogicalResult Expansion::run() {
  auto type = cast<attn::MatrixType>(select.getInput().getType());
  if (!type.getElementType().isF32())
    return select.emitOpError("expected scores of f32, which is what can be selected from yet, but "
                              "got ")
           << type.getElementType();
  select.getInputMutable().assign(createWithStoredSums(builder, select.getInput()));
  if (failed(everywhere(select.getInput(), type.getColAxis())))
    return failure();
  findThreshold();
  findEnd();
  llvm::DenseMap<StringAttr, Value> chosen;
  for (OpOperand &use : llvm::make_early_inc_range(select.getResult().getUses())) {
    Operation *user = use.getOwner();
    StringAttr axis = type.getColAxis();
    if (isa<attn::MapOp, attn::WhereOp>(user))
      axis = cast<attn::MatrixType>(user->getResult(0).getType()).getColAxis();
    Value &own = chosen[axis];
    if (!own) {
      auto made = chosenOn(axis);
      if (failed(made))
        return failure();
      own = *made;
    }
    use.set(own);
  }
  select.erase();
  return success();
}

void ExpandSelections::runOnOperation() {
  for (auto select : llvm::make_early_inc_range(getOperation().getBody().getOps<attn::SelectOp>()))
    if (failed(Expansion(select).run()))
      return signalPassFailure();
}
