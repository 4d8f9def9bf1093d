// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: how does a map of tokens become code for one component?
//
//   %y = map (%x = %k) .. { %e = extf %x : vector<..>   %u = mulf %e, %e   yield %u : vector<..> }
// becomes
//   tile.elements %out[%b, %h, %first] { ^bb0(%n, %c): %x = tile.read %k[%b, %h, %n, %c]   %e = extf %x
//                                        %u = mulf %e, %e   tile.yield %u }
// What moves components reads others; sums over components are loops.
#include "compiler/passes/LowerToTileKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace attune;

namespace {

/// Where the tokens of an operand lie for a block: memory, batch, head; how many of the result's tokens read
/// one of them; and are they keys of a matrix?
struct TokenSource {
  Value memory, batch, head;
  int64_t ratio = 1;
  bool isKey = false;
};

class TokenLowering {
public:
  TokenLowering(attn::KernelOp source, tile::ConfigAttr config)
      : source(source), config(config), builder(source.getContext()), loc(source.getLoc()) {}
  LogicalResult run();

private:
  bool failedAt(Operation *op, const Twine &expected);
  TokenSource sourceOf(Value operand, StringAttr axis);
  Value argumentOf(Value operand);
  void emitResult(Value value, Value target);

  Value scalar(Value value);
  Value component(Value value, Value place);
  Value emitScalar(Operation *op, unsigned result);
  Value emitComponent(Operation *op, unsigned result, Value place);
  Value emitReduction(vector::ReductionOp reduction);
  Value emitShuffle(vector::ShuffleOp shuffle, Value place);
  Value emitInsert(vector::InsertStridedSliceOp insert, Value place);
  Value emitInterleave(vector::InterleaveOp op, Value place);
  Value emitList(DenseElementsAttr list, Value place);
  Value emitLoad(attn::LoadOp load, Value place);
  Value emitLength(attn::SizeOp size);
  Value readToken(const TokenSource &token, Value place);
  Value readNumber(const TokenSource &from, Value number, Value place);
  Value emitMap(attn::MapOp map, Value place);
  Value emitPool(attn::ReduceOp reduce, Value place);
  Value emitDot(attn::DotOp dot);
  Value pair(Value matrix);
  Value cloneOnNumbers(Operation *op, unsigned result, Value place);
  Value index(int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(builder, loc, condition, yes, no);
  }

  attn::KernelOp source;
  tile::ConfigAttr config;
  tile::KernelOp kernel;
  OpBuilder builder;
  Location loc;
  Value batch, head, token, keyToken;
  bool hasFailed = false;
  llvm::DenseMap<Value, TokenSource> sources;
  llvm::DenseMap<Value, Value> scalars;
  llvm::DenseMap<std::pair<Value, Value>, Value> components;
};

} // namespace

bool TokenLowering::failedAt(Operation *op, const Twine &expected) {
  if (!hasFailed)
    op->emitError() << "expected " << expected << " in a map of tokens, but got '" << op->getName()
                    << "'";
  hasFailed = true;
  return true;
}

//===--- operands ------------------------------------------------------------------------------===//

Value TokenLowering::argumentOf(Value operand) {
  return kernel.getBody().getArgument(cast<BlockArgument>(operand).getArgNumber());
}

/// As TileScope has it: a batch of one is shared by all, fewer heads are shared by groups of neighbours.
TokenSource TokenLowering::sourceOf(Value operand, StringAttr axis) {
  TokenSource place;
  place.isKey = isa<attn::ColsType>(operand.getType());
  auto entries = operand.getDefiningOp<attn::EntriesOp>();
  place.memory = argumentOf(entries ? entries.getInput() : operand);
  Value target = kernel.getBody().getArguments().take_back(kernel.getResultCount()).front();
  auto size = [&](Value memory, int64_t dimension) -> Value {
    return memref::DimOp::create(builder, loc, memory, dimension);
  };
  Value shared = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                       size(place.memory, 0), index(1));
  place.batch = select(shared, index(0), batch);
  Value ratio = arith::DivUIOp::create(builder, loc, size(target, 1), size(place.memory, 1));
  place.head = arith::DivUIOp::create(builder, loc, head, ratio);
  place.ratio =
      attn::getAxisBlock(attn::getAxes(operand.getType()).front()) / attn::getAxisBlock(axis);
  return place;
}

Value TokenLowering::readToken(const TokenSource &from, Value place) {
  Value number = from.isKey ? keyToken : token;
  if (from.ratio > 1)
    number = arith::DivUIOp::create(builder, loc, number, index(from.ratio));
  return readNumber(from, number, place);
}

Value TokenLowering::readNumber(const TokenSource &from, Value number, Value place) {
  SmallVector<Value> indices = {from.batch, from.head, number};
  if (place)
    indices.push_back(place);
  Type element = cast<MemRefType>(from.memory.getType()).getElementType();
  return tile::ReadOp::create(builder, loc, element, from.memory, indices);
}

Value TokenLowering::emitLoad(attn::LoadOp load, Value place) {
  Value table = scalar(load.getTable());
  SmallVector<Value> indices;
  for (Value at : load.getIndices())
    indices.push_back(scalar(at));
  if (place)
    indices.push_back(place);
  auto memory = cast<MemRefType>(table.getType());
  if (size_t(memory.getRank()) != indices.size())
    return failedAt(load, "a load of a number or of one row of a table"), index(0);
  Value entry = tile::ReadOp::create(builder, loc, memory.getElementType(), table, indices);
  Type wanted = getElementTypeOrSelf(load.getType());
  if (entry.getType() != wanted)
    entry = arith::IndexCastOp::create(builder, loc, wanted, entry);
  return entry;
}

Value TokenLowering::emitLength(attn::SizeOp size) {
  for (Value operand : source.getBody().getArguments())
    if (llvm::is_contained(attn::getAxes(operand.getType()), size.getAxisAttr()))
      return memref::DimOp::create(builder, loc, argumentOf(operand), 2);
  for (auto op : source.getBody().getOps<attn::AxisOp>())
    if (op.getAxisAttr() == size.getAxisAttr() && op.getSize())
      return scalar(op.getSize());
  failedAt(size, "an axis whose length an operand gives");
  return index(0);
}

//===--- one component of a vector -------------------------------------------------------------===//

Value TokenLowering::component(Value value, Value place) {
  if (Value known = components.lookup({value, place}))
    return known;
  Value result;
  if (auto argument = dyn_cast<BlockArgument>(value))
    result = readToken(sources.lookup(argument), place);
  else
    result = emitComponent(value.getDefiningOp(), cast<OpResult>(value).getResultNumber(), place);
  components[{value, place}] = result;
  return result;
}

Value TokenLowering::emitComponent(Operation *op, unsigned result, Value place) {
  auto shifted = [&](Value from, int64_t distance) {
    Value other = arith::AddIOp::create(builder, loc, place, index(distance));
    return component(from, other);
  };
  if (cast<VectorType>(op->getResult(result).getType()).getRank() != 1)
    return failedAt(op, "vectors of rank 1"), place;
  if (auto broadcast = dyn_cast<vector::BroadcastOp>(op))
    if (!isa<VectorType>(broadcast.getSource().getType()))
      return scalar(broadcast.getSource());
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return emitList(cast<DenseElementsAttr>(constant.getValue()), place);
  if (isa<vector::StepOp>(op))
    return place;
  if (auto load = dyn_cast<attn::LoadOp>(op))
    return emitLoad(load, place);
  if (auto slice = dyn_cast<vector::ExtractStridedSliceOp>(op))
    return shifted(slice.getSource(), cast<IntegerAttr>(slice.getOffsets()[0]).getInt());
  if (auto insert = dyn_cast<vector::InsertStridedSliceOp>(op))
    return emitInsert(insert, place);
  if (auto interleave = dyn_cast<vector::InterleaveOp>(op))
    return emitInterleave(interleave, place);
  if (auto parts = dyn_cast<vector::DeinterleaveOp>(op)) {
    Value even = arith::MulIOp::create(builder, loc, place, index(2));
    if (result == 1)
      even = arith::AddIOp::create(builder, loc, even, index(1));
    return component(parts.getSource(), even);
  }
  if (auto shuffle = dyn_cast<vector::ShuffleOp>(op))
    return emitShuffle(shuffle, place);
  if (isa<vector::ShapeCastOp>(op) && cast<VectorType>(op->getOperand(0).getType()).getRank() == 1)
    return component(op->getOperand(0), place);
  if (!OpTrait::hasElementwiseMappableTraits(op))
    return failedAt(op, "ops on components, slices and shuffles"), place;
  return cloneOnNumbers(op, result, place);
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
  if (Value known = scalars.lookup(value))
    return known;
  Value result;
  if (auto argument = dyn_cast<BlockArgument>(value))
    result = argument.getOwner()->getParentOp() == source
                 ? argumentOf(value)
                 : readToken(sources.lookup(value), Value());
  else
    result = emitScalar(value.getDefiningOp(), cast<OpResult>(value).getResultNumber());
  scalars[value] = result;
  return result;
}

Value TokenLowering::emitScalar(Operation *op, unsigned result) {
  if (auto reduction = dyn_cast<vector::ReductionOp>(op))
    return emitReduction(reduction);
  if (auto extract = dyn_cast<vector::ExtractOp>(op)) {
    if (extract.getSourceVectorType().getRank() != 1)
      return failedAt(op, "vectors of rank 1"), index(0);
    OpFoldResult place = extract.getMixedPosition()[0];
    auto number = dyn_cast<Attribute>(place);
    Value at = number ? index(cast<IntegerAttr>(number).getInt()) : scalar(cast<Value>(place));
    return component(extract.getSource(), at);
  }
  if (auto load = dyn_cast<attn::LoadOp>(op))
    return emitLoad(load, Value());
  if (auto size = dyn_cast<attn::SizeOp>(op))
    return emitLength(size);
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
  auto outerScalars = scalars;
  auto outerComponents = components;
  Value next = component(reduction.getVector(), loop.getInductionVar());
  Value joined = arith::getReductionOp(kind, builder, loc, loop.getRegionIterArg(0), next);
  scf::YieldOp::create(builder, loc, joined);
  scalars = std::move(outerScalars);
  components = std::move(outerComponents);
  return loop.getResult(0);
}

//===--- the kernel ----------------------------------------------------------------------------===//

/// What the map yields at the current token (and key): component `place` of a vector.
Value TokenLowering::emitMap(attn::MapOp map, Value place) {
  Block &region = map.getBody().front();
  auto axes = attn::getAxes(map.getType());
  for (auto [input, argument] : llvm::zip(map.getInputs(), region.getArguments())) {
    if (isa<attn::MatrixType>(input.getType()))
      scalars[argument] = pair(input);
    else
      sources[argument] =
          sourceOf(input, isa<attn::ColsType>(input.getType()) ? axes.back() : axes.front());
  }
  auto indices = region.getArguments().drop_front(map.getInputs().size());
  scalars[indices[0]] = batch;
  scalars[indices[1]] = head;
  scalars[indices[2]] = token;
  if (indices.size() > 3)
    scalars[indices[3]] = keyToken;
  Value yielded = region.getTerminator()->getOperand(0);
  return isa<VectorType>(yielded.getType()) ? component(yielded, place) : scalar(yielded);
}

/// Component `place` of what a block of tokens is reduced to; the last block may be short.
Value TokenLowering::emitPool(attn::ReduceOp reduce, Value place) {
  TokenSource from =
      sourceOf(reduce.getInput(), attn::getAxes(reduce.getInput().getType()).front());
  bool isVector = isa<VectorType>(attn::getPlaceElementType(reduce.getInput().getType()));
  auto memory = cast<MemRefType>(from.memory.getType());
  Type element = memory.getElementType();
  if (!isa<FloatType>(element))
    return failedAt(reduce, "floats"), index(0);
  Type type = element.isF64() ? element : Type(builder.getF32Type());
  auto kind = reduce.getKind() == attn::ReduceKind::Max   ? arith::AtomicRMWKind::maximumf
              : reduce.getKind() == attn::ReduceKind::Min ? arith::AtomicRMWKind::minimumf
                                                          : arith::AtomicRMWKind::addf;
  int64_t block = int64_t(*reduce.getBy());
  Value first = arith::MulIOp::create(builder, loc, token, index(block));
  Value length = memref::DimOp::create(builder, loc, from.memory, 2);
  Value initial = arith::getIdentityValue(kind, type, builder, loc);
  auto loop = scf::ForOp::create(builder, loc, index(0), index(block), index(1), initial);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    Value number = arith::AddIOp::create(builder, loc, first, loop.getInductionVar());
    Value exists = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, number, length);
    Value next = readNumber(from, number, isVector ? place : Value());
    if (element != type)
      next = arith::ExtFOp::create(builder, loc, type, next);
    Value joined = arith::getReductionOp(kind, builder, loc, loop.getRegionIterArg(0), next);
    scf::YieldOp::create(builder, loc, select(exists, joined, loop.getRegionIterArg(0)));
  }
  Value result = loop.getResult(0);
  if (reduce.getKind() == attn::ReduceKind::Mean) {
    Value left = arith::SubIOp::create(builder, loc, length, first);
    Value count = arith::MinSIOp::create(builder, loc, left, index(block));
    Value narrow = arith::IndexCastOp::create(builder, loc, builder.getI32Type(), count);
    result = arith::DivFOp::create(builder, loc, result,
                                   arith::SIToFPOp::create(builder, loc, type, narrow));
  }
  return element == type ? result : Value(arith::TruncFOp::create(builder, loc, element, result));
}

/// The product of the current token with the current key.
Value TokenLowering::emitDot(attn::DotOp dot) {
  auto vector = cast<VectorType>(attn::getPlaceElementType(dot.getRows().getType()));
  TokenSource rows = sourceOf(dot.getRows(), attn::getAxes(dot.getRows().getType()).front());
  TokenSource cols = sourceOf(dot.getCols(), attn::getAxes(dot.getCols().getType()).front());
  Type type = attn::getPlaceElementType(dot.getType());
  if (!isa<FloatType>(type))
    return failedAt(dot, "products of floats"), index(0);
  Value zero = arith::ConstantOp::create(builder, loc, builder.getFloatAttr(type, 0));
  auto loop =
      scf::ForOp::create(builder, loc, index(0), index(vector.getNumElements()), index(1), zero);
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

/// A matrix at the current token and key.
Value TokenLowering::pair(Value matrix) {
  if (auto dot = matrix.getDefiningOp<attn::DotOp>())
    return emitDot(dot);
  if (auto map = matrix.getDefiningOp<attn::MapOp>())
    return emitMap(map, Value());
  failedAt(matrix.getDefiningOp(), "matrices of products and maps, all of whose pairs are visible");
  return index(0);
}

void TokenLowering::emitResult(Value value, Value target) {
  auto coordinates = *kernel.getBody().getOps<tile::CoordinatesOp>().begin();
  tile::ElementsOp::create(builder, loc, target, batch, head, coordinates.getFirstQuery(),
                           [&](OpBuilder &body, Location, Value number, Value place) -> Value {
                             OpBuilder outer = builder;
                             builder = body;
                             token = number;
                             keyToken = place;
                             Value result;
                             if (isa<attn::MatrixType>(value.getType()))
                               result = pair(value);
                             else if (auto reduce = value.getDefiningOp<attn::ReduceOp>())
                               result = emitPool(reduce, place);
                             else
                               result = emitMap(value.getDefiningOp<attn::MapOp>(), place);
                             body = builder;
                             builder = outer;
                             return result;
                           });
  scalars.clear();
  components.clear();
}

LogicalResult TokenLowering::run() {
  kernel = createTileKernel(source, source.getSymName(), config, Type(), true);
  builder.setInsertionPointToStart(&kernel.getBody().front());
  auto coordinates = tile::CoordinatesOp::create(builder, loc);
  batch = coordinates.getBatch();
  head = coordinates.getHead();
  auto targets = kernel.getBody().getArguments().take_back(kernel.getResultCount());
  auto returned = cast<attn::ReturnOp>(source.getBody().front().getTerminator());
  for (auto [value, target] : llvm::zip(returned.getValues(), targets))
    emitResult(value, target);
  tile::ReturnOp::create(builder, loc);
  if (hasFailed) {
    kernel.erase();
    return failure();
  }
  source.erase();
  return success();
}

LogicalResult attune::lowerTokens(attn::KernelOp source, tile::ConfigAttr config) {
  return TokenLowering(source, config).run();
}
