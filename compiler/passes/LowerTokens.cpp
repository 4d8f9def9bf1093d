// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: how does a map of tokens become code for one component?
//
//   %y = map (%x = %k) .. { %e = extf %x : vector<..>   %u = mulf %e, %e   yield %u : vector<..> }
// becomes
//   tile.elements %out[%b, %h, %first] { ^bb0(%n, %c): %x = tile.read %k[%b, %h, %n, %c]   %e = extf %x
//                                        %u = mulf %e, %e   tile.yield %u }
// A matrix that is stored is written the same way: its keys are the components, a hidden pair is 0.
#include "compiler/passes/LowerTokens.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace attune;

TokenLowering::TokenLowering(attn::KernelOp source, tile::ConfigAttr config)
    : source(source), config(config), builder(source.getContext()), loc(source.getLoc()) {}

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
  TokenSource from;
  from.isKey = isa<attn::ColsType>(operand.getType());
  auto entries = operand.getDefiningOp<attn::EntriesOp>();
  from.memory = argumentOf(entries ? entries.getInput() : operand);
  auto size = [&](int64_t dimension) -> Value {
    return memref::DimOp::create(builder, loc, from.memory, dimension);
  };
  Value shared = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, size(0), index(1));
  from.batch = select(shared, index(0), place.batch);
  from.head = divide(place.head, divide(place.heads, size(1)));
  from.ratio =
      attn::getAxisBlock(attn::getAxes(operand.getType()).front()) / attn::getAxisBlock(axis);
  return from;
}

Value TokenLowering::readToken(const TokenSource &from, Value component) {
  Value number = from.isKey ? place.key : place.token;
  if (from.ratio > 1)
    number = divide(number, index(from.ratio));
  SmallVector<Value> indices = {from.batch, from.head, number};
  if (component)
    indices.push_back(component);
  Type element = cast<MemRefType>(from.memory.getType()).getElementType();
  return tile::ReadOp::create(builder, loc, element, from.memory, indices);
}

/// The tokens of an axis.
Value TokenLowering::lengthOf(Operation *user, StringAttr axis) {
  for (Value operand : source.getBody().getArguments())
    for (auto [side, own] : llvm::enumerate(attn::getAxes(operand.getType())))
      if (own == axis)
        return memref::DimOp::create(builder, loc, argumentOf(operand), int64_t(2 + side));
  for (auto op : source.getBody().getOps<attn::AxisOp>()) {
    if (op.getAxisAttr() == axis && op.getSize())
      return scalar(op.getSize());
    if (op.getAxisAttr() == axis && op.getLike())
      return lengthOf(user, builder.getStringAttr(*op.getLike()));
  }
  if (int64_t block = attn::getAxisBlock(axis); block > 1) {
    Value whole = lengthOf(user, builder.getStringAttr(attn::getAxisRoot(axis)));
    return divide(add(whole, index(block - 1)), index(block));
  }
  failedAt(user, "an axis whose length an operand gives");
  return index(0);
}

/// How many heads a value has.
Value TokenLowering::headsOf(Value value) {
  if (isa<BlockArgument>(value))
    return memref::DimOp::create(builder, loc, argumentOf(value), 1);
  Operation *op = value.getDefiningOp();
  Value most;
  for (Value operand : op->getOperands())
    if (attn::isVirtual(operand.getType())) {
      Value own = headsOf(operand);
      most = most ? Value(arith::MaxUIOp::create(builder, loc, most, own)) : own;
    }
  if (auto reduce = dyn_cast<attn::ReduceOp>(op);
      reduce && reduce.getOver() == attn::ReduceOver::Heads)
    return reduce.getBy() ? divide(most, index(int64_t(*reduce.getBy()))) : index(1);
  if (auto stencil = dyn_cast<attn::StencilOp>(op); stencil && stencil.getHeads())
    return divide(most, index(int64_t(*stencil.getHeads())));
  return most ? most : index(1);
}

/// What the arguments of a region stand for: elements of `inputs`, then the indices. `counted`: whose heads.
void TokenLowering::bindRegion(Block &region, ValueRange inputs, Type placeType, Value counted) {
  auto axes = attn::getAxes(placeType);
  for (auto [input, argument] : llvm::zip(inputs, region.getArguments())) {
    bool isStored = isa<BlockArgument>(input) || input.getDefiningOp<attn::EntriesOp>();
    if (isStored && !isa<attn::MatrixType>(input.getType()))
      known.sources[argument] =
          sourceOf(input, isa<attn::ColsType>(input.getType()) ? axes.back() : axes.front());
    else
      known.inputs[argument] = input;
  }
  auto indices = region.getArguments().drop_front(inputs.size());
  known.scalars[indices[0]] = place.batch;
  known.scalars[indices[1]] = place.head;
  if (!indices[1].use_empty())
    known.scalars[indices[1]] = divide(place.head, divide(place.heads, headsOf(counted)));
  known.scalars[indices[2]] = place.token;
  if (indices.size() > 3)
    known.scalars[indices[3]] = place.key;
}

/// Emits at another place: what is known of this one does not hold there.
Value TokenLowering::at(const TokenPlace &other, llvm::function_ref<Value()> emit) {
  TokenPlace here = place;
  Known outer;
  std::swap(known, outer);
  place = other;
  Value result = emit();
  place = here;
  std::swap(known, outer);
  return result;
}

//===--- the kernel ----------------------------------------------------------------------------===//

void TokenLowering::emitResult(Value value, Value target) {
  auto coordinates = *kernel.getBody().getOps<tile::CoordinatesOp>().begin();
  bool isMatrix = isa<attn::MatrixType>(value.getType());
  tile::ElementsOp::create(builder, loc, target, coordinates.getBatch(), coordinates.getHead(),
                           coordinates.getFirstQuery(),
                           [&](OpBuilder &body, Location, Value number, Value component) -> Value {
                             OpBuilder outer = builder;
                             builder = body;
                             Value heads = memref::DimOp::create(builder, loc, target, 1);
                             TokenPlace own = {coordinates.getBatch(), coordinates.getHead(), heads,
                                               number, component};
                             Value result = at(own, [&]() -> Value {
                               Value made = element(value, isMatrix ? Value() : component);
                               Value shows = isMatrix ? visible(value) : Value();
                               return shows ? select(shows, made, zero(made.getType())) : made;
                             });
                             body = builder;
                             builder = outer;
                             return result;
                           });
}

LogicalResult TokenLowering::run() {
  auto returned = cast<attn::ReturnOp>(source.getBody().front().getTerminator());
  for (Value value : returned.getValues()) {
    auto vector = dyn_cast<VectorType>(attn::getPlaceElementType(value.getType()));
    if (vector && (vector.getRank() != 1 || isa<attn::MatrixType>(value.getType())))
      return value.getDefiningOp()->emitOpError("of type ")
             << value.getType()
             << " cannot be stored, which only numbers and, of tokens, vectors of "
             << "rank 1 can; expected a map of its values to one of these";
  }
  kernel = createTileKernel(source, source.getSymName(), config, Type(), true);
  builder.setInsertionPointToStart(&kernel.getBody().front());
  tile::CoordinatesOp::create(builder, loc);
  auto targets = kernel.getBody().getArguments().take_back(kernel.getResultCount());
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
