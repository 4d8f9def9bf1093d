// SPDX-License-Identifier: Apache-2.0
// Workspaces between the kernels of a program.
#include "compiler/DescribeStages.h"

#include "compiler/DescribeResults.h"
#include "compiler/ScalarExpressions.h"
#include "compiler/analysis/Stages.h"

using namespace mlir;

namespace attune {

using bundle::Expression;

FailureOr<StageDescriptions> StageDescriptions::make(ModuleOp stages,
                                                     const bundle::KernelInfo &program) {
  StageDescriptions descriptions;
  descriptions.location = stages.getLoc();
  for (auto stage : stages.getOps<attn::KernelOp>())
    if (failed(descriptions.addStage(stage, program)))
      return failure();
  return descriptions;
}

LogicalResult StageDescriptions::addStage(attn::KernelOp stage, const bundle::KernelInfo &program) {
  auto info = describeKernel(stage);
  if (failed(info))
    return failure();
  bundle::KernelInfo &own = infos[stage.getSymName()] = std::move(*info);
  for (bundle::OperandInfo &operand : own.operands)
    operand.name = getTensorName(operand.name).str();
  for (auto [index, result] : llvm::enumerate(own.results)) {
    if (program.find(result.name))
      continue;
    auto workspace = describeWorkspace(stage, index);
    if (failed(workspace))
      return failure();
    workspaces.push_back(std::move(*workspace));
  }
  return success();
}

/// What the batch (dimension 0) or the heads (1) of a tensor are the greatest of; nothing of other operands.
StageDescriptions::Sizes StageDescriptions::countsOf(const bundle::OperandInfo &operand,
                                                     int64_t dimension) const {
  if (auto known = counts.find(operand.name); known != counts.end())
    return known->second[size_t(dimension)];
  return operand.isTokens() ? Sizes{Expression::size(operand.name, dimension)} : Sizes();
}

/// The same of result `result` of a kernel.
StageDescriptions::Sizes StageDescriptions::sizesOf(attn::KernelOp stage, unsigned result,
                                                    int64_t dimension) const {
  const bundle::KernelInfo &info = infos.find(stage.getSymName())->second;
  // What a kernel sweeps has the heads of all that it reads, but not of what only lends its axis a length.
  if (stage->hasAttr("attn.tokens"))
    return findCounts(
        stage.getBody().front().getTerminator()->getOperand(result), dimension, [&](Value operand) {
          return countsOf(info.operands[cast<BlockArgument>(operand).getArgNumber()], dimension);
        });
  Sizes sizes;
  for (auto [operand, value] : llvm::zip(info.operands, stage.getBody().getArguments())) {
    if (dimension == 1 && value.use_empty())
      continue;
    for (const Expression &size : countsOf(operand, dimension))
      if (!llvm::is_contained(sizes, size))
        sizes.push_back(size);
  }
  return sizes;
}

FailureOr<bundle::Workspace> StageDescriptions::describeWorkspace(attn::KernelOp stage,
                                                                  unsigned result) {
  const bundle::KernelInfo &info = infos.find(stage.getSymName())->second;
  const bundle::OperandInfo &written = info.results[result];
  SmallVector<Expression> lengths;
  for (StringAttr axis : attn::getAxes(stage.getResultTypes()[result])) {
    auto length = describeLength(stage, axis.getValue(), info);
    if (failed(length))
      return failure();
    lengths.push_back(inProgram(*length));
  }
  bundle::Workspace workspace;
  workspace.name = written.name;
  workspace.dtype = written.dtype;
  std::array<Sizes, 2> &own = counts[written.name];
  own = {sizesOf(stage, result, 0), sizesOf(stage, result, 1)};
  for (const Sizes &sizes : own) {
    if (sizes.size() * 2 > bundle::maxExpressionNodes)
      return emitTooLarge(stage), failure();
    workspace.shape.push_back(greatestOf(sizes));
  }
  llvm::append_range(workspace.shape, lengths);
  for (int64_t size : ArrayRef(written.shape).drop_front(workspace.shape.size()))
    workspace.shape.push_back(Expression::constant(size));
  return workspace;
}

/// The expression with the sizes of workspaces replaced by what they are.
Expression StageDescriptions::inProgram(const Expression &expression) const {
  if (expression.kind == Expression::Kind::Size)
    for (const bundle::Workspace &workspace : workspaces)
      if (workspace.name == expression.operand)
        return workspace.shape[size_t(expression.number)];
  Expression result = expression;
  for (Expression &argument : result.arguments)
    argument = inProgram(argument);
  return result;
}

const bundle::KernelInfo &StageDescriptions::infoOf(tile::KernelOp program) const {
  return infos.find(program->getAttrOfType<StringAttr>("tile.source").getValue())->second;
}

FailureOr<bundle::Variant>
StageDescriptions::join(MutableArrayRef<bundle::Variant> variants) const {
  bundle::Variant joined = std::move(variants.back());
  std::vector<bundle::Workspace> own = std::move(joined.workspaces);
  joined.workspaces = workspaces;
  auto addWorkspaces = [&](std::vector<bundle::Workspace> &added) {
    for (bundle::Workspace &workspace : added) {
      for (Expression &size : workspace.shape)
        size = inProgram(size);
      joined.workspaces.push_back(std::move(workspace));
    }
    added.clear();
  };
  auto place = [&](bundle::Variant &variant) {
    for (Expression &blocks : variant.grid)
      blocks = inProgram(blocks);
    for (bundle::MaskInfo &mask : variant.masks)
      mask.metadataBytes = inProgram(mask.metadataBytes);
  };
  place(joined);
  joined.keys = inProgram(joined.keys);
  for (bundle::Condition &condition : joined.when)
    condition.expression = inProgram(condition.expression);
  addWorkspaces(own);
  for (bundle::Variant &variant : variants.drop_back()) {
    place(variant);
    addWorkspaces(variant.workspaces);
    llvm::move(variant.masks, std::back_inserter(joined.masks));
    variant.masks.clear();
    variant.rows = 0;
    variant.keys = Expression::constant(1);
    variant.when.clear();
    joined.before.push_back(std::move(variant));
  }
  if (joined.before.size() > bundle::maxBefore || joined.workspaces.size() > bundle::maxWorkspaces)
    return emitError(*location) << "expected a program of at most " << bundle::maxBefore + 1
                                << " kernels and " << bundle::maxWorkspaces
                                << " workspaces, but got " << joined.before.size() + 1 << " and "
                                << joined.workspaces.size(),
           failure();
  return joined;
}

} // namespace attune
