// SPDX-License-Identifier: Apache-2.0
// Parsing, printing, building and verifying the ops that say which tiles, and which numbers, are visited:
// sweep, fold, elements.
#include "dialects/tile/TileOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attune::tile;

/// `region` is one block that takes `arguments` and yields `results`.
static LogicalResult verifySignature(Operation *op, StringRef name, Region &region,
                                     ArrayRef<Type> arguments, ArrayRef<Type> results) {
  Block &block = region.front();
  if (block.getArgumentTypes() != TypeRange(arguments))
    return op->emitOpError() << "expected the region '" << name << "' to take (" << arguments
                             << "), but it takes (" << block.getArgumentTypes() << ")";
  auto yield = dyn_cast_or_null<YieldOp>(block.empty() ? nullptr : &block.back());
  if (!yield)
    return op->emitOpError() << "expected the region '" << name << "' to end in tile.yield";
  if (yield.getValues().getTypes() != TypeRange(results))
    return op->emitOpError() << "expected the region '" << name << "' to yield (" << results
                             << "), but it yields (" << yield.getValues().getTypes() << ")";
  return success();
}

//===--- fold ----------------------------------------------------------------------------------===//

void FoldOp::build(OpBuilder &builder, OperationState &state, Value first, Value last,
                   ArrayRef<FoldKind> kinds,
                   llvm::function_ref<SmallVector<Value>(OpBuilder &, Location, Value)> body) {
  state.addOperands({first, last});
  SmallVector<int32_t> numbers;
  for (FoldKind kind : kinds)
    numbers.push_back(int32_t(kind));
  state.getOrAddProperties<Properties>().kinds = builder.getDenseI32ArrayAttr(numbers);
  state.addTypes(SmallVector<Type>(kinds.size(), builder.getIndexType()));
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(state.addRegion());
  Value number = block->addArgument(builder.getIndexType(), state.location);
  YieldOp::create(builder, state.location, body(builder, state.location, number));
}

ParseResult FoldOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand first, last;
  SmallVector<int32_t> kinds;
  Type index = parser.getBuilder().getIndexType();
  auto parseKind = [&]() -> ParseResult {
    StringRef name;
    auto location = parser.getCurrentLocation();
    if (parser.parseKeyword(&name))
      return failure();
    auto kind = symbolizeFoldKind(name);
    if (!kind)
      return parser.emitError(location)
             << "expected least, greatest or union, but got '" << name << "'";
    kinds.push_back(int32_t(*kind));
    return success();
  };
  if (parser.parseOperand(first) || parser.parseKeyword("to") || parser.parseOperand(last) ||
      parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Square, parseKind) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
      parser.parseRegion(*result.addRegion(), {}) ||
      parser.resolveOperand(first, index, result.operands) ||
      parser.resolveOperand(last, index, result.operands))
    return failure();
  result.getOrAddProperties<Properties>().kinds = parser.getBuilder().getDenseI32ArrayAttr(kinds);
  result.addTypes(SmallVector<Type>(kinds.size(), index));
  return success();
}

void FoldOp::print(OpAsmPrinter &printer) {
  printer << " " << getFirst() << " to " << getLast() << " [";
  llvm::interleaveComma(llvm::seq<unsigned>(0, getKinds().size()), printer,
                        [&](unsigned index) { printer << stringifyFoldKind(getKind(index)); });
  printer << "]";
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(), {getKindsAttrName()});
  printer << " ";
  printer.printRegion(getBody());
}

LogicalResult FoldOp::verify() {
  // C1
  if (getKinds().size() != getNumResults())
    return emitOpError() << "expected " << getNumResults() << " kinds, but got "
                         << getKinds().size();
  for (int32_t kind : getKinds())
    if (!symbolizeFoldKind(kind))
      return emitOpError() << "expected kinds 0 (least), 1 (greatest) and 2 (union), but got "
                           << kind;
  return success();
}

LogicalResult FoldOp::verifyRegions() {
  // C2
  Type index = IndexType::get(getContext());
  return verifySignature(*this, "body", getBody(), index,
                         SmallVector<Type>(getNumResults(), index));
}

//===--- elements ------------------------------------------------------------------------------===//

void ElementsOp::build(OpBuilder &builder, OperationState &state, Value target, Value batch,
                       Value head, Value first,
                       llvm::function_ref<Value(OpBuilder &, Location, Value, Value)> body) {
  state.addOperands({target, batch, head, first});
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(state.addRegion());
  Value token = block->addArgument(builder.getIndexType(), state.location);
  Value component = block->addArgument(builder.getIndexType(), state.location);
  YieldOp::create(builder, state.location, body(builder, state.location, token, component));
}

LogicalResult ElementsOp::verify() {
  auto target = cast<MemRefType>(getTarget().getType());
  // C1
  if (target.getRank() != 3 && target.getRank() != 4)
    return emitOpError()
           << "expected a target of rank 3 or 4 (batch, heads, tokens, components), but "
              "got "
           << target;
  return success();
}

LogicalResult ElementsOp::verifyRegions() {
  // C2
  Type index = IndexType::get(getContext());
  if (failed(verifySignature(*this, "body", getBody(), {index, index}, getElementType())))
    return failure();
  // C3
  WalkResult walked = getBody().walk([&](ReadOp read) {
    return read.getTable() == getTarget() ? WalkResult::interrupt() : WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return emitOpError() << "expected a region that does not read the target";
  return success();
}

void ElementsOp::inferResultRanges(ArrayRef<ConstantIntRanges>, SetIntRangeFn setRange) {
  // Tokens and components are below 2^31 - 1, as all sizes are.
  unsigned width = IndexType::kInternalStorageBitWidth;
  auto sizes = ConstantIntRanges::fromSigned(APInt(width, 0), APInt(width, (int64_t(1) << 31) - 2));
  setRange(getToken(), sizes);
  setRange(getComponent(), sizes);
}

//===--- scan ----------------------------------------------------------------------------------===//

LogicalResult ScanOp::inferReturnTypes(MLIRContext *, std::optional<Location>, ValueRange operands,
                                       DictionaryAttr, OpaqueProperties, RegionRange,
                                       SmallVectorImpl<Type> &types) {
  llvm::append_range(types, operands.getTypes());
  return success();
}

LogicalResult ScanOp::verify() {
  // C1
  if (getInputs().empty())
    return emitOpError("expected a matrix at least");
  auto first = cast<MatrixType>(getInputs().front().getType());
  for (auto [index, pair] :
       llvm::enumerate(llvm::zip(getInputs().getTypes(), getCarried().getTypes()))) {
    auto matrix = cast<MatrixType>(std::get<0>(pair));
    auto rows = RowsType::get(getContext(), first.getRows(), matrix.getElementType());
    if (matrix.getRows() != first.getRows() || matrix.getCols() != first.getCols())
      return emitOpError() << "expected matrix " << index << " to have the places of " << first
                           << ", but got " << matrix;
    if (std::get<1>(pair) != rows)
      return emitOpError() << "expected carried rows " << index << " of type " << rows
                           << ", but got " << std::get<1>(pair);
  }
  return success();
}

LogicalResult ScanOp::verifyRegions() {
  // C2
  SmallVector<Type> state;
  for (Type type : getInputs().getTypes())
    state.push_back(getScalarType(type));
  SmallVector<Type> states(state);
  llvm::append_range(states, state);
  return verifySignature(*this, "body", getBody(), states, state);
}

//===--- sweep ---------------------------------------------------------------------------------===//

ParseResult SweepOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand first, end;
  SmallVector<OpAsmParser::UnresolvedOperand> initial;
  Type index = parser.getBuilder().getIndexType();
  Region *seek = result.addRegion(), *classify = result.addRegion(), *body = result.addRegion();
  if (parser.parseOperand(first) || parser.parseKeyword("to") || parser.parseOperand(end) ||
      (succeeded(parser.parseOptionalKeyword("carry")) &&
       parser.parseOperandList(initial, OpAsmParser::Delimiter::Paren)) ||
      (succeeded(parser.parseOptionalKeyword("seek")) && parser.parseRegion(*seek, {})) ||
      parser.parseKeyword("classify") || parser.parseRegion(*classify, {}) ||
      parser.parseKeyword("do") || parser.parseRegion(*body, {}) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  auto location = parser.getCurrentLocation();
  if (succeeded(parser.parseOptionalColon()) && parser.parseTypeList(result.types))
    return failure();
  return failure(parser.resolveOperand(first, index, result.operands) ||
                 parser.resolveOperand(end, index, result.operands) ||
                 parser.resolveOperands(initial, result.types, location, result.operands));
}

void SweepOp::print(OpAsmPrinter &printer) {
  printer << " " << getFirst() << " to " << getEnd();
  if (!getInitial().empty())
    printer << " carry (" << getInitial() << ")";
  if (!getSeek().empty()) {
    printer << " seek ";
    printer.printRegion(getSeek());
  }
  printer << " classify ";
  printer.printRegion(getClassify());
  printer << " do ";
  printer.printRegion(getBody());
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs());
  if (getNumResults())
    printer << " : " << getResultTypes();
}

LogicalResult SweepOp::verify() {
  if (getInitial().getTypes() != getResultTypes())
    return emitOpError() << "expected results of the types of the initial state ("
                         << getInitial().getTypes() << "), but got (" << getResultTypes() << ")";
  return success();
}

LogicalResult SweepOp::verifyRegions() {
  Type index = IndexType::get(getContext()), truth = IntegerType::get(getContext(), 1);
  // C1
  if (!getSeek().empty() && failed(verifySignature(*this, "seek", getSeek(), index, index)))
    return failure();
  if (failed(verifySignature(*this, "classify", getClassify(), index, {truth, truth})))
    return failure();
  // C2
  SmallVector<Type> arguments = {index, truth};
  llvm::append_range(arguments, getResultTypes());
  return verifySignature(*this, "body", getBody(), arguments, llvm::to_vector(getResultTypes()));
}

bool SweepOp::visitsAll() { return getSeek().empty() && matchPattern(getClasses()[0], m_One()); }

void SweepOp::inferResultRanges(ArrayRef<ConstantIntRanges>, SetIntRangeFn setRange) {
  // Tiles are no more than tokens, which are below 2^31. `seek` is asked for the end, too.
  constexpr int64_t tokens = (int64_t(1) << 31) - 1;
  auto upTo = [](int64_t last) {
    unsigned width = IndexType::kInternalStorageBitWidth;
    return ConstantIntRanges::fromSigned(APInt(width, 0), APInt(width, last));
  };
  auto kernel = (*this)->getParentOfType<KernelOp>();
  bool isBoxed = !kernel || kernel.getConfig().getKeyBox();
  int64_t keys = isBoxed ? 1 : kernel.getConfig().getKeys();
  if (!getSeek().empty())
    setRange(getSeek().getArgument(0), upTo(tokens));
  setRange(getClassify().getArgument(0), upTo((tokens - 1) / keys));
  setRange(getTile(), upTo((tokens - 1) / keys));
  setRange(getPartial(), ConstantIntRanges::maxRange(1));
  for (Value carried : getState())
    if (carried.getType().isIntOrIndex())
      setRange(carried, ConstantIntRanges::maxRange(
                            ConstantIntRanges::getStorageBitwidth(carried.getType())));
  for (Value result : getResults())
    if (result.getType().isIntOrIndex())
      setRange(result, ConstantIntRanges::maxRange(
                           ConstantIntRanges::getStorageBitwidth(result.getType())));
}
