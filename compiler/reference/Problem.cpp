// SPDX-License-Identifier: Apache-2.0
#include "compiler/reference/Problem.h"
#include "compiler/ElementTypes.h"
#include "compiler/reference/Failure.h"

using namespace mlir;
using llvm::createStringError;
using llvm::Error;

namespace attune::reference {

SmallVector<int64_t> placeShape(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? SmallVector<int64_t>(vector.getShape()) : SmallVector<int64_t>();
}

std::string operandName(attn::KernelOp kernel, unsigned index) {
  return ("operand '" + kernel.getOperandName(index) + "'").str();
}

Tokens readTokens(const Tensor &tensor, Type element) {
  Tokens tokens;
  tokens.batch = tensor.shape[0];
  tokens.heads = tensor.shape[1];
  tokens.length = tensor.shape[2];
  tokens.values.integer = isInteger(element);
  tokens.values.width = widthOf(element);
  Tensor dense = tensor.isDense() ? tensor : convert(tensor, tensor.type);
  int64_t count = dense.numElements();
  if (tokens.values.integer)
    for (int64_t i = 0; i < count; ++i)
      tokens.values.integers.push_back(dense.integer(i));
  else
    for (int64_t i = 0; i < count; ++i)
      tokens.values.reals.push_back(dense.real(i));
  return tokens;
}

namespace {

int64_t ceilDivide(int64_t value, int64_t by) { return (value + by - 1) / by; }

class Binder {
public:
  Binder(attn::KernelOp kernel, Mode mode) : problem(std::make_unique<Problem>()) {
    problem->kernel = kernel;
    problem->environment.mode = mode;
  }

  llvm::Expected<std::unique_ptr<Problem>> bind(ArrayRef<Argument> arguments);

private:
  Error bindArgument(unsigned index, const Argument &argument);
  Error bindScalar(unsigned index, const Argument &argument);
  Error bindTable(unsigned index, const Tensor &tensor);
  Error bindTokens(unsigned index, const Tensor &tensor);
  Error checkShape(unsigned index, const Tensor &tensor, ArrayRef<int64_t> expected);
  Error checkCount(unsigned index, StringRef fact, StringRef what, int64_t found);
  Error bindLength(const std::string &who, StringRef axis, int64_t length);
  Error bindAxisOps();
  Error deriveLengths();

  std::unique_ptr<Problem> problem;
  /// Who gave an axis its length, for messages.
  llvm::StringMap<std::string> lengthGivenBy;
  int64_t batch = 1;
  std::string batchGivenBy;
};

Error Binder::checkShape(unsigned index, const Tensor &tensor, ArrayRef<int64_t> expected) {
  std::string who = operandName(problem->kernel, index);
  auto expectedText = [&] {
    std::string text;
    for (int64_t size : expected)
      text += (text.empty() ? "" : "x") + (size < 0 ? std::string("?") : std::to_string(size));
    return text;
  };
  bool fits = size_t(tensor.rank()) == expected.size();
  for (size_t dim = 0; fits && dim < expected.size(); ++dim)
    fits = expected[dim] < 0 || expected[dim] == tensor.shape[dim];
  if (!fits)
    return makeError("{0}: expected a tensor of shape {1}, found {2}", who, expectedText(),
                     spellShape(tensor.shape));
  return Error::success();
}

Error checkType(const std::string &who, Type type, const Tensor &tensor) {
  std::optional<ElementType> expected = elementTypeOf(type);
  if (!expected)
    return createStringError(who + " has an element type that no tensor can have here");
  if (*expected != tensor.type)
    return makeError("{0}: expected elements of type {1}, found {2}", who,
                     std::string(spelling(*expected)), std::string(spelling(tensor.type)));
  return Error::success();
}

Error Binder::bindScalar(unsigned index, const Argument &argument) {
  Value value = problem->kernel.getBody().getArgument(index);
  std::string who = operandName(problem->kernel, index);
  if (std::holds_alternative<Tensor>(argument))
    return createStringError(who + ": expected a number, found a tensor");
  Lanes lanes;
  if (isInteger(value.getType())) {
    if (!std::holds_alternative<int64_t>(argument))
      return createStringError(who + ": expected an integer, found a number with a fraction");
    lanes = Lanes::ofInteger(wrap(bitsOf(value.getType()), std::get<int64_t>(argument)));
    if (lanes.integers[0] != std::get<int64_t>(argument))
      return makeError("{0}: {1} does not fit in {2} bits", who, std::get<int64_t>(argument),
                       bitsOf(value.getType()));
  } else {
    const auto *integer = std::get_if<int64_t>(&argument);
    double number = integer ? double(*integer) : std::get<double>(argument);
    lanes = Lanes::ofReal(roundTo(floatTypeOf(value.getType()), number));
  }
  problem->environment.scalars[value] = std::move(lanes);
  return Error::success();
}

Error Binder::bindTable(unsigned index, const Tensor &tensor) {
  Value value = problem->kernel.getBody().getArgument(index);
  std::string who = operandName(problem->kernel, index);
  auto type = cast<RankedTensorType>(value.getType());
  if (Error error = checkType(who, type, tensor))
    return error;
  if (Error error = checkShape(index, tensor, type.getShape()))
    return error;
  if (Error error = checkFacts(problem->kernel, index, tensor))
    return error;
  auto table = std::make_unique<Table>();
  table->tensor = tensor;
  table->name = problem->kernel.getOperandName(index).str();
  problem->environment.tables[value] = table.get();
  problem->tables.push_back(std::move(table));
  return Error::success();
}

Error Binder::checkCount(unsigned index, StringRef fact, StringRef what, int64_t found) {
  auto expected = problem->kernel.getArgAttrOfType<IntegerAttr>(index, fact);
  if (expected && expected.getInt() != found)
    return makeError("{0}: expected {1} {2} (its attribute {3}), found {4}",
                     operandName(problem->kernel, index), expected.getInt(), what, fact, found);
  return Error::success();
}

Error Binder::bindTokens(unsigned index, const Tensor &tensor) {
  Value value = problem->kernel.getBody().getArgument(index);
  std::string who = operandName(problem->kernel, index);
  Type element = attn::getPlaceElementType(value.getType());
  if (Error error = checkType(who, element, tensor))
    return error;
  SmallVector<int64_t> expected(3, ShapedType::kDynamic);
  llvm::append_range(expected, placeShape(element));
  if (Error error = checkShape(index, tensor, expected))
    return error;
  if (tensor.shape[0] < 1 || tensor.shape[1] < 1)
    return makeError("{0}: expected at least one sequence and one head, found {1}", who,
                     spellShape(tensor.shape));
  if (Error error = checkCount(index, "attn.batch", "sequences", tensor.shape[0]))
    return error;
  if (Error error = checkCount(index, "attn.heads", "heads", tensor.shape[1]))
    return error;
  if (Error error = checkFacts(problem->kernel, index, tensor))
    return error;
  if (tensor.shape[0] != 1 && batch != 1 && tensor.shape[0] != batch)
    return makeError("{0}: expected 1 or {1} sequences, as {2} has, found {3}", who, batch,
                     batchGivenBy, tensor.shape[0]);
  if (tensor.shape[0] != 1) {
    batch = tensor.shape[0];
    batchGivenBy = who;
  }
  StringRef axis = attn::getAxes(value.getType()).front().getValue();
  if (Error error = bindLength(who, axis, tensor.shape[2]))
    return error;
  problem->tokens[value] = readTokens(tensor, element);
  return Error::success();
}

Error Binder::bindLength(const std::string &who, StringRef axis, int64_t length) {
  if (length < 0)
    return makeError("{0} gives axis {1} {2} tokens", who, axis, length);
  auto [entry, isNew] = problem->environment.lengths.try_emplace(axis, length);
  if (isNew)
    lengthGivenBy[axis] = who;
  else if (entry->second != length)
    return makeError("{0} has {1} tokens on axis {2}, but {3} has {4}", who, length, axis,
                     lengthGivenBy[axis], entry->second);
  return Error::success();
}

Error Binder::bindArgument(unsigned index, const Argument &argument) {
  Type type = problem->kernel.getArgumentTypes()[index];
  if (!isa<RankedTensorType>(type) && !attn::isVirtual(type))
    return bindScalar(index, argument);
  const auto *tensor = std::get_if<Tensor>(&argument);
  if (!tensor)
    return createStringError(operandName(problem->kernel, index) +
                             ": expected a tensor, found a number");
  return isa<RankedTensorType>(type) ? bindTable(index, *tensor) : bindTokens(index, *tensor);
}

/// `axis ... size` and `like`: a size is a scalar operand, or is computed by the evaluator, which
/// checks the remaining clauses.
Error Binder::bindAxisOps() {
  for (auto op : problem->kernel.getBody().getOps<attn::AxisOp>()) {
    std::string who = ("'axis " + op.getAxis() + "'").str();
    if (op.getSize()) {
      auto known = problem->environment.scalars.find(op.getSize());
      if (known == problem->environment.scalars.end())
        return createStringError(who + ": its size is not a number that operands determine");
      if (Error error = bindLength(who, op.getAxis(), known->second.integers[0]))
        return error;
    }
    if (op.getLike()) {
      auto other = problem->environment.lengths.find(*op.getLike());
      if (other == problem->environment.lengths.end())
        return createStringError(who + ": axis '" + *op.getLike() + "' has no length");
      if (Error error = bindLength(who, op.getAxis(), other->second))
        return error;
    }
    auto length = problem->environment.lengths.find(op.getAxis());
    if (length == problem->environment.lengths.end())
      return createStringError(who + ": no operand gives the axis a length, and it has no size");
    if (op.getMultiple() && length->second % int64_t(*op.getMultiple()) != 0)
      return makeError("{0}: expected a multiple of {1} tokens, found {2}", who,
                       int64_t(*op.getMultiple()), length->second);
    int64_t tokens = 1;
    for (Value size : op.getGrid()) {
      auto known = problem->environment.scalars.find(size);
      if (known == problem->environment.scalars.end())
        return createStringError(who + ": a grid size is not a number that operands determine");
      if (known->second.integers[0] <= 0)
        return makeError("{0}: expected grid sizes above 0, found {1}", who,
                         known->second.integers[0]);
      tokens *= known->second.integers[0];
    }
    if (!op.getGrid().empty() && tokens != length->second)
      return makeError("{0}: a grid of {1} tokens stands on an axis of {2}", who, tokens,
                       length->second);
  }
  return Error::success();
}

/// Scalars that the body computes, in order, and the facts that it assumes about them and that no
/// launch can check.
Error evaluateScalars(Problem &problem) {
  for (Operation &op : problem.kernel.getBody().front().without_terminator()) {
    if (auto assume = dyn_cast<attn::AssumeOp>(op)) {
      if (!problem.environment.scalars[assume.getCondition()].integers[0])
        return createStringError("an 'assume' of kernel @" + problem.kernel.getSymName() +
                                 " does not hold for these scalars");
      continue;
    }
    bool virtualOp = isa<attn::AxisOp>(op) || llvm::any_of(op.getResultTypes(), attn::isVirtual);
    if (virtualOp)
      continue;
    auto program = RegionBuilder(problem.environment).translate(&op);
    if (!program)
      return program.takeError();
    Frame frame = program->makeFrame();
    std::vector<Lanes> none;
    if (!program->run(frame, 1, none))
      return createStringError(frame.error);
    for (auto [result, index] : llvm::zip(op.getResults(), program->results)) {
      Lanes lanes = frame.registers[index];
      lanes.uniform = true;
      problem.environment.scalars[result] = std::move(lanes);
    }
  }
  return Error::success();
}

/// Gives every axis that a type or op names its length: blocks from their root, segments side by side
/// from theirs.
Error Binder::deriveLengths() {
  auto derive = [&](StringRef axis) -> Error {
    if (axis.contains('+')) {
      int64_t length = 0;
      SmallVector<StringRef> segments;
      axis.split(segments, '+');
      for (StringRef segment : segments)
        length += problem->length(segment);
      return bindLength(("axis " + axis).str(), axis, length);
    }
    if (!axis.contains('/'))
      return Error::success();
    auto root = problem->environment.lengths.find(attn::getAxisRoot(axis));
    if (root == problem->environment.lengths.end())
      return Error::success();
    std::string who = ("axis " + root->first()).str();
    return bindLength(who, axis, ceilDivide(root->second, attn::getAxisBlock(axis)));
  };
  SmallVector<StringRef> names;
  auto gather = [&](Type type) {
    if (attn::isVirtual(type))
      for (StringAttr axis : attn::getAxes(type))
        names.push_back(axis.getValue());
  };
  llvm::for_each(problem->kernel.getArgumentTypes(), gather);
  problem->kernel.getBody().walk([&](Operation *op) {
    llvm::for_each(op->getResultTypes(), gather);
    if (auto size = dyn_cast<attn::SizeOp>(op))
      names.push_back(size.getAxis());
  });
  for (auto op : problem->kernel.getBody().getOps<attn::VisibleKeysOp>()) {
    StringRef keys = attn::getAxes(op.getInput().getType()).back().getValue();
    if (Error error = derive(keys))
      return error;
    auto most = problem->environment.scalars.find(op.getMost());
    std::string who = ("'visible_keys ... on " + op.getEntries() + "'").str();
    if (most == problem->environment.scalars.end())
      return createStringError(who + ": how many is not a number that operands determine");
    int64_t length =
        std::max<int64_t>(0, std::min(most->second.integers[0], problem->length(keys)));
    if (Error error = bindLength(who, op.getEntries(), length))
      return error;
  }
  for (StringRef axis : names)
    if (Error error = derive(axis))
      return error;
  for (StringRef axis : names)
    if (!problem->environment.lengths.contains(axis))
      return createStringError("nothing gives axis '" + axis + "' a length");
  return Error::success();
}

llvm::Expected<std::unique_ptr<Problem>> Binder::bind(ArrayRef<Argument> arguments) {
  size_t expected = problem->kernel.getArgumentTypes().size();
  if (arguments.size() != expected)
    return makeError("kernel @{0}: expected {1} operands, found {2}", problem->kernel.getSymName(),
                     expected, arguments.size());
  for (auto [index, argument] : llvm::enumerate(arguments))
    if (Error error = bindArgument(unsigned(index), argument))
      return std::move(error);
  if (Error error = ScalarConditions(problem->kernel).check(*problem))
    return std::move(error);
  if (Error error = evaluateScalars(*problem))
    return std::move(error);
  if (Error error = bindAxisOps())
    return std::move(error);
  if (Error error = deriveLengths())
    return std::move(error);
  return std::move(problem);
}

} // namespace

llvm::Expected<std::unique_ptr<Problem>> bind(attn::KernelOp kernel, ArrayRef<Argument> arguments,
                                              Mode mode) {
  return Binder(kernel, mode).bind(arguments);
}

} // namespace attune::reference
