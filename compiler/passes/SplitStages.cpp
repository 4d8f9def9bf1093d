// SPDX-License-Identifier: Apache-2.0
// attn-split-stages: which kernels run one after the other, and what does each read and write?
//
//   attn.kernel @f(%q, %k, %v) -> !q { %y = map (%x = %k) .. : (!k) -> !k   %s = dot %q, %y   .. }
// becomes
//   attn.kernel @f_stage0(%k: !attn.rows<.., k>) -> (!attn.rows<.., k> {attn.name = "f.0"})
//       attributes {attn.tokens} { %y = map (%x = %k) .. }
//   attn.kernel @f(%q, %v, %f.0: !k) -> !q { %s = dot %q, %f.0   .. }
// The rows of a kernel are what its blocks own: a kernel whose rows are the program's keys has all types and
// places exchanged.
#include "compiler/Passes.h"
#include "compiler/analysis/Stages.h"
#include "compiler/passes/PlaceRegions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include <limits>

namespace attune {
#define GEN_PASS_DEF_SPLITSTAGESPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;
using namespace attune;

namespace {

class SplitStages : public attune::impl::SplitStagesPassBase<SplitStages> {
public:
  void runOnOperation() override;
};

/// Writes one stage of `source`.
class StageWriter {
public:
  StageWriter(attn::KernelOp source, const StagePlan &plan, const ProgramStage &stage,
              const llvm::DenseMap<Value, std::string> &names)
      : source(source), plan(plan), stage(stage), names(names), builder(source) {}
  void write(StringRef name);

private:
  Value clone(Value value, bool flip);
  Value cloneOperand(Operation *user, Value value, bool flip);
  bool isStored(Operation *user, Value value, bool flip) const;
  Value cloneOp(Operation *op, unsigned result, bool flip);
  Value leaf(Value value, bool flip);
  Value addOperand(Value operand, bool flip, StringRef name);
  void captureScalars(Operation *op);
  void bindAxes();
  void bindAxis(StringAttr axis);
  void addResult(Value value, StringRef name);

  attn::KernelOp source;
  const StagePlan &plan;
  const ProgramStage &stage;
  const llvm::DenseMap<Value, std::string> &names;
  OpBuilder builder;
  attn::KernelOp kernel;
  /// Values that this kernel computes, and that it reads from memory.
  llvm::DenseMap<std::pair<Value, unsigned>, Value> known, read;
  IRMapping scalars;
  llvm::SmallVector<Attribute> operandAttributes, resultAttributes;
  llvm::SmallVector<Value> results;
  llvm::SmallVector<Operation *> axisOps;
};

} // namespace

//===--- numbers of whole vectors --------------------------------------------------------------===//

/// The map of the same inputs that yields what `reduction`, in the region of `map`, gives.
static attn::MapOp hoist(attn::MapOp map, vector::ReductionOp reduction) {
  OpBuilder builder(map);
  Type element = reduction.getType(), type = map.getType();
  StringAttr axis = attn::getAxes(type).front();
  Type result = isa<attn::RowsType>(type)
                    ? Type(attn::RowsType::get(type.getContext(), element, axis))
                    : Type(attn::ColsType::get(type.getContext(), element, axis));
  auto number = attn::MapOp::create(builder, map.getLoc(), result, map.getInputs());
  IRMapping mapping;
  map.getBody().cloneInto(&number.getBody(), mapping);
  Operation *yield = number.getBody().front().getTerminator();
  yield->setOperands(mapping.lookup(reduction.getResult()));
  eraseDeadOps(number.getBody().front());
  return number;
}

/// `map` with one more input, whose element stands for `replaced`.
static attn::MapOp addInput(attn::MapOp map, Value input, Value replaced) {
  OpBuilder builder(map);
  SmallVector<Value> inputs = llvm::to_vector_of<Value>(map.getInputs());
  unsigned place = inputs.size();
  inputs.push_back(input);
  auto wider = attn::MapOp::create(builder, map.getLoc(), map.getType(), inputs);
  wider.getBody().takeBody(map.getBody());
  Value element = wider.getBody().front().insertArgument(place, replaced.getType(), map.getLoc());
  replaced.replaceAllUsesWith(element);
  map.replaceAllUsesWith(wider.getResult());
  map.erase();
  return wider;
}

/// What is summed over the components of a token is a number of the token: computed once, not for each component.
static void hoistReductions(attn::KernelOp kernel) {
  for (auto map : llvm::make_early_inc_range(kernel.getBody().getOps<attn::MapOp>())) {
    if (isa<attn::MatrixType>(map.getType()) ||
        !isa<VectorType>(attn::getPlaceElementType(map.getType())))
      continue;
    auto reductions = llvm::to_vector(map.getBody().getOps<vector::ReductionOp>());
    for (vector::ReductionOp reduction : reductions) {
      attn::MapOp number = hoist(map, reduction);
      map = addInput(map, number.getResult(), reduction.getResult());
      reduction.erase();
    }
    eraseDeadOps(map.getBody().front());
  }
}

//===--- contractions of numbers ---------------------------------------------------------------===//

static Value converted(OpBuilder &builder, Value number, Type type) {
  if (number.getType() == type)
    return number;
  unsigned from = number.getType().getIntOrFloatBitWidth(), to = type.getIntOrFloatBitWidth();
  return from < to ? arith::ExtFOp::create(builder, number.getLoc(), type, number).getResult()
                   : arith::TruncFOp::create(builder, number.getLoc(), type, number).getResult();
}

/// Values that are single numbers need no matrix product: products with the weights, rounded to the values' type,
/// are summed.
static void expandNumbers(attn::KernelOp kernel) {
  for (auto op : llvm::make_early_inc_range(kernel.getBody().getOps<attn::ContractOp>())) {
    Value weights = op.getWeights(), values = op.getValues();
    Type narrow = attn::getPlaceElementType(values.getType());
    if (isa<VectorType>(narrow) || !isa<attn::RowsType>(op.getType()))
      continue;
    OpBuilder builder(op);
    Type wide = attn::getPlaceElementType(weights.getType());
    Value products = createMap(builder, op.getLoc(), weights.getType(), {weights, values},
                               [&](OpBuilder &inner, ValueRange x) -> Value {
                                 Value weight =
                                     converted(inner, converted(inner, x[0], narrow), wide);
                                 Value value = converted(inner, x[1], wide);
                                 return arith::MulFOp::create(inner, op.getLoc(), weight, value);
                               });
    Value sum = attn::ReduceOp::create(builder, op.getLoc(), attn::ReduceKind::Sum, products,
                                       attn::ReduceOver::Keys);
    Type rounded = attn::getPlaceElementType(op.getType());
    if (rounded != wide)
      sum = createMap(builder, op.getLoc(), op.getType(), sum, [&](OpBuilder &inner, ValueRange x) {
        return converted(inner, x[0], rounded);
      });
    op.replaceAllUsesWith(sum);
    op.erase();
  }
}

//===--- one stage ------------------------------------------------------------------------------===//

static Type exchanged(Type type) {
  MLIRContext *context = type.getContext();
  if (auto rows = dyn_cast<attn::RowsType>(type))
    return attn::ColsType::get(context, rows.getElementType(), rows.getAxis());
  if (auto cols = dyn_cast<attn::ColsType>(type))
    return attn::RowsType::get(context, cols.getElementType(), cols.getAxis());
  auto matrix = cast<attn::MatrixType>(type);
  return attn::MatrixType::get(context, matrix.getElementType(), matrix.getColAxis(),
                               matrix.getRowAxis());
}

Value StageWriter::addOperand(Value operand, bool flip, StringRef name) {
  Type type = flip ? exchanged(operand.getType()) : operand.getType();
  NamedAttrList attributes;
  if (auto argument = dyn_cast<BlockArgument>(operand))
    attributes.append(source.getArgAttrDict(argument.getArgNumber()));
  // One tensor may be on both sides.
  std::string own = name.str();
  for (Attribute other : operandAttributes)
    if (cast<DictionaryAttr>(other).getAs<StringAttr>(attn::KernelOp::getNameAttrName()) == own)
      own += otherSide;
  attributes.set(attn::KernelOp::getNameAttrName(), builder.getStringAttr(own));
  operandAttributes.push_back(attributes.getDictionary(builder.getContext()));
  return kernel.getBody().front().addArgument(type, source.getLoc());
}

/// An operand of the program, or what an earlier stage stored.
Value StageWriter::leaf(Value value, bool flip) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return addOperand(value, flip, source.getOperandName(argument.getArgNumber()));
  return addOperand(value, flip, names.lookup(value));
}

/// Scalars and tables that the regions of `op` use from outside.
void StageWriter::captureScalars(Operation *op) {
  llvm::SetVector<Value> captured;
  for (Region &region : op->getRegions())
    getUsedValuesDefinedAbove(region, captured);
  for (Value value : captured)
    clone(value, false);
}

/// x - m is -inf where m is: scores of the row are all -inf.
static void guardDifference(arith::SubFOp difference, Value maximum) {
  OpBuilder builder(difference->getContext());
  builder.setInsertionPointAfter(difference);
  Location loc = difference.getLoc();
  Value infinity = arith::ConstantOp::create(
      builder, loc,
      builder.getFloatAttr(maximum.getType(), -std::numeric_limits<double>::infinity()));
  Value isEmpty = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, maximum, infinity);
  auto chosen = arith::SelectOp::create(builder, loc, isEmpty, infinity, difference);
  difference.getResult().replaceAllUsesExcept(chosen.getResult(), chosen);
}

/// x / l is 0 where both are: the divisor is 1 there.
static void guardQuotient(arith::DivFOp quotient, Value sum) {
  OpBuilder builder(quotient);
  Location loc = quotient.getLoc();
  auto constant = [&](double value) {
    return arith::ConstantOp::create(builder, loc, builder.getFloatAttr(sum.getType(), value));
  };
  auto isZero = [&](Value number) {
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, number, constant(0));
  };
  Value isEmpty = arith::AndIOp::create(builder, loc, isZero(sum), isZero(quotient.getLhs()));
  quotient.getRhsMutable().assign(
      arith::SelectOp::create(builder, loc, isEmpty, constant(1), sum).getResult());
}

/// A row whose scores are all -inf counts as empty (RATIONALE 17). A planner that meets the reductions
/// themselves knows; of what it reads from memory it does not: maxima, sums, and thresholds of `solve`.
static void guardEmptyRows(attn::MapOp map, Value input, Value element) {
  Operation *made = input.getDefiningOp();
  auto reduce = dyn_cast<attn::ReduceOp>(made);
  auto stored = made->getAttrOfType<StringAttr>("attn.store");
  bool isGreatest = (reduce && reduce.getKind() == attn::ReduceKind::Max) ||
                    (stored && stored.getValue() == "threshold");
  bool isSum = reduce && reduce.getKind() == attn::ReduceKind::Sum;
  if (!isa<FloatType>(element.getType()))
    return;
  for (Operation &op : llvm::make_early_inc_range(map.getBody().front())) {
    if (op.getNumOperands() != 2 || op.getOperand(1) != element)
      continue;
    if (auto difference = dyn_cast<arith::SubFOp>(op); difference && isGreatest)
      guardDifference(difference, element);
    if (auto quotient = dyn_cast<arith::DivFOp>(op); quotient && isSum)
      guardQuotient(quotient, element);
  }
}

Value StageWriter::cloneOp(Operation *op, unsigned result, bool flip) {
  if (auto dot = dyn_cast<attn::DotOp>(op); dot && flip) {
    Value rows = cloneOperand(op, dot.getCols(), true);
    Value cols = cloneOperand(op, dot.getRows(), true);
    auto other = attn::DotOp::create(builder, op->getLoc(), exchanged(dot.getType()), rows, cols,
                                     dot.getScaleAttr());
    return other.getResult();
  }
  if (auto transpose = dyn_cast<attn::TransposeOp>(op))
    return cloneOperand(op, transpose.getInput(), !flip);
  captureScalars(op);
  IRMapping mapping = scalars;
  for (Value operand : op->getOperands())
    mapping.map(operand, cloneOperand(op, operand, flip));
  Operation *copy = builder.clone(*op, mapping);
  if (auto map = dyn_cast<attn::MapOp>(copy))
    for (auto [input, element] : llvm::zip(op->getOperands(), map.getBody().getArguments()))
      if (isStored(op, input, flip))
        guardEmptyRows(map, input, element);
  if (!flip)
    return copy->getResult(result);
  for (Value value : copy->getResults())
    if (attn::isVirtual(value.getType()))
      value.setType(exchanged(value.getType()));
  if (auto scan = dyn_cast<attn::ScanOp>(copy))
    scan.setOver(scan.getOver() == attn::ReduceOver::Keys ? attn::ReduceOver::Queries
                                                          : attn::ReduceOver::Keys);
  if (auto reduce = dyn_cast<attn::ReduceOp>(copy);
      reduce && reduce.getOver() != attn::ReduceOver::Heads)
    reduce.setOver(isa<attn::MatrixType>(reduce.getInput().getType()) ? attn::ReduceOver::Keys
                                                                      : attn::ReduceOver::Queries);
  if (auto stencil = dyn_cast<attn::StencilOp>(copy)) {
    DenseI64ArrayAttr queries = stencil.getQueriesAttr();
    stencil.setQueriesAttr(stencil.getKeysAttr());
    stencil.setKeysAttr(queries);
  }
  if (copy->getNumRegions() > 0 && !copy->getRegion(0).empty() && !isa<attn::ScanOp>(copy) &&
      isa<attn::MatrixType>(copy->getResult(0).getType())) {
    Block &block = copy->getRegion(0).front();
    Value i = block.getArgument(block.getNumArguments() - 2), j = block.getArguments().back();
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : i.getUses())
      uses.push_back(&use);
    j.replaceAllUsesWith(i);
    for (OpOperand *use : uses)
      use->set(j);
  }
  return copy->getResult(result);
}

Value StageWriter::clone(Value value, bool flip) {
  bool isVirtual = attn::isVirtual(value.getType());
  flip &= isVirtual;
  if (Value copy = known.lookup({value, unsigned(flip)}))
    return copy;
  Value copy = isa<BlockArgument>(value)
                   ? leaf(value, flip)
                   : cloneOp(value.getDefiningOp(), cast<OpResult>(value).getResultNumber(), flip);
  known[{value, unsigned(flip)}] = copy;
  // One op gives all its results.
  if (Operation *op = value.getDefiningOp(); op && op->getNumResults() > 1)
    for (auto [other, own] : llvm::zip(op->getResults(), copy.getDefiningOp()->getResults()))
      known[{other, unsigned(flip)}] = own;
  if (!isVirtual)
    scalars.map(value, copy);
  return copy;
}

/// Does this kernel read the operand `value` of `user` from memory?
bool StageWriter::isStored(Operation *user, Value value, bool flip) const {
  if (!attn::isVirtual(value.getType()) || !plan.isRead(value))
    return false;
  // In memory a hidden pair is 0: who reads one asks for it.
  bool isMatrix = isa<attn::MatrixType>(value.getType());
  return (stage.isTokens && !isMatrix) || isReadFromMemory(user, value, flip);
}

Value StageWriter::cloneOperand(Operation *user, Value value, bool flip) {
  if (!isStored(user, value, flip))
    return clone(value, flip);
  Value &copy = read[{value, unsigned(flip)}];
  if (!copy)
    copy = leaf(value, flip);
  return copy;
}

//===--- axes -----------------------------------------------------------------------------------===//

/// Copies what is declared of the axis, and lends it a length if no operand does.
void StageWriter::bindAxis(StringAttr axis) {
  bool hasLength = llvm::any_of(kernel.getBody().getArguments(), [&](Value operand) {
    return !isa<attn::MatrixType>(operand.getType()) &&
           llvm::is_contained(attn::getAxes(operand.getType()), axis);
  });
  for (auto op : source.getBody().getOps<attn::AxisOp>()) {
    if (op.getAxisAttr() != axis || llvm::is_contained(axisOps, op))
      continue;
    axisOps.push_back(op);
    IRMapping mapping;
    for (Value operand : op->getOperands())
      mapping.map(operand, clone(operand, false));
    builder.clone(*op, mapping);
    hasLength |= bool(op.getSize());
    if (std::optional<StringRef> like = op.getLike()) {
      bindAxis(builder.getStringAttr(*like));
      hasLength = true;
    }
  }
  if (hasLength)
    return;
  for (Value operand : source.getBody().getArguments())
    if (llvm::is_contained(attn::getAxes(operand.getType()), axis)) {
      clone(operand, false);
      return;
    }
}

void StageWriter::bindAxes() {
  llvm::SetVector<StringAttr> axes;
  auto add = [&](Type type) {
    for (StringAttr axis : attn::getAxes(type)) {
      SmallVector<StringRef> segments;
      axis.getValue().split(segments, '+');
      for (StringRef segment : segments)
        axes.insert(builder.getStringAttr(attn::getAxisRoot(segment)));
    }
  };
  for (Value operand : kernel.getBody().getArguments())
    if (attn::isVirtual(operand.getType()))
      add(operand.getType());
  kernel.walk([&](Operation *op) {
    for (Type type : op->getResultTypes())
      if (attn::isVirtual(type))
        add(type);
    if (auto size = dyn_cast<attn::SizeOp>(op))
      axes.insert(size.getAxisAttr());
  });
  builder.setInsertionPointToStart(&kernel.getBody().front());
  for (StringAttr axis : axes)
    bindAxis(axis);
}

//===--- the kernel -----------------------------------------------------------------------------===//

void StageWriter::addResult(Value value, StringRef name) {
  results.push_back(value);
  resultAttributes.push_back(builder.getDictionaryAttr(
      builder.getNamedAttr(attn::KernelOp::getNameAttrName(), builder.getStringAttr(name))));
}

void StageWriter::write(StringRef name) {
  kernel = attn::KernelOp::create(builder, source.getLoc(), builder.getStringAttr(name),
                                  TypeAttr::get(builder.getFunctionType({}, {})), StringAttr(),
                                  ArrayAttr(), ArrayAttr());
  kernel->setAttr("attn.stage", builder.getUnitAttr());
  if (stage.isTokens)
    kernel->setAttr("attn.tokens", builder.getUnitAttr());
  builder.createBlock(&kernel.getBody());
  for (Value value : stage.values) {
    Value copy = clone(value, isa<attn::ColsType>(value.getType()));
    const StoredValue &stored = plan.stored.find(value)->second;
    if (stored.isRead)
      addResult(copy, names.lookup(value));
    for (unsigned index : stored.results)
      addResult(copy, source.getResultName(index));
  }
  bindAxes();
  builder.setInsertionPointToEnd(&kernel.getBody().front());
  attn::ReturnOp::create(builder, source.getLoc(), results);
  kernel.setFunctionType(
      builder.getFunctionType(kernel.getBody().getArgumentTypes(), TypeRange(ValueRange(results))));
  kernel.setArgAttrsAttr(builder.getArrayAttr(operandAttributes));
  kernel.setResAttrsAttr(builder.getArrayAttr(resultAttributes));
}

//===--- the pass -------------------------------------------------------------------------------===//

static void split(attn::KernelOp kernel) {
  hoistReductions(kernel);
  expandNumbers(kernel);
  StagePlan plan = planStages(kernel);
  if (!plan.isSplit())
    return;
  std::string symbol = kernel.getSymName().str();
  llvm::DenseMap<Value, std::string> names;
  for (const ProgramStage &stage : plan.stages)
    for (Value value : stage.values)
      if (plan.isRead(value)) {
        unsigned number = names.size();
        names[value] = symbol + "." + std::to_string(number);
      }
  kernel.setSymName(symbol + "_program");
  for (auto [index, stage] : llvm::enumerate(plan.stages)) {
    bool isLast = index + 1 == plan.stages.size();
    StageWriter(kernel, plan, stage, names)
        .write(isLast ? symbol : symbol + "_stage" + std::to_string(index));
  }
  kernel.erase();
}

/// What no stage can hold is named as it is written, not as the stage would have it.
static LogicalResult checkCompiled(ModuleOp module) {
  WalkResult result = module.walk([](Operation *op) {
    auto scan = dyn_cast<attn::ScanOp>(op);
    bool isOfTokens = scan && !isa<attn::MatrixType>(scan.getInputs().front().getType());
    if (!isa<attn::ListOp>(op) && !isOfTokens)
      return WalkResult::advance();
    op->emitOpError(isOfTokens ? "of vectors, of integers or of a concatenation " : "")
        << "can be evaluated by the reference, but not be compiled yet";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

void SplitStages::runOnOperation() {
  if (failed(checkCompiled(getOperation())))
    return signalPassFailure();
  for (auto kernel : llvm::make_early_inc_range(getOperation().getOps<attn::KernelOp>()))
    split(kernel);
}
