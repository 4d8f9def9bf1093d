// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: what is a value at one token, or at one pair of a matrix that is stored? Products and
// reductions are loops; what is read at other places is computed there.
#include "compiler/passes/LowerTokens.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attune;

using attn::ReduceKind;
using attn::ReduceOver;

static Value compare(OpBuilder &builder, Location loc, arith::CmpIPredicate predicate, Value a,
                     Value b) {
  return arith::CmpIOp::create(builder, loc, predicate, a, b);
}

/// Does the value at a pair take a loop over components?
static bool isCostly(Value value) {
  Operation *op = value.getDefiningOp();
  return op && (isa<attn::DotOp>(op) || llvm::any_of(op->getOperands(), isCostly));
}

/// Are there hidden pairs?
static bool isMasked(Value matrix) {
  Operation *op = matrix.getDefiningOp();
  if (!op || !isa<attn::MatrixType>(matrix.getType()) || isa<attn::ContractOp>(op))
    return false;
  if (isa<attn::WhereOp>(op))
    return true;
  if (auto reduce = dyn_cast<attn::ReduceOp>(op); reduce && reduce.getInto())
    return true;
  return llvm::any_of(op->getOperands(), isMasked);
}

//===--- the value of an op --------------------------------------------------------------------===//

/// The value at the current place: component `component` of a vector.
Value TokenLowering::element(Value value, Value component) {
  if (Value made = known.elements.lookup({value, component}))
    return made;
  Operation *op = value.getDefiningOp();
  Value result;
  if (op)
    result = emitElement(op, component);
  else
    result = readToken(sourceOf(value, attn::getAxes(value.getType()).front()), component);
  known.elements[{value, component}] = result;
  return result;
}

Value TokenLowering::emitElement(Operation *op, Value component) {
  if (auto dot = dyn_cast<attn::DotOp>(op))
    return emitDot(dot);
  if (auto map = dyn_cast<attn::MapOp>(op))
    return emitMap(map, component);
  if (auto where = dyn_cast<attn::WhereOp>(op))
    return element(where.getInputs().front(), component);
  if (auto take = dyn_cast<attn::TakeOp>(op))
    return emitTake(take);
  if (auto reduce = dyn_cast<attn::ReduceOp>(op))
    return emitReduce(reduce, component);
  if (auto stencil = dyn_cast<attn::StencilOp>(op))
    return emitNeighbour(stencil, component);
  if (auto contract = dyn_cast<attn::ContractOp>(op))
    return emitProduct(contract);
  failedAt(op, "products, maps, masks, reductions and neighbours");
  return zero(getElementTypeOrSelf(attn::getPlaceElementType(op->getResult(0).getType())));
}

/// What the map yields at the current token (and key): component `component` of a vector.
Value TokenLowering::emitMap(attn::MapOp map, Value component) {
  Block &region = map.getBody().front();
  bindRegion(region, map.getInputs(), map.getType(), map.getResult());
  Value yielded = region.getTerminator()->getOperand(0);
  return isa<VectorType>(yielded.getType()) ? this->component(yielded, component) : scalar(yielded);
}

Value TokenLowering::emitTake(attn::TakeOp take) {
  Block &region = take.getBody().front();
  if (!isa<BlockArgument>(take.getSource())) {
    failedAt(take, "a stored matrix, or cols that are an operand");
    return zero(attn::getPlaceElementType(take.getType()));
  }
  bindRegion(region, take.getInputs(), take.getType(), take.getResult());
  Value number = scalar(region.getTerminator()->getOperand(0));
  auto axes = attn::getAxes(take.getType());
  bool isMatrix = isa<attn::MatrixType>(take.getSource().getType());
  TokenSource from = sourceOf(take.getSource(), isMatrix ? axes.front() : axes.back());
  SmallVector<Value> indices = {from.batch, from.head};
  if (isMatrix)
    indices.push_back(from.ratio > 1 ? divide(place.token, index(from.ratio)) : place.token);
  indices.push_back(number);
  Type element = cast<MemRefType>(from.memory.getType()).getElementType();
  return tile::ReadOp::create(builder, loc, element, from.memory, indices);
}

/// The product of the current token with the current key.
Value TokenLowering::emitDot(attn::DotOp dot) {
  auto vector = cast<VectorType>(attn::getPlaceElementType(dot.getRows().getType()));
  Type type = attn::getPlaceElementType(dot.getType());
  if (!isa<FloatType>(type))
    return failedAt(dot, "products of floats"), zero(type);
  auto axes = attn::getAxes(dot.getType());
  TokenSource rows = sourceOf(dot.getRows(), axes.front());
  TokenSource cols = sourceOf(dot.getCols(), axes.back());
  auto loop = scf::ForOp::create(builder, loc, index(0), index(vector.getNumElements()), index(1),
                                 zero(type));
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    auto read = [&](const TokenSource &from) -> Value {
      Value number = readToken(from, loop.getInductionVar());
      return number.getType() == type ? number
                                      : Value(arith::ExtFOp::create(builder, loc, type, number));
    };
    Value product =
        arith::MulFOp::create(builder, loc, read(rows), read(cols), arith::FastMathFlags::contract);
    Value sum = arith::AddFOp::create(builder, loc, loop.getRegionIterArg(0), product,
                                      arith::FastMathFlags::contract);
    scf::YieldOp::create(builder, loc, sum);
  }
  if (!dot.getScale())
    return loop.getResult(0);
  Value scale = arith::ConstantOp::create(
      builder, loc, builder.getFloatAttr(type, dot.getScale()->convertToDouble()));
  return arith::MulFOp::create(builder, loc, loop.getResult(0), scale);
}

/// The sum over the inner axis of a product of two matrices, over pairs that are visible in both.
Value TokenLowering::emitProduct(attn::ContractOp contract) {
  Value left = contract.getWeights(), right = contract.getValues();
  Type type = attn::getPlaceElementType(contract.getType());
  Value length = lengthOf(contract, attn::getAxes(left.getType()).back());
  auto loop = scf::ForOp::create(builder, loc, index(0), length, index(1), zero(type));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  Value sum = loop.getRegionIterArg(0), step = loop.getInductionVar();
  Value shows, otherShows;
  TokenPlace here = place;
  Value weight = at({here.batch, here.head, here.heads, here.token, step}, [&]() {
    Value made = element(left);
    shows = visible(left);
    return made;
  });
  Value value = at({here.batch, here.head, here.heads, step, here.key}, [&]() {
    Value made = element(right);
    otherShows = visible(right);
    return made;
  });
  Value product =
      arith::MulFOp::create(builder, loc, weight, value, arith::FastMathFlags::contract);
  Value next = arith::AddFOp::create(builder, loc, sum, product, arith::FastMathFlags::contract);
  if (Value counts = both(shows, otherShows))
    next = select(counts, next, sum);
  scf::YieldOp::create(builder, loc, next);
  return loop.getResult(0);
}

//===--- neighbours ----------------------------------------------------------------------------===//

/// Are the current token and key, which may have been moved, tokens of their axes?
Value TokenLowering::emitInside(Operation *user, Type type) {
  auto axes = attn::getAxes(type);
  auto isBelow = [&](Value number, StringAttr axis) {
    return compare(builder, loc, arith::CmpIPredicate::ult, number, lengthOf(user, axis));
  };
  Value inside = isBelow(place.token, axes.front());
  return axes.size() > 1 ? both(inside, isBelow(place.key, axes.back())) : inside;
}

/// Component `component` of the values around the current place: heads, rows, keys, then of the element.
Value TokenLowering::emitNeighbour(attn::StencilOp stencil, Value component) {
  Type type = stencil.getInput().getType(), own = attn::getPlaceElementType(type);
  auto vector = dyn_cast<VectorType>(own);
  Value rest = component ? component : index(0), inner;
  auto next = [&](int64_t size) -> Value {
    Value number = arith::RemUIOp::create(builder, loc, rest, index(size));
    rest = divide(rest, index(size));
    return number;
  };
  if (vector)
    inner = next(vector.getNumElements());
  TokenPlace other = place;
  auto move = [&](Value &number, DenseI64ArrayAttr range) {
    if (range)
      number = add(number, add(next(range[1] - range[0] + 1), index(range[0])));
  };
  bool isMatrix = isa<attn::MatrixType>(type);
  move(isMatrix ? other.key : other.token, stencil.getKeysAttr());
  move(other.token, stencil.getQueriesAttr());
  if (stencil.getHeads()) {
    int64_t heads = int64_t(*stencil.getHeads());
    other.head = add(times(place.head, heads), rest);
    other.heads = times(place.heads, heads);
  }
  return at(other, [&]() -> Value {
    Value made = element(stencil.getInput(), inner);
    Value shows = emitInside(stencil, type);
    if (isMatrix)
      shows = both(shows, visible(stencil.getInput()));
    return select(shows, made, zero(made.getType()));
  });
}

//===--- which pairs are visible ---------------------------------------------------------------===//

/// Is the current pair visible? Null: all are.
Value TokenLowering::visible(Value matrix) {
  if (!isMasked(matrix))
    return Value();
  if (Value made = known.visible.lookup(matrix))
    return made;
  Value made = emitVisible(matrix.getDefiningOp());
  return known.visible[matrix] = made;
}

Value TokenLowering::emitVisible(Operation *op) {
  auto ofInputs = [&](ValueRange inputs) {
    Value all;
    for (Value input : inputs)
      if (isa<attn::MatrixType>(input.getType()))
        all = both(all, visible(input));
    return all;
  };
  if (auto take = dyn_cast<attn::TakeOp>(op))
    return ofInputs(take.getInputs());
  if (auto where = dyn_cast<attn::WhereOp>(op)) {
    Block &region = where.getBody().front();
    Value shows = ofInputs(where.getInputs());
    bindRegion(region, where.getInputs(), where.getType(), where.getResult());
    return both(shows, scalar(region.getTerminator()->getOperand(0)));
  }
  auto stencil = dyn_cast<attn::StencilOp>(op);
  if (isa<attn::ReduceOp>(op) || (stencil && stencil.getHeads()))
    return emitAnyVisible(op);
  return ofInputs(op->getOperands());
}

/// Is a pair of the group visible?
Value TokenLowering::emitAnyVisible(Operation *op) {
  Type f32 = builder.getF32Type();
  Value one = arith::ConstantOp::create(builder, loc, builder.getFloatAttr(f32, 1));
  Value count;
  if (auto stencil = dyn_cast<attn::StencilOp>(op)) {
    int64_t heads = int64_t(*stencil.getHeads());
    auto loop = scf::ForOp::create(builder, loc, index(0), index(heads), index(1), zero(f32));
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    TokenPlace other = place;
    other.head = add(times(place.head, heads), loop.getInductionVar());
    other.heads = times(place.heads, heads);
    Value shows = at(other, [&]() { return visible(stencil.getInput()); });
    Value before = loop.getRegionIterArg(0);
    scf::YieldOp::create(builder, loc, select(shows, one, before));
    count = loop.getResult(0);
  } else {
    auto number = [&]() { return one; };
    auto reduce = cast<attn::ReduceOp>(op);
    count = reduce.getInto() ? emitBucket(reduce, ReduceKind::Sum, number)
                             : emitGroup(reduce, ReduceKind::Sum, number);
  }
  return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT, count,
                               zero(count.getType()));
}

//===--- reductions ----------------------------------------------------------------------------===//

static arith::AtomicRMWKind kindOf(ReduceKind kind) {
  return kind == ReduceKind::Max   ? arith::AtomicRMWKind::maximumf
         : kind == ReduceKind::Min ? arith::AtomicRMWKind::minimumf
                                   : arith::AtomicRMWKind::addf;
}

/// Loops over the steps. What is not of pairs that exist counts for nothing; products are made only where
/// they count.
Value TokenLowering::emitJoin(const Join &join) {
  attn::ReduceOp reduce = join.reduce;
  Type own = getElementTypeOrSelf(attn::getPlaceElementType(reduce.getInput().getType()));
  Type type = own.isF64() ? own : Type(builder.getF32Type());
  bool isMean = join.kind == ReduceKind::Mean;
  arith::AtomicRMWKind kind = kindOf(join.kind);
  Value one = arith::ConstantOp::create(builder, loc, builder.getFloatAttr(type, 1));
  SmallVector<Value> initial = {arith::getIdentityValue(kind, type, builder, loc)};
  if (isMean)
    initial.push_back(zero(type));
  auto loop = scf::ForOp::create(builder, loc, index(0), join.steps, index(1), initial);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next = llvm::to_vector_of<Value>(loop.getRegionIterArgs());
  at(join.place(loop.getInductionVar()), [&]() -> Value {
    Value counts = join.counts();
    scf::ForOp once;
    if (counts && isCostly(reduce.getInput())) {
      once = scf::ForOp::create(builder, loc, index(0), select(counts, index(1), index(0)),
                                index(1), next);
      builder.setInsertionPointToStart(once.getBody());
      next = llvm::to_vector_of<Value>(once.getRegionIterArgs());
      counts = Value();
    }
    Value number = join.number();
    if (number.getType() != type)
      number = arith::ExtFOp::create(builder, loc, type, number);
    SmallVector<Value> joined = {arith::getReductionOp(kind, builder, loc, next[0], number)};
    if (isMean)
      joined.push_back(arith::AddFOp::create(builder, loc, next[1], one));
    for (auto [before, after] : llvm::zip(next, joined))
      before = counts ? select(counts, after, before) : after;
    if (once) {
      scf::YieldOp::create(builder, loc, next);
      builder.setInsertionPointAfter(once);
      next = llvm::to_vector_of<Value>(once.getResults());
    }
    return Value();
  });
  scf::YieldOp::create(builder, loc, next);
  builder.setInsertionPointAfter(loop);
  Value result = loop.getResult(0);
  if (!isMean)
    return result;
  Value count = arith::MaximumFOp::create(builder, loc, loop.getResult(1), one);
  return arith::DivFOp::create(builder, loc, result, count);
}

/// Joins N tokens, keys, queries or heads that are neighbours.
Value TokenLowering::emitGroup(attn::ReduceOp reduce, ReduceKind kind,
                               llvm::function_ref<Value()> number) {
  Value input = reduce.getInput();
  bool isMatrix = isa<attn::MatrixType>(input.getType());
  bool overHeads = reduce.getOver() == ReduceOver::Heads;
  int64_t block = reduce.getBy() ? int64_t(*reduce.getBy()) : 1;
  Value steps = reduce.getBy() ? index(block) : headsOf(input);
  TokenPlace here = place;
  auto move = [&](Value step) {
    TokenPlace other = here;
    if (overHeads) {
      other.head = add(arith::MulIOp::create(builder, loc, here.head, steps), step);
      other.heads = arith::MulIOp::create(builder, loc, here.heads, steps);
      return other;
    }
    Value &moved = isMatrix && reduce.getOver() == ReduceOver::Keys ? other.key : other.token;
    moved = add(times(moved, block), step);
    return other;
  };
  auto counts = [&]() -> Value {
    Value inside = overHeads ? Value() : emitInside(reduce, input.getType());
    return isMatrix ? both(inside, visible(input)) : inside;
  };
  return emitJoin({reduce, kind, steps, move, counts, number});
}

/// Joins the tokens, or the pairs of a row or column, whose region yields the current group.
Value TokenLowering::emitBucket(attn::ReduceOp reduce, ReduceKind kind,
                                llvm::function_ref<Value()> number) {
  Value input = reduce.getInput();
  bool isMatrix = isa<attn::MatrixType>(input.getType());
  bool overKeys = isMatrix && reduce.getOver() == ReduceOver::Keys;
  auto axes = attn::getAxes(input.getType());
  Value steps = lengthOf(reduce, overKeys ? axes.back() : axes.front());
  TokenPlace here = place;
  Value group = overKeys ? here.key : here.token;
  auto move = [&](Value step) {
    TokenPlace other = here;
    (overKeys ? other.key : other.token) = step;
    return other;
  };
  auto counts = [&]() -> Value {
    Block &region = reduce.getBody().front();
    bindRegion(region, reduce.getInputs(), input.getType(), input);
    Value own = compare(builder, loc, arith::CmpIPredicate::eq,
                        scalar(region.getTerminator()->getOperand(0)), group);
    for (Value bound : reduce.getInputs())
      if (isa<attn::MatrixType>(bound.getType()))
        own = both(own, visible(bound));
    return own;
  };
  return emitJoin({reduce, kind, steps, move, counts, number});
}

Value TokenLowering::emitReduce(attn::ReduceOp reduce, Value component) {
  Type type = getElementTypeOrSelf(attn::getPlaceElementType(reduce.getType()));
  if (!isa<FloatType>(type))
    return failedAt(reduce, "floats"), zero(type);
  Value inner = isa<VectorType>(attn::getPlaceElementType(reduce.getType())) ? component : Value();
  auto number = [&]() { return element(reduce.getInput(), inner); };
  ReduceKind kind = reduce.getKind();
  Value result =
      reduce.getInto() ? emitBucket(reduce, kind, number) : emitGroup(reduce, kind, number);
  return result.getType() == type ? result
                                  : Value(arith::TruncFOp::create(builder, loc, type, result));
}
