// SPDX-License-Identifier: Apache-2.0
// What is known of the values of a kernel before any number is: batch and head counts, facts,
// translated regions.
#include "compiler/ElementTypes.h"
#include "compiler/reference/Evaluator.h"
#include "compiler/reference/Failure.h"

#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

using namespace mlir;
using llvm::Error;

namespace attune::reference {
namespace {

/// The op's name and place in the source, for messages.
std::string describe(Operation *op) {
  std::string text = ("'" + op->getName().getStringRef() + "'").str();
  if (auto where = dyn_cast<FileLineColLoc>(op->getLoc()))
    text += llvm::formatv(" at line {0}", where.getLine()).str();
  return text;
}

/// Of `reduce` over heads: one, or one for each `by` heads.
llvm::Expected<int64_t> headsLeft(attn::ReduceOp reduce, int64_t heads) {
  if (!reduce.getBy())
    return 1;
  int64_t by = int64_t(*reduce.getBy());
  if (heads % by != 0)
    return makeError("{0}: its operand has {1} heads, which are not a multiple of {2}",
                     describe(reduce), heads, by);
  return heads / by;
}

/// The result of an op has the largest counts of its operands; each one's heads must divide them.
llvm::Expected<ValueInfo> measure(const Evaluation &evaluation, Operation *op) {
  ValueInfo info;
  for (Value operand : op->getOperands())
    if (attn::isVirtual(operand.getType())) {
      const ValueInfo &of = evaluation.info(operand);
      info.batch = std::max(info.batch, of.batch);
      info.heads = std::max(info.heads, of.heads);
      info.facts |= of.facts;
    }
  for (Value operand : op->getOperands()) {
    if (!attn::isVirtual(operand.getType()))
      continue;
    int64_t heads = evaluation.info(operand).heads;
    if (info.heads % heads != 0)
      return makeError(
          "{0}: an operand has {1} heads, which do not divide the {2} heads of another",
          describe(op), heads, info.heads);
  }
  if (auto reduce = dyn_cast<attn::ReduceOp>(op)) {
    if (reduce.getOver() == attn::ReduceOver::Heads) {
      llvm::Expected<int64_t> heads = headsLeft(reduce, info.heads);
      if (!heads)
        return heads.takeError();
      info.heads = *heads;
    } else if (reduce.getKind() == attn::ReduceKind::Max)
      info.facts = FromMaximum;
    else
      info.facts = reduce.getKind() == attn::ReduceKind::Min ? NoFacts : FromSum;
  }
  if (auto stencil = dyn_cast<attn::StencilOp>(op); stencil && stencil.getHeads()) {
    int64_t group = int64_t(*stencil.getHeads());
    if (info.heads % group != 0)
      return makeError("{0}: expected heads that {1} divides, but there are {2}", describe(op),
                       group, info.heads);
    info.heads /= group;
  }
  if (isa<attn::ContractOp>(op))
    info.facts = FromSum;
  if (isa<attn::LogsumexpOp>(op))
    info.facts = FromMaximum | FromSum;
  // Facts are about what was reduced over a row or column; a matrix is not.
  if (isa<attn::MatrixType>(op->getResult(0).getType()))
    info.facts = NoFacts;
  return info;
}

/// A float type of operands narrower than f32 is what a framework would keep scores in.
ElementType narrowestFloat(attn::KernelOp kernel) {
  ElementType narrowest = ElementType::F64;
  auto bits = [](ElementType type) { return byteSize(type); };
  for (Type type : kernel.getArgumentTypes()) {
    if (!attn::isVirtual(type))
      continue;
    auto element = elementTypeOf(attn::getPlaceElementType(type));
    if (element && isFloat(*element) && bits(*element) < bits(narrowest))
      narrowest = *element;
  }
  return narrowest;
}

Error translateRegion(Evaluation &evaluation, Operation *op) {
  std::vector<unsigned> facts;
  if (auto solve = dyn_cast<attn::SolveOp>(op))
    facts.push_back(evaluation.info(solve.getResult()).facts);
  // A state may be joined with any other: nothing is known of it.
  ValueRange inputs = isa<attn::FoldOp, attn::ScanOp>(op) ? ValueRange() : boundOperands(op);
  for (Value input : inputs)
    facts.push_back(evaluation.info(input).facts);
  auto program =
      RegionBuilder(evaluation.problem->environment).translate(op->getRegion(0).front(), facts);
  if (!program)
    return program.takeError();
  evaluation.programs[op] = std::move(*program);
  return Error::success();
}

Keys countKeys(int64_t length) {
  std::vector<int64_t> keys(static_cast<size_t>(length));
  std::iota(keys.begin(), keys.end(), 0);
  return std::make_shared<const std::vector<int64_t>>(std::move(keys));
}

} // namespace

ValueRange boundOperands(Operation *op) {
  return llvm::TypeSwitch<Operation *, ValueRange>(op)
      .Case<attn::FoldOp, attn::ScanOp, attn::SolveOp, attn::TakeOp>(
          [](auto bound) { return bound.getInputs(); })
      .Default([](Operation *other) { return other->getOperands(); });
}

Type placeTypeOf(Operation *op) {
  if (isa<attn::FoldOp, attn::ReduceOp, attn::ScanOp, attn::SolveOp>(op))
    return boundOperands(op).front().getType();
  return op->getResult(0).getType();
}

llvm::Expected<Evaluation> prepare(std::unique_ptr<Problem> problem) {
  Evaluation evaluation;
  evaluation.problem = std::move(problem);
  evaluation.matrixType = narrowestFloat(evaluation.problem->kernel);
  for (auto &[value, tokens] : evaluation.problem->tokens)
    evaluation.infos[value] = {tokens.batch, tokens.heads, NoFacts};
  for (auto &axis : evaluation.problem->environment.lengths)
    evaluation.allKeys[axis.first()] = countKeys(axis.second);
  for (Operation &op : evaluation.problem->kernel.getBody().front().without_terminator()) {
    if (op.getNumResults() == 0 || !attn::isVirtual(op.getResult(0).getType()))
      continue;
    auto info = measure(evaluation, &op);
    if (!info)
      return info.takeError();
    for (Value result : op.getResults())
      evaluation.infos[result] = *info;
    if (op.getNumRegions() != 0 && !op.getRegion(0).empty())
      if (Error error = translateRegion(evaluation, &op))
        return std::move(error);
  }
  return std::move(evaluation);
}

} // namespace attune::reference
