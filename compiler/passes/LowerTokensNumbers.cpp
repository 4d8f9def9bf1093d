// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: how does code on vectors become code for one component? What moves components reads
// others; sums over components are loops. Components of vectors of higher rank are numbered row-major.
#include "compiler/passes/LowerTokens.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace attune;

//===--- tables --------------------------------------------------------------------------------===//

/// The index in each of `shape` of number `place` in row-major order.
static SmallVector<Value> delinearize(OpBuilder &builder, Location loc, Value place,
                                      ArrayRef<int64_t> shape) {
  SmallVector<Value> indices = {place};
  for (int64_t size : llvm::reverse(shape.drop_front())) {
    Value whole = indices.front();
    Value divisor = arith::ConstantIndexOp::create(builder, loc, size);
    indices.front() = arith::RemUIOp::create(builder, loc, whole, divisor);
    indices.insert(indices.begin(), arith::DivUIOp::create(builder, loc, whole, divisor));
  }
  return indices;
}

Value TokenLowering::emitLoad(attn::LoadOp load, Value place) {
  Value table = scalar(load.getTable());
  SmallVector<Value> indices;
  for (Value at : load.getIndices())
    indices.push_back(scalar(at));
  if (place)
    llvm::append_range(
        indices, delinearize(builder, loc, place, cast<VectorType>(load.getType()).getShape()));
  auto memory = cast<MemRefType>(table.getType());
  if (size_t(memory.getRank()) != indices.size())
    return failedAt(load, "a load of a number or of all trailing dims of a table"), index(0);
  Value entry = tile::ReadOp::create(builder, loc, memory.getElementType(), table, indices);
  Type wanted = getElementTypeOrSelf(load.getType());
  if (entry.getType() != wanted)
    entry = arith::IndexCastOp::create(builder, loc, wanted, entry);
  return entry;
}

//===--- one component of a vector -------------------------------------------------------------===//

Value TokenLowering::component(Value value, Value place) {
  if (Value made = known.components.lookup({value, place}))
    return made;
  Value result;
  if (auto argument = dyn_cast<BlockArgument>(value))
    result = known.inputs.contains(argument) ? element(known.inputs.lookup(argument), place)
                                             : readToken(known.sources.lookup(argument), place);
  else
    result = emitComponent(value.getDefiningOp(), cast<OpResult>(value).getResultNumber(), place);
  known.components[{value, place}] = result;
  return result;
}

Value TokenLowering::emitComponent(Operation *op, unsigned result, Value place) {
  auto type = cast<VectorType>(op->getResult(result).getType());
  if (auto broadcast = dyn_cast<vector::BroadcastOp>(op)) {
    auto from = dyn_cast<VectorType>(broadcast.getSource().getType());
    if (!from)
      return scalar(broadcast.getSource());
    if (type.getShape().take_back(from.getRank()) == from.getShape())
      return component(
          broadcast.getSource(),
          arith::RemUIOp::create(builder, loc, place, index(from.getNumElements())).getResult());
  }
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return emitList(cast<DenseElementsAttr>(constant.getValue()), place);
  if (auto load = dyn_cast<attn::LoadOp>(op))
    return emitLoad(load, place);
  if (auto extract = dyn_cast<vector::ExtractOp>(op))
    return emitExtract(extract, place);
  if (isa<vector::ShapeCastOp>(op))
    return component(op->getOperand(0), place);
  if (OpTrait::hasElementwiseMappableTraits(op))
    return cloneOnNumbers(op, result, place);
  if (type.getRank() != 1)
    return failedAt(op, "moves of components of vectors of rank 1"), place;
  return emitMoved(op, result, place);
}

/// What components of one vector become of other ones.
Value TokenLowering::emitMoved(Operation *op, unsigned result, Value place) {
  if (isa<vector::StepOp>(op))
    return place;
  if (auto slice = dyn_cast<vector::ExtractStridedSliceOp>(op))
    return component(slice.getSource(),
                     add(place, index(cast<IntegerAttr>(slice.getOffsets()[0]).getInt())));
  if (auto insert = dyn_cast<vector::InsertStridedSliceOp>(op))
    return emitInsert(insert, place);
  if (auto interleave = dyn_cast<vector::InterleaveOp>(op))
    return emitInterleave(interleave, place);
  if (auto parts = dyn_cast<vector::DeinterleaveOp>(op)) {
    Value even = times(place, 2);
    return component(parts.getSource(), result == 1 ? add(even, index(1)) : even);
  }
  if (auto shuffle = dyn_cast<vector::ShuffleOp>(op))
    return emitShuffle(shuffle, place);
  return failedAt(op, "ops on components, slices and shuffles"), place;
}

/// Component `place` of what is extracted.
Value TokenLowering::emitExtract(vector::ExtractOp extract, Value place) {
  ArrayRef<int64_t> shape = extract.getSourceVectorType().getShape();
  Value at = index(0);
  for (auto [dim, position] : llvm::enumerate(extract.getMixedPosition())) {
    auto number = dyn_cast<Attribute>(position);
    Value own = number ? index(cast<IntegerAttr>(number).getInt()) : scalar(cast<Value>(position));
    at = add(times(at, shape[dim]), own);
  }
  int64_t left = 1;
  for (int64_t size : shape.drop_front(extract.getMixedPosition().size()))
    left *= size;
  return component(extract.getSource(), add(times(at, left), place));
}

/// A list of constants: the same for all, or chosen by the component's number.
Value TokenLowering::emitList(DenseElementsAttr list, Value place) {
  auto constant = [&](Attribute value) -> Value {
    return arith::ConstantOp::create(builder, loc, cast<TypedAttr>(value));
  };
  if (list.isSplat())
    return constant(list.getSplatValue<Attribute>());
  Value chosen;
  for (auto [number, value] : llvm::enumerate(list.getValues<Attribute>())) {
    Value other = constant(value);
    if (chosen) {
      Value isOther = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::uge, place,
                                            index(int64_t(number)));
      other = select(isOther, other, chosen);
    }
    chosen = other;
  }
  return chosen;
}

Value TokenLowering::emitInsert(vector::InsertStridedSliceOp insert, Value place) {
  int64_t first = cast<IntegerAttr>(insert.getOffsets()[0]).getInt();
  int64_t size = insert.getSourceVectorType().getNumElements();
  Value own = arith::SubIOp::create(builder, loc, place, index(first));
  // Unsigned, so that what lies before counts as far behind.
  Value inside = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, own, index(size));
  Value inserted = component(insert.getValueToStore(), own);
  if (first == 0 && size == insert.getDestVectorType().getNumElements())
    return inserted;
  return select(inside, inserted, component(insert.getDest(), place));
}

Value TokenLowering::emitInterleave(vector::InterleaveOp op, Value place) {
  Value half = arith::ShRUIOp::create(builder, loc, place, index(1));
  Value odd = arith::AndIOp::create(builder, loc, place, index(1));
  Value isEven = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, odd, index(0));
  return select(isEven, component(op.getLhs(), half), component(op.getRhs(), half));
}

/// Runs of components that lie next to each other move together.
Value TokenLowering::emitShuffle(vector::ShuffleOp shuffle, Value place) {
  constexpr size_t mostRuns = 16;
  ArrayRef<int64_t> mask = shuffle.getMask();
  SmallVector<std::pair<int64_t, int64_t>> runs; // first component, distance to its source
  for (auto [number, from] : llvm::enumerate(mask))
    if (int64_t distance = from - int64_t(number); runs.empty() || runs.back().second != distance)
      runs.push_back({int64_t(number), distance});
  if (runs.size() > mostRuns)
    return failedAt(shuffle, "a shuffle of at most 16 runs of components"), place;
  Value from = arith::AddIOp::create(builder, loc, place, index(runs.front().second));
  for (auto [first, distance] : ArrayRef(runs).drop_front()) {
    Value isLater =
        arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::uge, place, index(first));
    Value moved = arith::AddIOp::create(builder, loc, place, index(distance));
    from = select(isLater, moved, from);
  }
  int64_t size = shuffle.getV1VectorType().getNumElements();
  bool usesFirst = llvm::any_of(mask, [&](int64_t entry) { return entry < size; });
  bool usesSecond = llvm::any_of(mask, [&](int64_t entry) { return entry >= size; });
  if (!usesSecond)
    return component(shuffle.getV1(), from);
  Value inSecond = arith::SubIOp::create(builder, loc, from, index(size));
  if (!usesFirst)
    return component(shuffle.getV2(), inSecond);
  Value isFirst = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, from, index(size));
  return select(isFirst, component(shuffle.getV1(), from), component(shuffle.getV2(), inSecond));
}

//===--- numbers -------------------------------------------------------------------------------===//

Value TokenLowering::scalar(Value value) {
  if (Value made = known.scalars.lookup(value))
    return made;
  Value result;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (argument.getOwner()->getParentOp() == source)
      result = argumentOf(value);
    else if (Value input = known.inputs.lookup(value))
      result = element(input);
    else
      result = readToken(known.sources.lookup(value), Value());
  } else {
    result = emitScalar(value.getDefiningOp(), cast<OpResult>(value).getResultNumber());
  }
  known.scalars[value] = result;
  return result;
}

Value TokenLowering::emitScalar(Operation *op, unsigned result) {
  if (auto reduction = dyn_cast<vector::ReductionOp>(op))
    return emitReduction(reduction);
  if (auto extract = dyn_cast<vector::ExtractOp>(op))
    return emitExtract(extract, index(0));
  if (auto load = dyn_cast<attn::LoadOp>(op))
    return emitLoad(load, Value());
  if (auto size = dyn_cast<attn::SizeOp>(op))
    return lengthOf(size, size.getAxisAttr());
  if (llvm::any_of(op->getOperandTypes(), llvm::IsaPred<VectorType>))
    return failedAt(op, "a reduction or an extraction of vectors"), index(0);
  return cloneOnNumbers(op, result, Value());
}

/// The op on numbers: of vectors those at `place`.
Value TokenLowering::cloneOnNumbers(Operation *op, unsigned result, Value place) {
  IRMapping mapping;
  for (Value operand : op->getOperands())
    mapping.map(operand,
                isa<VectorType>(operand.getType()) ? component(operand, place) : scalar(operand));
  Operation *copy = builder.clone(*op, mapping);
  for (Value value : copy->getResults())
    value.setType(getElementTypeOrSelf(value.getType()));
  return copy->getResult(result);
}

static arith::AtomicRMWKind kindOf(vector::CombiningKind kind, bool isFloat) {
  using arith::AtomicRMWKind;
  switch (kind) {
  case vector::CombiningKind::ADD: return isFloat ? AtomicRMWKind::addf : AtomicRMWKind::addi;
  case vector::CombiningKind::MUL: return isFloat ? AtomicRMWKind::mulf : AtomicRMWKind::muli;
  case vector::CombiningKind::MINUI: return AtomicRMWKind::minu;
  case vector::CombiningKind::MINSI: return AtomicRMWKind::mins;
  case vector::CombiningKind::MAXUI: return AtomicRMWKind::maxu;
  case vector::CombiningKind::MAXSI: return AtomicRMWKind::maxs;
  case vector::CombiningKind::MINNUMF: return AtomicRMWKind::minnumf;
  case vector::CombiningKind::MAXNUMF: return AtomicRMWKind::maxnumf;
  case vector::CombiningKind::MINIMUMF: return AtomicRMWKind::minimumf;
  case vector::CombiningKind::MAXIMUMF: return AtomicRMWKind::maximumf;
  case vector::CombiningKind::AND: return AtomicRMWKind::andi;
  case vector::CombiningKind::OR: return AtomicRMWKind::ori;
  case vector::CombiningKind::XOR: return AtomicRMWKind::xori;
  }
  llvm_unreachable("all kinds are listed");
}

/// A loop over the components, in their order.
Value TokenLowering::emitReduction(vector::ReductionOp reduction) {
  Type type = reduction.getType();
  arith::AtomicRMWKind kind = kindOf(reduction.getKind(), isa<FloatType>(type));
  Value initial = reduction.getAcc() ? scalar(reduction.getAcc())
                                     : arith::getIdentityValue(kind, type, builder, loc);
  int64_t size = cast<VectorType>(reduction.getVector().getType()).getNumElements();
  auto loop = scf::ForOp::create(builder, loc, index(0), index(size), index(1), initial);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  // What is emitted in the loop is not seen behind it.
  Known outer = known;
  Value next = component(reduction.getVector(), loop.getInductionVar());
  Value joined = arith::getReductionOp(kind, builder, loc, loop.getRegionIterArg(0), next);
  scf::YieldOp::create(builder, loc, joined);
  known = std::move(outer);
  return loop.getResult(0);
}
